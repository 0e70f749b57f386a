//! What every message costs the generator before any socket: stamping, finding the stamp again,
//! recording, and the codecs. Most numbers are nanoseconds, so read them as a regression check;
//! what a delivery costs in the end is dominated by the kernel, which is not in here.
//!
//! `cargo bench --bench hot_path`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use uproar::codec::{ClientMessage, CodecKind, Content, ServerMessage};
use uproar::measure::{HistKey, Histograms, Order};
use uproar::metric::Metric;
use uproar::stamp::{Found, Stamp, scan, write_payload};

/// A short chat message: little more than its stamp.
const PAYLOAD_BYTES: usize = 64;
/// What the built-in server makes of it in JSON with a short room and user name.
const FRAME_BYTES: usize = 158;

fn stamp() -> Stamp {
    Stamp {
        run: 0x0abc_def1,
        publisher: 999,
        room: 49,
        seq: 7,
        due_us: 12_345_678,
        sent_us: 12_345_700,
        preflight: false,
    }
}

fn payload(bytes: usize) -> String {
    let mut payload = String::new();
    write_payload(&stamp(), bytes, &mut payload);
    payload
}

/// A delivery as JSON, padded to `FRAME_BYTES` in the room's name.
fn frame() -> Vec<u8> {
    let payload = payload(PAYLOAD_BYTES);
    let with_room = |room: &str| {
        format!(
            r#"{{"type":"Message","room":"{room}","username":"c999","content":"{payload}","timestamp":1767225600000}}"#
        )
    };
    let missing = FRAME_BYTES.saturating_sub(with_room("").len());
    let frame = with_room(&"r".repeat(missing)).into_bytes();
    assert_eq!(frame.len(), FRAME_BYTES);
    frame
}

fn stamps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stamp");
    let stamp = stamp();
    let mut out = String::with_capacity(PAYLOAD_BYTES);
    group.bench_function("write 64 B", |bencher| {
        bencher.iter(|| {
            out.clear();
            write_payload(black_box(&stamp), PAYLOAD_BYTES, &mut out);
            black_box(out.len())
        });
    });
    let frame = frame();
    group.throughput(Throughput::Bytes(FRAME_BYTES as u64));
    group.bench_function("scan 158 B of JSON", |bencher| {
        bencher.iter(|| {
            let mut intact = 0_u32;
            scan(black_box(&frame), |found| {
                intact += u32::from(matches!(found, Found::Intact(_)));
            });
            assert_eq!(intact, 1);
        });
    });
    let silent = vec![b'a'; FRAME_BYTES];
    group.bench_function("scan 158 B without one", |bencher| {
        bencher.iter(|| scan(black_box(&silent), |found| panic!("found {found:?}")));
    });
    group.finish();
}

fn recording(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    let key = HistKey { metric: Metric::Delivery, cohort: 0, phase: 1 };
    let mut histograms = Histograms::default();
    let mut us = 0_u64;
    group.bench_function("a latency", |bencher| {
        bencher.iter(|| {
            // Spread over the buckets that deliveries use, so that the cache is not flattered.
            us = (us * 25_214_903_917 + 11) % 50_000;
            histograms.record(black_box(key), us);
        });
    });
    let mut order = Order::default();
    let mut seq = 0_u32;
    group.bench_function("an arrival's order", |bencher| {
        bencher.iter(|| {
            seq = seq.wrapping_add(1).max(1);
            black_box(order.hear(black_box(seq)))
        });
    });
    group.finish();
}

fn codecs(criterion: &mut Criterion) {
    let content = payload(PAYLOAD_BYTES);
    let publish = ClientMessage::Message {
        room: "uproar-1fe3ed0-7".into(),
        content: Content::Text(content.as_str().into()),
    };
    let delivery = ServerMessage::Message {
        room: "uproar-1fe3ed0-7".into(),
        username: "c999".into(),
        content: Content::Text(content.as_str().into()),
        timestamp_ms: 1_767_225_600_000,
    };
    for kind in CodecKind::ALL {
        let codec = kind.codec();
        let mut group = criterion.benchmark_group(format!("codec {}", kind.name()));
        group.bench_function("client encodes a message", |bencher| {
            bencher.iter(|| codec.encode_client(black_box(&publish)));
        });
        let sent = codec.encode_client(&publish);
        group.bench_function("server decodes it", |bencher| {
            bencher.iter(|| codec.decode_client(black_box(&sent)).map(black_box).is_ok());
        });
        group.bench_function("server encodes a delivery", |bencher| {
            bencher.iter(|| codec.encode_server(black_box(&delivery)));
        });
        let received = codec.encode_server(&delivery);
        group.bench_function("client decodes it", |bencher| {
            bencher.iter(|| codec.decode_server(black_box(&received)).map(black_box).is_ok());
        });
        group.finish();
    }
}

criterion_group!(benches, stamps, recording, codecs);
criterion_main!(benches);
