//! The page around the sections: head, style, script, and what a browser may do with them.

use data_encoding::BASE64;
use ring::digest::{SHA256, digest as hash};

use super::markup::{Markup, words};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A part of the page, with its name in links and its title.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) body: Markup,
}

/// One file that asks for nothing from anywhere.
pub(super) fn page(title: &str, header: Markup, sections: Vec<Section>) -> String {
    // Nothing may be loaded, and of scripts and styles only these two may run, by their digests:
    // should text of a server ever get through as markup, it stays without effect.
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    let mut head = Markup::void("meta", &[("charset", "utf-8")]);
    head.add(Markup::void(
        "meta",
        &[("http-equiv", "Content-Security-Policy"), ("content", policy.as_str())],
    ));
    let meta = [
        ("viewport", "width=device-width, initial-scale=1"),
        ("color-scheme", "light dark"),
        ("referrer", "no-referrer"),
        ("robots", "noindex"),
    ];
    head.add(
        meta.iter()
            .map(|(name, content)| Markup::void("meta", &[("name", *name), ("content", *content)]))
            .collect(),
    );
    head.add(words("title", title));
    // A browser asks for an icon by itself, unless it has one.
    head.add(Markup::void("link", &[("rel", "icon"), ("href", "data:,")]));
    head.add(Markup::element("style", &[], Markup::raw(STYLE)));

    let links = sections.iter().map(|section| {
        let target = format!("#{}", section.id);
        let link = Markup::element("a", &[("href", target.as_str())], Markup::text(section.title));
        Markup::element("li", &[], link)
    });
    let links = Markup::element("ul", &[], links.collect());
    let mut body = header;
    body.add(Markup::element("nav", &[("aria-label", "Sections")], links));
    body.add(sections.into_iter().map(section).collect());
    let mut main = Markup::element("main", &[], body);
    main.add(Markup::element("script", &[], Markup::raw(SCRIPT)));

    let mut html = Markup::element("head", &[], head);
    html.add(Markup::element("body", &[], main));
    let html = Markup::element("html", &[("lang", "en")], html);
    format!("<!DOCTYPE html>\n{}\n", html.into_string())
}

fn section(section: Section) -> Markup {
    let mut inner = words("h2", section.title);
    inner.add(section.body);
    Markup::element("section", &[("id", section.id)], inner)
}

/// As a policy names what may run.
fn digest(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(hash(&SHA256, text.as_bytes()).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a variable in one theme, 0 to 255 each.
    fn color(theme: &str, name: &str) -> [f64; 3] {
        let start = theme.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("no {name}"));
        let hex: String =
            theme[start + name.len() + 5..].chars().take_while(char::is_ascii_hexdigit).collect();
        let digits = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex };
        [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()))
    }

    /// As WCAG 2 defines it.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let luminance = |color: [f64; 3]| {
            let [r, g, b] = color.map(|channel| {
                let share = channel / 255.0;
                if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Text at 4.5 to 1, what is drawn at 3 to 1: AA. The heat map's lightest step is under it on
    /// purpose, or five steps would not be told apart; its figures are in the tooltip.
    #[test]
    fn colors_can_be_read_in_both_themes() {
        let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").unwrap();
        for (name, theme) in [("light", light), ("dark", dark)] {
            let papers = ["paper", "faint", "phase", "unmeasured"];
            let verdicts = ["good", "bad", "warn", "plain"];
            let text = papers.iter().flat_map(|paper| [("ink", *paper), ("soft", *paper)]);
            let mut pairs: Vec<_> = text.map(|(a, b)| (a.to_owned(), b.to_owned(), 4.5)).collect();
            for verdict in verdicts {
                let paper = format!("{verdict}-paper");
                for ink in ["ink", "soft", verdict] {
                    pairs.push((ink.to_owned(), paper.clone(), 4.5));
                }
                pairs.push((verdict.to_owned(), "paper".to_owned(), 4.5));
            }
            pairs.push(("link".to_owned(), "paper".to_owned(), 4.5));
            for line in ["s1", "s2", "s3", "s4", "h2", "h3", "h4", "h5"] {
                pairs.extend(papers.map(|paper| (line.to_owned(), paper.to_owned(), 3.0)));
            }
            for (a, b, least) in pairs {
                let found = contrast(color(theme, &a), color(theme, &b));
                assert!(found >= least, "{name}: {a} on {b} is {found:.2} to 1");
            }
        }
    }
}
