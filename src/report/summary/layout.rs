//! Fits labelled blocks of lines into a screen: wraps, clips, and cuts lists that are too long. Where there
//! is no screen, nothing is cut.
//!
//! Knows lines and columns, but not what they say.

use super::super::escape::{clip, columns};
use crate::units::format::count;

/// How wide lines are where no terminal says.
pub const COLUMNS: usize = 90;

/// Lines on a terminal; more only where that takes to explain what went wrong.
pub const LINES: usize = 30;

/// What lines are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Screen {
    /// How wide a text is.
    pub(super) columns: usize,
    /// The most lines; `None` where nothing is cut.
    pub(super) lines: Option<usize>,
}

/// Columns of a label on the left.
pub(super) const LABEL: usize = 12;

/// Lines under one label: some that always stay and a list that may be cut.
#[derive(Debug, Default)]
pub(super) struct Block {
    label: String,
    /// Columns the label takes; those of colours not included.
    label_columns: usize,
    head: Vec<String>,
    items: Vec<Vec<String>>,
    /// Items shown while there is any other way to save a line.
    keep: usize,
    /// Lines of the list, at most.
    most: usize,
    /// Items that are shown whatever it takes.
    explaining: usize,
    shown: usize,
    gap: bool,
    /// Its lines are not cut where the screen ends.
    verbatim: bool,
    spare: Spare,
}

/// Whether a block may go as a whole once lists are down to what they should keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spare {
    /// It has its say in every summary.
    #[default]
    Stays,
    /// After all others that may.
    GoesLast,
    /// Before those.
    Goes,
}

impl Block {
    /// An empty block with its label in the usual column.
    pub(super) fn labelled(label: &str) -> Self {
        Self::indented(label, LABEL)
    }

    /// An empty block whose text starts at a column of its own.
    pub(super) fn indented(label: &str, label_columns: usize) -> Self {
        Self { label: label.to_owned(), label_columns, keep: 1, ..Self::default() }
    }

    /// Adds a line that always stays.
    pub(super) fn line(mut self, line: impl Into<String>) -> Self {
        self.head.push(line.into());
        self
    }

    /// Adds lines that always stay.
    pub(super) fn lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.head.extend(lines);
        self
    }

    /// Adds a list, at most `most` lines of which are shown, and at least `keep` items if at all possible.
    pub(super) fn list(mut self, items: Vec<Vec<String>>, keep: usize, most: usize) -> Self {
        self.shown = items.len();
        self.items = items;
        self.keep = keep.max(1);
        self.most = most;
        self
    }

    /// The first `n` items of the list explain what went wrong: they are shown whatever it takes.
    pub(super) fn explains(mut self, n: usize) -> Self {
        self.explaining = n;
        self.keep = self.keep.max(n);
        self
    }

    /// Asks for an empty line before the block.
    pub(super) fn after_gap(mut self) -> Self {
        self.gap = true;
        self
    }

    /// Leaves lines as long as they are: the terminal breaks them, and they can be copied whole.
    pub(super) fn verbatim(mut self) -> Self {
        self.verbatim = true;
        self
    }

    /// Says whether the block may go as a whole.
    pub(super) fn spare(mut self, spare: Spare) -> Self {
        self.spare = spare;
        self
    }

    fn list_height(&self) -> usize {
        self.list_height_of(self.shown)
    }

    fn list_height_of(&self, shown: usize) -> usize {
        let more = usize::from(shown < self.items.len());
        self.items.iter().take(shown).map(Vec::len).sum::<usize>() + more
    }

    /// Cuts the list to the lines that it may have.
    fn cut_to_most(&mut self) {
        while self.shown > self.explaining.max(1) && self.list_height() > self.most {
            self.shown -= 1;
        }
    }

    fn height(&self) -> usize {
        self.head.len() + self.list_height() + usize::from(self.gap)
    }

    fn render(&self, screen: Screen, out: &mut Vec<String>) {
        if self.gap {
            out.push(String::new());
        }
        let left_out = self.items.len() - self.shown;
        let more = (left_out > 0)
            .then(|| format!("... and {} more in report.json", count(left_out as u64)));
        let text = self.head.iter().chain(self.items.iter().take(self.shown).flatten());
        let is_cut = screen.lines.is_some() && !self.verbatim;
        let room = is_cut.then(|| screen.columns.saturating_sub(self.label_columns));
        for (i, line) in text.chain(&more).enumerate() {
            let indent = if i == 0 { self.label.as_str() } else { "" };
            // A coloured label is wider in characters than on the screen, so it pads itself.
            let padding = if i == 0 && self.label.contains('\u{1b}') {
                0
            } else {
                self.label_columns.saturating_sub(columns(indent))
            };
            let line = match room {
                Some(room) => &clip(line, room),
                None => line,
            };
            let line = format!("{indent}{:padding$}{line}", "");
            out.push(line.trim_end().to_owned());
        }
    }
}

