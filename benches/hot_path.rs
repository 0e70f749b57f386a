//! What every message costs the generator before any socket: stamping, finding the stamp again,
//! recording, the codecs, and what protocol files are made of. Most numbers are nanoseconds, so read them as a regression check;
//! what a delivery costs in the end is dominated by the kernel, which is not in here.
//!
//! `cargo bench --bench hot_path`

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio_tungstenite::tungstenite::Message;
use uproar::codec::{ClientMessage, CodecKind, Content, ServerMessage};
use uproar::measure::{HistKey, Histograms, Order};
use uproar::metric::Metric;
use uproar::protocol::matcher::{Condition, Matcher, Wanted};
use uproar::protocol::outbox::Outbox;
use uproar::protocol::pointer::Pointer;
use uproar::protocol::scope::{Captured, Names, Person, RoomName, Scope};
use uproar::protocol::send::{Piece, Send};
use uproar::protocol::template::Template;
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
    let mut seq = 0_u64;
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

/// A message with a payload of 128 B, as a template and finished.
fn publishes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish");
    let person = Person {
        client: 999,
        run: "1fe3ed0".into(),
        user: None,
        last_id: 0,
        setting: Arc::default(),
    };
    let captured = Captured::default();
    let room = Some(RoomName { name: "uproar-1fe3ed0-7", n: 7 });
    let early = Scope { room, ..Scope::of(&person, &captured) };
    let text = r#"{"type":"send","room":"{{ room | json }}","cid":{{ id }},"body":"{{ payload | json }}"}"#;
    let template = Template::parse(text, &Names::default()).expect("a template");
    let send = Send(vec![Piece::Text(template)]).fold(&early, &[]).expect("a room");
    let payload = payload(128);
    let scope = Scope { id: Some(12_345), payload: Some(payload.as_bytes()), ..early };
    let mut frames = Outbox::default();
    group.bench_function("from a template", |bencher| {
        bencher.iter(|| {
            send.frames(black_box(&scope), &mut frames).expect("nothing is missing");
            black_box(frames.pop_front())
        });
    });
    send.frames(&scope, &mut frames).expect("nothing is missing");
    let finished = frames.pop_front().expect("one frame").into_text().expect("text");
    group.bench_function("copy a finished message", |bencher| {
        bencher.iter(|| {
            frames.push_back(Message::text(black_box(finished.as_str()).to_owned()));
            black_box(frames.pop_front())
        });
    });
    group.finish();
}

/// A delivery of 250 B under a protocol with four matchers, none of which takes it.
fn deliveries(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("delivery");
    let delivery = |room: &str| {
        format!(
            r#"{{"type":"msg","room":"{room}","from":"c999","body":"{}"}}"#,
            payload(PAYLOAD_BYTES)
        )
    };
    let missing = 250_usize.saturating_sub(delivery("").len());
    let frame = delivery(&"r".repeat(missing)).into_bytes();
    assert_eq!(frame.len(), 250);
    let matchers = ["ack", "nack", "ping", "presence"].map(|kind| {
        let pointer = Pointer::parse(&["/type"]).expect("a pointer");
        let json = vec![(pointer, Wanted::Text(Template::literal(kind)))];
        Matcher::new(vec![Condition { json, ..Condition::default() }])
    });
    let find = |frame: &[u8]| {
        let mut intact = 0_u32;
        scan(frame, |found| intact += u32::from(matches!(found, Found::Intact(_))));
        assert_eq!(intact, 1);
    };
    group.bench_function("find among matchers", |bencher| {
        bencher.iter(|| {
            let frame = black_box(&frame);
            assert!(!matchers.iter().any(|matcher| matcher.may_match(frame)));
            find(frame);
        });
    });
    group.bench_function("find by the scan alone", |bencher| {
        bencher.iter(|| find(black_box(&frame)));
    });
    group.finish();
}

criterion_group!(benches, stamps, recording, codecs, publishes, deliveries);
criterion_main!(benches);
