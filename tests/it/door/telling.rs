//! What goes over a stream beside events, and what comes back: results, claims, reports, receipts.

use footplate::core::{Grant, Input, LaneFault, LaneResult, Reference};
use footplate::engine::Limits;
use footplate::engine::pb::attach_request::Message as Say;
use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::{self, IssueCode, LaneErrorCode};
use footplate::model::{Contradiction, Issue, Pseq, Rejection, RejectionCode};
use footplate::shard::ToEngine;
use tonic::Code;

use super::bench::{Bench, acked, batch, granted, line};

#[tokio::test]
async fn of_a_run_of_acknowledgements_the_newest_is_sent() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    let unnumbered = pb::EventBatch { batch_ref: 77, ..batch("x3", 0, 1) };
    engine.says_events((1..=4).map(|pseq| batch("x1", pseq, 1)).collect()).await;
    engine.says_events(vec![batch("x2", 1, 1), unnumbered.clone(), unnumbered]).await;
    let mut taken = vec![];
    for _ in 0..7 {
        taken.push(bench.shard.published().await);
    }
    let shard = &bench.shard;
    shard.ack(&taken[0], 1);
    shard.ack(&taken[4], 1);
    shard.ack(&taken[1], 2);
    let nack = LaneResult { ack: None, nack: Some(Pseq(3)), ..acked(&taken[2], 0) };
    shard.tell(ToEngine::Result(nack));
    shard.ack(&taken[3], 4);
    shard.ack(&taken[5], 0);
    shard.ack(&taken[6], 0);
    let results = engine.hears_results().await;
    let told = results.iter().map(|result| {
        let ack = result.ack.as_ref().map(|ack| ack.pseq);
        (&*result.execution_id, ack, result.nack.is_some(), result.batch_ref)
    });
    let expected = [
        ("x1", Some(2), false, 0),
        ("x2", Some(1), false, 0),
        ("x1", None, true, 0),
        ("x1", Some(4), false, 0),
        ("x3", Some(0), false, 77),
        ("x3", Some(0), false, 77),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let ack = results[0].ack.as_ref().unwrap();
    assert_eq!((ack.seq, &*ack.epoch, ack.durability()), (2, "b007-1", pb::Durability::Local));
    // All of it counts as answered: the half-close has nothing to wait for.
    drop(engine.tell.take());
    assert!(engine.heard.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_decision_does_not_overtake_what_was_said_before_it() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    engine.says_events(vec![batch("x1", 1, 1), batch("x1", 2, 1)]).await;
    let (one, two) = (bench.shard.published().await, bench.shard.published().await);
    bench.shard.ack(&one, 1);
    bench.shard.tell(ToEngine::NeedState { execution: "x2".parse().unwrap() });
    bench.shard.ack(&two, 2);
    assert_eq!(engine.hears_ack().await, 1);
    let Told::StateRequest(request) = engine.hears().await else { panic!("no request") };
    assert_eq!(request.execution_ids, ["x2"]);
    assert_eq!(engine.hears_ack().await, 2);
}

#[tokio::test]
async fn issues_and_faults_have_their_words() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    let workflow = pb::EventBatch { workflow_id: "flow".into(), batch_ref: 3, ..batch("", 0, 3) };
    engine.says_events(vec![workflow, batch("x1", 9, 1)]).await;
    let (one, two) = (bench.shard.published().await, bench.shard.published().await);
    assert_eq!(one.execution.workflow(), Some("flow"));
    assert_eq!(one.events[0].event.as_ref().unwrap_err().code, RejectionCode::Invalid);
    let rejection = Rejection {
        code: RejectionCode::Depth,
        field: "log_written.metadata.text".into(),
        message: "deep".into(),
    };
    let issues = vec![
        (Pseq(0), 0, Issue::Rejected(rejection)),
        (Pseq(0), 1, Issue::Contradiction(Contradiction::AlreadyOver)),
        (Pseq(0), 2, Issue::Conflict),
    ];
    bench.shard.tell(ToEngine::Result(LaneResult { issues, ..acked(&one, 0) }));
    let fault = Some(LaneFault::StateNeeded);
    bench.shard.tell(ToEngine::Result(LaneResult { ack: None, fault, ..acked(&two, 0) }));
    let results = engine.hears_results().await;
    assert_eq!((&*results[0].workflow_id, results[0].batch_ref), ("flow", 3));
    assert_eq!(results[0].execution_id, "");
    let codes = results[0].issues.iter().map(|issue| (issue.index, issue.code()));
    let expected =
        [(0, IssueCode::RejectedDepth), (1, IssueCode::Contradiction), (2, IssueCode::Conflict)];
    assert_eq!(codes.collect::<Vec<_>>(), expected);
    assert_eq!(results[0].issues[0].field_path, "log_written.metadata.text");
    assert_eq!(results[1].error.as_ref().unwrap().code(), LaneErrorCode::StateNeeded);
}

