//! Errors and warnings as the compiler shows its own: what is wrong, the place with its text and a mark
//! under it, and what to do.
//!
//! Text only. Everything in it may come from a file or a server, so nothing here is taken to be harmless.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::report::escape::{columns, escape_terminal, placeholder};
use crate::report::summary::wrap;
use crate::scenario::{Mistake, Place, Severity};

/// How wide lines may be: longer ones are hard to read.
pub(super) const COLUMNS: usize = 100;

/// Columns of a label. All are a few words, but some hold a name.
const LABEL: usize = 100;

/// What is marked at least of what is too wide, in columns, however wide its label is.
const LEAST: usize = 10;

/// What a line that is cut needs besides what is marked in it: dots at both ends, and a few characters
/// around the mark.
const AROUND: usize = 14;

/// A tab's columns, wherever it stands: it is shown as spaces.
const TAB: usize = 4;

/// Mistakes one below the other, a blank line between two, each line with its end.
pub(super) fn marked(mistakes: &[Mistake], color: bool, columns: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let page = Page { renderer: renderer.term_width(columns), columns };
    let shown: Vec<String> = mistakes.iter().map(|mistake| page.mistake(mistake)).collect();
    shown.join("\n")
}

struct Page {
    renderer: Renderer,
    columns: usize,
}

impl Page {
    fn mistake(&self, mistake: &Mistake) -> String {
        let (level, word) = match mistake.severity {
            Severity::Error => (Level::ERROR, "error: "),
            Severity::Warning => (Level::WARNING, "warning: "),
        };
        let title = level.primary_title(self.wrapped(&mistake.message, word.len()));
        let help = mistake.help.as_deref().filter(|help| !help.is_empty());
        let Some(place) = &mistake.place else {
            let help = help.map(|help| self.wrapped(help, HELP.len()));
            let help = help.map(|help| Group::with_title(Level::HELP.secondary_title(help)));
            // Each by itself: in one go a rule would join them, as if a text stood between.
            let groups = [Some(Group::with_title(title)), help];
            return groups.into_iter().flatten().map(|group| self.group(group)).collect();
        };
        let line = place.line_and_column().0;
        let excerpt = Excerpt::new(place, &mistake.label, self.columns - gutter(line));
        let mark = AnnotationKind::Primary.span(excerpt.span);
        let snippet = Snippet::source(excerpt.text)
            .path(escape_terminal(&place.name, usize::MAX))
            .line_start(line)
            .annotation(mark.label(excerpt.label));
        let group = title.element(snippet);
        self.group(match help {
            Some(help) => {
                let before = gutter(excerpt.last_line) + HELP.len();
                group.element(Level::HELP.message(self.wrapped(help, before)))
            }
            None => group,
        })
    }

