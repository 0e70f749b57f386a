//! Our Protocol Buffers by hand against those that prost derives.

use proptest::prelude::*;
use prost::Message as _;
use tokio_tungstenite::tungstenite::Message;

use super::fuzz::strategies;
use super::{CodecKind, Content, Reaction, ServerMessage};

/// What one would get from `uproar.proto` with prost's own code generator, in as much as a test
/// needs it.
mod types {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Server {
        #[prost(oneof = "server::Message", tags = "1, 2, 3, 4, 5, 6")]
        pub(super) message: Option<server::Message>,
    }

    pub(super) mod server {
        #[derive(Clone, PartialEq, prost::Oneof)]
        pub(in super::super) enum Message {
            #[prost(message, tag = "1")]
            Joined(super::Room),
            #[prost(message, tag = "2")]
            Left(super::Room),
            #[prost(message, tag = "3")]
            Delivery(super::Delivery),
            #[prost(message, tag = "4")]
            Pong(super::Pong),
            #[prost(message, tag = "5")]
            Error(super::Room),
            #[prost(message, tag = "6")]
            Feed(super::Feed),
        }
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Room {
        #[prost(string, tag = "1")]
        pub(super) room: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Pong {}

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Feed {
        #[prost(uint64, tag = "1")]
        pub(super) seq: u64,
        #[prost(uint64, tag = "2")]
        pub(super) timestamp_ms: u64,
        #[prost(double, tag = "3")]
        pub(super) value: f64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Delivery {
        #[prost(string, tag = "1")]
        pub(super) room: String,
        #[prost(oneof = "delivery::Content", tags = "2, 3, 4")]
        pub(super) content: Option<delivery::Content>,
        #[prost(string, tag = "5")]
        pub(super) username: String,
        #[prost(uint64, tag = "6")]
        pub(super) timestamp_ms: u64,
    }

    pub(super) mod delivery {
        #[derive(Clone, PartialEq, prost::Oneof)]
        pub(in super::super) enum Content {
            #[prost(string, tag = "2")]
            Text(String),
            #[prost(bytes = "vec", tag = "3")]
            Binary(Vec<u8>),
            #[prost(message, tag = "4")]
            Post(super::Post),
        }
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Post {
        #[prost(uint64, tag = "1")]
        pub(super) id: u64,
        #[prost(string, tag = "2")]
        pub(super) author: String,
        #[prost(uint64, tag = "3")]
        pub(super) sent_ms: u64,
        #[prost(uint64, optional, tag = "4")]
        pub(super) reply_to: Option<u64>,
        #[prost(bool, tag = "5")]
        pub(super) edited: bool,
        #[prost(message, repeated, tag = "6")]
        pub(super) reactions: Vec<Reaction>,
        #[prost(string, tag = "7")]
        pub(super) text: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Reaction {
        #[prost(string, tag = "1")]
        pub(super) emoji: String,
        #[prost(uint32, tag = "2")]
        pub(super) count: u32,
    }
}

/// A message as the derived types have it.
fn derived_of(message: &ServerMessage<'_>) -> types::Server {
    use types::delivery::Content as DerivedContent;
    use types::server::Message as Derived;

    let room = |room: &str| types::Room { room: room.to_owned() };
    let message = match message {
        ServerMessage::Joined { room: name } => Derived::Joined(room(name)),
        ServerMessage::Left { room: name } => Derived::Left(room(name)),
        ServerMessage::Pong => Derived::Pong(types::Pong {}),
        ServerMessage::Error { reason } => Derived::Error(room(reason)),
        ServerMessage::Feed { seq, timestamp_ms, value } => {
            Derived::Feed(types::Feed { seq: *seq, timestamp_ms: *timestamp_ms, value: *value })
        }
        ServerMessage::Message { room, username, content, timestamp_ms } => {
            let content = match content.clone() {
                Content::Text(text) => DerivedContent::Text(text.into_owned()),
                Content::Binary(bytes) => DerivedContent::Binary(bytes.into_owned()),
                Content::Post(post) => DerivedContent::Post(types::Post {
                    id: post.id,
                    author: post.author.into_owned(),
                    sent_ms: post.sent_ms,
                    reply_to: post.reply_to,
                    edited: post.edited,
                    reactions: post
                        .reactions
                        .into_iter()
                        .map(|Reaction { emoji, count }| types::Reaction {
                            emoji: emoji.into_owned(),
                            count,
                        })
                        .collect(),
                    text: post.text.into_owned(),
                }),
            };
            Derived::Delivery(types::Delivery {
                room: room.to_string(),
                content: Some(content),
                username: username.to_string(),
                timestamp_ms: *timestamp_ms,
            })
        }
    };
    types::Server { message: Some(message) }
}

proptest! {
    #[test]
    fn what_prost_derives_reads_and_writes_the_same(message in strategies::server()) {
        let codec = CodecKind::Protobuf.codec();
        let ours = codec.encode_server(&message);
        let theirs = derived_of(&message);
        prop_assert_eq!(&types::Server::decode(ours.clone().into_data()).unwrap(), &theirs);
        let frame = Message::binary(theirs.encode_to_vec());
        prop_assert_eq!(codec.decode_server(&frame), Ok(message));
    }
}
