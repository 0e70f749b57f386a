//! One picture: axes, shaded stretches, marks, what is drawn, and values to hover.
//!
//! Lines and areas are drawn in a square of 1,000 by 1,000 that is stretched to the width of the
//! page; text is placed by shares of it and keeps its size, so that a phone shows what a desk does.

use super::markup::{Markup, classed, words};

/// The side of the square that is drawn in.
pub(super) const SIDE: f64 = 1_000.0;

/// A stretch of the x axis, shaded, with its name at the top where there is room.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) label: String,
    pub(super) class: &'static str,
}

/// What one stretch of the x axis shows on hover; places are 0 to 1.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) lines: Vec<String>,
}

/// How high a picture is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Height {
    /// 96 pixels.
    Low,
    /// 240 pixels.
    #[default]
    Tall,
}

/// A picture in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Plot {
    pub(super) title: String,
    /// The unit, or what the picture shows, in a phrase.
    pub(super) note: String,
    pub(super) height: Height,
    pub(super) x: Vec<(f64, String)>,
    pub(super) y: Vec<(f64, String)>,
    /// What the x axis is; empty where the labels say it.
    pub(super) x_title: &'static str,
    pub(super) bands: Vec<Band>,
    /// Where something happened, and a short name for it.
    pub(super) marks: Vec<(f64, String)>,
    /// Class and name of each line.
    pub(super) legend: Vec<(&'static str, String)>,
    pub(super) body: Markup,
    pub(super) hits: Vec<Hit>,
    /// Pictures of one group show their crosshair together.
    pub(super) group: &'static str,
}

impl Plot {
    pub(super) fn render(self) -> Markup {
        let mut caption = words("strong", &self.title);
        caption.add(classed("span", "note", Markup::text(&self.note)));
        let legend = self.legend.iter().map(|(class, name)| {
            let mut item = swatch(class);
            item.add(Markup::text(name));
            Markup::element("li", &[], item)
        });
        let legend: Markup = legend.collect();
        let mut figure = Markup::element("figcaption", &[], caption);
        if !legend.is_empty() {
            figure.add(classed("ul", "legend", legend));
        }
        let class = match self.height {
            Height::Low => "plot low",
            Height::Tall => "plot",
        };
        let label = format!("{}: {}", self.title, self.note);
        let mut svg: Markup = self.bands.iter().map(band).collect();
        svg.add(self.y.iter().map(|(place, label)| y_tick(*place, label)).collect());
        svg.add(self.x.iter().map(|(place, label)| x_tick(*place, label)).collect());
        let mut inside = self.body;
        inside.add(self.hits.iter().map(hit).collect());
        let stretched = [
            ("class", "in"),
            ("viewBox", "0 0 1000 1000"),
            ("preserveAspectRatio", "none"),
            ("width", "100%"),
            ("height", "100%"),
        ];
        svg.add(Markup::element("svg", &stretched, inside));
        svg.add(self.marks.iter().map(|(place, label)| mark(*place, label)).collect());
        let tabindex = if self.hits.is_empty() { "-1" } else { "0" };
        let attributes = [
            ("class", "chart"),
            ("role", "img"),
            ("aria-label", label.as_str()),
            ("data-group", self.group),
            ("tabindex", tabindex),
        ];
        figure.add(classed("div", class, Markup::element("svg", &attributes, svg)));
        if !self.x_title.is_empty() {
            figure.add(classed("p", "xtitle", Markup::text(self.x_title)));
        }
        Markup::element("figure", &[], figure)
    }
}

/// A short piece of a line as it is drawn, for a legend.
pub(super) fn swatch(class: &str) -> Markup {
    let attributes = [("class", "swatch"), ("aria-hidden", "true")];
    let line = Markup::element("path", &[("class", class), ("d", "M0 5H22")], Markup::default());
    Markup::element("svg", &attributes, line)
}

/// A share of a length as SVG takes it.
pub(super) fn share(place: f64) -> String {
    format!("{}%", short(place * 100.0))
}

