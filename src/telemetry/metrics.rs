//! Every number that the program counts: one table, in which each has its name and its sentence
//! once. It is handed down as an `Arc`: there is no global registry. Counting is an addition to a
//! number of one's own, once for a batch or a record; nothing here takes a lock but asking for all.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, info::Info};
use prometheus_client::registry::{Metric, Registry, Unit};

use super::each::{
    CLOSES, COMMAND_STAGES, CREDENTIALS, DECISION_STAGES, DIALECTS, DOORS, EXECUTION_LIMITS, Each,
    FACTS, FINISHES, ORDERS, REFUSALS, RELOADS, RESOLUTIONS, STALLS, STREAM_ENDS, TLS_DOORS,
    TOO_MUCH, WHYS,
};
use super::head::Head;
use super::process::Process;
use crate::model::Timestamp;

/// A number that need not be whole.
type Fraction = Gauge<f64, AtomicU64>;

/// A number, a number with a unit, or one for each value of a label. The format adds the dot behind
/// the sentence, the unit behind the name, and `_total` behind a counter's.
macro_rules! table {
    ($($name:ident: $kind:ident $(<$of:ident>)? $(in $unit:ident)? $(by $label:ident)?, $help:literal;)*) => {
        /// Every number that the program counts.
        #[derive(Debug)]
        pub struct Metrics {
            $(#[doc = concat!($help, ".")] pub $name: $kind$(<$of>)?,)*
            started: Fraction,
            registry: Registry,
        }

        impl Metrics {
            /// All at nothing.
            pub fn new() -> Self {
                let mut registry = Registry::default();
                let started = Fraction::default();
                register(
                    &mut registry,
                    "process_start_time",
                    "When the relay started, in seconds since 1970",
                    Some(Unit::Seconds),
                    started.clone(),
                );
                registry.register_collector(Box::new(Process));
                let own = registry.sub_registry_with_prefix("footplate");
                let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
                register(own, "build", "Which program this is", None, version);
                $(
                    let $name = table!(@new $kind $($label)?);
                    let unit = None$(.or(Some(Unit::$unit)))?;
                    register(own, stringify!($name), $help, unit, table!(@metric $kind $name));
                )*
                Self { $($name,)* started, registry }
            }
        }
    };
    (@new $kind:ident) => { $kind::default() };
    (@new $kind:ident $label:ident) => { $kind::of_label($label) };
    (@metric Each $name:ident) => { $name.family() };
    (@metric $kind:ident $name:ident) => { $name.clone() };
}

table! {
    stalls: Each<Counter> by STALLS, "Times that something was held up for more than 250 ms: threads, a task that only looks at the clock; shard, all that waits for one step of it";
    lag: Fraction in Seconds, "How late the task was that only looks at the clock, at worst within the last minute";
    ready: Gauge, "Whether somebody who connects is welcome: 0 before the start is over and while it drains";
    connections_accepted: Each<Counter> by DOORS, "Connections that came in, by the door";
    connections_refused: Each<Counter> by REFUSALS, "Connections and requests that were refused before anybody looked at what they want";
    credentials_refused: Each<Counter> by CREDENTIALS, "Tokens, API keys and tickets that did not count, by the reason";
    too_much_refused: Each<Counter> by TOO_MUCH, "What was refused because a connection, a person, a tenant or an address has too much or does too much: principal and tenant, connections; attempts, what was shown from an address of which much did not count; subscriptions, what is watched; the others, what was said in too short a time";
    certificate_reloads: Each<Counter> by RELOADS, "New certificates, authorities and revocation lists that were found in their files, by what came of them";
    certificate_expiry_timestamp: Each<Gauge> in Seconds by TLS_DOORS, "When the certificate of a door expires, in seconds since 1970; 0: it has none";
    revocation_expiry_timestamp: Gauge in Seconds, "When the first of the revocation lists for engines' certificates is out of date, in seconds since 1970; 0: there is none";
    accept_errors: Counter, "Times that accepting a connection failed, as it does without descriptors";

    engines_attached: Gauge, "Engines that are attached, calls of Publish under way included";
    engine_streams_ended: Each<Counter> by STREAM_ENDS, "Streams of engines that ended, by the reason";
    publish_calls: Counter, "Calls of Publish, for engines without a stream";
    events_received: Counter, "Events that engines have sent, repeats included";
    events_duplicate: Counter, "Events that were here already when they came again; they are acknowledged and change nothing";
    events_conflicting: Counter, "Events whose number had been used for other bytes; the first ones stand";
    events_refused: Counter, "Events of batches that were not taken: numbers were skipped, the execution is another identity's, the state has to be reported first";
    orders_repeated: Each<Counter> by ORDERS, "Decisions and commands that an engine was told again because it had not answered";

    records_appended: Each<Counter> by FACTS, "Records that were appended to logs: events, markers of events that could not be kept, and facts of the relay's own";
    executions_retained: Gauge, "Executions that are remembered, those that are over included";
    executions_live: Gauge, "Executions that are not over";
    executions_refused: Each<Counter> by EXECUTION_LIMITS, "Times that an engine was told that it can't begin an execution just now, by whose limit keeps it from that; it sends the same again";
    executions_finished: Each<Counter> by FINISHES, "Executions that ended, by what their engine says of it";
    executions_forgotten: Counter, "Executions that ended so long ago that they were forgotten";
    executions_fallen: Counter, "Executions that the relay has fallen over and takes nothing more in of until it is started again: a fault of the program";
    shard_inbox_depth: Gauge, "Messages that wait for the shard: 256 of each engine at most, and 1024 of viewers and requests; who has so many there waits";
    memory_budget: Gauge in Bytes, "Memory that the relay may use; 0: as much as it needs";
    memory_counted: Gauge in Bytes, "Memory that it counts itself, roughly: logs, tapes, states, and what was read back from the store";
    memory_pressure: Gauge, "How near it is to its budget: 0, there is room; 1, from 80 %, less is kept; 2, from 95 %, nothing new is begun or watched; 3, from 98 %, nobody is let in";
    shard_turns: Counter, "Turns of the shard: what came in each was committed and told at once";

    store_commits: Counter, "Turns that the store has kept";
    store_blocked: Gauge, "Whether the store takes nothing in, and so nothing goes on: 1 while the disk is full or fails";
    store_records_read: Counter, "Records that were read back from the store for viewers, those included that were only folded";
    store_unreadable: Counter, "Times that a piece of a log could not be read back, so that its viewers were shown the state instead";
    store_damaged: Counter, "Logs, or whole stores, that were found damaged at the start and set aside";

    gates_open: Gauge, "Gates that wait for somebody";
    gates_resolved: Each<Counter> by RESOLUTIONS, "Gates that were settled, by how";
    decisions_recorded: Counter, "Decisions that were recorded, each vote counted";
    decision_receipts: Each<Counter> by DECISION_STAGES, "What those who decided were told, at once and as it went on";
    commands_recorded: Counter, "Commands that were recorded";
    command_receipts: Each<Counter> by COMMAND_STAGES, "What those who gave commands were told, at once and as it went on";

    audit_lines: Counter, "Lines of the audit log that are on disk";
    audit_head: Head, "The hash of the last line of the audit log that is on disk, empty without one: one series at any time. Whoever keeps it can tell later that no line up to it is missing";
    audit_failing: Gauge, "Whether the audit log can't be written at present: the relay keeps what has come, soon waits, and takes nothing more in until it can";

    viewers_connected: Each<Gauge> by DIALECTS, "Viewers that are connected, by what they speak";
    viewers_gone: Each<Counter> by CLOSES, "Viewers whose connection ended, by the reason";
    viewers_thrashing: Each<Counter> by DIALECTS, "Connections of viewers whose client had begun more than 5 within a minute already; native clients are not looked at";
    viewers_crowding: Each<Counter> by DIALECTS, "Connections of viewers whose client had more than 5 to the same execution already; native clients are not looked at";
    viewer_snapshots: Each<Counter> by WHYS, "Times that a viewer was shown the state instead of what it had not seen; ahead: the relay has lost what it had shown";
    viewer_written: Counter in Bytes, "Bytes that were written to viewers, before TLS";
    tapes_held: Gauge in Bytes, "Rendered records that are kept for viewers";
    snapshots_held: Gauge in Bytes, "Rendered states that are kept for viewers, those included that slow ones have in hand";
}

fn register(to: &mut Registry, name: &str, help: &str, unit: Option<Unit>, metric: impl Metric) {
    match unit {
        Some(unit) => to.register_with_unit(name, help, unit, metric),
        None => to.register(name, help, metric),
    }
}

impl Metrics {
    /// Says when the relay started.
    pub fn started(&self, at: Timestamp) {
        self.started.set(at.0 as f64 / 1e6);
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
