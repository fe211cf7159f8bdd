//! Numbers that are told apart by a label. All values of a label are named here, in the program:
//! nothing that comes from outside ever becomes one, and each is there, at nothing, from the start,
//! so that a rate has something to begin with.

use prometheus_client::metrics::family::Family;

/// A label's name, and everything that it can say.
pub(super) type Label = (&'static str, &'static [&'static str]);

/// One number for each value of a label.
#[derive(Debug)]
pub struct Each<M> {
    numbers: Vec<(&'static str, M)>,
    family: Family<[(&'static str, &'static str); 1], M>,
}

impl<M: Default + Clone> Each<M> {
    pub(super) fn of_label((label, values): Label) -> Self {
        let family = Family::<_, M>::default();
        let number = |value| (value, family.get_or_create_owned(&[(label, value)]));
        Self { numbers: values.iter().copied().map(number).collect(), family }
    }

    pub(super) fn family(&self) -> Family<[(&'static str, &'static str); 1], M> {
        self.family.clone()
    }

    /// The number of this value. What is not among the label's values counts as the last of them,
    /// and fails a test.
    pub fn of(&self, value: &'static str) -> &M {
        let known = self.numbers.iter().find(|(it, _)| *it == value);
        debug_assert!(known.is_some(), "{value} is not among the label's values");
        let (_, number) = known.or(self.numbers.last()).expect("a label has values");
        number
    }
}

/// The doors, as [`connections_accepted`](super::Metrics::connections_accepted) tells them apart.
pub(super) const DOORS: Label = ("door", &["admin", "engine", "viewer"]);
/// The doors that may speak TLS.
pub(super) const TLS_DOORS: Label = ("door", &["engine", "viewer"]);
/// What comes of new certificates, authorities and revocation lists.
pub(super) const RELOADS: Label = ("result", &["reloaded", "refused"]);
/// Why a connection or a request is refused before anybody looks at what it wants.
pub(super) const REFUSALS: Label = (
    "reason",
    &[
        "cap",
        "strangers",
        "memory",
        "descriptors",
        "timeout",
        "tls",
        "host_not_allowed",
        "origin_not_allowed",
        "forwarded_for",
        "other",
    ],
);
/// Of what somebody has too much, or does too much.
pub(super) const TOO_MUCH: Label = (
    "what",
    &[
        "principal",
        "tenant",
        "attempts",
        "messages",
        "pings",
        "decisions",
        "subscribes",
        "subscriptions",
    ],
);
/// Whose limit keeps an execution from being begun.
pub(super) const EXECUTION_LIMITS: Label = ("limit", &["relay", "engine", "tenant", "rate"]);
/// Why something that was shown does not count: as `auth::Reason` has it.
pub(super) const CREDENTIALS: Label = (
    "reason",
    &[
        "too_long",
        "not_a_token",
        "nested",
        "header",
        "critical",
        "algorithm",
        "key_id",
        "unknown_key",
        "signature",
        "claims",
        "missing_claim",
        "type",
        "issuer",
        "audience",
        "subject",
        "not_yet",
        "expired",
        "too_old",
        "revoked",
        "unknown_secret",
        "ticket",
        "crowded",
    ],
);
/// How an engine's stream ends.
pub(super) const STREAM_ENDS: Label = (
    "reason",
    &[
        "half_closed",
        "gone",
        "protocol",
        "fenced",
        "replaced",
        "forbidden",
        "unauthenticated",
        "window_exceeded",
        "overloaded",
        "draining",
    ],
);
/// What can be held up.
pub(super) const STALLS: Label = ("what", &["threads", "shard"]);
/// Wire protocols for dashboards.
pub(super) const DIALECTS: Label =
    ("dialect", &["native", "windags", "executions", "executions_real", "stage5", "nebula"]);
/// Why a viewer's connection ends.
pub(super) const CLOSES: Label = (
    "reason",
    &[
        "done",
        "drain",
        "slow",
        "overloaded",
        "too_many",
        "policy",
        "token",
        "forbidden",
        "gone",
        "protocol",
        "binary",
        "utf8",
        "too_big",
        "silent",
        "stalled",
        "unheard",
        "by_peer",
        "lost",
    ],
);
/// Why a viewer is shown the state instead of the records that it has not seen.
pub(super) const WHYS: Label = ("why", &["fresh", "epoch_changed", "too_old", "ahead", "behind"]);
/// Where a record comes from.
pub(super) const FACTS: Label = ("kind", &["event", "rejected", "relay"]);
/// How far a decision is, as whoever took it is told.
pub(super) const DECISION_STAGES: Label = (
    "stage",
    &[
        "recorded",
        "voted",
        "delivered",
        "applied",
        "refused",
        "failed",
        "outcome_unknown",
        "already_decided",
        "gate_changed",
        "gate_closed",
        "gate_unknown",
        "engine_away",
        "id_reused",
        "forbidden",
    ],
);
/// How far a command is, as whoever gave it is told.
pub(super) const COMMAND_STAGES: Label = (
    "stage",
    &[
        "recorded",
        "delivered",
        "in_progress",
        "waiting",
        "applied",
        "refused",
        "failed",
        "outcome_unknown",
        "id_reused",
        "forbidden",
    ],
);
/// How a gate is settled.
pub(super) const RESOLUTIONS: Label = (
    "how",
    &[
        "decided",
        "expired",
        "withdrawn",
        "cancelled",
        "superseded",
        "decided_elsewhere",
        "unreachable",
        "no_approver",
    ],
);
/// How an execution ends.
pub(super) const FINISHES: Label =
    ("status", &["completed", "failed", "cancelled", "timed_out", "other"]);
/// What is told to engines until they answer.
pub(super) const ORDERS: Label = ("what", &["decision", "command"]);