    fn group(&self, group: Group<'_>) -> String {
        let text = self.renderer.render(&[group]);
        // What is drawn may end in spaces, after which there is nothing.
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// A text in lines that leave room for `before` columns. Its own lines stay apart.
    fn wrapped(&self, text: &str, before: usize) -> String {
        let width = self.columns - before;
        let lines = text.lines().flat_map(|line| {
            let line = escape_terminal(line.trim_end(), usize::MAX);
            // An empty line has no words, and still parts two paragraphs.
            if line.is_empty() { vec![line] } else { wrap(&line, width, usize::MAX) }
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// What stands before help.
const HELP: &str = "help: ";

/// Columns before a text: its lines' numbers, ` | ` or ` = `.
fn gutter(last_line: usize) -> usize {
    last_line.to_string().len() + " | ".len()
}

/// The lines of a text that a place is in, made safe to show and as narrow as they have to be.
struct Excerpt {
    text: String,
    /// The number of its last line.
    last_line: usize,
    /// What is marked in it.
    span: Range<usize>,
    label: Option<String>,
}

impl Excerpt {
    /// `room` is what a line may have in columns.
    fn new(place: &Place, label: &str, room: usize) -> Self {
        let Place { text, span, .. } = place;
        let start = floor_boundary(text, span.start);
        let end = ceil_boundary(text, span.end).max(start);
        // A line's end is no part of the next line.
        let end = start + text[start..end].trim_end_matches(['\n', '\r']).len();
        let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let to = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let (text, span) = safe(&text[from..to], start - from..end - from);
        let label = escape_terminal(label, LABEL);
        let mut excerpt =
            Self { text, last_line: 0, span, label: Some(label).filter(|label| !label.is_empty()) };
        excerpt.narrow(room);
        let lines = excerpt.text.matches('\n').count();
        excerpt.last_line = place.line_and_column().0 + lines;
        excerpt
    }

    /// Lines that are too wide are shown from where the mark is. That takes a mark that fits, so only its
    /// beginning is marked if it doesn't.
    fn narrow(&mut self, room: usize) {
        // Over several lines, rules at their left take room, too.
        let wide = self.text.lines().any(|line| line.chars().map(width).sum::<usize>() + 3 > room);
        if !wide {
            return;
        }
        let first_line = self.text.find('\n').unwrap_or(self.text.len());
        self.text.truncate(first_line);
        let most =
            room.saturating_sub(AROUND + self.label.as_deref().map_or(0, columns)).max(LEAST);
        let mut used = 0;
        let marked = &self.text[self.span.start..self.span.end.min(first_line)];
        let too_far = marked.char_indices().find(|(_, c)| {
            used += width(*c);
            used > most
        });
        self.span.end = self.span.start + too_far.map_or(marked.len(), |(at, _)| at);
    }
}

fn width(c: char) -> usize {
    if c == '\t' { TAB } else { columns(c.encode_utf8(&mut [0; 4])) }
}

/// A text whose characters a terminal shows as they are, one for each, and where a part of it went.
fn safe(text: &str, part: Range<usize>) -> (String, Range<usize>) {
    let mut shown = String::with_capacity(text.len());
    let (mut start, mut end) = (None, None);
    for (at, c) in text.char_indices() {
        if at == part.start {
            start = Some(shown.len());
        }
        if at == part.end {
            end = Some(shown.len());
        }
        let rest = &text[at + c.len_utf8()..];
        match c {
            '\n' | '\t' => shown.push(c),
            '\r' if rest.is_empty() || rest.starts_with('\n') => {}
            c => shown.push(placeholder(c).unwrap_or(c)),
        }
    }
    let end = end.unwrap_or(shown.len());
    let start = start.unwrap_or(end);
    (shown, start..end)
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str, span: Range<usize>) -> Mistake {
        let place = Place { name: "a.toml".into(), text: text.into(), span };
        Mistake { label: "here".to_owned(), place: Some(place), ..Mistake::new("wrong", "") }
    }

    /// Where `marked` stands in the text.
    fn on(text: &str, marked: &str) -> Mistake {
        let start = text.find(marked).unwrap();
        at(text, start..start + marked.len())
    }

    fn plain(mistake: Mistake) -> String {
        marked(&[mistake], false, COLUMNS)
    }

    #[test]
    fn the_place_has_its_line_and_a_mark_under_it() {
        let first = Mistake { help: Some("do\n  this".to_owned()), ..on("a = 1\nb = 2\n", "2") };
        let second = Mistake { severity: Severity::Warning, ..on("a = 1\n", "a") };
        let third = Mistake::new("no file", "write one");
        let expected = "\
error: wrong
 --> a.toml:2:5
  |
2 | b = 2
  |     ^ here
  |
  = help: do
            this

warning: wrong
 --> a.toml:1:1
  |
1 | a = 1
  | ^ here

error: no file
help: write one
";
        assert_eq!(marked(&[first, second, third], false, COLUMNS), expected);
    }

    #[test]
    fn long_texts_are_broken_between_words_and_lines_hang() {
        let words = "word ".repeat(40);
        let said = plain(Mistake { message: words.clone(), help: Some(words), ..on("a", "a") });
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.iter().all(|line| columns(line) <= COLUMNS), "{said}");
        assert_eq!(said.matches("word").count(), 80, "{said}");
        assert!(lines[1].starts_with("       word"), "{said}");
        assert!(lines.last().unwrap().starts_with("          word"), "{said}");
    }

    #[test]
    fn several_lines_are_marked_unless_they_are_too_wide() {
        let said = plain(at("a = [\n1,\n]\nb = 1\n", 4..10));
        assert!(said.contains("3 | | ]\n  | |_^ here\n") && !said.contains("b = 1"), "{said}");
        let said = plain(at(&format!("a = [\n{},\n]\n", "1".repeat(200)), 4..208));
        assert!(said.ends_with("1 | a = [\n  |     ^ here\n"), "{said}");
        // A line's end belongs to no other line.
        assert!(plain(at("a = 1\nb = 2\n", 0..6)).ends_with("1 | a = 1\n  | ^^^^^ here\n"));
    }

    #[test]
    fn a_line_that_is_too_wide_is_shown_around_its_mark() {
        let text = format!("a = \"{}\"; b = 12; c = \"{}\"", "x".repeat(300), "y".repeat(300));
        for (marked, shown) in [("12", 2), ("b = 12; c", 9), (text.as_str(), 80)] {
            let said = plain(on(&text, marked));
            assert!(said.lines().all(|line| columns(line) <= COLUMNS), "{said}");
            let line = said.lines().nth(3).unwrap();
            assert!(line.contains(&marked[..shown.min(20)]) && line.contains("..."), "{said}");
            assert!(said.matches('^').count() >= shown.min(60), "{said}");
        }
        assert!(plain(on(&text, "12")).contains("a.toml:1:313\n"));
    }

    #[test]
    fn marks_stand_under_wide_characters_and_tabs() {
        for text in
            ["x", "日本", "\t", "é", "e\u{301}", "\u{1b}[31m", "\u{202e}", "a\rb", "\u{feff}"]
        {
            let said = plain(on(&format!("a = \"{text}\" # b\r\n"), "# b"));
            let lines: Vec<&str> = said.lines().collect();
            let before = |line: &str, c: char| columns(&line[..line.find(c).unwrap()]);
            assert_eq!(before(lines[3], '#'), before(lines[4], '^'), "{said}");
            assert!(lines[4].ends_with(" ^^^ here"), "{said}");
        }
    }

    #[test]
    fn what_is_missing_is_marked_at_the_end_too() {
        for (text, place) in [("", "1:1"), ("a", "1:2"), ("a\n", "2:1"), ("a\r\n", "2:1")] {
            let said = plain(at(text, text.len()..text.len()));
            assert!(said.contains(&format!("a.toml:{place}\n")), "{said}");
            assert_eq!(said.matches('^').count(), 1, "{said}");
        }
    }

    #[test]
    fn there_are_colours_only_where_they_are_wanted() {
        let mistake = Mistake { help: Some("do".to_owned()), ..on("a = 1", "1") };
        let colored = marked(std::slice::from_ref(&mistake), true, COLUMNS);
        assert!(colored.starts_with("\u{1b}[1m\u{1b}[91merror\u{1b}[0m"), "{colored:?}");
        let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        assert_eq!(codes.replace_all(&colored, ""), plain(mistake));
    }

    proptest! {
        #[test]
        fn any_text_is_shown_safely_at_any_place(
            text in "(\\PC|[\\x00-\\x1f\u{7f}\u{9b}\u{202e}]|日|\n|\r\n|\t|[a ]{20}){0,60}",
            words in "(\\PC|[\\x00-\\x1f\u{9b}\u{202e}]| ){0,200}",
            start in 0_usize..400,
            length in 0_usize..400,
            columns in 64..=COLUMNS,
        ) {
            let mut mistake = at(&text, start..start + length);
            let (line, column) = mistake.place.as_ref().unwrap().line_and_column();
            mistake.message.clone_from(&words);
            mistake.label.clone_from(&words);
            mistake.help = Some(words);
            let said = marked(&[mistake], false, columns);
            prop_assert!(said.chars().all(|c| c == '\n' || placeholder(c).is_none()), "{said:?}");
            prop_assert!(said.contains(&format!("--> a.toml:{line}:{column}\n")), "{said}");
            prop_assert!(said.contains('^'), "{said}");
        }
    }
}
