//! `uproar codecs`: what each codec makes of a message, and what that takes on this machine.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use super::args::{CodecsArgs, CodecsFormat};
use super::{Failure, print};
use crate::codec::CodecKind;
use crate::codec::speed::{Cost, Speed, measure};
use crate::codec::workload::Case;
use crate::machine::host::Host;
use crate::report::Exit;
use crate::units::format::count;

pub(super) fn run(args: &CodecsArgs) -> Result<ExitCode, Failure> {
    let cases = Case::all();
    let all = cases.iter().flat_map(|case| CodecKind::ALL.map(|codec| measure(case, codec)));
    let page = Page {
        uproar: env!("CARGO_PKG_VERSION"),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        host: Host::this(),
        codecs: all.collect(),
    };
    let text = match args.format {
        CodecsFormat::Text => page.text(),
        CodecsFormat::Json => page.json()?,
    };
    print::stdout(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What is printed.
#[derive(Serialize)]
struct Page {
    uproar: &'static str,
    profile: &'static str,
    host: Host,
    /// Message by message, and of each codec by codec.
    codecs: Vec<Speed>,
}

impl Page {
    fn json(&self) -> Result<String, Failure> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| {
            Failure::message(Exit::Internal, format!("could not write JSON: {error}"), "")
        })?;
        text.push('\n');
        Ok(text)
    }

    /// A table of at most 90 columns, with a block for each message.
    fn text(&self) -> String {
        let mut text = String::new();
        if self.profile == "debug" {
            text.push_str("A debug build: these figures are of no use. Build with --release.\n\n");
        }
        for block in
            self.codecs.chunk_by(|a, b| (a.message, a.size_bytes) == (b.message, b.size_bytes))
        {
            if let Some(first) = block.first() {
                let size = first.size_bytes.map(|size| format!(", {}", whole_bytes(size)));
                let title = format!("{}{}", first.message, size.unwrap_or_default());
                line(&mut text, [&title, "frame", "encode", "", "allocs", "decode", "", "allocs"]);
            }
            for Speed { codec, frame_bytes, encode, decode, .. } in block {
                let frame = format!("{} B", count(*frame_bytes as u64));
                let [encode_ns, encode_mb, encode_allocs] = cells(encode);
                let [decode_ns, decode_mb, decode_allocs] = cells(decode);
                let name = format!("  {codec}");
                line(
                    &mut text,
                    [
                        &name,
                        &frame,
                        &encode_ns,
                        &encode_mb,
                        &encode_allocs,
                        &decode_ns,
                        &decode_mb,
                        &decode_allocs,
                    ],
                );
            }
            text.push('\n');
        }
        text.push_str(
            "A message of each kind and size as the server delivers it (a join: as a client sends \
             it),\non one core. MB/s count the message's own fields, which are the same for every \
             codec, and\nallocs the calls that gave memory. json sends bytes as binary does.\n",
        );
        text
    }
}

/// A size that is a whole number of its unit.
fn whole_bytes(bytes: usize) -> String {
    if bytes.is_multiple_of(1_024) {
        format!("{} KiB", bytes / 1_024)
    } else {
        format!("{bytes} B")
    }
}

/// Time, throughput, allocations.
fn cells(cost: &Cost) -> [String; 3] {
    // What is only borrowed takes no time for its size, and would burst the column.
    let rate = match cost.mb_per_s {
        mb if mb < 99_999.5 => format!("{} MB/s", count(mb.round() as u64)),
        mb => format!("{} GB/s", count((mb / 1e3).round() as u64)),
    };
    let allocations = cost.allocations.map_or_else(|| "-".to_owned(), count);
    [format!("{} ns", count(cost.ns.round() as u64)), rate, allocations]
}

fn line(text: &mut String, cells: [&str; 8]) {
    let [name, frame, encode, encode_rate, encode_allocs, decode, decode_rate, decode_allocs] =
        cells;
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "{name:<20}{frame:>9}{encode:>11}{encode_rate:>13}{encode_allocs:>7}{decode:>11}\
         {decode_rate:>12}{decode_allocs:>7}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_block_a_message_and_at_most_90_columns() {
        let cost = |ns: f64, allocations| Cost { ns, mb_per_s: 1e6 / ns, allocations };
        let speed = |message, size_bytes, codec, frame_bytes| Speed {
            message,
            size_bytes,
            codec,
            field_bytes: 1_052,
            frame_bytes,
            encode: cost(1.6, Some(1)),
            decode: cost(123_456.0, None),
        };
        let page = Page {
            uproar: "1.2.3",
            profile: "release",
            host: Host::default(),
            codecs: vec![
                speed("structured", Some(64 << 10), "json", 123_456),
                speed("structured", Some(64 << 10), "protobuf", 65_536),
                speed("join", None, "json", 60),
            ],
        };
        let text = page.text();
        assert!(text.lines().all(|line| line.chars().count() <= 90), "{text}");
        insta::assert_snapshot!(text);
    }
}
