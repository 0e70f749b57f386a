//! A chart of dots and lines over a quantity, for pages that are no run's report: plain data in, a picture
//! out.

use super::markup::Markup;
use super::plot::{Band, Hit, Plot, path};
use super::scale::{Scale, count_tick, latency_tick};

/// A chart.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// The unit, or how it is to be read.
    pub note: String,
    /// What the x axis is.
    pub x_title: &'static str,
    /// How figures of the y axis are written.
    pub unit: ChartUnit,
    /// A stretch of x that is shaded, and its name.
    pub band: Option<(f64, f64, String)>,
    /// A level that figures are held against, and its name.
    pub limit: Option<(f64, String)>,
    /// Kinds of dots and their names.
    pub dots: Vec<(DotKind, String, Vec<Dot>)>,
}

/// How figures of a chart are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartUnit {
    /// Microseconds, on a logarithmic axis.
    #[default]
    Latency,
    /// A share in percent, from 0.
    Percent,
    /// A number, from 0.
    Number,
}

/// How a dot looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DotKind {
    /// It is well.
    Good,
    /// It is not.
    Bad,
    /// It says nothing.
    Plain,
}

impl DotKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "mark good",
            Self::Bad => "mark bad",
            Self::Plain => "mark plain",
        }
    }
}

/// One dot.
#[derive(Clone, Debug, Default)]
pub struct Dot {
    /// Its place: over 0.
    pub x: f64,
    /// Its height.
    pub y: f64,
    /// What it shows on hover.
    pub lines: Vec<String>,
}

/// The chart as a picture; nothing where it has no dot.
pub(super) fn render(chart: &Chart) -> Markup {
    let all = || chart.dots.iter().flat_map(|(.., dots)| dots);
    let xs = || all().map(|dot| dot.x);
    let (Some(least), Some(most)) = (xs().reduce(f64::min), xs().reduce(f64::max)) else {
        return Markup::default();
    };
    // Some room beside the outermost dots.
    let x = Scale::Log { from: least.max(0.5) / 1.15, to: most.max(1.0) * 1.15 };
    let limit = chart.limit.as_ref().map(|(limit, _)| *limit);
    let ys = || all().map(|dot| dot.y).chain(limit);
    let (lowest, highest) =
        (ys().reduce(f64::min).unwrap_or(0.0), ys().reduce(f64::max).unwrap_or(1.0));
    let y = match chart.unit {
        ChartUnit::Latency => Scale::log(lowest.max(1.0) as u64, highest.max(1.0) as u64),
        ChartUnit::Percent | ChartUnit::Number => Scale::linear(highest, 4),
    };
    let y_label = |value: f64| match chart.unit {
        ChartUnit::Latency => latency_tick(value),
        ChartUnit::Percent => format!("{} %", crate::units::format::number(value * 100.0)),
        ChartUnit::Number => count_tick(value, highest),
    };
    let mut body = Markup::default();
    if let Some(limit) = limit {
        let at = y.place(limit);
        body.add(path("limit", [Some((0.0, at)), Some((1.0, at))]));
    }
    for (kind, _, dots) in &chart.dots {
        let places = dots.iter().map(|dot| (x.place(dot.x), y.place(dot.y)));
        // Each on its own, as a line of no length.
        let marks = places.flat_map(|place| [Some(place), None]);
        body.add(path(kind.class(), marks));
    }
    let mut legend: Vec<(&'static str, String)> = Vec::new();
    for (kind, name, dots) in &chart.dots {
        if !dots.is_empty() {
            legend.push((kind.class(), name.clone()));
        }
    }
    if let Some((_, name)) = &chart.limit {
        legend.push(("limit", name.clone()));
    }
    let band = chart.band.as_ref().map(|(from, to, label)| Band {
        // One that is no wider than a line is still to be seen.
        from: x.place(*from) - 0.002,
        to: x.place(*to) + 0.002,
        label: label.clone(),
        class: "phase",
    });
    let ticks = |values: Vec<f64>, scale: Scale, label: &dyn Fn(f64) -> String| {
        values.into_iter().map(|value| (scale.place(value), label(value))).collect::<Vec<_>>()
    };
    let x_ticks = Scale::log(least.max(1.0) as u64, most.max(1.0) as u64).ticks(7);
    let inside = |value: &f64| (0.01..0.99).contains(&x.place(*value));
    let x_ticks = x_ticks.into_iter().filter(inside).collect();
    Plot {
        title: chart.title.clone(),
        note: chart.note.clone(),
        x: ticks(x_ticks, x, &|value| count_tick(value, most)),
        y: ticks(y.ticks(5), y, &y_label),
        x_title: chart.x_title,
        bands: band.into_iter().collect(),
        legend,
        body,
        hits: hits(chart, x),
        ..Plot::default()
    }
    .render()
}

/// Around each place where there are dots.
fn hits(chart: &Chart, x: Scale) -> Vec<Hit> {
    let mut all: Vec<(f64, &Dot)> = chart
        .dots
        .iter()
        .flat_map(|(.., dots)| dots.iter().map(|dot| (x.place(dot.x), dot)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let places: Vec<f64> = all.iter().map(|(place, _)| *place).collect();
    let mut hits: Vec<Hit> = Vec::new();
    for (at, (place, dot)) in all.iter().enumerate() {
        let lines = dot.lines.iter().cloned();
        if let Some(last) = hits.last_mut().filter(|_| at > 0 && places[at - 1] == *place) {
            last.lines.extend(lines);
            continue;
        }
        let before = places[..at].iter().rev().find(|other| *other < place).copied();
        let after = places[at..].iter().find(|other| *other > place).copied();
        let from = before.map_or(0.0, |before| f64::midpoint(before, *place));
        let to = after.map_or(1.0, |after| f64::midpoint(after, *place));
        hits.push(Hit { from, to, lines: lines.collect() });
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(x: f64, y: f64) -> Dot {
        Dot { x, y, lines: vec![format!("{x}: {y}")] }
    }

    #[test]
    fn dots_of_one_place_share_what_is_shown() {
        let dots = vec![
            (DotKind::Good, "passed".to_owned(), vec![dot(10.0, 1_000.0), dot(20.0, 2_000.0)]),
            (DotKind::Bad, "failed".to_owned(), vec![dot(20.0, 900_000.0)]),
        ];
        let limit = Some((250_000.0, "limit".to_owned()));
        let chart = Chart { dots, limit, ..Chart::default() };
        let text = render(&chart).into_string();
        assert_eq!(text.matches("class=\"hit\"").count(), 2, "{text}");
        assert!(text.contains("20: 2000\n20: 900000"), "{text}");
        assert!(text.contains("class=\"limit\"") && text.contains("class=\"mark bad\""), "{text}");
    }

    #[test]
    fn a_chart_without_dots_is_nothing() {
        assert!(render(&Chart::default()).is_empty());
    }
}
