//! What uproar costs beside the least that the same work can cost, in one run on one machine.
//!
//! `cargo bench --bench speed` prints one table. Its floors are small programs that do the same work
//! and measure nothing: a plain epoll client, a bare tokio client, and tokio-tungstenite alone. Each
//! side is a process of its own on a core of its own, and the server on the other. Sides take turns,
//! and a ratio is the median of the pairs. CPU time is `getrusage`'s, user and system.
//!
//! `-- --only echo --pairs 3` is a shorter look, `-- growth` another table: how costs grow. `-- --help`
//! says the rest. docs/performance.md holds
//! the tables and what they do not say. Nothing is asserted: figures are of this machine and minute.

#![expect(clippy::print_stdout, reason = "its table is what it is for")]
// Each is a program's only module tree: nothing is public beyond it.
#![allow(unreachable_pub)]

mod figures;
mod floor;
mod growth;
mod load;
mod process;
mod relay;
mod table;
mod work;

use clap::{Parser, Subcommand};

pub type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(about = "What uproar costs beside the least that the same work can cost")]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Turns of each side; the first figure of a table is their median
    #[arg(long, default_value_t = 11)]
    pairs: usize,
    /// Works to measure, by the first word of their names, separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// What cargo gives every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    /// What `cargo test --benches` gives: only whether it starts
    #[arg(long, hide = true)]
    test: bool,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// How what uproar costs grows with clients, rooms, payloads and time
    Growth(growth::Args),
    /// A client that does a work and measures nothing; the bench starts it
    #[command(hide = true)]
    Floor(floor::Args),
    /// A server that writes so many messages to a member at once
    #[command(hide = true)]
    Relay(relay::Args),
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    match args.part {
        Some(Part::Floor(args)) => floor::run(&args),
        Some(Part::Relay(args)) => relay::run(&args),
        Some(Part::Growth(args)) => growth::measure(&args),
        None if args.test => Ok(()),
        None => work::measure(args.pairs.max(1), &args.only),
    }
}
