//! Pieces of HTML and SVG that are safe by their type.
//!
//! Whatever is not a literal of this program gets in through [`Markup::text`] or as an attribute's
//! value, and both escape. Nothing else here makes markup of a string.

use std::fmt::Write as _;

use super::super::escape::escape_html;

/// Characters of a text that is not ours, at most.
const TEXT: usize = 600;

/// Markup that can stand anywhere between tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Markup(String);

impl Markup {
    /// A piece of the page that stands in the source.
    pub(super) fn raw(literal: &'static str) -> Self {
        Self(literal.to_owned())
    }

    /// Text of any origin, cut past 600 characters.
    pub(super) fn text(text: &str) -> Self {
        Self(escape_html(text, TEXT))
    }

    /// An element with its end tag.
    pub(super) fn element(
        name: &'static str,
        attributes: &[(&'static str, &str)],
        inner: Self,
    ) -> Self {
        let mut markup = Self::default();
        markup.open(name, attributes);
        markup.add(inner);
        // Writing to a string can't fail, here and below.
        let _ = write!(markup.0, "</{name}>");
        markup
    }

    /// An element without content: `<meta>` in HTML.
    pub(super) fn void(name: &'static str, attributes: &[(&'static str, &str)]) -> Self {
        let mut markup = Self::default();
        markup.open(name, attributes);
        markup
    }

    fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        let _ = write!(self.0, "<{name}");
        for (name, value) in attributes {
            let _ = write!(self.0, " {name}=\"{}\"", escape_html(value, usize::MAX));
        }
        self.0.push('>');
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }

    /// These after one another, with a literal between them.
    pub(super) fn joined(parts: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let mut markup = Self::default();
        for (i, part) in parts.into_iter().enumerate() {
            if i > 0 {
                markup.0.push_str(between);
            }
            markup.add(part);
        }
        markup
    }

    /// Characters outside of tags, an entity as all its own.
    pub(super) fn width(&self) -> usize {
        let mut inside = false;
        let outside = self.0.chars().filter(|c| match c {
            '<' => {
                inside = true;
                false
            }
            '>' => {
                inside = false;
                false
            }
            _ => !inside,
        });
        outside.count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl FromIterator<Self> for Markup {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        Self::joined(parts, "")
    }
}

/// An element with a class and nothing else.
pub(super) fn classed(name: &'static str, class: &str, inner: Markup) -> Markup {
    Markup::element(name, &[("class", class)], inner)
}

/// An element that holds text of any origin.
pub(super) fn words(name: &'static str, text: &str) -> Markup {
    Markup::element(name, &[], Markup::text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_values_can_not_leave_their_place() {
        let markup =
            Markup::element("b", &[("title", "\"><script>")], Markup::text("</b>&\n\u{1b}"));
        assert_eq!(
            markup.into_string(),
            "<b title=\"&quot;&gt;&lt;script&gt;\">&lt;/b&gt;&amp;\\n\\u{1b}</b>"
        );
    }
}
