//! The parts of an execution: what snapshots hold, and frames replace.

use super::gates::{CommandState, GateState};
use super::values::{Failure, Json, Label, Time, ValueRef};
use super::words::{ExecutionStatus, NodeStatus, RetryPhase};

object! {
    /// The state of an execution, or a part's share of it: lists are put together one behind the
    /// other, everything else is in part 1.
    ExecutionState {
        /// Where it stands, in numbers. In part 1.
        progress?: Progress,
        /// What is said of it as a whole. In part 1.
        execution?: ExecutionInfo,
        /// What all engines together have spent. In part 1.
        cost?: Cost,
        /// Events that its engines dropped before they numbered them. In part 1.
        dropped?: u64,
        /// Events that could not be kept. In part 1.
        rejected?: u64,
        /// The first record's `ts`. In part 1.
        first_time?: Time,
        /// The last record's `ts`. In part 1.
        last_time?: Time,
        /// By `node_id`.
        nodes: Vec<NodeState>,
        /// By `source` and `target`.
        edges: Vec<EdgeState>,
        /// By `gate_id`. Of those that are not open, the last 256 by `since_seq`.
        gates: Vec<GateState>,
        /// By `command_id`. The last 256 by `since_seq`.
        commands: Vec<CommandState>,
        /// The last 100 failures that did not end it.
        errors: Vec<Mishap>,
        /// The engines that tell of it, by `producer_id`.
        producers: Vec<ProducerState>,
        /// What each has spent, by `producer_id`.
        producer_costs: Vec<ProducerCost>,
    }
}

object! {
    /// Where an execution stands, in numbers.
    Progress {
        /// In a word.
        status: ExecutionStatus,
        /// Nodes in all.
        nodes: u32,
        /// Nodes that run, or are tried again.
        running: u32,
        /// Nodes that wait at a gate.
        waiting: u32,
        /// Nodes that are completed, or skipped.
        completed: u32,
        /// Nodes that failed, or were cancelled.
        failed: u32,
        /// Gates that wait.
        open_gates: u32,
    }
}

object! {
    /// What is said of an execution as a whole.
    ExecutionInfo {
        /// What people call it.
        name?: String,
        /// What it is a run of.
        workflow_id?: String,
        /// The session that it belongs to, as its engine states it.
        session_id?: String,
        /// Its further names: each can be subscribed to.
        aliases?: Vec<String>,
        /// What it is to do, in words.
        task?: String,
        /// What it was given.
        input?: Json,
        /// Of a larger input.
        input_ref?: ValueRef,
        /// The agent that leads it.
        agent?: String,
        /// The model that it uses.
        model?: String,
        /// Where it works.
        work_dir?: String,
        /// How many nodes are expected.
        planned_nodes?: u32,
        /// As its engine states them.
        labels?: Vec<Label>,
        /// Its W3C trace context.
        traceparent?: String,
        /// When it began.
        start_time?: Time,
        /// By whose wish it was begun.
        requested_by?: String,
        /// The execution that began it.
        parent_execution_id?: String,
        /// The producer that began it.
        started_by?: String,
        /// The engine's own word for its status.
        native_status?: String,
        /// Why it has that status.
        reason?: String,
        /// How far it has come, 0 to 1.
        fraction?: f64,
        /// Where it is.
        current_node_id?: String,
        /// What it is at.
        message?: String,
        /// How it ended, once it is over.
        ending?: Ending,
    }
}

object! {
    /// How an execution ended.
    Ending {
        /// `completed`, `failed`, `cancelled` or `timed_out`.
        status: ExecutionStatus,
        /// What came of it.
        results?: Json,
        /// Of larger results.
        results_ref?: ValueRef,
        /// What it gives back.
        output?: Json,
        /// Of a larger output.
        output_ref?: ValueRef,
        /// What failed.
        failure?: Failure,
        /// Why it ended.
        reason?: String,
        /// Nodes that completed, as its engine counts them.
        nodes_completed: u32,
        /// Nodes that failed, as its engine counts them.
        nodes_failed: u32,
        /// How long it took, in microseconds.
        duration_us?: u64,
        /// When it ended.
        finish_time: Time,
    }
}

object! {
    /// A failure that did not end its execution.
    Mishap {
        /// When.
        time: Time,
        /// In words.
        message: String,
        /// The kind of failure, such as an exception's class.
        error_type?: String,
        /// Where it happened in the program.
        traceback?: String,
        /// At which node.
        node_id?: String,
    }
}

