//! What people decided and commanded, on its way to an engine.

use std::sync::Arc;

use footplate::core::Verdict;
use footplate::engine::pb;
use footplate::engine::pb::attach_response::Message as Told;
use footplate::model::{
    Command, CommandKind, Decision, DecisionKind, DecisionSource, ExecutionId, Json, Principal,
    Timestamp, Vote,
};
use footplate::shard::ToEngine;

use super::bench::Bench;

fn decision() -> Decision {
    let vote = |id: &str, who: &str| Vote {
        decision_id: id.parse().unwrap(),
        by: Principal { groups: vec!["ops".into()], ..Principal::named(who) },
        kind: DecisionKind::Modify,
        option: "edit".into(),
        comment: Some("as agreed".into()),
        modification: Some(Json::whole("{}")),
        modification_sha256: Some([8; 32]),
        payload_sha256: None,
        time: Timestamp(-1),
    };
    let votes = vec![vote("d1", "ann"), vote("d2", "bob")];
    Decision {
        id: "d2".parse().unwrap(),
        gate: "deploy:1".parse().unwrap(),
        version: 3,
        node: Some("task[3]".parse().unwrap()),
        kind: DecisionKind::Modify,
        option: "edit".into(),
        comment: Some("as agreed".into()),
        modification: Some(Json::whole(r#"{"n":9007199254740993}"#)),
        modification_sha256: Some([9; 32]),
        payload_sha256: Some([7; 32]),
        by: Some(votes[1].by.clone()),
        votes,
        source: DecisionSource::AdminOverride,
        time: Timestamp(1_000_001),
    }
}

#[tokio::test]
async fn decisions_and_verdicts_travel_whole() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    let execution: ExecutionId = "x1".parse().unwrap();
    let taken = Arc::new(decision());
    let deliver =
        ToEngine::Deliver { execution: execution.clone(), decision: taken.clone(), attempt: 2 };
    bench.shard.tell(deliver);
    let Told::Decision(told) = engine.hears().await else { panic!("no decision") };
    let actor = |subject: &str| pb::Actor {
        subject: subject.into(),
        auth_method: "none".into(),
        groups: vec!["ops".into()],
        roles: vec!["viewer".into(), "decider".into(), "operator".into()],
        ..Default::default()
    };
    let vote = |id: &str, who: &str| pb::Vote {
        decision_id: id.into(),
        actor: Some(actor(who)),
        kind: pb::DecisionKind::Modify.into(),
        option_id: "edit".into(),
        comment: "as agreed".into(),
        // Before 1970 the seconds are floored and the nanoseconds still count up.
        vote_time: Some(prost_types::Timestamp { seconds: -1, nanos: 999_999_000 }),
        modification_sha256: vec![8; 32].into(),
    };
    let expected = pb::Decision {
        execution_id: "x1".into(),
        decision_id: "d2".into(),
        gate_id: "deploy:1".into(),
        gate_version: 3,
        kind: pb::DecisionKind::Modify.into(),
        option_id: "edit".into(),
        comment: "as agreed".into(),
        modification: Some(pb::Json {
            text: r#"{"n":9007199254740993}"#.into(),
            ..Default::default()
        }),
        actor: Some(actor("bob")),
        votes: vec![vote("d1", "ann"), vote("d2", "bob")],
        source: pb::DecisionSource::AdminOverride.into(),
        delivery_attempt: 2,
        decision_time: Some(prost_types::Timestamp { seconds: 1, nanos: 1_000 }),
        payload_sha256: vec![7; 32].into(),
        node_id: "task[3]".into(),
        is_override: true,
        modification_sha256: vec![9; 32].into(),
    };
    assert_eq!(told, expected);

    for (verdict, code, decided) in [
        (Verdict::Withdrawn, pb::GateVerdictCode::Withdrawn, false),
        (Verdict::TooLate(taken), pb::GateVerdictCode::TooLate, true),
        (Verdict::AlreadyClosed, pb::GateVerdictCode::AlreadyClosed, false),
        (Verdict::Unknown, pb::GateVerdictCode::Unknown, false),
    ] {
        let (execution, gate) = (execution.clone(), "deploy:1".parse().unwrap());
        bench.shard.tell(ToEngine::Verdict { execution, gate, version: 3, verdict });
        let Told::GateVerdict(told) = engine.hears().await else { panic!("no verdict") };
        assert_eq!((told.verdict(), told.gate_version), (code, 3));
        assert_eq!(told.decision.is_some(), decided);
    }
}

#[tokio::test]
async fn commands_travel_whole() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    let payload = Some(Json::whole("[1]"));
    let (workflow, input) = ("flow".parse().unwrap(), payload.clone());
    for (kind, code, workflow, custom, carries) in [
        (CommandKind::Pause, pb::CommandKind::Pause, "", "", false),
        (CommandKind::Resume, pb::CommandKind::Resume, "", "", false),
        (CommandKind::Cancel, pb::CommandKind::Cancel, "", "", false),
        (CommandKind::Start { workflow, input }, pb::CommandKind::Start, "flow", "", true),
        (
            CommandKind::Custom { name: "zap".into(), payload },
            pb::CommandKind::Custom,
            "",
            "zap",
            true,
        ),
    ] {
        let command = Arc::new(Command {
            id: "c1".parse().unwrap(),
            kind,
            reason: Some("because".into()),
            by: Principal::local(),
            time: Timestamp(5),
        });
        let execution = "x1".parse().unwrap();
        bench.shard.tell(ToEngine::Order { execution, command, attempt: 1 });
        let Told::Command(told) = engine.hears().await else { panic!("no command") };
        assert_eq!((told.kind(), &*told.execution_id, &*told.command_id), (code, "x1", "c1"));
        assert_eq!((&*told.workflow_id, &*told.custom_type), (workflow, custom));
        assert_eq!(told.payload.is_some(), carries);
        assert_eq!((&*told.reason, told.delivery_attempt), ("because", 1));
        assert_eq!(told.actor.unwrap().subject, "local");
        assert_eq!(told.command_time.unwrap().nanos, 5_000);
    }
}
