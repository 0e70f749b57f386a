//! A chat server of known faults. It reads the stamps of what it relays, asks a rule what to do
//! with each delivery, and logs everything it does. No test lives here.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use uproar::codec::{ClientMessage, CodecKind, Content, ServerMessage};
use uproar::stamp::{self, Found, Stamp};

/// One message on its way to one receiver.
pub(super) struct Delivery<'a> {
    pub(super) stamp: Stamp,
    /// The plan's number of the receiving client.
    pub(super) receiver: u32,
    pub(super) payload: &'a str,
}

/// What to do with a delivery.
pub(super) enum Act {
    Pass,
    Drop,
    Twice,
    /// Deliver the publisher's next message to this receiver first.
    Swap,
    /// Deliver this payload instead.
    Change(String),
    /// Deliver this payload too.
    Also(String),
    /// Deliver the payload as it is, without a message around it.
    Bare,
}

type Rule = Box<dyn Fn(&Delivery<'_>) -> Act + Send + Sync>;
type Delay = Box<dyn Fn(&Delivery<'_>) -> Duration + Send + Sync>;

/// What the server does wrong. The default does nothing wrong.
pub(super) struct Faults {
    pub(super) rule: Rule,
    /// `Joined` is sent so long after deliveries have begun.
    pub(super) joined_after: Duration,
    /// The upgrade is answered so long after the connection was accepted.
    pub(super) upgraded_after: Duration,
    /// Joins are read and never answered.
    pub(super) never_joins: bool,
    /// `Leave` is answered and otherwise ignored.
    pub(super) keeps_leavers: bool,
    /// A joiner gets the room's messages that were sent this long before its newest.
    pub(super) history_older_than_us: Option<u64>,
    /// From the first message that is due at or after the first, everything stands still for
    /// the second.
    pub(super) freeze: Option<(u64, Duration)>,
    /// Each member of a room gets everything so much later than the one that joined before it;
    /// the first one at once.
    pub(super) each_later: Duration,
    /// Everything that is said arrives so much later, in order.
    pub(super) delay: Duration,
    /// Each delivery so much later, whatever is before it; swaps nothing by itself.
    pub(super) delays: Option<Delay>,
    /// Connections of clients with a number divisible by the first are closed with 1012 once they
    /// were sent as many frames as the second says.
    pub(super) closes: Option<(u32, u64)>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rule: Box::new(|_| Act::Pass),
            joined_after: Duration::ZERO,
            upgraded_after: Duration::ZERO,
            never_joins: false,
            keeps_leavers: false,
            history_older_than_us: None,
            freeze: None,
            each_later: Duration::ZERO,
            delay: Duration::ZERO,
            delays: None,
            closes: None,
        }
    }
}

/// A delivery that something was done to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged {
    pub(super) stamp: Stamp,
    pub(super) receiver: u32,
}

/// What the server saw of a client's comings and goings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Joined {
        room: String,
    },
    Left {
        room: String,
    },
    /// The client closed its connection.
    Closed,
    /// The connection ended otherwise, or was closed by the server.
    Failed,
}

/// Everything the server did. The preflight client is left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// Messages taken from publishers.
    pub(super) messages: u64,
    /// Members at the time, summed over messages.
    pub(super) expected: u64,
    /// Connections on which each client joined.
    pub(super) joins: BTreeMap<u32, u64>,
    pub(super) dropped: Vec<Logged>,
    pub(super) doubled: Vec<Logged>,
    /// The earlier message of each pair that changed places.
    pub(super) swapped: Vec<Logged>,
    pub(super) changed: Vec<Logged>,
    pub(super) added: Vec<Logged>,
    /// Delivered to a member before it was told that it is one.
    pub(super) before_joined: u64,
    /// Delivered to somebody who had left.
    pub(super) to_leavers: u64,
    pub(super) history: u64,
    pub(super) freezes: u64,
    /// By time on the server's clock, in microseconds.
    pub(super) seen: Vec<(u64, u32, Seen)>,
    /// Every message taken from a publisher, by publisher, room and number.
    pub(super) taken: BTreeMap<(u32, String, u32), Stamp>,
    /// Names by the plan's number.
    pub(super) room_names: BTreeMap<u32, String>,
    /// When the message was sent that overtook, for each in `swapped`.
    pub(super) overtaken_us: Vec<u64>,
    /// How far the server's clock is ahead of the run's, at most.
    pub(super) ahead_us: Option<u64>,
    /// Connections that the server closed.
    pub(super) closes: u64,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    faults: Faults,
    state: Mutex<State>,
    frozen: watch::Sender<bool>,
    froze: AtomicBool,
    began: Instant,
}

