//! Gates, votes, decisions and commands, in frames and in snapshots alike.

use super::values::{Json, Label, Principal, Sha256, Time, ValueRef};
use super::words::{
    Classification, CommandKind, CommandStage, CommentRule, DecisionKind, DecisionSource, Delivery,
    OptionStyle, Resolution, TimeoutAction,
};

object! {
    /// One question to a human. Two machines side by side: how it was settled (`resolution`), and
    /// how that travels to the engine (`delivery`).
    GateState {
        /// Unique in the execution.
        gate_id: String,
        /// From 1. It rises when what is shown changes, and a decision has to name it.
        gate_version: u32,
        /// The node that waits.
        node_id?: String,
        /// How it was settled.
        resolution: Resolution,
        /// What was decided, where it was decided or has expired.
        decision?: Decision,
        /// Where its engine closed it: what that amounts to.
        closed_kind?: DecisionKind,
        /// Where its engine closed it: the option.
        closed_option_id?: String,
        /// Where its engine closed it: by whom, as the engine tells it.
        closed_by?: String,
        /// Where its engine closed it or took it back: why.
        closed_reason?: String,
        /// How far the decision has come.
        delivery?: Delivery,
        /// Why it has come no further.
        delivery_reason?: String,
        /// Those on this version, in their order.
        votes: Vec<Vote>,
        /// The engine that asks, and is told.
        producer_id: String,
        /// When this version was opened.
        opened_time: Time,
        /// The record that moved it last.
        since_seq: u64,
        /// The node's attempt.
        node_attempt: u32,
        /// The question in short.
        title?: String,
        /// The question.
        prompt?: String,
        /// What the question is about.
        payload?: Json,
        /// Of a larger payload.
        payload_ref?: ValueRef,
        /// The JSON Schema of a modified payload; there: the payload may be modified.
        payload_schema?: Json,
        /// Of a larger schema.
        payload_schema_ref?: ValueRef,
        /// The payload's digest, there wherever there is a payload. A decision repeats it, to state
        /// what it saw.
        payload_sha256?: Sha256,
        /// How the engine would like it to be shown.
        presentation?: Json,
        /// Of a larger presentation.
        presentation_ref?: ValueRef,
        /// The answers that are allowed.
        options: Vec<GateOption>,
        /// Who may decide.
        policy: Policy,
        /// By whose wish it is asked.
        requested_by?: String,
        /// Until when. Count it down against `relay_time`.
        deadline_time?: Time,
        /// And what then.
        on_timeout: TimeoutAction,
        /// Who is told, and may decide, if nobody has.
        escalation?: Vec<EscalationStep>,
        /// What models recommend. It decides nothing.
        advice?: Vec<Advice>,
        /// Where its engine would go on from.
        checkpoint?: String,
        /// What else a person may want to know.
        context?: Json,
        /// Of a larger context.
        context_ref?: ValueRef,
        /// The gate whose question this one asks again.
        previous_gate_id?: String,
        /// The nodes that a rejection would run again.
        rewind_node_ids?: Vec<String>,
        /// What is to be done.
        action?: String,
        /// The step of a plan.
        step_id?: String,
        /// What sort of question it is.
        classification?: Classification,
        /// As its engine states them.
        labels?: Vec<Label>,
    }
}

object! {
    /// An answer that is allowed at a gate.
    GateOption {
        /// What a decision names.
        option_id: String,
        /// What a button says.
        label?: String,
        /// What it amounts to.
        kind: DecisionKind,
        /// How it is to be shown.
        style: OptionStyle,
        /// Whether it takes a comment.
        comment_rule: CommentRule,
        /// What follows from it.
        description?: String,
    }
}

object! {
    /// Who may decide. Without users, groups and roles: whoever may decide at all.
    Policy {
        /// These.
        users?: Vec<String>,
        /// And the members of these.
        groups?: Vec<String>,
        /// And who has one of these roles.
        roles?: Vec<String>,
        /// Votes that approve it, from 1.
        required_approvals: u32,
        /// Votes that reject it, from 1.
        required_rejections: u32,
        /// But not these.
        excluded_users?: Vec<String>,
    }
}

object! {
    /// What happens if nobody has decided after a while.
    EscalationStep {
        /// After so many microseconds.
        after_us?: u64,
        /// After this share of the time until the deadline, 0 to 1.
        after_fraction?: f64,
        /// These are told.
        notify_users?: Vec<String>,
        /// And the members of these.
        notify_groups?: Vec<String>,
        /// These may decide from then on.
        add_users?: Vec<String>,
        /// And the members of these.
        add_groups?: Vec<String>,
    }
}

object! {
    /// What a model recommends.
    Advice {
        /// Which model, or tool.
        source: String,
        /// Its words.
        text: String,
        /// How sure it is, 0 to 1.
        confidence?: f64,
        /// The option that it would take.
        option_id?: String,
    }
}

object! {
    /// One person's answer at a gate.
    Vote {
        /// As its giver named it.
        decision_id: String,
        /// Whose.
        by: Principal,
        /// What it amounts to.
        kind: DecisionKind,
        /// The option.
        option_id: String,
        /// Why.
        comment?: String,
        /// The digest of what it wants in the payload's place.
        modification_sha256?: Sha256,
        /// The digest of what its giver saw.
        payload_sha256?: Sha256,
        /// When.
        time: Time,
    }
}

object! {
    /// What was decided.
    Decision {
        /// As its giver named it.
        decision_id: String,
        /// What it amounts to.
        kind: DecisionKind,
        /// The option.
        option_id: String,
        /// Why.
        comment?: String,
        /// A full replacement of the payload.
        modification?: Json,
        /// Its digest.
        modification_sha256?: Sha256,
        /// The digest of what its giver saw.
        payload_sha256?: Sha256,
        /// By whom; absent: the deadline decided.
        by?: Principal,
        /// Who or what decided.
        source: DecisionSource,
        /// When.
        time: Time,
    }
}

object! {
    /// A command, and how far it has come.
    CommandState {
        /// As its giver named it.
        command_id: String,
        /// What it wants.
        kind: CommandKind,
        /// Of a start: what to run.
        workflow_id?: String,
        /// Of a start: what to give it.
        input?: Json,
        /// Of a custom command: one of the engine's `custom_types`.
        custom_type?: String,
        /// Of a custom command: its own.
        payload?: Json,
        /// Why it was given.
        reason?: String,
        /// By whom.
        by: Principal,
        /// When.
        time: Time,
        /// How far it has come.
        stage: CommandStage,
        /// What its engine says of that.
        outcome_reason?: String,
        /// What came of it.
        result?: Json,
        /// Of a larger result.
        result_ref?: ValueRef,
        /// The record that moved it last.
        since_seq: u64,
    }
}