/// The blocks one under the other. When there are too many lines, empty ones go; then the longest
/// list is cut first, down to what it should keep; then whole blocks go that may, the lowest
/// first; then lists are cut down to one item. What explains is not cut: for its sake there are more
/// lines than that.
pub(super) fn fit(mut blocks: Vec<Block>, screen: Screen) -> String {
    if let Some(most) = screen.lines {
        shorten(&mut blocks, most);
    }
    let mut lines = Vec::new();
    for block in &blocks {
        block.render(screen, &mut lines);
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn shorten(blocks: &mut Vec<Block>, most: usize) {
    blocks.iter_mut().for_each(Block::cut_to_most);
    if height(blocks) > most {
        for block in blocks.iter_mut() {
            block.gap = false;
        }
        cut(blocks, most, |block| block.keep);
    }
    for spare in [Spare::Goes, Spare::GoesLast] {
        while height(blocks) > most
            && let Some(at) = blocks.iter().rposition(|block| block.spare == spare)
        {
            blocks.remove(at);
        }
    }
    cut(blocks, most, |block| block.explaining.max(1));
}

fn height(blocks: &[Block]) -> usize {
    blocks.iter().map(Block::height).sum()
}

fn cut(blocks: &mut [Block], most: usize, keep: impl Fn(&Block) -> usize) {
    while height(blocks) > most {
        let longest = blocks
            .iter_mut()
            // The line that says what is left out takes the place of one item.
            .filter(|block| block.list_height_of(keep(block)) < block.list_height())
            .max_by_key(|block| block.list_height());
        let Some(block) = longest else { return };
        block.shown -= 1;
    }
}

/// Phrases, separated by commas, on as few lines of `width` as hold them without breaking one.
pub(super) fn pack(phrases: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for phrase in phrases {
        match lines.last_mut() {
            // Strictly less: a line that another follows ends in a comma.
            Some(line) if columns(line) + 2 + columns(phrase) < width => {
                line.push_str(", ");
                line.push_str(phrase);
            }
            Some(line) => {
                line.push(',');
                lines.push(phrase.clone());
            }
            None => lines.push(phrase.clone()),
        }
    }
    lines
}

/// Rows of cells, each column as wide as its widest cell and set to the right.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]], gap: usize) -> Vec<String> {
    let width = |at: usize| rows.iter().map(|row| columns(&row[at])).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let before = width - columns(cell);
            format!("{:before$}{cell}", "")
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(gap))
    };
    rows.iter().map(line).collect()
}

/// Breaks a text at spaces, and a word that is wider by itself where the line ends, into lines of `width`;
/// what doesn't fit in `most` lines is cut. Spaces within a line stay as they are.
pub(crate) fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines: Vec<String> = Vec::new();
    // Between two spaces that follow each other there is an empty word.
    for word in text.trim_end_matches(' ').split(' ') {
        let word_columns = columns(word);
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + word_columns <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) if word.is_empty() => {}
            _ if word_columns > width => lines.extend(pieces(word, width)),
            _ => lines.push(word.to_owned()),
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end_matches(' ').len());
    }
    lines.retain(|line| !line.is_empty());
    if lines.len() > most {
        // The last line takes some of the rest, so that it shows where it was cut.
        let rest = lines.swap_remove(most);
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = clip(&format!("{last} {rest}"), width);
        }
    }
    lines
}

