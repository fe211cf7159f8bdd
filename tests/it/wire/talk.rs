//! The records that change no part of an execution: what is said, called, measured and captured on
//! the way, and what went wrong.

use super::values::{Failure, Json, Time, ValueRef};
use super::words::{DropReason, FileAction, LogLevel, Priority, RejectionCode, WorkflowAction};

record! {
    /// A log line.
    LogFrame {
        /// How urgent it is.
        level: LogLevel,
        /// The line.
        message: String,
        /// Of which node.
        node_id?: String,
        /// From which stream, such as `stdout`.
        stream?: String,
        /// From which logger.
        logger?: String,
        /// What else is known.
        metadata?: Json,
        /// Of larger metadata.
        metadata_ref?: ValueRef,
    }
}

record! {
    /// An agent said something.
    AgentMessageFrame {
        /// Who.
        agent: String,
        /// What.
        message: String,
        /// The speaker's role in the conversation.
        role?: String,
        /// At which node.
        node_id?: String,
        /// What else is known.
        metadata?: Json,
        /// Of larger metadata.
        metadata_ref?: ValueRef,
    }
}

record! {
    /// An agent thinks.
    AgentThinkingFrame {
        /// Who.
        agent: String,
        /// False once it has stopped to.
        thinking?: bool,
        /// What.
        message?: String,
        /// At which node.
        node_id?: String,
    }
}

record! {
    /// A tool was called.
    ToolCallFrame {
        /// Which.
        tool_name: String,
        /// By whom.
        agent?: String,
        /// At which node.
        node_id?: String,
        /// The call's name.
        call_id?: String,
        /// With what.
        arguments?: Json,
        /// Of larger arguments.
        arguments_ref?: ValueRef,
        /// What came of it.
        result?: Json,
        /// Of a larger result.
        result_ref?: ValueRef,
        /// What failed.
        error?: String,
    }
}

record! {
    /// Code was executed.
    CodeExecutionFrame {
        /// The code.
        code: String,
        /// Its language.
        language?: String,
        /// By whom.
        agent?: String,
        /// At which node.
        node_id?: String,
        /// What came of it.
        result?: Json,
        /// Of a larger result.
        result_ref?: ValueRef,
        /// What failed.
        error?: String,
    }
}

record! {
    /// Something was measured.
    MetricFrame {
        /// What.
        name: String,
        /// How much.
        value?: f64,
        /// Of what.
        unit?: String,
        /// At which node.
        node_id?: String,
        /// What else is known.
        metadata?: Json,
        /// Of larger metadata.
        metadata_ref?: ValueRef,
    }
}

record! {
    /// A file changed.
    FileFrame {
        /// Which.
        path: String,
        /// How.
        action: FileAction,
        /// Its kind, in the engine's words.
        file_type?: String,
        /// Its bytes.
        size?: u64,
        /// By which node.
        node_id?: String,
        /// By which step.
        step_id?: String,
        /// How many files its engine keeps track of.
        files_tracked?: u64,
    }
}

record! {
    /// Something failed and the execution goes on. (An `error` with a `code` is a `ProblemFrame`.)
    ErrorFrame {
        /// At which node.
        node_id?: String,
        /// In words.
        message: String,
        /// At which step.
        step_id?: String,
        /// All that is known. With `ts` as its `time` it is added to `errors`.
        failure: Failure,
    }
}

record! {
    /// An engine dropped events before it numbered them.
    EventsDroppedFrame {
        /// How many: they are added to `dropped`.
        count: u64,
        /// Why.
        reason: DropReason,
        /// Since when.
        first_drop_time?: Time,
        /// Until when.
        last_drop_time?: Time,
    }
}

record! {
    /// An event could not be kept. One is added to `rejected`.
    RejectedFrame {
        /// Why.
        code: RejectionCode,
        /// The path of the field at fault. Empty: the event itself.
        field: String,
        /// In words.
        message: String,
    }
}

record! {
    /// What no other type can say.
    OpaqueFrame {
        /// The dialect whose message `json` is; `captured`: it is a `CapturedEvent`; `workflow`: it
        /// is a `WorkflowChange`.
        protocol: String,
        /// The message.
        json: Json,
        /// Of a larger message.
        json_ref?: ValueRef,
        /// What may be dropped first when there is too much.
        priority?: Priority,
        /// Whether it is told to those who come later.
        replay?: bool,
        /// Of messages with the same key only the last counts.
        state_key?: String,
    }
}

object! {
    /// The `json` of an opaque frame with the `protocol` `captured`: an event that an engine
    /// captured from what it runs.
    CapturedEvent {
        /// Its name there.
        captured_event_id: String,
        /// Its kind there.
        event_type: String,
        /// Which sort of that kind.
        event_subtype?: String,
        /// Whose.
        agent?: String,
        /// At which node.
        node_id?: String,
        /// Its place among its siblings.
        execution_order?: i64,
        /// How deep it is nested.
        depth?: i32,
        /// What else it says.
        data?: Json,
        /// Of larger data.
        data_ref?: ValueRef,
    }
}

object! {
    /// The `json` of an opaque frame with the `protocol` `workflow`: a workflow was changed.
    WorkflowChange {
        /// Which.
        workflow_id: String,
        /// How.
        action: WorkflowAction,
        /// As it is now.
        workflow?: Json,
        /// Of a larger workflow.
        workflow_ref?: ValueRef,
    }
}