#[derive(Default)]
struct State {
    rooms: HashMap<String, Room>,
    connections: u64,
    log: Log,
}

#[derive(Default)]
struct Room {
    members: Vec<Member>,
    /// What was said.
    history: Vec<(Stamp, Message)>,
}

/// At once, or when its time has come.
type Ways<'a> = (
    &'a mpsc::UnboundedSender<Message>,
    &'a mpsc::UnboundedSender<(tokio::time::Instant, Message)>,
);

struct Member {
    connection: u64,
    /// `None` for the preflight client.
    client: Option<u32>,
    out: mpsc::UnboundedSender<Message>,
    /// What is sent when its time has come.
    slow: mpsc::UnboundedSender<(tokio::time::Instant, Message)>,
    told: bool,
    left: bool,
    /// By publisher: the message that waits for the next one to overtake it.
    waiting: HashMap<u32, (Logged, Message)>,
}

impl Member {
    fn kept_waiting(&self) -> impl Iterator<Item = Logged> {
        self.waiting.values().map(|(logged, _)| *logged)
    }
}

impl Room {
    fn remove(&mut self, log: &mut Log, unwanted: impl Fn(&Member) -> bool) {
        self.members.retain(|member| {
            if unwanted(member) {
                log.dropped.extend(member.kept_waiting());
            }
            !unwanted(member)
        });
    }
}

impl Server {
    pub(super) async fn start(faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            faults,
            state: Mutex::default(),
            frozen: watch::Sender::new(false),
            froze: AtomicBool::new(false),
            began: Instant::now(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, shared, task }
    }

