//! The frames that are records: what happened, and the parts that it changed, as they are now.

use super::gates::{CommandState, GateState};
use super::parts::{
    Cost, EdgeEnds, EdgeState, ExecutionInfo, NodeState, ProducerCost, ProducerState, Progress,
};
use super::talk::{
    AgentMessageFrame, AgentThinkingFrame, CodeExecutionFrame, ErrorFrame, EventsDroppedFrame,
    FileFrame, LogFrame, MetricFrame, OpaqueFrame, RejectedFrame, ToolCallFrame,
};
use super::values::{Json, Principal, Time, ValueRef};
use super::words::{
    CommandKind, CommandStage, Contradiction, DecisionKind, Delivery, EngineStatus,
    ExecutionChange, ExecutionStatus, NodeStatus, Resolution, RetryPhase,
};

messages! {
    /// A frame that is a record: it has a place in its execution's log. Whoever replaces the parts
    /// that he has by those that records state has what a snapshot would show.
    RecordFrame {
        "execution_status" => ExecutionStatusFrame,
        "execution_complete" => ExecutionCompleteFrame,
        "node_state" => NodeStateFrame,
        "node_progress" => NodeProgressFrame,
        "node_retry" => NodeRetryFrame,
        "graph" => GraphFrame,
        "dag_mutated" => DagMutatedFrame,
        "edge_active" => EdgeActiveFrame,
        "cost_update" => CostUpdateFrame,
        "log" => LogFrame,
        "agent_message" => AgentMessageFrame,
        "agent_thinking" => AgentThinkingFrame,
        "tool_call" => ToolCallFrame,
        "code_execution" => CodeExecutionFrame,
        "metric" => MetricFrame,
        "file" => FileFrame,
        "error" => ErrorFrame,
        "events_dropped" => EventsDroppedFrame,
        "human_gate_waiting" => HumanGateWaitingFrame,
        "gate_vote" => GateVoteFrame,
        "gate_resolved" => GateResolvedFrame,
        "gate_delivery" => GateDeliveryFrame,
        "gate_closed" => GateClosedFrame,
        "command_status" => CommandStatusFrame,
        "engine_status" => EngineStatusFrame,
        "rejected" => RejectedFrame,
        "opaque" => OpaqueFrame,
    }
}

object! {
    /// A record's place, and where it comes from.
    RecordPlace {
        /// The execution's own name.
        execution_id: String,
        /// Names the log. Another epoch is another log.
        epoch: String,
        /// Counts the log's records: 1, 2, 3 … without a gap.
        seq: u64,
        /// `epoch` and `seq` in one.
        event_id: String,
        /// When the relay took it in.
        ts: Time,
        /// When its engine says that it happened.
        event_time?: Time,
        /// The engine that said it. Absent of what the relay itself knows.
        producer_id?: String,
        /// Which of its engine's events it is.
        pseq?: u64,
        /// It contradicts what came before, and changed nothing: of it only `ts` and `pseq` count.
        contradiction?: Contradiction,
    }
}

object! {
    /// The parts of the execution that a record changed, as they are now. Whatever its type is:
    /// replace yours by them.
    RecordParts {
        /// Replaces the field of that name.
        progress?: Progress,
        /// Replaces the field of that name.
        execution?: ExecutionInfo,
        /// Replaces the item of `nodes` with its `node_id`.
        node?: NodeState,
        /// Of the items of `nodes` with these `node_id`s they replace those fields that are stated.
        nodes?: Vec<NodeState>,
        /// They replace the items of `edges` with the same `source` and `target`.
        edges?: Vec<EdgeState>,
        /// These are gone.
        removed_node_ids?: Vec<String>,
        /// These are gone.
        removed_edges?: Vec<EdgeEnds>,
        /// Replaces the item of `gates` with its `gate_id`.
        gate?: GateState,
        /// Replaces the item of `commands` with its `command_id`.
        command?: CommandState,
        /// Replaces the field of that name.
        cost?: Cost,
        /// Replaces the item of `producer_costs` with its `producer_id`.
        producer_cost?: ProducerCost,
        /// Replaces the item of `producers` with its `producer_id`.
        producer?: ProducerState,
    }
}

record! {
    /// Something is said of the execution as a whole.
    ExecutionStatusFrame {
        /// What.
        change: ExecutionChange,
        /// The command that a start answers.
        command_id?: String,
        /// The new status, where its engine named one.
        status?: ExecutionStatus,
    }
}

record! {
    /// The execution is over, whether well or not. How, stands in `execution.ending`.
    ExecutionCompleteFrame {
        /// `completed`, `failed`, `cancelled` or `timed_out`.
        status: ExecutionStatus,
    }
}