/// A word in pieces of at most `width` columns.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        let wide = columns(c.encode_utf8(&mut [0; 4]));
        if used + wide > width {
            pieces.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { columns: COLUMNS, lines: Some(LINES) };

    fn items(n: usize) -> Vec<Vec<String>> {
        (0..n).map(|i| vec![format!("item {i}")]).collect()
    }

    #[test]
    fn text_wraps_at_spaces_and_is_cut_visibly() {
        assert_eq!(wrap("one two three", 7, 3), ["one two", "three"]);
        assert_eq!(wrap("one two three four", 7, 2), ["one two", "three …"]);
        assert_eq!(wrap("abcdefghij", 7, 2), ["abcdefg", "hij"]);
        assert_eq!(wrap("ab abcdefghij k", 7, 9), ["ab", "abcdefg", "hij k"]);
        assert_eq!(wrap("abcdefghij", 7, 1), ["abcdef…"]);
        assert_eq!(wrap("日本日本", 5, 9), ["日本", "日本"]);
        assert_eq!(wrap("  a  bc   d ", 9, 9), ["  a  bc", "d"]);
        assert_eq!(wrap("   abcdefghij", 7, 9), ["abcdefg", "hij"]);
        assert_eq!(wrap("", 7, 2), Vec::<String>::new());
    }

    #[test]
    fn phrases_are_packed_whole() {
        let phrases = ["1 one", "2 two", "3 three"].map(str::to_owned);
        assert_eq!(pack(&phrases, 13), ["1 one, 2 two,", "3 three"]);
        assert_eq!(pack(&phrases, 12), ["1 one,", "2 two,", "3 three"]);
        assert_eq!(pack(&[], 13), Vec::<String>::new());
    }

    #[test]
    fn a_list_says_how_much_it_leaves_out() {
        let text = fit(vec![Block::labelled("things").list(items(10), 1, 4)], SCREEN);
        let expected = "things      item 0\n            item 1\n            item 2\n            \
                        ... and 7 more in report.json\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn empty_lines_go_first_and_then_the_longest_list_is_cut() {
        for (of_a, whole) in [(28, true), (40, false)] {
            let blocks = vec![
                Block::labelled("a").list(items(of_a), 2, 40),
                Block::labelled("b").list(items(2), 2, 40).after_gap(),
            ];
            let text = fit(blocks, SCREEN);
            assert_eq!(text.lines().count(), LINES);
            assert!(!text.contains("\n\n"), "{text}");
            assert_eq!(!text.contains("more in report.json"), whole, "{text}");
            assert!(
                text.contains("b           item 0\n            item 1\n"),
                "stays whole: {text}"
            );
        }
    }

    #[test]
    fn what_may_go_goes_before_lists_are_cut_to_one_and_the_legend_last() {
        let spare = |label, spare| Block::labelled(label).lines(vec!["x".into(); 2]).spare(spare);
        for (rest, legend, other, items_shown) in [
            (23, true, true, 3),
            (24, true, false, 3),
            (26, false, false, 3),
            (28, false, false, 1),
        ] {
            let lines = (0..rest).map(|i| format!("line {i}"));
            let blocks = vec![
                spare("legend", Spare::GoesLast),
                spare("other", Spare::Goes),
                Block::labelled("must").lines(lines),
                Block::labelled("list").list(vec![vec!["an item".to_owned()]; 3], 3, 3),
            ];
            let text = fit(blocks, SCREEN);
            assert!(text.lines().count() <= LINES, "{text}");
            let has = |word| text.contains(word);
            assert_eq!((has("legend"), has("other")), (legend, other), "{rest}: {text}");
            assert_eq!(text.matches("an item").count(), items_shown, "{rest}: {text}");
        }
    }

    #[test]
    fn an_item_is_not_cut_for_the_line_that_says_so() {
        let blocks = vec![
            Block::labelled("a").lines((0..28).map(|i| i.to_string())),
            Block::labelled("b").list(items(2), 1, 2),
            Block::labelled("c").line("x").spare(Spare::Goes),
        ];
        let text = fit(blocks, SCREEN);
        assert!(text.contains("item 1") && !text.contains("more in report.json"), "{text}");
    }

    #[test]
    fn what_explains_is_shown_whatever_it_takes() {
        let blocks = || {
            let reasons = Block::labelled("why").list(items(40), 1, 5).explains(35);
            let spare = Block::labelled("spare").line("x").spare(Spare::GoesLast);
            vec![reasons, spare, Block::labelled("healthy").list(items(20), 4, 9)]
        };
        let text = fit(blocks(), SCREEN);
        assert!(text.contains("item 34\n            ... and 5 more in report.json\n"), "{text}");
        assert!(!text.contains("spare"), "{text}");
        assert!(text.ends_with("healthy     item 0\n            ... and 19 more in report.json\n"));
        let text = fit(blocks(), Screen { lines: None, ..SCREEN });
        assert_eq!(text.lines().count(), 61, "without a screen nothing is cut: {text}");
    }

    #[test]
    fn a_line_is_cut_where_a_screen_ends() {
        let block = || vec![Block::labelled("a").line("x".repeat(200))];
        let narrow = Screen { columns: 40, lines: Some(LINES) };
        assert_eq!(fit(block(), narrow).trim_end().chars().count(), 40);
        assert_eq!(fit(block(), Screen { lines: None, ..narrow }).trim_end().len(), 212);
    }

    #[test]
    fn many_lists_fit() {
        let blocks = (0..14).map(|_| Block::labelled("x").list(items(50), 4, 9).after_gap());
        let text = fit(blocks.collect(), SCREEN);
        assert!(text.lines().count() <= LINES, "{text}");
    }
}