#[tokio::test]
async fn claims_are_granted_or_refused_one_by_one() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    let known = pb::KnownOutcome {
        decision_id: "d1".into(),
        gate_id: "g1".into(),
        outcome: pb::OutcomeStatus::Applied.into(),
        ..Default::default()
    };
    let fine = pb::Claim {
        execution_id: "x1".into(),
        first_unacked_pseq: 4,
        aliases: vec!["my run [3]".into()],
        open_gates: vec![pb::OpenGate { gate_id: "g2".into(), gate_version: 0 }],
        outcomes: vec![known.clone()],
    };
    let both = pb::KnownOutcome { command_id: "c1".into(), ..known };
    let bad = pb::Claim { execution_id: "x2".into(), outcomes: vec![both], ..Default::default() };
    engine.say(Say::Claims(pb::Claims { claims: vec![bad, fine] })).await;
    let refused = engine.hears_grants().await;
    assert_eq!(refused[0].execution_id, "x2");
    let error = refused[0].error.as_ref().unwrap();
    assert_eq!(error.code(), LaneErrorCode::InvalidId);
    assert!(error.message.starts_with("outcomes[0]: exactly one"), "{}", error.message);

    let Input::Claimed { claims, .. } = bench.shard.input().await else { panic!("no claims") };
    let [claim] = &*claims else { panic!("{claims:?}") };
    assert_eq!((claim.first_unacked, claim.aliases[0].as_str()), (Pseq(4), "my run [3]"));
    assert_eq!(claim.open_gates[0].version, 1, "0 means 1");
    assert_eq!(claim.outcomes.len(), 1);
    let refused = Grant { log: Err(LaneFault::WrongOwner), ..granted("x3", 0) };
    let needed = Grant { need_state: true, ..granted("x1", 4) };
    bench.shard.tell(ToEngine::Granted { grants: vec![needed, refused] });
    let grants = engine.hears_grants().await;
    assert!(grants[0].need_state && grants[0].error.is_none());
    assert_eq!(grants[1].error.as_ref().unwrap().code(), LaneErrorCode::WrongOwner);
}

fn part(execution: &str, as_of: u64, events: usize, last: bool) -> Say {
    let events = vec![line("state").into(); events];
    let execution_id = execution.into();
    Say::StateReport(pb::StateReport { execution_id, as_of_pseq: as_of, events, last })
}

#[tokio::test(start_paused = true)]
async fn a_state_report_is_handed_over_whole() {
    let mut bench = Bench::start().await;
    let engine = bench.attach().await;
    engine.say(part("x1", 9, 2, false)).await;
    engine.say(part("x2", 1, 1, false)).await;
    bench.shard.hears_nothing().await;
    engine.say(part("x1", 9, 1, true)).await;
    let Input::Reported { execution, as_of, events, .. } = bench.shard.input().await else {
        panic!("no report")
    };
    assert_eq!((execution.as_str(), as_of, events.len()), ("x1", Pseq(9), 3));
    engine.say(part("x2", 1, 0, true)).await;
    let Input::Reported { execution, events, .. } = bench.shard.input().await else {
        panic!("no report")
    };
    assert_eq!((execution.as_str(), events.len()), ("x2", 1));
}

#[tokio::test]
async fn a_state_report_too_large_is_refused_at_its_end_and_the_stream_lives() {
    let mut bench = Bench::with(Limits { report_bytes: 1_000, ..Limits::default() }).await;
    let mut engine = bench.attach().await;
    engine.say(part("x1", 9, 5, false)).await;
    engine.say(part("x1", 9, 5, false)).await;
    engine.say(part("x1", 9, 1, true)).await;
    engine.say(part("no name", 9, 1, true)).await;
    for (execution, code) in [("x1", LaneErrorCode::Limit), ("no name", LaneErrorCode::InvalidId)] {
        let grants = engine.hears_grants().await;
        assert_eq!(grants[0].execution_id, execution);
        assert_eq!(grants[0].error.as_ref().unwrap().code(), code);
    }
    // What it took is free again.
    engine.say(part("x1", 9, 6, true)).await;
    let Input::Reported { events, .. } = bench.shard.input().await else { panic!("no report") };
    assert_eq!(events.len(), 6);
    engine.say(part("x1", 9, 1, false)).await;
    engine.say(part("x1", 8, 1, true)).await;
    let (_, status) = engine.hears_goodbye().await;
    assert_eq!(status.code(), Code::InvalidArgument, "the parts are of different states");
}

#[tokio::test]
async fn receipts_and_withdrawals_reach_the_core() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    let receipt = |decision: &str, command: &str| pb::DeliveryReceipt {
        execution_id: "x1".into(),
        decision_id: decision.into(),
        command_id: command.into(),
    };
    let receipts = vec![receipt("d1", ""), receipt("", "c1")];
    engine.say(Say::Receipts(pb::DeliveryReceipts { receipts })).await;
    for expected in
        [Reference::Decision("d1".parse().unwrap()), Reference::Command("c1".parse().unwrap())]
    {
        let Input::Receipted { about, .. } = bench.shard.input().await else { panic!("none") };
        assert_eq!(about, expected);
    }
    let withdrawal = |gate: &str| {
        Say::WithdrawGate(pb::WithdrawGate {
            execution_id: "x1".into(),
            gate_id: gate.into(),
            gate_version: 0,
            reason: "no longer needed".into(),
        })
    };
    engine.say(withdrawal("no gate")).await;
    let Told::GateVerdict(verdict) = engine.hears().await else { panic!("no verdict") };
    assert_eq!((&*verdict.gate_id, verdict.verdict()), ("no gate", pb::GateVerdictCode::Unknown));
    engine.say(withdrawal("g1")).await;
    let Input::Withdrawn { gate, version, reason, .. } = bench.shard.input().await else {
        panic!("no withdrawal")
    };
    assert_eq!((gate.as_str(), version), ("g1", 0), "0 means whichever is open");
    assert_eq!(reason.as_deref(), Some("no longer needed"));

    let receipts = vec![receipt("d1", "c1")];
    engine.say(Say::Receipts(pb::DeliveryReceipts { receipts })).await;
    assert_eq!(engine.hears_goodbye().await.1.code(), Code::InvalidArgument);
}
