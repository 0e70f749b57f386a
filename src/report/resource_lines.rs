//! What the server used, in words: shared by the renderings.

use super::{Report, ResourcePoint, Resources};
use crate::metric::{Resource, ResourceUnit};
use crate::units::format::{UNKNOWN, bytes, count, duration_us, number, percent, seconds};

/// A figure of the server's in its unit. Memory may have shrunk.
#[must_use]
pub fn text(unit: ResourceUnit, actual: f64) -> String {
    match unit {
        ResourceUnit::Share => percent(actual),
        ResourceUnit::Time => duration_us(actual.round() as u64),
        ResourceUnit::Bytes if actual < 0.0 => format!("-{}", bytes(-actual as u64)),
        ResourceUnit::Bytes => bytes(actual as u64),
        ResourceUnit::Count => count(actual as u64),
    }
}

/// Every figure with the name that thresholds have, those of the processes first.
#[must_use]
pub fn figures(resources: &Resources) -> Vec<(String, String)> {
    let value = |name: &str| resources.figures.get(name).copied();
    let own = Resource::ALL.into_iter().filter_map(|(_, name, unit)| {
        let told = value(name)?.map_or_else(|| UNKNOWN.to_owned(), |actual| text(unit, actual));
        Some((format!("target.{name}"), told))
    });
    let taken = resources.figures.iter().filter(|(name, _)| Resource::from_name(name).is_none());
    let taken = taken.map(|(name, actual)| {
        (format!("target.{name}"), actual.map_or_else(|| UNKNOWN.to_owned(), number))
    });
    own.chain(taken).collect()
}

/// `CPU 63 % on average and 97 % at most, 84.0 MiB, 31 us of CPU a delivery`: what a person wants to see
/// first. `None` where no process was watched.
#[must_use]
pub fn line(report: &Report) -> Option<String> {
    let resources = report.resources.as_ref()?;
    let of = |resource: Resource| {
        let (_, name, unit) = Resource::ALL.into_iter().find(|(of, ..)| *of == resource)?;
        let actual = (*resources.figures.get(name)?)?;
        Some(text(unit, actual))
    };
    let cores = resources.points.iter().rev().find_map(|point| point.cores);
    let cores = cores.map_or(String::new(), |cores| match cores {
        1.0 => " of its core".to_owned(),
        _ => format!(" of its {} cores", number(cores)),
    });
    let cpu = of(Resource::CpuMean)
        .zip(of(Resource::CpuMax))
        .map(|(mean, max)| format!("{mean}{cores}, {max} at most"));
    let memory = of(Resource::RssMax).map(|most| format!("{most} of memory"));
    let each = of(Resource::CpuPerDelivery).map(|each| format!("{each} of CPU a delivery"));
    let parts: Vec<String> = [cpu, memory, each].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What stands out in a stretch.
#[must_use]
pub fn point_lines(point: &ResourcePoint) -> Vec<String> {
    let still = point.still.as_ref().map(|still| {
        let waits = still.waits_in.as_ref().map_or(String::new(), |name| format!(", in {name}"));
        let how = if still.stopped { "was stopped" } else { "stood still" };
        format!("{how} for {}{waits}", seconds(still.length_s))
    });
    let full = point.listen_overflows.filter(|overflows| *overflows > 0);
    let full = full.map(|overflows| format!("accept queue full: {}", count(overflows)));
    still.into_iter().chain(full).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_in_their_units_and_what_is_not_known_is() {
        let figures_of = [
            ("cpu.max", Some(0.97)),
            ("cpu.mean", Some(0.6)),
            ("rss.max", Some(88_080_384.0)),
            ("rss.growth", Some(-1_048_576.0)),
            ("cpu_per_delivery", Some(31.4)),
            ("listen_overflows", Some(1_204.0)),
            ("threads.max", None),
            ("lag_seconds.max", Some(0.25)),
        ];
        let resources = Resources {
            figures: figures_of.map(|(name, value)| (name.to_owned(), value)).into(),
            points: vec![ResourcePoint { cores: Some(2.0), ..ResourcePoint::default() }],
            ..Resources::default()
        };
        let told = figures(&resources);
        for (name, value) in [
            ("target.cpu.max", "97 %"),
            ("target.rss.max", "84.0 MiB"),
            ("target.rss.growth", "-1.0 MiB"),
            ("target.cpu_per_delivery", "0.03 ms"),
            ("target.listen_overflows", "1,204"),
            ("target.threads.max", "-"),
            ("target.lag_seconds.max", "0.25"),
        ] {
            let found = told.iter().find(|(known, _)| known == name);
            assert_eq!(found.map(|(_, value)| value.as_str()), Some(value), "{name}");
        }
        let report = Report { resources: Some(resources), ..Report::default() };
        let expected =
            "60 % of its 2 cores, 97 % at most; 84.0 MiB of memory; 0.03 ms of CPU a delivery";
        assert_eq!(line(&report).as_deref(), Some(expected));
        assert_eq!(line(&Report::default()), None);
    }
}
