//! The figures against known faults: a server that misbehaves on purpose and logs what it did,
//! the whole pipeline run against it, and the report compared with the log.

mod connecting;
mod faulty;
mod feed;
mod joins;
mod losses;
mod one_by_one;
mod payloads;
mod resets;
mod run;
mod sent_home;
mod shapes;
mod slow;
mod spread;
mod timing;
