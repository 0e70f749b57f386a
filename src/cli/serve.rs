//! `uproar serve`: the built-in server as a process. It only translates the command line and the
//! process's signals; serving is `crate::server`'s.

mod tls;

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::failure::listening_exit;
use super::signals::Hangup;
use super::{Failure, print};
use crate::machine::cores::keep_to;
use crate::machine::host::cores;
use crate::machine::limits::raise_open_files;
use crate::protocol::ProtocolKind;
use crate::report::Exit;
use crate::server::{self, ServerConfig, ServerStats, SlowConsumer};
use crate::units::parse;

/// Runs the built-in server until Ctrl-C, SIGTERM, SIGHUP or a parent says stop.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one. Other machines reach it only if
    /// the address says so, for example 0.0.0.0:9001.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9001")]
    listen: SocketAddr,

    /// What the server does: chat rooms; echo to the sender; broadcast to everyone; or a feed of
    /// numbered events.
    #[arg(long, default_value = "rooms", value_parser = mode())]
    mode: ProtocolKind,

    /// Worker threads. Default: half the cores, at least 1, because the load generator needs the
    /// others.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Between two events of a feed, for example 100ms or 1s.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = parse::duration)]
    feed_interval: Duration,

    /// The longest message; a longer one closes its connection with 1009. KiB is 1024 bytes.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = parse::bytes)]
    max_message: u64,

    /// Open connections; one more is answered 503.
    #[arg(long, value_name = "N", default_value_t = ServerConfig::default().max_connections)]
    max_connections: usize,

    /// Rooms that have members; a Join that would need one more gets an Error.
    #[arg(long, value_name = "N", default_value_t = ServerConfig::default().max_rooms)]
    max_rooms: usize,

    /// Deliveries that may wait for one connection.
    #[arg(long, value_name = "N", default_value_t = ServerConfig::default().queue_messages)]
    queue_messages: usize,

    /// Bytes of deliveries that may wait for one connection.
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = parse::bytes)]
    queue_bytes: u64,

    /// What happens when either is reached: the oldest or the newest delivery is dropped, or the
    /// reader disconnected with 1008. All are counted in /metrics.
    #[arg(long, value_name = "POLICY", default_value = "drop-oldest", value_parser = policy())]
    slow_consumer: SlowConsumer,

    /// The kernel's send buffer of a connection (SO_SNDBUF). With a large one the kernel hides a
    /// slow reader; with one under 40KiB messages over 64KiB wait 40 ms each. 0B leaves the
    /// system's default.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = parse::bytes)]
    send_buffer: u64,

    /// Close connections that send nothing, not even a ping, for so long. Default: never.
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    idle_timeout: Option<Duration>,

    #[command(flatten)]
    tls: tls::TlsArgs,

    /// For demonstrations: hold every outgoing message back for so long.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse::duration)]
    delay: Duration,

    /// For demonstrations: deliver no more than this in all, for example 20000/s; what is asked for beyond
    /// that waits in a queue that grows. Default: as much as it can.
    #[arg(long, value_name = "RATE", value_parser = parse::rate)]
    serves: Option<f64>,

    /// How much that differs from second to second, for example 10% (a standard deviation).
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = parse::percent,
          requires = "serves")]
    serves_jitter: f64,

    /// For demonstrations: lose this share of deliveries, for example 1%.
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = parse::percent)]
    loss: f64,

    /// Which deliveries are lost; the same seed and order of connections lose the same.
    #[arg(long, value_name = "N", default_value_t = 0)]
    loss_seed: u64,

    /// For demonstrations: stop reading and writing every so often. Default: never.
    #[arg(long, value_name = "TIME", value_parser = parse::duration, requires = "stall_for")]
    stall_every: Option<Duration>,

    /// For so long; less than --stall-every.
    #[arg(long, value_name = "TIME", value_parser = parse::duration, requires = "stall_every")]
    stall_for: Option<Duration>,

    /// End when standard input closes, and print nothing but the address. A parent that holds
    /// the other end of the pipe can't leave the server behind, however it ends.
    #[arg(long, hide = true)]
    exit_with_stdin: bool,

    /// Run on these cores only.
    #[arg(long, hide = true, value_delimiter = ',')]
    cores: Vec<usize>,
}

fn mode() -> impl clap::builder::TypedValueParser<Value = ProtocolKind> {
    PossibleValuesParser::new(ProtocolKind::ALL.map(ProtocolKind::name))
        .try_map(|name| ProtocolKind::from_name(&name).ok_or("no such mode"))
}

fn policy() -> impl clap::builder::TypedValueParser<Value = SlowConsumer> {
    PossibleValuesParser::new(SlowConsumer::ALL.map(SlowConsumer::name))
        .try_map(|name| SlowConsumer::from_name(&name).ok_or("no such policy"))
}

