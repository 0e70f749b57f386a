//! What the server counts, and its Prometheus text. It decides nothing.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// One counter or gauge.
///
/// Relaxed: a figure is read on its own, never to order other memory.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: u64) {
        // Spares the cache line on the hot path, where most counts of a fan-out are 0.
        if n > 0 {
            self.0.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(super) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    /// Adds one unless that would be over `max`.
    pub(super) fn add_one_up_to(&self, max: u64) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| (now < max).then(|| now + 1))
            .is_ok()
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of each figure its field, type, metric name, label and help. Rows of one name stand together.
macro_rules! metrics {
    ($($field:ident: $kind:literal $name:literal $label:literal $help:literal;)+) => {
        #[derive(Debug, Default)]
        pub(super) struct Metrics {
            $(pub(super) $field: Count,)+
        }

        /// What a server counted.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct ServerStats {
            $(#[doc = $help] pub $field: u64,)+
        }

        impl Metrics {
            pub(super) fn stats(&self) -> ServerStats {
                ServerStats { $($field: self.$field.get(),)+ }
            }
        }

        impl ServerStats {
            /// The Prometheus text exposition format.
            pub(super) fn prometheus(&self) -> String {
                let mut page = Page::default();
                $(page.figure($kind, $name, $label, $help, self.$field);)+
                page.text
            }
        }
    };
}

metrics! {
    connections: "gauge" "connections" "" "WebSocket connections now open.";
    rooms: "gauge" "rooms" "" "Rooms that have members.";
    connections_opened: "counter" "connections_opened_total" "" "WebSocket connections opened.";
    connections_refused: "counter" "connections_refused_total" "" "Connections over the limit.";
    handshakes_failed: "counter" "handshakes_failed_total" "" "Requests that were no good upgrade, or never ended.";
    tls_handshakes_failed: "counter" "tls_handshakes_failed_total" "" "TLS handshakes that failed, or took too long.";
    accept_errors: "counter" "accept_errors_total" "" "Connections the system would not hand over, mostly for want of open files.";
    panics: "counter" "panics_total" "" "Connections that ended in a bug of the server.";
    closed_by_peer: "counter" "connections_closed_total" r#"{by="peer"}"# "Connections that the peer closed.";
    closed_lost: "counter" "connections_closed_total" r#"{by="loss"}"# "Connections that broke without a close frame.";
    closed_protocol: "counter" "connections_closed_total" r#"{by="protocol_error"}"# "Connections closed for breaking the WebSocket protocol.";
    closed_too_big: "counter" "connections_closed_total" r#"{by="too_big"}"# "Connections closed for a message over the limit.";
    closed_idle: "counter" "connections_closed_total" r#"{by="idle"}"# "Connections closed for their silence.";
    closed_slow: "counter" "connections_closed_total" r#"{by="slow_consumer"}"# "Connections closed by the slow-consumer policy.";
    closed_shutdown: "counter" "connections_closed_total" r#"{by="shutdown"}"# "Connections closed because the server ended.";
    messages_received: "counter" "messages_received_total" "" "Text and binary messages received.";
    bytes_received: "counter" "bytes_received_total" "" "Payload bytes of messages received.";
    messages_sent: "counter" "messages_sent_total" "" "Text and binary messages written.";
    bytes_sent: "counter" "bytes_sent_total" "" "Payload bytes of messages written.";
    errors_sent: "counter" "errors_sent_total" "" "Messages answered with an Error.";
    deliveries: "counter" "deliveries_total" "" "Copies queued for a receiver.";
    dropped_oldest: "counter" "deliveries_dropped_total" r#"{policy="drop-oldest"}"# "Waiting deliveries that made room for newer ones.";
    dropped_newest: "counter" "deliveries_dropped_total" r#"{policy="drop-newest"}"# "New deliveries that found a full queue.";
    dropped_disconnect: "counter" "deliveries_dropped_total" r#"{policy="disconnect"}"# "Deliveries that ended a slow receiver's connection.";
    injected_losses: "counter" "injected_losses_total" "" "Deliveries, echoes and events that the injected loss took.";
}

#[derive(Default)]
struct Page {
    text: String,
    /// Help and type stand once a name, before its first label.
    name: &'static str,
}

impl Page {
    fn figure(&mut self, kind: &str, name: &'static str, label: &str, help: &str, value: u64) {
        // Writing into a `String` can't fail.
        if self.name != name {
            let _ = writeln!(self.text, "# HELP uproar_server_{name} {help}");
            let _ = writeln!(self.text, "# TYPE uproar_server_{name} {kind}");
            self.name = name;
        }
        let _ = writeln!(self.text, "uproar_server_{name}{label} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_figure_and_each_name_s_type_once() {
        let metrics = Metrics::default();
        metrics.dropped_newest.add(3);
        let page = metrics.stats().prometheus();
        assert!(page.starts_with(
            "# HELP uproar_server_connections WebSocket connections now open.\n\
             # TYPE uproar_server_connections gauge\n\
             uproar_server_connections 0\n"
        ));
        assert!(
            page.contains("\nuproar_server_deliveries_dropped_total{policy=\"drop-newest\"} 3\n")
        );
        let types: Vec<&str> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let mut unique = types.clone();
        unique.dedup();
        assert_eq!(types, unique);
        assert!(page.ends_with('\n'));
    }

    #[test]
    fn a_bounded_count_stops_at_its_bound() {
        let count = Count::default();
        assert!(count.add_one_up_to(1));
        assert!(!count.add_one_up_to(1));
        count.sub(1);
        assert!(count.add_one_up_to(1));
    }
}