/// At most two decimals: a tenth of a pixel is finer than anybody sees.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn line(class: &str, [x1, y1, x2, y2]: [&str; 4]) -> Markup {
    let attributes = [("class", class), ("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)];
    Markup::element("line", &attributes, Markup::default())
}

fn y_tick(place: f64, label: &str) -> Markup {
    let y = share(1.0 - place);
    let mut tick = line("grid", ["0", &y, "100%", &y]);
    let attributes = [("class", "y"), ("x", "0"), ("y", &y), ("dx", "-8"), ("dy", ".35em")];
    tick.add(Markup::element("text", &attributes, Markup::text(label)));
    tick
}

fn x_tick(place: f64, label: &str) -> Markup {
    let x = share(place);
    let mut tick = line("tick", [&x, "100%", &x, "100%"]);
    let attributes = [("class", "x"), ("x", &x), ("y", "100%"), ("dy", "1.5em")];
    tick.add(Markup::element("text", &attributes, Markup::text(label)));
    tick
}

/// A nested picture, because it cuts a name off where the stretch ends.
fn band(band: &Band) -> Markup {
    let (x, width) = (share(band.from), share((band.to - band.from).max(0.0)));
    let all = [("width", "100%"), ("height", "100%"), ("class", band.class)];
    let mut inside = Markup::element("rect", &all, words("title", &band.label));
    let place = [("class", "band"), ("x", "5"), ("y", "13")];
    inside.add(Markup::element("text", &place, Markup::text(&band.label)));
    let attributes = [("x", x.as_str()), ("width", &width), ("height", "100%"), ("class", "cut")];
    Markup::element("svg", &attributes, inside)
}

fn mark(place: f64, label: &str) -> Markup {
    let x = share(place);
    let mut mark = line("fault", [&x, "0", &x, "100%"]);
    let attributes = [("class", "fault"), ("x", &x), ("y", "-4")];
    mark.add(Markup::element("text", &attributes, Markup::text(label)));
    mark
}

fn hit(hit: &Hit) -> Markup {
    let (x, width) = (short(hit.from * SIDE), short((hit.to - hit.from).max(0.0) * SIDE));
    let lines = hit.lines.iter().map(|line| Markup::text(line));
    let title = Markup::element("title", &[], Markup::joined(lines, "\n"));
    let attributes = [("class", "hit"), ("x", &*x), ("width", &width), ("height", "1000")];
    Markup::element("rect", &attributes, title)
}

/// A line through points, each 0 to 1 from the lower left; broken where a value is unknown. A point
/// with no neighbour is a dot.
pub(super) fn path(class: &str, points: impl IntoIterator<Item = Option<(f64, f64)>>) -> Markup {
    let mut d = String::new();
    let mut pen_down = false;
    let mut alone = false;
    for point in points {
        let Some((x, y)) = point else {
            close_dot(&mut d, alone);
            (pen_down, alone) = (false, false);
            continue;
        };
        let (x, y) = (short(x * SIDE), short((1.0 - y) * SIDE));
        d.push_str(&format!("{}{x} {y}", if pen_down { 'L' } else { 'M' }));
        (alone, pen_down) = (!pen_down, true);
    }
    close_dot(&mut d, alone);
    if d.is_empty() {
        return Markup::default();
    }
    Markup::element("path", &[("class", class), ("d", &d)], Markup::default())
}

/// A line of no length, which round ends make a dot.
fn close_dot(d: &mut String, alone: bool) {
    if alone {
        d.push_str("h0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_nothing_is_known_and_lone_points_are_dots() {
        let points = [Some((0.0, 0.0)), Some((0.5, 1.0)), None, Some((1.0, 0.25)), None];
        let text = path("s1", points).into_string();
        assert_eq!(text, "<path class=\"s1\" d=\"M0 1000L500 0M1000 750h0\"></path>");
        assert!(path("s1", [None, None]).is_empty());
    }

    #[test]
    fn hovering_shows_lines_whose_text_is_escaped() {
        let hits = vec![Hit { from: 0.0, to: 0.5, lines: vec!["<a>".into(), "b\nc".into()] }];
        let text = Plot { hits, ..Plot::default() }.render().into_string();
        assert!(text.contains("<title>&lt;a&gt;\nb\\nc</title>"), "{text}");
    }
}
