//! What encoding and decoding takes in each codec, with criterion's statistics: the functions and
//! messages of `uproar codecs`, whose figures agree with these.
//!
//! `cargo bench --bench codec`, or a part: `cargo bench --bench codec -- 'structured, 1024 B'`.
//! Throughput counts the message's own fields, which are the same for every codec.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use uproar::codec::CodecKind;
use uproar::codec::workload::Case;

fn codecs(criterion: &mut Criterion) {
    for case in Case::all() {
        let size = case.size_bytes.map(|size| format!(", {size} B")).unwrap_or_default();
        let mut group = criterion.benchmark_group(format!("{}{size}", case.kind));
        group.throughput(Throughput::Bytes(case.field_bytes() as u64));
        for codec in CodecKind::ALL {
            let frame = case.encode(codec);
            group.bench_function(format!("{} encodes", codec.name()), |bencher| {
                bencher.iter(|| black_box(case.encode(codec)));
            });
            group.bench_function(format!("{} decodes", codec.name()), |bencher| {
                bencher.iter(|| black_box(case.decode(codec, &frame)));
            });
        }
        group.finish();
    }
}

/// 168 figures: half a second each is enough for what they are compared by.
fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
}

criterion_group! {
    name = benches;
    config = config();
    targets = codecs
}
criterion_main!(benches);
