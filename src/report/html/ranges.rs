//! Figures side by side on one axis: a row each, from its least to its most, with what lies between.

use super::markup::words;
use super::markup::{Markup, classed};
use super::plot::{share, swatch};

/// A row: its name, and places from 0 to 1 with the figure that stands there.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) dots: Vec<Option<(f64, String)>>,
}

/// The classes of a row's dots, first to last.
const DOTS: [&str; 3] = ["s4", "s1", "s2"];

/// Rows of dots joined by a line. `names` are those of the dots, `ticks` the axis.
pub(super) fn render(
    title: &str,
    note: &str,
    names: [&str; 3],
    ticks: &[(f64, String)],
    rows: &[Row],
) -> Markup {
    if rows.is_empty() {
        return Markup::default();
    }
    let mut caption = words("strong", title);
    caption.add(classed("span", "note", Markup::text(note)));
    let mut figure = Markup::element("figcaption", &[], caption);
    let legend = DOTS.iter().zip(names).map(|(class, name)| {
        let mut item = swatch(&format!("{class} dot"));
        item.add(Markup::text(name));
        Markup::element("li", &[], item)
    });
    figure.add(classed("ul", "legend", legend.collect()));
    let mut grid: Markup = rows.iter().map(|row| one(row, names, ticks)).collect();
    grid.add(axis(ticks));
    figure.add(classed("div", "ranges", grid));
    Markup::element("figure", &[], figure)
}

fn one(row: &Row, names: [&str; 3], ticks: &[(f64, String)]) -> Markup {
    let mut svg: Markup = ticks.iter().map(|(place, _)| upright(*place)).collect();
    let known: Vec<_> = row.dots.iter().flatten().map(|(place, _)| *place).collect();
    if let (Some(first), Some(last)) = (known.first(), known.last()) {
        let (x1, x2) = (share(*first), share(*last));
        let attributes =
            [("class", "range"), ("x1", x1.as_str()), ("x2", &x2), ("y1", "50%"), ("y2", "50%")];
        svg.add(Markup::element("line", &attributes, Markup::default()));
    }
    let mut said = Vec::new();
    for ((dot, class), name) in row.dots.iter().zip(DOTS).zip(names) {
        let Some((place, figure)) = dot else {
            said.push(format!("{name}: -"));
            continue;
        };
        said.push(format!("{name}: {figure}"));
        let class = format!("{class} dot");
        let x = share(*place);
        let attributes = [("class", class.as_str()), ("cx", &x), ("cy", "50%"), ("r", "5")];
        svg.add(Markup::element("circle", &attributes, Markup::default()));
    }
    let mut lines = vec![Markup::text(&row.name)];
    lines.extend(said.iter().map(|line| Markup::text(line)));
    let title = Markup::element("title", &[], Markup::joined(lines, "\n"));
    let all = [("class", "hit"), ("width", "100%"), ("height", "100%")];
    svg.add(Markup::element("rect", &all, title));
    let label = format!("{}: {}", row.name, said.join(", "));
    let attributes =
        [("class", "chart"), ("role", "img"), ("aria-label", label.as_str()), ("tabindex", "0")];
    let mut cells = classed("div", "name", Markup::text(&row.name));
    cells.add(Markup::element("svg", &attributes, svg));
    cells
}

fn upright(place: f64) -> Markup {
    let x = share(place);
    let attributes =
        [("class", "grid"), ("x1", x.as_str()), ("x2", &x), ("y1", "0"), ("y2", "100%")];
    Markup::element("line", &attributes, Markup::default())
}

fn axis(ticks: &[(f64, String)]) -> Markup {
    let labels = ticks.iter().map(|(place, label)| {
        let x = share(*place);
        let attributes = [("class", "x"), ("x", x.as_str()), ("y", "14")];
        Markup::element("text", &attributes, Markup::text(label))
    });
    let mut cells = classed("div", "name", Markup::default());
    let attributes = [("class", "axis"), ("aria-hidden", "true")];
    cells.add(Markup::element("svg", &attributes, labels.collect()));
    cells
}
