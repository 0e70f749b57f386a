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
