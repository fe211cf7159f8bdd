//! What a client says.

use super::values::{Json, Sha256};

messages! {
    /// Everything that a client may say. A field that is not known makes a message mean nothing.
    ClientMessage {
        "subscribe" => SubscribeMessage,
        "unsubscribe" => UnsubscribeMessage,
        "subscribe_executions" => SubscribeExecutionsMessage,
        "unsubscribe_executions" => UnsubscribeExecutionsMessage,
        "human_decision" => HumanDecisionMessage,
        "pause_execution" => PauseExecutionMessage,
        "resume_execution" => ResumeExecutionMessage,
        "cancel_execution" => CancelExecutionMessage,
        "start_execution" => StartExecutionMessage,
        "custom_command" => CustomCommandMessage,
        "authenticate" => AuthenticateMessage,
        "refresh" => RefreshMessage,
        "ping" => PingMessage,
    }
}

object! {
    /// Show me this execution, from there on if you can.
    SubscribeMessage {
        /// Its name, or an alias.
        execution_id: String,
        /// The last record that the client has.
        since?: Since,
        /// In its place: the record at which it wants to see the state, and go on from there.
        at?: At,
    }
}

object! {
    /// A record of the log as it is now.
    At {
        /// The record.
        seq: u64,
    }
}

object! {
    /// A place in a log.
    Since {
        /// The log, taken from a frame as it stands.
        epoch: String,
        /// The record.
        seq: u64,
    }
}

object! {
    /// No longer.
    UnsubscribeMessage {
        /// As it was subscribed to.
        execution_id: String,
    }
}

object! {
    /// Show me the directory of executions.
    SubscribeExecutionsMessage {}
}

object! {
    /// No longer.
    UnsubscribeExecutionsMessage {}
}

object! {
    /// I decide at a gate. Send it again unchanged until a receipt has come.
    HumanDecisionMessage {
        /// Made when the form opens (a UUIDv7), and kept through every resend.
        decision_id: String,
        /// The execution.
        execution_id: String,
        /// The gate.
        gate_id: String,
        /// The version of the gate that was shown.
        gate_version: u32,
        /// One of the gate's options.
        option_id: String,
        /// Why: at most 16 KiB.
        comment?: String,
        /// A full replacement of the payload: at most 256 KiB. It has to fit `payload_schema`.
        modification?: Json,
        /// The digest of what was shown.
        payload_sha256?: Sha256,
    }
}

object! {
    /// Pause.
    PauseExecutionMessage {
        /// Made once (a UUIDv7), and kept through every resend.
        command_id: String,
        /// The execution.
        execution_id: String,
        /// Why: at most 16 KiB.
        reason?: String,
    }
}

object! {
    /// Go on.
    ResumeExecutionMessage {
        /// Made once (a UUIDv7), and kept through every resend.
        command_id: String,
        /// The execution.
        execution_id: String,
        /// Why: at most 16 KiB.
        reason?: String,
    }
}

object! {
    /// End.
    CancelExecutionMessage {
        /// Made once (a UUIDv7), and kept through every resend.
        command_id: String,
        /// The execution.
        execution_id: String,
        /// Why: at most 16 KiB.
        reason?: String,
    }
}

object! {
    /// Begin. The relay names the execution: its receipt has the `execution_id`.
    StartExecutionMessage {
        /// Made once (a UUIDv7), and kept through every resend.
        command_id: String,
        /// What to run.
        workflow_id: String,
        /// What to give it: at most 256 KiB.
        input?: Json,
        /// Why: at most 16 KiB.
        reason?: String,
    }
}

object! {
    /// Something that this engine alone knows.
    CustomCommandMessage {
        /// Made once (a UUIDv7), and kept through every resend.
        command_id: String,
        /// The execution.
        execution_id: String,
        /// One of the `custom_types` of the execution's engine.
        custom_type: String,
        /// Its own: at most 256 KiB.
        payload?: Json,
        /// Why: at most 16 KiB.
        reason?: String,
    }
}

object! {
    /// This is who I am: the first message, where nothing has been shown before.
    AuthenticateMessage {
        /// A token or an API key: at most 8 KiB.
        token: String,
    }
}

object! {
    /// This is my next token. It has to be the same person's.
    RefreshMessage {
        /// At most 8 KiB.
        token: String,
    }
}

object! {
    /// Is anybody there?
    PingMessage {}
}