/// Serves until a signal, or the end of standard input, says stop.
pub(super) fn run(args: &ServeArgs) -> Result<ExitCode, Failure> {
    let mut config = config(args)?;
    let tls = tls::tls(&args.tls, args.listen)?;
    config.tls = tls.as_ref().map(|tls| tls.server.clone());
    let certificate = tls.and_then(|tls| tls.printed);
    // Before there are other threads, which inherit it.
    keep_to(&args.cores);
    // Every connection is a file, and the soft limit is often 1,024. Best effort: what is refused
    // for want of files is counted by the server.
    let _ = raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads.map_or_else(default_threads, usize::from))
        .thread_name("uproar-serve")
        .enable_all()
        .build()
        .map_err(|error| internal(format!("can't start the server's threads: {error}"), ""))?;
    let stats = runtime.block_on(serve(args, config, certificate.as_deref()))?;
    if !args.exit_with_stdin {
        print::stderr(&format!("{}\n", farewell(&stats)));
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    args: &ServeArgs,
    config: ServerConfig,
    certificate: Option<&str>,
) -> Result<ServerStats, Failure> {
    let listener = server::bind(args.listen).map_err(|error| cannot_listen(args.listen, &error))?;
    let addr = listener.local_addr().map_err(|error| cannot_listen(args.listen, &error))?;
    // Before the address is out: whoever reads it may send a signal at once.
    let stop = stop(args.exit_with_stdin)
        .map_err(|error| internal(format!("can't listen for signals: {error}"), ""))?;
    let tls = config.tls.is_some();
    announce(addr, tls, certificate)
        .map_err(|error| internal(format!("can't write the address to stdout: {error}"), ""))?;
    if !args.exit_with_stdin {
        let mode = args.mode.name();
        let scheme = if tls { "https" } else { "http" };
        print::stderr(&format!(
            "mode {mode}, {scheme}://{addr}/healthz and /metrics, Ctrl-C stops\n"
        ));
    }
    server::serve(listener, config, stop)
        .await
        .map_err(|error| internal(format!("the server failed: {error}"), ""))
}

/// The first line on stdout: a parent process reads its port from it. After it a certificate that
/// clients may trust, if there is one to print.
fn announce(addr: SocketAddr, tls: bool, certificate: Option<&str>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let scheme = if tls { "wss" } else { "ws" };
    writeln!(stdout, "listening on {scheme}://{addr}")?;
    if let Some(certificate) = certificate {
        write!(stdout, "{certificate}")?;
    }
    stdout.flush()
}

/// Resolves at SIGINT, SIGTERM, SIGHUP and, if wanted, the end of standard input.
fn stop(with_stdin: bool) -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = Hangup::follow()?;
    let (ended, stdin_ended) = oneshot::channel();
    let watched = if with_stdin {
        go_on_without_parent();
        watch_stdin(ended)?;
        None
    } else {
        // Kept, or the channel's end would look like that of standard input.
        Some(ended)
    };
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = stdin_ended => {}
        }
        drop(watched);
    })
}

/// A parent that froze this process and died can't let it go on, and frozen it would not see the
/// end of its standard input.
fn go_on_without_parent() {
    #[cfg(target_os = "linux")]
    // It can only be refused for a signal that does not exist.
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGCONT);
}

