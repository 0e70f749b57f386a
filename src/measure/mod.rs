//! Measuring: what a worker records, how recordings merge, and how messages are settled.
//!
//! A worker's [`Recorder`] fills a [`Snapshot`]; the coordinator's [`Totals`] take snapshots in
//! and settle the ledger. Nothing here opens a connection, decides a verdict's exit code, or
//! formats for a person.

mod counts;
mod encoded;
mod events;
mod examples;
mod fate;
mod feeds;
mod findings;
mod hist;
mod judge;
mod ledger;
mod live;
mod message;
mod order;
mod recorder;
mod recovery;
mod resources;
mod series;
mod settler;
mod slots;
mod snapshot;
mod spread;
mod taken;
mod totals;
mod window;

pub use counts::{CloseKey, Closes, Counts, EXAMPLE_MAX, ErrorEntry, ErrorKey, Errors};
pub use encoded::{decode, encode};
pub use examples::{Example, ExampleOf, Examples};
pub use feeds::{Feeds, Numbered};
pub use findings::{FINDINGS_PER_KIND_MAX, Finding, FindingKind, Findings};
pub use hist::{Hist, HistKey, Histograms, value_at, value_at_share};
pub use judge::{Outcome, judge, part, percentile_has_enough, resource_figure, samples_needed};
pub use ledger::{LedgerPart, MemberChange, MemberEvent, Published};
pub use live::{Live, LiveLatency};
pub use message::MessageId;
pub use order::{Arrival, Order};
pub use recorder::{FrameKind, Recorder};
pub use recovery::{Failure, Moment, OUTAGE, Recoveries, Recovery, RecoveryEvent};
pub use resources::{Peaks, Resources, Still, Used};
pub use series::{Point, Series};
pub use settler::Settled;
pub use snapshot::{Snapshot, Standing, WorkerHealth};
pub use spread::{SpreadBySize, SpreadOfSize};
pub use taken::Taken;
pub use totals::{Totals, WorkerTotals};
pub use window::{WINDOW_MAX_US, WINDOW_US};
