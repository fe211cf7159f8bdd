//! Questions to humans, as engines state them. Fields are described in `gate.proto`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{GateId, Json, Label, NodeId, Text, Timestamp};

/// A gate, as announced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in gate.proto")]
pub struct GateOpened {
    pub gate_id: GateId,
    /// From 1; rises when what is shown changes.
    pub gate_version: u32,
    pub node_id: Option<NodeId>,
    pub node_attempt: u32,
    pub title: Option<Text>,
    pub prompt: Option<Text>,
    pub payload: Option<Json>,
    pub payload_schema: Option<Json>,
    pub payload_sha256: Option<[u8; 32]>,
    pub presentation: Option<Json>,
    /// Never empty: its door fills in approve, reject and modify.
    pub options: Vec<GateOption>,
    pub policy: Policy,
    pub requested_by: Option<Text>,
    pub deadline_time: Option<Timestamp>,
    /// What was left until `deadline_time` when the gate came in. Only this starts the timer.
    pub time_left: Option<Duration>,
    pub on_timeout: TimeoutAction,
    pub escalation: Vec<EscalationStep>,
    pub advice: Vec<Advice>,
    pub checkpoint: Option<Text>,
    pub context: Option<Json>,
    pub previous_gate_id: Option<GateId>,
    pub rewind_node_ids: Vec<NodeId>,
    pub action: Option<Text>,
    pub step_id: Option<Text>,
    pub classification: Option<Classification>,
    pub labels: Vec<Label>,
}

impl GateOpened {
    /// A gate that states no more than its name.
    pub fn of(gate_id: GateId, gate_version: u32) -> Self {
        Self {
            gate_id,
            gate_version,
            node_id: None,
            node_attempt: 0,
            title: None,
            prompt: None,
            payload: None,
            payload_schema: None,
            payload_sha256: None,
            presentation: None,
            options: GateOption::usual(),
            policy: Policy::default(),
            requested_by: None,
            deadline_time: None,
            time_left: None,
            on_timeout: TimeoutAction::Expire,
            escalation: vec![],
            advice: vec![],
            checkpoint: None,
            context: None,
            previous_gate_id: None,
            rewind_node_ids: vec![],
            action: None,
            step_id: None,
            classification: None,
            labels: vec![],
        }
    }

    /// The option with this id.
    pub fn option(&self, id: &str) -> Option<&GateOption> {
        self.options.iter().find(|option| &*option.option_id == id)
    }
}

/// How bad a wrong answer would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Classification {
    Irreversible,
    QualityCheck,
    Calibration,
}

/// What a decision amounts to, whatever its option is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum DecisionKind {
    Approve,
    Reject,
    Modify,
    Retry,
    Skip,
    Abort,
    Custom,
    /// Nobody answered in time. Not a rejection.
    Expired,
    /// Nobody could have answered. Not a rejection.
    NoApprover,
}

impl DecisionKind {
    /// What a name means where nobody states a kind (the rule of the seed protocols).
    pub fn of(name: &str) -> Self {
        match name {
            "approve" | "approved" | "continue" | "submit" | "done" => Self::Approve,
            _ if name.starts_with("allow") => Self::Approve,
            "deny" => Self::Reject,
            _ if name.starts_with("reject") => Self::Reject,
            "edit" | "provide_instructions" => Self::Modify,
            _ if name.starts_with("modif") => Self::Modify,
            "retry" | "redo" => Self::Retry,
            "skip" => Self::Skip,
            "abort" | "exit" | "cancel" => Self::Abort,
            _ => Self::Custom,
        }
    }
}

/// How an option looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum OptionStyle {
    #[default]
    Neutral,
    Primary,
    Danger,
}

/// Whether an option wants a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum CommentRule {
    #[default]
    Optional,
    Required,
    Forbidden,
}

/// One of the answers that a gate allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in gate.proto")]
pub struct GateOption {
    pub option_id: Text,
    pub label: Option<Text>,
    pub kind: DecisionKind,
    pub style: OptionStyle,
    pub comment_rule: CommentRule,
    pub description: Option<Text>,
}

impl GateOption {
    /// What a gate offers that states no options.
    pub fn usual() -> Vec<Self> {
        let option = |id: &str, label: &str, style| Self {
            option_id: id.into(),
            label: Some(label.into()),
            kind: DecisionKind::of(id),
            style,
            comment_rule: CommentRule::Optional,
            description: None,
        };
        vec![
            option("approve", "Approve", OptionStyle::Primary),
            option("reject", "Reject", OptionStyle::Danger),
            option("modify", "Modify", OptionStyle::Neutral),
        ]
    }
}

/// Who may decide, and how many it takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in gate.proto")]
pub struct Policy {
    pub users: Vec<Text>,
    pub groups: Vec<Text>,
    pub roles: Vec<Text>,
    /// At least 1 once read; 0 means 1.
    pub required_approvals: u32,
    pub required_rejections: u32,
    pub excluded_users: Vec<Text>,
}

impl Policy {
    /// How many votes of this kind settle the gate. Only approving takes a quorum of its own.
    pub fn quorum(&self, kind: DecisionKind) -> usize {
        let needed = match kind {
            DecisionKind::Approve | DecisionKind::Modify => self.required_approvals,
            DecisionKind::Reject => self.required_rejections,
            DecisionKind::Retry
            | DecisionKind::Skip
            | DecisionKind::Abort
            | DecisionKind::Custom
            | DecisionKind::Expired
            | DecisionKind::NoApprover => self.required_approvals,
        };
        needed.max(1) as usize
    }
}

/// What a passed deadline means. What is not understood fails closed: it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum TimeoutAction {
    #[default]
    Expire,
    Reject,
    /// Until escalation exists it expires.
    Escalate,
    Abort,
    /// Only where the operator allows it; else it expires.
    Approve,
}

/// Whom to tell, or to let decide too, when nobody answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in gate.proto")]
pub struct EscalationStep {
    pub after: Option<Duration>,
    pub after_fraction: Option<f64>,
    pub notify_users: Vec<Text>,
    pub notify_groups: Vec<Text>,
    pub add_users: Vec<Text>,
    pub add_groups: Vec<Text>,
}

/// What a model recommends. It is shown as advice and never decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in gate.proto")]
pub struct Advice {
    pub source: Text,
    pub text: Text,
    pub confidence: Option<f64>,
    pub option_id: Option<Text>,
}

/// Why an engine closed a gate by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum CloseReason {
    #[default]
    Withdrawn,
    DecidedElsewhere,
    Cancelled,
    Unreachable,
    NoApprover,
}

/// A gate that its engine closed: its own fact, which never loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in gate.proto")]
pub struct GateClosed {
    pub gate_id: GateId,
    pub gate_version: u32,
    pub reason: CloseReason,
    pub message: Option<Text>,
    pub option_id: Option<Text>,
    pub kind: Option<DecisionKind>,
    pub closed_by: Option<Text>,
}
