//! Random streams: one for each use, so that drawing more of one never shifts another.

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

pub(super) const ROOMS: u64 = 1;
pub(super) const PUBLISHES: u64 = 2;
pub(super) const CHURN: u64 = 3;
pub(super) const FAULTS: u64 = 4;
pub(super) const SAMPLE: u64 = 5;
/// Backoff jitter; the only stream whose draws depend on what the server does.
pub(super) const BACKOFF: u64 = 6;
pub(super) const USERS: u64 = 7;
pub(super) const ACTIONS: u64 = 8;

/// The generator of one stream's one item. PCG because its output is specified and portable.
pub(super) fn rng(seed: u64, stream: u64, item: u64) -> Pcg64Mcg {
    // SplitMix64's finaliser spreads neighbouring items over the whole seed space.
    let mut mixed = seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ item.rotate_left(32);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Pcg64Mcg::seed_from_u64(mixed ^ (mixed >> 31))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scenario that is kept with its seed is the same run in later versions too.
    #[test]
    fn where_a_stream_begins_never_changes() {
        for (seed, stream, item, mixed) in [
            (0, 0, 0, 0),
            (7, ROOMS, 0, 0xf75f_04cb_b5a1_a1dd),
            (7, ROOMS, 1, 0x6d03_8b95_1793_8b91),
            (7, PUBLISHES, 1, 0xb687_8975_0763_8e8d),
            (8, ROOMS, 1, 0xe136_9f18_af28_dffc),
            (i64::MAX as u64, ACTIONS, 1 << 32 | 5, 0x6d8c_460d_f7df_91a4),
        ] {
            let expected = Pcg64Mcg::seed_from_u64(mixed);
            assert_eq!(rng(seed, stream, item), expected, "{seed} {stream} {item}");
        }
    }
}
