//! What arbitrary bytes may cost: no codec panics at them, and none reserves what they announce.

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::Message;

use super::fuzz::{self, strategies};
use super::{CodecKind, Content, ServerMessage};
use crate::machine::alloc;

/// Decoding allocates at most this many times the frame's length, and something for an error's
/// text and a list of reactions.
const ALLOCATED_TIMES: u64 = 16;
const ALLOCATED_BESIDE: u64 = 16 << 10;

fn decodes_within_bounds(kind: CodecKind, frame: &Message) {
    for decode in [
        |kind: CodecKind, frame: &Message| drop(kind.codec().decode_client(frame)),
        |kind: CodecKind, frame: &Message| drop(kind.codec().decode_server(frame)),
    ] {
        let ((), spent) = alloc::count(|| decode(kind, frame));
        let bytes = spent.expect("the tests' allocator counts").bytes;
        let most = ALLOCATED_TIMES * frame.len() as u64 + ALLOCATED_BESIDE;
        assert!(bytes <= most, "{}: {bytes} B for {} B", kind.name(), frame.len());
    }
}

#[test]
fn announced_lengths_reserve_nothing() {
    let huge: [&[u8]; 10] = [
        // msgpack: a map of 2^32 - 1; content that is text, bytes, a list of that length.
        b"\xdf\xff\xff\xff\xff\xa4type",
        b"\x82\xa4type\xa7Message\xa7content\xdb\xff\xff\xff\xff",
        b"\x82\xa4type\xa7Message\xa7content\xc6\xff\xff\xff\xff",
        b"\x82\xa4type\xa7Message\xa7content\x81\xa9reactions\xdd\xff\xff\xff\xff",
        // cbor: the same, of 2^64 - 1.
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x64type",
        b"\xa2\x64type\x67Message\x67content\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x67content\xa1\x69reactions\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        // postcard: a room, and reactions, of 2^64 - 1.
        b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x02\x01r\x02\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        // protobuf: a message of 2^64 - 1.
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ];
    for kind in CodecKind::ALL {
        for bytes in huge {
            let frame = fuzz::message(kind, bytes);
            assert!(kind.codec().decode_client(&frame).is_err(), "{} {bytes:02x?}", kind.name());
            decodes_within_bounds(kind, &frame);
        }
    }
}

#[test]
fn deep_nesting_ends_in_an_error_and_not_in_the_stack() {
    const DEPTH: usize = 200_000;
    let cases: [(CodecKind, &[u8], &[u8]); 5] = [
        (CodecKind::Json, b"{\"x\":", b"["),
        (CodecKind::Msgpack, b"\x81\xa1x", b"\x91"),
        (CodecKind::Cbor, b"\xa1\x61x", b"\x81"),
        (CodecKind::Cbor, b"\xa1\x61x", b"\x9f"),
        // Groups, the only thing that Protocol Buffers nests without a length.
        (CodecKind::Protobuf, b"", b"\x7b"),
    ];
    for (kind, start, nested) in cases {
        let frame = fuzz::message(kind, &[start, &nested.repeat(DEPTH)].concat());
        assert!(kind.codec().decode_client(&frame).is_err(), "{}", kind.name());
        decodes_within_bounds(kind, &frame);
    }
}

fn any_codec() -> impl Strategy<Value = CodecKind> {
    proptest::sample::select(&CodecKind::ALL[..])
}

/// Bytes that are near a message: one of them with a few bytes changed, or cut.
fn damaged(kind: CodecKind, from_server: bool) -> impl Strategy<Value = Vec<u8>> {
    let codec = kind.codec();
    let frame = if from_server {
        strategies::server().prop_map(move |message| codec.encode_server(&message)).boxed()
    } else {
        strategies::client().prop_map(move |message| codec.encode_client(&message)).boxed()
    };
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    (frame, changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(frame, changes, cut, cuts)| {
            let mut bytes = frame.into_data().to_vec();
            for (at, byte) in changes {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            if cuts && !bytes.is_empty() {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn frames_but_jsons_are_written_in_one_allocation(message in strategies::server()) {
        for kind in CodecKind::ALL {
            let bytes_of_json = matches!(
                (kind, &message),
                (CodecKind::Json, message)
                    if !matches!(message, ServerMessage::Message { content: Content::Binary(_), .. })
            );
            if !bytes_of_json {
                let (frame, spent) = alloc::count(|| kind.codec().encode_server(&message));
                let spent = spent.expect("the tests' allocator counts");
                // The second is a few bytes that `Bytes` needs to share a buffer with room left.
                prop_assert!(spent.calls <= 2, "{} {spent:?}: {frame:?}", kind.name());
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_stay_within_their_bound(
        kind in any_codec(),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        fuzz::frame(kind, &bytes);
        decodes_within_bounds(kind, &fuzz::message(kind, &bytes));
    }

    #[test]
    fn damaged_messages_never_panic_and_stay_within_their_bound(
        (kind, bytes) in (any_codec(), any::<bool>())
            .prop_flat_map(|(kind, server)| (Just(kind), damaged(kind, server))),
    ) {
        fuzz::frame(kind, &bytes);
        decodes_within_bounds(kind, &fuzz::message(kind, &bytes));
    }
}
