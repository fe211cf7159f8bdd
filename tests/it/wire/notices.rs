//! The frames that are no records: where a client begins, and what it alone is told.

use super::parts::{Cost, ExecutionState, Progress};
use super::values::{Label, Principal, Time};
use super::words::{
    DecisionKind, Durability, ProblemCode, ReceiptStage, Resolution, Role, SnapshotReason,
};

messages! {
    /// A frame that is no record: it has no place in a log, and may come before or after the record
    /// of the same thing.
    NoticeFrame {
        "welcome" => WelcomeFrame,
        "subscribed" => SubscribedFrame,
        "unsubscribed" => UnsubscribedFrame,
        "snapshot" => SnapshotFrame,
        "heartbeat" => HeartbeatFrame,
        "executions" => ExecutionsFrame,
        "execution_summary" => ExecutionSummaryFrame,
        "receipt" => ReceiptFrame,
        "error" => ProblemFrame,
        "refreshed" => RefreshedFrame,
        "token_expiring" => TokenExpiringFrame,
        "pong" => PongFrame,
        "going_away" => GoingAwayFrame,
    }
}

object! {
    /// Comes first.
    WelcomeFrame {
        /// The relay's clock.
        relay_time: Time,
        /// Unique to one start of the relay; begins every `epoch` that it made.
        boot_id: String,
        /// The relay's version.
        version: String,
        /// What it survives that something is recorded.
        durability: Durability,
        /// Who the client is.
        principal: Principal,
        /// Its groups.
        groups: Vec<String>,
        /// What it may do.
        roles: Vec<Role>,
        /// What it may send.
        limits: ClientLimits,
    }
}

object! {
    /// What a client may send.
    ClientLimits {
        /// Bytes of one message.
        max_message_bytes: u64,
        /// Messages in a second, in the long run.
        messages_per_second: u32,
        /// Messages at once.
        burst: u32,
    }
}

object! {
    /// Answers `subscribe`.
    SubscribedFrame {
        /// The execution's own name, also where an alias was asked for.
        execution_id: String,
        /// True: the records behind `from` follow. False: a snapshot, then the records behind it.
        recovered: bool,
        /// Why a snapshot comes.
        reason?: SnapshotReason,
        /// The log.
        epoch: String,
        /// The record behind which the client goes on, or where the relay stood.
        from: u64,
        /// The newest record.
        head: u64,
    }
}

object! {
    /// Answers `unsubscribe`.
    UnsubscribedFrame {
        /// The name that was watched.
        execution_id: String,
    }
}

object! {
    /// The state at a place, in `parts` messages with nothing of the same execution in between.
    SnapshotFrame {
        /// The execution's own name.
        execution_id: String,
        /// The log.
        epoch: String,
        /// The last record that the state has in it.
        seq: u64,
        /// That record's `ts`. In part 1.
        ts?: Time,
        /// From 1.
        part: u32,
        /// How many there are.
        parts: u32,
        /// This part's share of the state.
        state: ExecutionState,
    }
}

object! {
    /// Comes 1 s after the last record and every 25 s.
    HeartbeatFrame {
        /// The execution's own name.
        execution_id: String,
        /// The log.
        epoch: String,
        /// The newest record. Above the last `seq`: the tail is still under way.
        head: u64,
        /// The relay's clock, against which a deadline is to be counted down.
        relay_time: Time,
    }
}

object! {
    /// The directory of executions, or a part of it.
    ExecutionsFrame {
        /// From 1.
        part: u32,
        /// How many there are.
        parts: u32,
        /// Its lines.
        items: Vec<ExecutionSummary>,
    }
}

object! {
    /// An execution has changed. At most every 500 ms for each.
    ExecutionSummaryFrame {
        /// Its line in the directory.
        item: ExecutionSummary,
    }
}

object! {
    /// One execution in the directory.
    ExecutionSummary {
        /// Its own name.
        execution_id: String,
        /// The log.
        epoch: String,
        /// Its newest record.
        seq: u64,
        /// Where it stands, in numbers.
        progress: Progress,
        /// How far it has come, 0 to 1.
        fraction?: f64,
        /// The engine's own word for its status.
        native_status?: String,
        /// What people call it.
        name?: String,
        /// What it is a run of.
        workflow_id?: String,
        /// Its further names.
        aliases?: Vec<String>,
        /// As its engine states them.
        labels?: Vec<Label>,
        /// What all engines together have spent.
        cost: Cost,
        /// Whether an engine is attached.
        attached: bool,
        /// When it began.
        start_time?: Time,
        /// When it ended.
        finish_time?: Time,
        /// The first record's `ts`.
        first_time: Time,
        /// The last record's `ts`.
        last_time: Time,
    }
}

object! {
    /// How far a decision or a command has come, told to the one who gave it.
    ReceiptFrame {
        /// Of a decision: as its giver named it.
        decision_id?: String,
        /// Of a command: as its giver named it.
        command_id?: String,
        /// The execution. Of a start: the one that the relay named.
        execution_id?: String,
        /// The gate.
        gate_id?: String,
        /// The gate's node.
        node_id?: String,
        /// How far.
        stage: ReceiptStage,
        /// Of `recorded` and `voted`: what it survives that it is.
        durability?: Durability,
        /// Of `voted`: votes of this kind so far.
        votes?: u32,
        /// Of `voted`: votes that settle it.
        needed?: u32,
        /// Of `already_decided`: what that decision amounts to.
        kind?: DecisionKind,
        /// Of `already_decided`: its option.
        option_id?: String,
        /// Of `gate_changed`: the version now.
        gate_version?: u32,
        /// Of `already_decided` and `gate_closed`: how the gate was settled.
        resolution?: Resolution,
        /// Why, for people.
        reason?: String,
        /// Who did it; of `already_decided` the winner.
        by?: Principal,
        /// When.
        at?: Time,
    }
}

object! {
    /// A message meant nothing, or was too much. The connection stays. (An `error` with a place is
    /// an `ErrorFrame`.)
    ProblemFrame {
        /// For programs.
        code: ProblemCode,
        /// For people: what to do.
        message: String,
        /// The id that it is about, where one could be read.
        r#ref?: String,
    }
}

object! {
    /// Answers `refresh`, and `authenticate` of who was known already.
    RefreshedFrame {
        /// Until when the new token counts.
        expires_time?: Time,
    }
}

object! {
    /// Comes a minute before the token counts no longer: show another with `refresh`, or the connection
    /// is closed with 4401.
    TokenExpiringFrame {
        /// When that is.
        expires_time: Time,
    }
}

object! {
    /// Answers `ping`.
    PongFrame {
        /// The relay's clock.
        relay_time: Time,
    }
}

object! {
    /// The relay is about to close the connection.
    GoingAwayFrame {
        /// Come back after so many milliseconds.
        retry_after_ms: u64,
    }
}
