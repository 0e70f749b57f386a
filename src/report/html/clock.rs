//! What all pictures of time share: the axis, phases and faults on it, and how long a point lasts.

use super::plot::{Band, Plot};
use super::scale::time_ticks;
use crate::report::{Report, SeriesPoint};
use crate::units::format::seconds;

/// Faults that are marked, and phases that are shaded: more would hide what they are about.
const MARKS: usize = 40;
const BANDS: usize = 100;
/// The room of a mark's name on a phone, as a share of the axis.
const LABEL: f64 = 0.08;

/// The axis of every picture of time, with phases and faults on it.
pub(super) struct Clock<'a> {
    pub(super) report: &'a Report,
    pub(super) end_s: f64,
}

impl<'a> Clock<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let last = report.series.last().map_or(0.0, |point| point.t_s + width_s(report, point));
        let end_s = [last, report.run.duration_s].into_iter().filter(|s| s.is_finite());
        Self { report, end_s: end_s.fold(0.0, f64::max) }
    }

    /// 0 to 1.
    pub(super) fn place(&self, s: f64) -> f64 {
        let place = s / self.end_s;
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// An empty picture of that axis.
    pub(super) fn plot(&self) -> Plot {
        let ticks = time_ticks(self.end_s, 8).into_iter();
        Plot {
            x: ticks.map(|(s, label)| (self.place(s), label)).collect(),
            bands: self.bands(),
            marks: self.marks(),
            group: "time",
            ..Plot::default()
        }
    }

    fn bands(&self) -> Vec<Band> {
        let phases = self.report.phases.iter().take(BANDS).enumerate();
        let mut bands: Vec<_> = phases
            .map(|(i, phase)| Band {
                from: self.place(phase.start_s),
                to: self.place(phase.start_s + phase.duration_s),
                label: if phase.measured {
                    phase.name.clone()
                } else {
                    format!("{} (not measured)", phase.name)
                },
                class: match (phase.measured, i % 2) {
                    (false, _) => "unmeasured",
                    (true, 0) => "phase even",
                    (true, _) => "phase odd",
                },
            })
            .collect();
        let lasting = self.report.faults.iter().take(MARKS).filter_map(|fault| {
            let lasts_s = fault.duration_s?;
            let (from, to) = (self.place(fault.at_s), self.place(fault.at_s + lasts_s));
            Some(Band { from, to, label: String::new(), class: "faulty" })
        });
        bands.extend(lasting);
        bands
    }

    fn marks(&self) -> Vec<(f64, String)> {
        let faults = self.report.faults.iter().take(MARKS).enumerate();
        let mut named_at = f64::NEG_INFINITY;
        let marks = faults.map(|(i, fault)| {
            let place = self.place(fault.at_s);
            // Names over one another can't be read, and the table has them all.
            let has_room = place - named_at >= LABEL;
            named_at = if has_room { place } else { named_at };
            (place, if has_room { fault_name(i) } else { String::new() })
        });
        marks.collect()
    }
}

/// What a fault is called where there is room for little: its row in the table of faults.
pub(super) fn fault_name(index: usize) -> String {
    format!("F{}", index + 1)
}

/// Seconds that a point covers: the last one ends with the run.
pub(super) fn width_s(report: &Report, point: &SeriesPoint) -> f64 {
    let left_s = report.run.duration_s - point.t_s;
    if left_s.is_finite() && left_s > 0.0 { point.width_s.min(left_s) } else { point.width_s }
}

/// So many a second. Unknown in the rest that a run ends with, where a few would make a wild rate.
pub(super) fn per_s(report: &Report, point: &SeriesPoint, n: u64) -> Option<f64> {
    let width_s = width_s(report, point);
    (width_s > 0.0 && width_s >= point.width_s / 2.0).then(|| n as f64 / width_s)
}

/// `20 s to 21 s, steady`.
pub(super) fn stretch(from_s: f64, to_s: f64, phase: &str) -> String {
    let phase = if phase.is_empty() { "drain" } else { phase };
    format!("{} to {}, {phase}", seconds(from_s), seconds(to_s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FaultOutcome, Run};

    #[test]
    fn of_marks_that_stand_close_the_first_is_named() {
        let faults = [10.0, 11.0, 30.0, 37.0, 39.0];
        let report = Report {
            run: Run { duration_s: 100.0, ..Run::default() },
            faults: faults.map(|at_s| FaultOutcome { at_s, ..FaultOutcome::default() }).into(),
            ..Report::default()
        };
        let names: Vec<_> = Clock::of(&report).marks().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["F1", "", "F3", "", "F5"]);
    }

    #[test]
    fn a_rate_of_a_short_rest_is_unknown() {
        let report =
            Report { run: Run { duration_s: 10.2, ..Run::default() }, ..Report::default() };
        let point = |t_s| SeriesPoint { t_s, width_s: 1.0, ..SeriesPoint::default() };
        assert_eq!(per_s(&report, &point(9.0), 7), Some(7.0));
        assert_eq!(per_s(&report, &point(10.0), 7), None);
        assert_eq!(per_s(&report, &SeriesPoint::default(), 7), None);
    }
}
