//! Gates and outcomes; and that what is not understood is never an approval.

use std::time::Duration;

use footplate::engine::pb;
use footplate::engine::pb::event::Kind as Pb;
use footplate::model::{
    Advice, Classification, CloseReason, CommandOutcome, CommentRule, DecisionKind,
    DecisionOutcome, EscalationStep, GateClosed, GateOpened, GateOption, Kind, Label, LogLevel,
    NodeStatus, OptionStyle, OutcomeStatus, Policy, RetryPhase, TimeoutAction,
};

use super::kinds::{LASTING, at, lasting, n, same, t};
use super::{NOW, json, kept, whole};

#[test]
fn gates() {
    same(
        Pb::GateOpened(pb::GateOpened {
            gate_id: "g:1".into(),
            gate_version: 2,
            node_id: "n".into(),
            node_attempt: 3,
            title: "a".into(),
            prompt: "b".into(),
            payload: json("1"),
            payload_schema: json("{}"),
            payload_sha256: vec![9; 32].into(),
            presentation: json("2"),
            options: vec![pb::GateOption {
                option_id: "reject".into(),
                label: "c".into(),
                // What is stated beats any reading of the name.
                kind: pb::DecisionKind::Approve.into(),
                style: pb::OptionStyle::Danger.into(),
                comment_rule: pb::CommentRule::Required.into(),
                description: "d".into(),
            }],
            policy: Some(pb::GatePolicy {
                users: vec!["u".into()],
                groups: vec!["v".into()],
                roles: vec!["w".into()],
                required_approvals: 2,
                required_rejections: 0,
                excluded_users: vec!["x".into()],
            }),
            requested_by: "e".into(),
            deadline_time: Some(prost_types::Timestamp {
                seconds: NOW.0 / 1_000_000 + 60,
                nanos: 0,
            }),
            on_timeout: pb::TimeoutAction::Approve.into(),
            escalation: vec![pb::EscalationStep {
                after: lasting(),
                after_fraction: None,
                notify_users: vec!["f".into()],
                notify_groups: vec!["g".into()],
                add_users: vec!["h".into()],
                add_groups: vec!["i".into()],
            }],
            advice: vec![pb::Advice {
                source: "j".into(),
                text: "k".into(),
                confidence: Some(0.5),
                option_id: "l".into(),
            }],
            checkpoint: "m".into(),
            context: json("3"),
            previous_gate_id: "g:0".into(),
            rewind_node_ids: vec!["o".into()],
            action: "p".into(),
            step_id: "q".into(),
            classification: pb::GateClassification::Irreversible.into(),
            labels: vec![pb::Label { key: "k".into(), value: String::new() }],
        }),
        Kind::GateOpened(Box::new(GateOpened {
            gate_id: "g:1".parse().unwrap(),
            gate_version: 2,
            node_id: Some(n("n")),
            node_attempt: 3,
            title: t("a"),
            prompt: t("b"),
            payload: whole("1"),
            payload_schema: whole("{}"),
            payload_sha256: Some([9; 32]),
            presentation: whole("2"),
            options: vec![GateOption {
                option_id: "reject".into(),
                label: t("c"),
                kind: DecisionKind::Approve,
                style: OptionStyle::Danger,
                comment_rule: CommentRule::Required,
                description: t("d"),
            }],
            policy: Policy {
                users: vec!["u".into()],
                groups: vec!["v".into()],
                roles: vec!["w".into()],
                required_approvals: 2,
                required_rejections: 1,
                excluded_users: vec!["x".into()],
            },
            requested_by: t("e"),
            deadline_time: Some(NOW.after(Duration::from_secs(60))),
            time_left: Some(Duration::from_secs(60)),
            on_timeout: TimeoutAction::Approve,
            escalation: vec![EscalationStep {
                after: LASTING,
                after_fraction: None,
                notify_users: vec!["f".into()],
                notify_groups: vec!["g".into()],
                add_users: vec!["h".into()],
                add_groups: vec!["i".into()],
            }],
            advice: vec![Advice {
                source: "j".into(),
                text: "k".into(),
                confidence: Some(0.5),
                option_id: t("l"),
            }],
            checkpoint: t("m"),
            context: whole("3"),
            previous_gate_id: Some("g:0".parse().unwrap()),
            rewind_node_ids: vec![n("o")],
            action: t("p"),
            step_id: t("q"),
            classification: Some(Classification::Irreversible),
            labels: vec![Label { key: "k".into(), value: "".into() }],
        })),
    );
    same(
        Pb::GateOpened(pb::GateOpened { gate_id: "g".into(), ..Default::default() }),
        Kind::GateOpened(Box::new(GateOpened {
            policy: Policy { required_approvals: 1, required_rejections: 1, ..Policy::default() },
            ..GateOpened::of("g".parse().unwrap(), 1)
        })),
    );
    same(
        Pb::GateClosed(pb::GateClosed {
            gate_id: "g".into(),
            gate_version: 0,
            reason: pb::GateCloseReason::DecidedElsewhere.into(),
            message: "a".into(),
            option_id: "b".into(),
            kind: pb::DecisionKind::Skip.into(),
            closed_by: "c".into(),
        }),
        Kind::GateClosed(Box::new(GateClosed {
            gate_id: "g".parse().unwrap(),
            gate_version: 0,
            reason: CloseReason::DecidedElsewhere,
            message: t("a"),
            option_id: t("b"),
            kind: Some(DecisionKind::Skip),
            closed_by: t("c"),
        })),
    );
}