object! {
    /// A node. Where a frame lists `nodes`, their input, output, failure, metrics, times and extra
    /// are left out and stay as they were.
    NodeState {
        /// Unique in the execution.
        node_id: String,
        /// Where it stands.
        status: NodeStatus,
        /// Its attempt; a greater one clears what the last has left.
        node_attempt: u32,
        /// The record that changed its status last.
        since_seq: u64,
        /// The engine's own word for its status.
        native_status?: String,
        /// Why it has that status.
        reason?: String,
        /// What people call it.
        label?: String,
        /// The agent that works at it.
        agent?: String,
        /// What is to come of it.
        goal?: String,
        /// The step of a plan that it is.
        step_id?: String,
        /// That step's number.
        step_number?: i32,
        /// How far it has come, 0 to 1.
        fraction?: f64,
        /// What it is at.
        progress_message?: String,
        /// Where its retries stand.
        retry_phase?: RetryPhase,
        /// Which retry that is.
        retry_number?: u32,
        /// What the graph says of it.
        graph?: NodeGraph,
        /// What it was given.
        input?: Json,
        /// Of a larger input.
        input_ref?: ValueRef,
        /// What came of it.
        output?: Json,
        /// Of a larger output.
        output_ref?: ValueRef,
        /// What failed.
        failure?: Failure,
        /// What it has used.
        metrics?: NodeMetrics,
        /// When this attempt began.
        start_time?: Time,
        /// When this attempt ended.
        finish_time?: Time,
        /// What else its engine says of it.
        extra?: Json,
        /// Of a larger `extra`.
        extra_ref?: ValueRef,
    }
}

object! {
    /// What a graph says of a node.
    NodeGraph {
        /// What people call it.
        label?: String,
        /// Its kind, in the engine's words.
        node_type?: String,
        /// The node that it is a part of.
        parent_node_id?: String,
        /// The agent that is to work at it.
        agent?: String,
        /// What it does.
        description?: String,
        /// What is to come of it.
        goal?: String,
        /// The step of a plan that it is.
        step_id?: String,
        /// That step's number.
        step_number?: i32,
        /// What else the graph says of it.
        extra?: Json,
        /// Of a larger `extra`.
        extra_ref?: ValueRef,
    }
}

object! {
    /// What a node has used.
    NodeMetrics {
        /// Tokens that a model read.
        input_tokens?: i64,
        /// Tokens that a model wrote.
        output_tokens?: i64,
        /// Exactly, in billionths of a US dollar.
        cost_usd_nanos?: i64,
        /// In US dollars, to be shown.
        cost_usd?: f64,
        /// How long it took, in microseconds.
        duration_us?: u64,
        /// How often it was tried again.
        retries?: u32,
        /// The model.
        model?: String,
        /// What else was measured.
        extra?: Json,
        /// Of a larger `extra`.
        extra_ref?: ValueRef,
    }
}

object! {
    /// The two ends of an edge.
    EdgeEnds {
        /// The node that it leaves.
        source: String,
        /// The node that it enters.
        target: String,
    }
}

object! {
    /// An edge, named by its two ends.
    EdgeState {
        /// The node that it leaves.
        source: String,
        /// The node that it enters.
        target: String,
        /// Whether control has passed along it.
        active: bool,
        /// Its name in the graph.
        edge_id?: String,
        /// Its kind, in the engine's words.
        edge_type?: String,
        /// What people call it.
        label?: String,
        /// What else the graph says of it.
        extra?: Json,
        /// Of a larger `extra`.
        extra_ref?: ValueRef,
    }
}

object! {
    /// What all engines together have spent, and what may be.
    Cost {
        /// Spent: exactly, in billionths of a US dollar.
        spent_usd_nanos: i64,
        /// Spent: in US dollars, to be shown.
        spent: f64,
        /// Tokens that models read.
        input_tokens: i64,
        /// Tokens that models wrote.
        output_tokens: i64,
        /// Tokens in all.
        total_tokens: i64,
        /// What may be spent: exactly, in billionths of a US dollar.
        budget_usd_nanos?: i64,
        /// What may be spent: in US dollars, to be shown.
        budget?: f64,
        /// What is left: exactly; negative where the budget is overdrawn.
        remaining_usd_nanos?: i64,
        /// What is left: in US dollars, to be shown.
        remaining?: f64,
    }
}

object! {
    /// What one engine has spent.
    ProducerCost {
        /// The engine's stable name.
        producer_id: String,
        /// Exactly, in billionths of a US dollar.
        spent_usd_nanos: i64,
        /// In US dollars, to be shown.
        spent: f64,
        /// Tokens that models read.
        input_tokens: i64,
        /// Tokens that models wrote.
        output_tokens: i64,
        /// Tokens in all.
        total_tokens: i64,
    }
}

object! {
    /// An engine that tells of the execution.
    ProducerState {
        /// Its stable name.
        producer_id: String,
        /// Whether its stream stands.
        attached: bool,
        /// Which start of its process spoke last.
        producer_epoch: u64,
        /// Its last event.
        last_pseq: u64,
        /// What it can be told to do.
        capabilities: Capabilities,
    }
}

object! {
    /// What an engine can be told to do.
    Capabilities {
        /// `pause_execution`.
        pause: bool,
        /// `resume_execution`.
        resume: bool,
        /// `cancel_execution`.
        cancel: bool,
        /// The `custom_type`s of `custom_command` that it knows.
        custom_types: Vec<String>,
    }
}
