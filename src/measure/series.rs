//! Figures over time: at most 600 points, however long the run.

use super::hist::Hist;

/// The most points kept; past it neighbours merge and points get twice as wide.
const POINTS_MAX: usize = 600;
const SECOND_US: u64 = 1_000_000;
const DIGITS: u8 = 2;

/// One stretch of the run. Counts and latencies stand where they were recorded.
#[derive(Clone, Debug)]
pub struct Point {
    /// Its first microsecond.
    pub start_us: u64,
    /// Clients joined at its end.
    pub clients_up: u32,
    /// Messages sent.
    pub publishes: u64,
    /// Messages received.
    pub deliveries: u64,
    /// Errors.
    pub errors: u64,
    /// Delivery from due, 2 digits.
    pub delivery: Hist,
    /// Delivery from sent, 2 digits.
    pub delivery_from_sent: Hist,
    /// The generator's lag, 2 digits.
    pub lag: Hist,
}

impl Point {
    fn new(start_us: u64) -> Self {
        Self {
            start_us,
            clients_up: 0,
            publishes: 0,
            deliveries: 0,
            errors: 0,
            delivery: Hist::with_digits(DIGITS),
            delivery_from_sent: Hist::with_digits(DIGITS),
            lag: Hist::with_digits(DIGITS),
        }
    }

    fn merge(&mut self, later: &Self) {
        self.clients_up = later.clients_up;
        self.publishes += later.publishes;
        self.deliveries += later.deliveries;
        self.errors += later.errors;
        self.delivery.merge(&later.delivery);
        self.delivery_from_sent.merge(&later.delivery_from_sent);
        self.lag.merge(&later.lag);
    }
}

/// The run's points, evenly wide and without gaps.
#[derive(Clone, Debug)]
pub struct Series {
    width_us: u64,
    points: Vec<Point>,
}

impl Default for Series {
    fn default() -> Self {
        Self { width_us: SECOND_US, points: Vec::new() }
    }
}

impl Series {
    /// The point that holds an instant. An instant before the last point's is given the last.
    pub fn at(&mut self, at_us: u64) -> &mut Point {
        while (at_us / self.width_us) as usize >= POINTS_MAX {
            self.widen();
        }
        let index = (at_us / self.width_us) as usize;
        while self.points.len() <= index {
            let start_us = self.points.len() as u64 * self.width_us;
            let up = self.points.last().map_or(0, |last| last.clients_up);
            self.points.push(Point { clients_up: up, ..Point::new(start_us) });
        }
        &mut self.points[index]
    }

    fn widen(&mut self) {
        self.width_us *= 2;
        let merged = self.points.chunks(2).map(|pair| {
            let mut point = pair[0].clone();
            pair.iter().skip(1).for_each(|later| point.merge(later));
            point
        });
        self.points = merged.collect();
    }

    /// Width of a point in microseconds.
    #[must_use]
    pub fn width_us(&self) -> u64 {
        self.width_us
    }

    /// The points in order.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_counts_in_a_bounded_number_of_points() {
        let mut series = Series::default();
        let seconds = 5_000;
        for second in 0..seconds {
            let point = series.at(second * SECOND_US + 10);
            point.publishes += 2;
            point.lag.record(second + 1);
        }
        assert_eq!(series.width_us(), 16 * SECOND_US);
        assert!(series.points().len() <= POINTS_MAX);
        assert_eq!(series.points().iter().map(|point| point.publishes).sum::<u64>(), 2 * seconds);
        let lags: u64 = series.points().iter().map(|point| point.lag.len()).sum();
        assert_eq!(lags, seconds);
    }

    #[test]
    fn past_the_bound_two_neighbours_become_one() {
        let mut series = Series::default();
        for second in 0..600 {
            let point = series.at(second * SECOND_US);
            point.clients_up = second as u32 + 5;
            (point.publishes, point.deliveries, point.errors) = (1, 3, 4);
            point.delivery.record(10 + second % 2);
            point.delivery_from_sent.record(20 + second % 2);
            point.lag.record(30 + second % 2);
        }
        assert_eq!((series.width_us(), series.points().len()), (SECOND_US, 600));
        assert_eq!(series.points()[599].start_us, 599 * SECOND_US);
        // The 601st second, and one after a gap.
        series.at(600 * SECOND_US).errors = 9;
        series.at(605 * SECOND_US).errors = 8;
        assert_eq!((series.width_us(), series.points().len()), (2 * SECOND_US, 303));
        let figures = |at: usize| {
            let of = &series.points()[at];
            (of.start_us, of.clients_up, of.publishes, of.deliveries, of.errors)
        };
        assert_eq!(figures(0), (0, 6, 2, 6, 8));
        assert_eq!(figures(299), (598 * SECOND_US, 604, 2, 6, 8));
        assert_eq!(figures(300), (600 * SECOND_US, 604, 0, 0, 9));
        assert_eq!(figures(301), (602 * SECOND_US, 604, 0, 0, 0));
        assert_eq!(figures(302), (604 * SECOND_US, 604, 0, 0, 8));
        let point = &series.points()[7];
        let spans = [&point.delivery, &point.delivery_from_sent, &point.lag]
            .map(|hist| (hist.len(), hist.inner().min(), hist.inner().max()));
        assert_eq!(spans, [(2, 10, 11), (2, 20, 21), (2, 30, 31)]);
        assert_eq!(point.lag.inner().sigfig(), DIGITS);
    }
}