    pub(super) fn log(&self) -> Log {
        let state = self.shared.state.lock().unwrap();
        let mut log = state.log.clone();
        // What nothing came to overtake was never delivered.
        let members = state.rooms.values().flat_map(|room| &room.members);
        log.dropped.extend(members.flat_map(Member::kept_waiting));
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn encode(message: &ServerMessage<'_>) -> Message {
    CodecKind::Json.codec().encode_server(message)
}

/// Upgrades, taking the client's subprotocol.
pub(super) async fn upgrade(
    stream: TcpStream,
) -> Option<tokio_tungstenite::WebSocketStream<TcpStream>> {
    stream.set_nodelay(true).ok()?;
    #[expect(clippy::result_large_err, reason = "the handshake's callback is typed so")]
    let agree = |request: &Request, mut response: Response| {
        if let Some(wanted) = request.headers().get("Sec-WebSocket-Protocol") {
            response.headers_mut().insert("Sec-WebSocket-Protocol", wanted.clone());
        }
        Ok(response)
    };
    accept_hdr_async(stream, agree).await.ok()
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    tokio::time::sleep(shared.faults.upgraded_after).await;
    let Some(mut ws) = upgrade(stream).await else { return };
    let (out, mut outgoing) = mpsc::unbounded_channel();
    let (slow, mut waiting) = mpsc::unbounded_channel();
    let sooner = out.clone();
    tokio::spawn(async move {
        while let Some((at, frame)) = waiting.recv().await {
            tokio::time::sleep_until(at).await;
            if sooner.send(frame).is_err() {
                break;
            }
        }
    });
    let connection = {
        let mut state = shared.state.lock().unwrap();
        state.connections += 1;
        state.connections
    };
    let mut frozen = shared.frozen.subscribe();
    let mut client: Option<u32> = None;
    let mut delivered = 0;
    let mut end = Seen::Failed;
    loop {
        tokio::select! {
            frame = ws.next() => {
                frozen.wait_for(|frozen| !frozen).await.unwrap();
                let Some(Ok(frame)) = frame else { break };
                if frame.is_close() {
                    end = Seen::Closed;
                }
                match CodecKind::Json.codec().decode_client(&frame) {
                    Ok(ClientMessage::Join { room, username }) => {
                        // The preflight client goes by a number too, and is in no figure.
                        let counts = !room.ends_with("-preflight");
                        let number = username.strip_prefix('u').filter(|_| counts);
                        client = number.and_then(|n| n.parse().ok());
                        shared.join(&room, connection, client, (&out, &slow));
                    }
                    Ok(ClientMessage::Leave { room }) => {
                        shared.leave(&room, connection, client, &out);
                    }
                    Ok(ClientMessage::Message { room, content: Content::Text(payload) }) => {
                        shared.publish(&room, client, &payload);
                    }
                    _ => {}
                }
            }
            Some(first) = outgoing.recv() => {
                frozen.wait_for(|frozen| !frozen).await.unwrap();
                let mut fed = ws.feed(first).await;
                delivered += 1;
                let closes = shared.faults.closes.filter(|(n, _)| client.is_some_and(|c| c % n == 0));
                let is_last = |delivered| closes.is_some_and(|(_, after)| delivered >= after);
                while !is_last(delivered)
                    && let (Ok(()), Ok(next)) = (&fed, outgoing.try_recv())
                {
                    fed = ws.feed(next).await;
                    delivered += 1;
                }
                if fed.is_err() || ws.flush().await.is_err() {
                    break;
                }
                if is_last(delivered) {
                    shared.state.lock().unwrap().log.closes += 1;
                    let frame = CloseFrame { code: 1012.into(), reason: "restarting".into() };
                    let _ = ws.close(Some(frame)).await;
                    // What still comes is read and not taken, so that our end is no reset.
                    while let Some(Ok(_)) = ws.next().await {}
                    break;
                }
            }
        }
    }
    let mut state = shared.state.lock().unwrap();
    let State { rooms, log, .. } = &mut *state;
    shared.saw(log, client, end);
    for room in rooms.values_mut() {
        room.remove(log, |member| member.connection == connection);
    }
}

impl Shared {
    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap()
    }

    fn saw(&self, log: &mut Log, client: Option<u32>, seen: Seen) {
        if let Some(client) = client {
            log.seen.push((self.now_us(), client, seen));
        }
    }

    fn join(
        self: &Arc<Self>,
        room: &str,
        connection: u64,
        client: Option<u32>,
        (out, slow): Ways<'_>,
    ) {
        if self.faults.never_joins {
            return;
        }
        let mut state = self.state.lock().unwrap();
        let State { rooms, log, .. } = &mut *state;
        let there = rooms.entry(room.to_owned()).or_default();
        there.remove(log, |member| member.connection == connection);
        self.saw(log, client, Seen::Joined { room: room.to_owned() });
        let told = self.faults.joined_after.is_zero() || client.is_none();
        there.members.push(Member {
            connection,
            client,
            out: out.clone(),
            slow: slow.clone(),
            told,
            left: false,
            waiting: HashMap::new(),
        });
        if let Some(client) = client {
            *log.joins.entry(client).or_default() += 1;
        }
        let joined = encode(&ServerMessage::Joined { room: room.into() });
        if told {
            let _ = out.send(joined);
        } else {
            let (shared, room, out) = (Arc::clone(self), room.to_owned(), out.clone());
            tokio::spawn(async move {
                tokio::time::sleep(shared.faults.joined_after).await;
                let mut state = shared.state.lock().unwrap();
                let members = state.rooms.get_mut(&room).into_iter().flat_map(|r| &mut r.members);
                for member in members.filter(|member| member.connection == connection) {
                    member.told = true;
                }
                let _ = out.send(joined);
            });
        }
        if let (Some(age_us), Some(newest_us)) = (
            self.faults.history_older_than_us.filter(|_| client.is_some()),
            there.history.iter().map(|(stamp, _)| stamp.sent_us).max(),
        ) {
            for (stamp, frame) in &there.history {
                if stamp.sent_us + age_us < newest_us {
                    log.history += 1;
                    let _ = out.send(frame.clone());
                }
            }
        }
    }

    fn leave(
        &self,
        room: &str,
        connection: u64,
        client: Option<u32>,
        out: &mpsc::UnboundedSender<Message>,
    ) {
        let mut state = self.state.lock().unwrap();
        let State { rooms, log, .. } = &mut *state;
        self.saw(log, client, Seen::Left { room: room.to_owned() });
        if let Some(room) = rooms.get_mut(room) {
            for member in &mut room.members {
                member.left |= member.connection == connection;
            }
            room.remove(log, |member| member.left && !self.faults.keeps_leavers);
        }
        let _ = out.send(encode(&ServerMessage::Left { room: room.into() }));
    }

    fn publish(self: &Arc<Self>, room: &str, author: Option<u32>, payload: &str) {
        let mut state = self.state.lock().unwrap();
        let State { rooms, log, .. } = &mut *state;
        let mut found = None;
        stamp::scan(payload.as_bytes(), |what| {
            assert!(found.replace(what).is_none(), "two stamps in {payload}");
        });
        let Some(Found::Intact(stamp)) = found else { panic!("no stamp in {payload}") };
        let frame = |payload: &str| {
            encode(&ServerMessage::Message {
                room: room.into(),
                username: format!("u{}", author.unwrap_or(0)).into(),
                content: Content::Text(payload.into()),
                timestamp_ms: 0,
            })
        };
        let Some(there) = rooms.get_mut(room) else { return };
        let intact = frame(payload);
        let mut each_later = Duration::ZERO;
        if !stamp.preflight {
            log.messages += 1;
            log.taken.insert((stamp.publisher, room.to_owned(), stamp.seq), stamp);
            log.room_names.entry(stamp.room).or_insert_with(|| room.to_owned());
            let ahead_us = self.now_us().saturating_sub(stamp.sent_us);
            log.ahead_us = Some(log.ahead_us.map_or(ahead_us, |least_us| least_us.min(ahead_us)));
        }
        for member in &mut there.members {
            let Some(receiver) = member.client.filter(|_| !stamp.preflight) else {
                let _ = member.out.send(intact.clone());
                continue;
            };
            if member.left {
                log.to_leavers += 1;
            } else {
                log.expected += 1;
            }
            log.before_joined += u64::from(!member.told);
            let logged = Logged { stamp, receiver };
            let overtaken = member.waiting.remove(&stamp.publisher);
            let delivery = Delivery { stamp, receiver, payload };
            let act = match (self.faults.rule)(&delivery) {
                // The second of a pair can't be the first of another, and has to arrive.
                _ if overtaken.is_some() => Act::Pass,
                act => act,
            };
            let own = self.faults.delays.as_ref().map_or(Duration::ZERO, |own| own(&delivery));
            let later = each_later + own;
            let delay = self.faults.delay;
            let send = |frame: Message| {
                if !delay.is_zero() {
                    let _ = member.slow.send((tokio::time::Instant::now() + delay, frame));
                    return;
                }
                if later.is_zero() {
                    let _ = member.out.send(frame);
                    return;
                }
                let out = member.out.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(later).await;
                    let _ = out.send(frame);
                });
            };
            match act {
                Act::Pass => send(intact.clone()),
                Act::Drop => log.dropped.push(logged),
                Act::Twice => {
                    log.doubled.push(logged);
                    send(intact.clone());
                    send(intact.clone());
                }
                Act::Swap => {
                    member.waiting.insert(stamp.publisher, (logged, intact.clone()));
                }
                Act::Change(payload) => {
                    log.changed.push(logged);
                    send(frame(&payload));
                }
                Act::Bare => {
                    log.changed.push(logged);
                    send(Message::text(payload));
                }
                Act::Also(payload) => {
                    log.added.push(logged);
                    send(intact.clone());
                    send(frame(&payload));
                }
            }
            if let Some((logged, frame)) = overtaken {
                log.swapped.push(logged);
                log.overtaken_us.push(stamp.sent_us);
                send(frame);
            }
            each_later += self.faults.each_later;
        }
        there.history.push((stamp, intact));
        drop(state);
        if let Some((at_us, length)) = self.faults.freeze
            && stamp.due_us >= at_us
            && !stamp.preflight
            && !self.froze.swap(true, Ordering::Relaxed)
        {
            self.frozen.send_replace(true);
            self.state.lock().unwrap().log.freezes += 1;
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(length).await;
                shared.frozen.send_replace(false);
            });
        }
    }
}
