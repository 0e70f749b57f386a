//! Fits labelled blocks of lines into a screen: wraps, clips, and cuts lists that are too long.
//!
//! Knows lines and columns, but not what they say.

use super::super::escape::{clip, columns};
use crate::units::format::count;

/// The widest a line gets.
pub const COLUMNS: usize = 90;

/// The most lines there are.
pub const LINES: usize = 30;

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
    shown: usize,
    gap: bool,
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

    /// Adds a list, at most `most` of which are shown, and at least `keep` if at all possible.
    pub(super) fn list(mut self, items: Vec<Vec<String>>, keep: usize, most: usize) -> Self {
        self.shown = items.len();
        self.items = items;
        self.keep = keep.max(1);
        while self.shown > 1 && self.list_height() > most {
            self.shown -= 1;
        }
        self
    }

    /// Asks for an empty line before the block.
    pub(super) fn after_gap(mut self) -> Self {
        self.gap = true;
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

    fn height(&self) -> usize {
        self.head.len() + self.list_height() + usize::from(self.gap)
    }

    fn render(&self, out: &mut Vec<String>) {
        if self.gap {
            out.push(String::new());
        }
        let left_out = self.items.len() - self.shown;
        let more = (left_out > 0)
            .then(|| format!("... and {} more in report.json", count(left_out as u64)));
        let text = self.head.iter().chain(self.items.iter().take(self.shown).flatten());
        let room = COLUMNS.saturating_sub(self.label_columns);
        for (i, line) in text.chain(&more).enumerate() {
            let indent = if i == 0 { self.label.as_str() } else { "" };
            // A coloured label is wider in characters than on the screen, so it pads itself.
            let padding = if i == 0 && self.label.contains('\u{1b}') {
                0
            } else {
                self.label_columns.saturating_sub(columns(indent))
            };
            let line = format!("{indent}{:padding$}{}", "", clip(line, room));
            out.push(line.trim_end().to_owned());
        }
    }
}

/// The blocks one under the other. When there are too many lines, empty ones go; then the longest
/// list is cut first, down to what it should keep; then whole blocks go that may, the lowest
/// first; then lists are cut down to one item.
pub(super) fn fit(mut blocks: Vec<Block>) -> String {
    if height(&blocks) > LINES {
        for block in &mut blocks {
            block.gap = false;
        }
        cut(&mut blocks, |block| block.keep);
    }
    for spare in [Spare::Goes, Spare::GoesLast] {
        while height(&blocks) > LINES
            && let Some(at) = blocks.iter().rposition(|block| block.spare == spare)
        {
            blocks.remove(at);
        }
    }
    cut(&mut blocks, |_| 1);
    let mut lines = Vec::with_capacity(LINES);
    for block in &blocks {
        block.render(&mut lines);
    }
    // With every list cut to one item, what must stay has at most 30 lines. Should that ever change, what
    // gives way is not the last line, which says where the rest is.
    if lines.len() > LINES {
        lines.drain(LINES - 1..lines.len() - 1);
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn height(blocks: &[Block]) -> usize {
    blocks.iter().map(Block::height).sum()
}

fn cut(blocks: &mut [Block], keep: impl Fn(&Block) -> usize) {
    while height(blocks) > LINES {
        let longest = blocks
            .iter_mut()
            // The line that says what is left out takes the place of one item.
            .filter(|block| block.list_height_of(keep(block)) < block.list_height())
            .max_by_key(|block| block.list_height());
        let Some(block) = longest else { return };
        block.shown -= 1;
    }
}

/// Phrases, separated by commas, on as few lines of `width` as hold them without breaking one;
/// what doesn't fit in `most` lines is cut.
pub(super) fn pack(phrases: &[String], width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for phrase in phrases {
        let full = lines.len() == most;
        match lines.last_mut() {
            // Strictly less: a line that another follows ends in a comma. The last line takes all
            // that is left, so that it shows where it was cut.
            Some(line) if full || columns(line) + 2 + columns(phrase) < width => {
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

/// Breaks a text at spaces into lines of `width`; what doesn't fit in `most` lines is cut.
pub(crate) fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
            if lines.len() + 1 == most {
                // The last line takes the rest, so that it shows where it was cut.
                line.push(' ');
                line.push_str(word);
                for rest in words.by_ref() {
                    line.push(' ');
                    line.push_str(rest);
                    if columns(&line) > width {
                        break;
                    }
                }
                break;
            }
            lines.push(clip(&line, width));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(clip(&line, width));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(n: usize) -> Vec<Vec<String>> {
        (0..n).map(|i| vec![format!("item {i}")]).collect()
    }

    #[test]
    fn text_wraps_at_spaces_and_is_cut_visibly() {
        assert_eq!(wrap("one two three", 7, 3), ["one two", "three"]);
        assert_eq!(wrap("one two three four", 7, 2), ["one two", "three …"]);
        assert_eq!(wrap("abcdefghij", 7, 2), ["abcdef…"]);
        assert_eq!(wrap("", 7, 2), Vec::<String>::new());
    }

    #[test]
    fn phrases_are_packed_whole() {
        let phrases = ["1 one", "2 two", "3 three"].map(str::to_owned);
        assert_eq!(pack(&phrases, 13, 3), ["1 one, 2 two,", "3 three"]);
        assert_eq!(pack(&phrases, 12, 3), ["1 one,", "2 two,", "3 three"]);
        assert_eq!(pack(&phrases, 12, 1), ["1 one, 2 two, 3 three"]);
        assert_eq!(pack(&[], 13, 2), Vec::<String>::new());
    }

    #[test]
    fn a_list_says_how_much_it_leaves_out() {
        let text = fit(vec![Block::labelled("things").list(items(10), 1, 4)]);
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
            let text = fit(blocks);
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
            let text = fit(blocks);
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
        let text = fit(blocks);
        assert!(text.contains("item 1") && !text.contains("more in report.json"), "{text}");
    }

    #[test]
    fn many_lists_fit() {
        let blocks = (0..14).map(|_| Block::labelled("x").list(items(50), 4, 9).after_gap());
        let text = fit(blocks.collect());
        assert!(text.lines().count() <= LINES, "{text}");
    }
}