/// On a thread of its own: a blocking read of standard input can't be cancelled, and the runtime
/// would wait for one of its own threads when it ends.
fn watch_stdin(ended: oneshot::Sender<()>) -> io::Result<()> {
    let watch = move || {
        let mut discarded = [0; 256];
        let mut stdin = io::stdin().lock();
        loop {
            match stdin.read(&mut discarded) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        // The server may have ended first.
        let _ = ended.send(());
    };
    std::thread::Builder::new().name("uproar-stdin".to_owned()).spawn(watch).map(drop)
}

fn default_threads() -> usize {
    (cores() as usize / 2).max(1)
}

fn config(args: &ServeArgs) -> Result<ServerConfig, Failure> {
    let over_zero = |name: &str, holds: bool| {
        if holds {
            Ok(())
        } else {
            let help = format!("give --{name} a value over 0, or leave it out");
            Err(Failure::message(Exit::Usage, format!("--{name} is 0"), help))
        }
    };
    over_zero("max-message", args.max_message > 0)?;
    over_zero("queue-messages", args.queue_messages > 0)?;
    over_zero("queue-bytes", args.queue_bytes > 0)?;
    over_zero("feed-interval", !args.feed_interval.is_zero())?;
    over_zero("serves", args.serves.is_none_or(|per_s| per_s > 0.0))?;
    if args.serves_jitter > 1.0 {
        let help = "write a share from 0% to 100%";
        return Err(Failure::message(Exit::Usage, "--serves-jitter is more than all", help));
    }
    if args.loss > 1.0 {
        let help = "write a share from 0% to 100%";
        return Err(Failure::message(Exit::Usage, "--loss is more than all", help));
    }
    let stall_for = args.stall_for.unwrap_or_default();
    if args.stall_every.is_some_and(|every| every <= stall_for) {
        return Err(Failure::message(
            Exit::Usage,
            "the server would stall without end",
            "make --stall-for shorter than --stall-every",
        ));
    }
    Ok(ServerConfig {
        mode: args.mode,
        feed_interval: args.feed_interval,
        max_message_bytes: to_usize(args.max_message),
        max_connections: args.max_connections,
        max_rooms: args.max_rooms,
        queue_messages: args.queue_messages,
        queue_bytes: to_usize(args.queue_bytes),
        slow_consumer: args.slow_consumer,
        send_buffer_bytes: (args.send_buffer > 0).then(|| to_usize(args.send_buffer)),
        idle_timeout: args.idle_timeout,
        delay: args.delay,
        serves_per_s: args.serves,
        serves_jitter: args.serves_jitter,
        loss: args.loss,
        loss_seed: args.loss_seed,
        stall_every: args.stall_every,
        stall_for,
        ..ServerConfig::default()
    })
}

/// More than the address space holds is as good as all of it.
fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn cannot_listen(addr: SocketAddr, error: &io::Error) -> Failure {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "something else listens there: stop it, choose another port, or let the system choose \
             with --listen 127.0.0.1:0"
        }
        io::ErrorKind::AddrNotAvailable => "the address must be one of this machine's own",
        io::ErrorKind::PermissionDenied => "ports under 1024 need privileges: choose a higher one",
        _ => "",
    };
    Failure::message(listening_exit(error), format!("can't listen on {addr}: {error}"), help)
}

fn internal(message: String, help: &str) -> Failure {
    Failure::message(Exit::Internal, message, help)
}

fn farewell(stats: &ServerStats) -> String {
    let dropped = stats.dropped_oldest + stats.dropped_newest + stats.dropped_disconnect;
    format!(
        "served {} connections: {} messages received, {} sent, {dropped} deliveries dropped",
        stats.connections_opened, stats.messages_received, stats.messages_sent
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn parsed(args: &[&str]) -> Result<ServeArgs, clap::Error> {
        Line::try_parse_from([&["serve"], args].concat()).map(|line| line.serve)
    }

    #[test]
    fn the_command_line_s_defaults_are_the_server_s() {
        let ours = config(&parsed(&[]).unwrap()).unwrap();
        assert_eq!(format!("{ours:?}"), format!("{:?}", ServerConfig::default()));
    }

    #[test]
    fn every_option_reaches_the_configuration() {
        let args = parsed(&[
            "--mode=feed",
            "--feed-interval=5ms",
            "--max-message=16MiB",
            "--max-connections=7",
            "--max-rooms=8",
            "--queue-messages=9",
            "--queue-bytes=10KiB",
            "--slow-consumer=disconnect",
            "--send-buffer=0B",
            "--idle-timeout=2s",
            "--delay=3ms",
            "--serves=20000/s",
            "--serves-jitter=10%",
            "--loss=1%",
            "--loss-seed=4",
            "--stall-every=10s",
            "--stall-for=1s",
        ])
        .unwrap();
        let config = config(&args).unwrap();
        assert_eq!(config.mode, ProtocolKind::Feed);
        assert_eq!(config.feed_interval, Duration::from_millis(5));
        assert_eq!(config.max_message_bytes, 16 << 20);
        assert_eq!((config.max_connections, config.max_rooms), (7, 8));
        assert_eq!((config.queue_messages, config.queue_bytes), (9, 10 << 10));
        assert_eq!(config.slow_consumer, SlowConsumer::Disconnect);
        assert_eq!(config.send_buffer_bytes, None);
        assert_eq!(config.idle_timeout, Some(Duration::from_secs(2)));
        assert_eq!(config.delay, Duration::from_millis(3));
        assert_eq!(config.serves_per_s, Some(20_000.0));
        assert!((config.serves_jitter - 0.1).abs() < 1e-12);
        assert!((config.loss - 0.01).abs() < 1e-12);
        assert_eq!(config.loss_seed, 4);
        assert_eq!(config.stall_every, Some(Duration::from_secs(10)));
        assert_eq!(config.stall_for, Duration::from_secs(1));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(parsed(&["--mode=chat"]).is_err());
        assert!(parsed(&["--stall-every=1s"]).is_err());
        assert!(parsed(&["--threads=0"]).is_err());
        for line in [
            &["--queue-messages=0"][..],
            &["--stall-every=1s", "--stall-for=2s"],
            &["--loss=100.1%"],
        ] {
            assert_eq!(config(&parsed(line).unwrap()).unwrap_err().exit, Exit::Usage);
        }
    }
}