record! {
    /// A node changed.
    NodeStateFrame {
        /// Which.
        node_id: String,
        /// Its status, where its engine named one.
        status?: NodeStatus,
        /// The one before, where the status changed.
        old_status?: NodeStatus,
    }
}

record! {
    /// How far a node has come. The latest counts.
    NodeProgressFrame {
        /// Which.
        node_id: String,
        /// 0 to 1.
        fraction?: f64,
        /// What it is at.
        message?: String,
    }
}

record! {
    /// A node is tried again.
    NodeRetryFrame {
        /// Which.
        node_id: String,
        /// Where its retries stand.
        phase: RetryPhase,
        /// Which retry.
        retry_number: u32,
        /// Of how many.
        max_retries?: u32,
        /// What failed.
        error?: String,
        /// What sort of failure.
        error_category?: String,
        /// The known pattern that it matches.
        error_pattern?: String,
        /// How likely the next attempt is to succeed, 0 to 1.
        success_probability?: f64,
        /// How it is tried again.
        strategy?: String,
        /// What might help.
        suggestions?: Vec<String>,
        /// How long it waits until then, in microseconds.
        backoff_us?: u64,
        /// Until when.
        next_attempt_time?: Time,
        /// Whether a person has said something to it.
        has_user_feedback?: bool,
    }
}

record! {
    /// The graph, or an addition to it.
    GraphFrame {
        /// Whether its engine states all of it.
        replace: bool,
    }
}

record! {
    /// The graph was changed while it ran.
    DagMutatedFrame {
        /// The engine's name for the change.
        mutation_id?: String,
        /// What sort of change, in the engine's words.
        mutation_kind?: String,
        /// What gave rise to it.
        trigger?: String,
        /// Why.
        reason?: String,
        /// Who recommended it.
        recommended_by?: String,
        /// The nodes that it is about.
        affected_node_ids: Vec<String>,
        /// The change as its engine puts it.
        mutation?: Json,
        /// Of a larger change.
        mutation_ref?: ValueRef,
    }
}

record! {
    /// Control passed along an edge.
    EdgeActiveFrame {
        /// The node that it left.
        from: String,
        /// The node that it entered.
        to: String,
    }
}

record! {
    /// Something was spent. What it adds up to stands in `cost` and `producer_cost`.
    CostUpdateFrame {
        /// Exactly, in billionths of a US dollar.
        increment_usd_nanos?: i64,
        /// In US dollars, to be shown.
        increment?: f64,
        /// At which node.
        node_id?: String,
        /// At which step.
        step_id?: String,
        /// By which agent.
        agent?: String,
        /// On which model.
        model?: String,
        /// Tokens that it read.
        input_tokens?: i64,
        /// Tokens that it wrote.
        output_tokens?: i64,
        /// Tokens in all.
        total_tokens?: i64,
    }
}

record! {
    /// A gate waits for a decision.
    HumanGateWaitingFrame {
        /// Which.
        gate_id: String,
        /// Its version.
        gate_version: u32,
        /// The node that waits.
        node_id?: String,
    }
}

record! {
    /// Somebody voted at a gate.
    GateVoteFrame {
        /// Which.
        gate_id: String,
        /// Its version.
        gate_version?: u32,
        /// The node that waits.
        node_id?: String,
        /// As its giver named it.
        decision_id: String,
        /// What it amounts to.
        kind: DecisionKind,
        /// The option.
        option_id: String,
        /// Whose.
        by: Principal,
    }
}

record! {
    /// A gate is settled. That says nothing about the engine yet.
    GateResolvedFrame {
        /// Which.
        gate_id: String,
        /// Its version.
        gate_version?: u32,
        /// The node that waits.
        node_id?: String,
        /// How.
        resolution: Resolution,
    }
}

record! {
    /// A decision has moved on its way to the engine. `applied` is the engine's own word.
    GateDeliveryFrame {
        /// Which gate's.
        gate_id: String,
        /// Its version.
        gate_version?: u32,
        /// The node that waits.
        node_id?: String,
        /// As its giver named it.
        decision_id: String,
        /// How far.
        delivery: Delivery,
        /// Why it has come no further.
        reason?: String,
    }
}

record! {
    /// An engine closed a gate itself.
    GateClosedFrame {
        /// Which.
        gate_id: String,
        /// Its version.
        gate_version?: u32,
        /// The node that waited.
        node_id?: String,
    }
}

record! {
    /// A command was given, or has moved.
    CommandStatusFrame {
        /// Which.
        command_id: String,
        /// What it wants, where it was given.
        kind?: CommandKind,
        /// How far it has come.
        stage: CommandStage,
        /// Why it has come no further.
        reason?: String,
    }
}

record! {
    /// An engine's stream stands, or has ended while its execution goes on.
    EngineStatusFrame {
        /// Which of both.
        status: EngineStatus,
    }
}