/// What a decision is bound to: the engine's own digest as it is, else the relay's.
#[test]
fn a_payload_has_a_digest_whoever_computes_it() {
    let digest = |payload: Option<pb::Json>, payload_sha256: Vec<u8>| {
        let gate_id = "g".into();
        let payload_sha256 = payload_sha256.into();
        let asked = pb::GateOpened { gate_id, payload, payload_sha256, ..Default::default() };
        let Kind::GateOpened(asked) = kept(Pb::GateOpened(asked)) else { panic!("no gate") };
        asked.payload_sha256.map(|it| it.map(|byte| format!("{byte:02x}")).concat())
    };
    assert_eq!(digest(json("1"), vec![9; 32]), Some("09".repeat(32)));
    assert_eq!(digest(None, vec![]), None);
    // `printf '{"n":1}' | sha256sum`
    let known = "2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd".to_owned();
    assert_eq!(digest(json(r#"{ "n" : 1.0 }"#), vec![]), Some(known.clone()));
    // Of a value that stands for a larger one it is the larger one's, where that is known.
    let hint = |sha256: Vec<u8>| {
        let truncated = json(r#"{"n":1}"#).map(|it| pb::Json { truncated: true, ..it });
        truncated.map(|it| pb::Json { sha256: sha256.into(), ..it })
    };
    assert_eq!(digest(hint(vec![7; 32]), vec![]), Some("07".repeat(32)));
    assert_eq!(digest(hint(vec![]), vec![]), Some(known));
}

#[test]
fn outcomes() {
    same(
        Pb::DecisionOutcome(pb::DecisionOutcome {
            decision_id: "d".into(),
            gate_id: "g".into(),
            gate_version: 3,
            outcome: pb::OutcomeStatus::Refused.into(),
            reason: "a".into(),
            node_status_after: pb::NodeStatus::Skipped.into(),
        }),
        Kind::DecisionOutcome(Box::new(DecisionOutcome {
            decision_id: "d".parse().unwrap(),
            gate_id: "g".parse().unwrap(),
            gate_version: 3,
            outcome: OutcomeStatus::Refused,
            reason: t("a"),
            node_status_after: Some(NodeStatus::Skipped),
        })),
    );
    same(
        Pb::CommandOutcome(pb::CommandOutcome {
            command_id: "c".into(),
            outcome: pb::OutcomeStatus::InProgress.into(),
            reason: "a".into(),
            result: json("1"),
        }),
        Kind::CommandOutcome(Box::new(CommandOutcome {
            command_id: "c".parse().unwrap(),
            outcome: OutcomeStatus::InProgress,
            reason: t("a"),
            result: whole("1"),
        })),
    );
}

#[test]
fn what_is_not_understood_is_the_default_and_never_an_approval() {
    let options = vec![pb::GateOption {
        option_id: "approve".into(),
        kind: 99,
        style: 99,
        comment_rule: 99,
        ..Default::default()
    }];
    let gate = pb::GateOpened {
        gate_id: "g".into(),
        on_timeout: 99,
        classification: 99,
        options,
        deadline_time: at(),
        ..Default::default()
    };
    let Kind::GateOpened(gate) = kept(Pb::GateOpened(gate)) else { panic!("another kind") };
    assert_eq!(gate.options[0].kind, DecisionKind::Custom);
    assert_eq!(gate.on_timeout, TimeoutAction::Expire);
    assert_eq!(gate.classification, None);
    assert_eq!(gate.time_left, Some(Duration::ZERO), "the deadline has passed");

    let unstated = |id: &str| pb::GateOption { option_id: id.into(), ..Default::default() };
    let options = ["deny", "allow_once", "whatever"].map(unstated).to_vec();
    let gate = pb::GateOpened { gate_id: "g".into(), options, ..Default::default() };
    let Kind::GateOpened(gate) = kept(Pb::GateOpened(gate)) else { panic!("another kind") };
    let kinds = gate.options.iter().map(|option| option.kind).collect::<Vec<_>>();
    assert_eq!(kinds, [DecisionKind::Reject, DecisionKind::Approve, DecisionKind::Custom]);

    let closed = pb::GateClosed { gate_id: "g".into(), reason: 99, kind: 99, ..Default::default() };
    let Kind::GateClosed(closed) = kept(Pb::GateClosed(closed)) else { panic!("another kind") };
    assert_eq!((closed.reason, closed.kind), (CloseReason::Withdrawn, Some(DecisionKind::Custom)));

    let outcome = pb::CommandOutcome { command_id: "c".into(), outcome: 99, ..Default::default() };
    let Kind::CommandOutcome(outcome) = kept(Pb::CommandOutcome(outcome)) else {
        panic!("another kind")
    };
    assert_eq!(outcome.outcome, OutcomeStatus::Unknown);

    let retried = pb::NodeRetried { node_id: "n".into(), phase: 99, ..Default::default() };
    let Kind::NodeRetried(retried) = kept(Pb::NodeRetried(retried)) else { panic!("another kind") };
    assert_eq!(retried.phase, RetryPhase::Started);
    let line = pb::LogWritten { level: 99, ..Default::default() };
    let Kind::LogWritten(line) = kept(Pb::LogWritten(line)) else { panic!("another kind") };
    assert_eq!(line.level, LogLevel::Info);
}
