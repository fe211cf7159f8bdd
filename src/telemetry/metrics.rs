//! Every number that the program counts, in one struct with a sentence each. It is handed down as
//! an `Arc`: there is no global registry. No label comes from outside the program.

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use prometheus_client::registry::Registry;

use crate::model::{Fact, Kind, Record, Seq};

/// Every number that the program counts.
#[derive(Debug)]
pub struct Metrics {
    /// Engines with an attached stream.
    pub engines_attached: Gauge,
    /// Executions that are not over.
    pub executions_live: Gauge,
    /// Events that engines have sent, each time that they sent them.
    pub events_received: Counter,
    /// Events that could not be kept and were replaced by a marker.
    pub events_rejected: Counter,
    /// Events whose number had been used for other bytes; the first ones stand.
    pub events_conflicting: Counter,
    /// Records that were appended to logs.
    pub records_appended: Counter,
    /// Decisions that were recorded, each vote counted.
    pub decisions_recorded: Counter,
    /// Commands that were recorded.
    pub commands_recorded: Counter,
    /// Viewers that came back with a position that the relay has lost: shown data is gone.
    pub positions_ahead: Counter,
    /// Times that accepting a connection failed, as it does without descriptors.
    pub accept_errors: Counter,
    viewers_connected: Family<Dialect, Gauge>,
    viewers_gone: Family<Reason, Counter>,
    connections_refused: Family<Reason, Counter>,
    certificate_reloads: Family<Outcome, Counter>,
    certificate_expiry_timestamp_seconds: Family<Door, Gauge>,
    registry: Registry,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dialect {
    dialect: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Door {
    door: &'static str,
}

impl Metrics {
    /// All at nothing.
    pub fn new() -> Self {
        let mut all = Self {
            engines_attached: Gauge::default(),
            executions_live: Gauge::default(),
            events_received: Counter::default(),
            events_rejected: Counter::default(),
            events_conflicting: Counter::default(),
            records_appended: Counter::default(),
            decisions_recorded: Counter::default(),
            commands_recorded: Counter::default(),
            positions_ahead: Counter::default(),
            accept_errors: Counter::default(),
            viewers_connected: Family::default(),
            viewers_gone: Family::default(),
            connections_refused: Family::default(),
            certificate_reloads: Family::default(),
            certificate_expiry_timestamp_seconds: Family::default(),
            registry: Registry::with_prefix("footplate"),
        };
        all.register();
        all
    }

    /// One name and one sentence for each. The format adds the dot, and `_total` to counters.
    fn register(&mut self) {
        macro_rules! register {
            ($($name:ident: $help:literal,)*) => {
                $(self.registry.register(stringify!($name), $help, self.$name.clone());)*
            };
        }
        register! {
            engines_attached: "Engines with an attached stream",
            executions_live: "Executions that are not over",
            events_received: "Events that engines have sent, repeats included",
            events_rejected: "Events that could not be kept and were replaced by a marker",
            events_conflicting: "Events whose number had been used for other bytes",
            records_appended: "Records that were appended to logs",
            decisions_recorded: "Decisions that were recorded, each vote counted",
            commands_recorded: "Commands that were recorded",
            positions_ahead: "Viewers with a position that the relay has lost",
            accept_errors: "Times that accepting a connection failed",
            viewers_connected: "Viewers that are connected",
            viewers_gone: "Viewers whose connection ended, by reason",
            connections_refused: "Connections and requests that were refused, by reason",
            certificate_reloads: "New certificates in their files, by what came of them",
            certificate_expiry_timestamp_seconds: "When a door's certificate expires, since 1970",
        }
    }

    /// The viewers that are connected in this dialect.
    pub fn viewers_connected(&self, dialect: &'static str) -> Gauge {
        self.viewers_connected.get_or_create_owned(&Dialect { dialect })
    }

    /// The viewers whose connection ended for this reason.
    pub fn viewers_gone(&self, reason: &'static str) -> Counter {
        self.viewers_gone.get_or_create_owned(&Reason { reason })
    }

    /// The connections and requests that were refused for this reason.
    pub fn connections_refused(&self, reason: &'static str) -> Counter {
        self.connections_refused.get_or_create_owned(&Reason { reason })
    }

    /// The new certificates that were found in their files and `reloaded`, or `refused`.
    pub fn certificate_reloads(&self, result: &'static str) -> Counter {
        self.certificate_reloads.get_or_create_owned(&Outcome { result })
    }

    /// When the certificate of this door expires: seconds since 1970.
    pub fn certificate_expiry(&self, door: &'static str) -> Gauge {
        self.certificate_expiry_timestamp_seconds.get_or_create_owned(&Door { door })
    }

    /// Counts a record that was appended.
    pub fn count(&self, record: &Record) {
        self.records_appended.inc();
        let own = record.execution.workflow().is_none();
        if own && record.position.seq == Seq(1) {
            self.executions_live.inc();
        }
        match &record.fact {
            Fact::Said { event, .. } => {
                let ends = matches!(event.kind, Kind::ExecutionFinished(_));
                if ends && own && record.contradiction.is_none() {
                    self.executions_live.dec();
                }
            }
            Fact::Rejected { .. } => drop(self.events_rejected.inc()),
            Fact::Voted { .. } => drop(self.decisions_recorded.inc()),
            Fact::Commanded { .. } => drop(self.commands_recorded.inc()),
            Fact::Resolved { .. }
            | Fact::Delivered { .. }
            | Fact::CommandMoved { .. }
            | Fact::EngineLost { .. }
            | Fact::EngineAttached { .. } => {}
        }
    }

    /// All of them in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry)
            .unwrap_or_else(|err| unreachable!("a string takes all that is written: {err}"));
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
