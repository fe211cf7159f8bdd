//! The second half of the golden frames: every word of gates, decisions and commands, and what is
//! told to one client alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use footplate::core::{Answer, Execution, NotThen, Receipt, Reference, Stage, Start, Why};
use footplate::dialect::native::Native;
use footplate::dialect::{Call, Conversation, Dialect, Notice, Summary, Token, Unintelligible};
use footplate::frame::Frames;
use footplate::model::*;
use serde_json::Value;

use super::golden::hint;
use super::story::{Story, ada, id, text};
use super::{texts, values};

fn opened(story: &mut Story, asked: GateOpened) -> Gate {
    let gate = Gate {
        asked: Arc::new(asked.clone()),
        producer: id("engine-1"),
        resolution: Resolution::Open,
        delivery: None,
        reason: None,
        votes: vec![],
        opened: story.time(),
        since: story.seq(),
    };
    let after = After { gate: Some(Arc::new(gate.clone())), ..After::default() };
    story.said(Kind::GateOpened(Box::new(asked)), after);
    gate
}

/// Questions with every word that one may be asked in.
fn asked(story: &mut Story) -> Gate {
    let kinds = [
        DecisionKind::Approve,
        DecisionKind::Reject,
        DecisionKind::Modify,
        DecisionKind::Retry,
        DecisionKind::Skip,
        DecisionKind::Abort,
        DecisionKind::Custom,
    ];
    let styles = [OptionStyle::Neutral, OptionStyle::Primary, OptionStyle::Danger];
    let rules = [CommentRule::Optional, CommentRule::Required, CommentRule::Forbidden];
    let option = |(index, kind): (usize, DecisionKind)| GateOption {
        option_id: format!("option-{index}").into(),
        label: None,
        kind,
        style: styles[index % 3],
        comment_rule: rules[index % 3],
        description: text("what follows from it"),
    };
    let step = EscalationStep {
        after: None,
        after_fraction: None,
        notify_users: vec![],
        notify_groups: vec![],
        add_users: vec![],
        add_groups: vec![],
    };
    let advice =
        Advice { source: "m".into(), text: "wait".into(), confidence: None, option_id: None };
    let rich = GateOpened {
        payload: hint(),
        payload_schema: hint(),
        presentation: hint(),
        context: hint(),
        options: kinds.into_iter().enumerate().map(option).collect(),
        escalation: vec![step],
        advice: vec![advice],
        ..GateOpened::of(id("g"), 1)
    };
    let gate = opened(story, rich);
    use Classification as Sort;
    for (on_timeout, classification) in [
        (TimeoutAction::Expire, Some(Sort::Irreversible)),
        (TimeoutAction::Reject, Some(Sort::QualityCheck)),
        (TimeoutAction::Escalate, Some(Sort::Calibration)),
        (TimeoutAction::Abort, None),
        (TimeoutAction::Approve, None),
    ] {
        opened(story, GateOpened { on_timeout, classification, ..GateOpened::of(id("h"), 1) });
    }
    gate
}

pub(super) fn gates(story: &mut Story) {
    let gate = asked(story);
    let vote = |by: Principal, time| Vote {
        decision_id: id("d"),
        by,
        kind: DecisionKind::Approve,
        option: "approve".into(),
        comment: None,
        modification: None,
        modification_sha256: None,
        payload_sha256: None,
        time,
    };
    let decision = |kind, source, time| {
        Arc::new(Decision {
            id: id("d"),
            gate: id("g"),
            version: 1,
            node: None,
            kind,
            option: "approve".into(),
            comment: None,
            modification: None,
            modification_sha256: None,
            payload_sha256: None,
            by: (source == DecisionSource::Human).then(Principal::local),
            votes: vec![],
            source,
            time,
        })
    };
    let after = |gate: &Gate| After { gate: Some(Arc::new(gate.clone())), ..After::default() };
    let voted = Arc::new(vote(Principal::local(), story.time()));
    let gate = Gate { votes: vec![Arc::clone(&voted)], ..gate };
    story.fact(Fact::Voted { gate: id("g"), vote: Arc::clone(&voted) }, after(&gate));
    // The gate may be forgotten by then.
    story.fact(Fact::Voted { gate: id("g"), vote: voted }, After::default());

    use DecisionSource as By;
    let decided = [
        (DecisionKind::Approve, By::Human),
        (DecisionKind::Approve, By::Service),
        (DecisionKind::Expired, By::Timer),
        (DecisionKind::Expired, By::TimerAfterRestart),
        (DecisionKind::NoApprover, By::AdminOverride),
    ];
    let decided = decided.map(|(kind, source)| decision(kind, source, story.time()));
    let expired = Resolution::Expired(Arc::clone(&decided[2]));
    let elsewhere = Resolution::Elsewhere { kind: None, option: None, by: None, message: None };
    let mut resolutions: Vec<Resolution> =
        decided.iter().map(|it| Resolution::Decided(Arc::clone(it))).collect();
    resolutions.extend([
        expired,
        elsewhere,
        Resolution::Withdrawn { reason: text("no longer needed") },
        Resolution::Cancelled,
        Resolution::Superseded,
        Resolution::Unreachable,
        Resolution::NoApprover,
    ]);
    for resolution in resolutions {
        let gate = Gate { resolution: resolution.clone(), ..gate.clone() };
        story.fact(Fact::Resolved { gate: id("g"), resolution }, after(&gate));
    }
    let resolution = Resolution::Cancelled;
    story.fact(Fact::Resolved { gate: id("g"), resolution }, After::default());

    for delivery in [
        Delivery::Queued,
        Delivery::Sent,
        Delivery::Delivered,
        Delivery::Applied,
        Delivery::Refused,
        Delivery::Failed,
        Delivery::OutcomeUnknown,
    ] {
        let gate = Gate { delivery: Some(delivery), ..gate.clone() };
        let (decision, reason) = (Arc::clone(&decided[0]), None);
        let fact = Fact::Delivered { gate: id("g"), decision, delivery, reason };
        story.fact(fact, after(&gate));
    }
    let closed = GateClosed {
        gate_id: id("g"),
        gate_version: 1,
        reason: CloseReason::Cancelled,
        message: None,
        option_id: None,
        kind: None,
        closed_by: None,
    };
    story.said(Kind::GateClosed(Box::new(closed.clone())), After::default());
    let asked = Arc::new(GateOpened { node_id: Some(id("n")), ..(*gate.asked).clone() });
    let gate = Gate { asked, resolution: Resolution::Cancelled, ..gate };
    story.said(Kind::GateClosed(Box::new(closed)), after(&gate));
}

pub(super) fn commands(story: &mut Story) {
    for kind in [
        CommandKind::Pause,
        CommandKind::Resume,
        CommandKind::Cancel,
        CommandKind::Start { workflow: id("release"), input: None },
        CommandKind::Custom { name: "drain".into(), payload: None },
    ] {
        let by = Principal::local();
        let command = Arc::new(Command { id: id("c"), kind, reason: None, by, time: story.time() });
        let fact = Fact::Commanded { command: Arc::clone(&command) };
        let state = |stage, result, since| {
            let (command, reason) = (Arc::clone(&command), None);
            let state = CommandState { command, stage, reason, result, since };
            After { command: Some(Arc::new(state)), ..After::default() }
        };
        story.fact(fact, state(CommandStage::Queued, None, story.seq()));
        use CommandStage as It;
        for stage in [
            It::Queued,
            It::Sent,
            It::Delivered,
            It::InProgress,
            It::Applied,
            It::Refused,
            It::Failed,
            It::OutcomeUnknown,
        ] {
            let fact = Fact::CommandMoved { id: id("c"), stage, reason: None };
            let result = if stage == It::Applied { hint() } else { None };
            story.fact(fact, state(stage, result, story.seq()));
        }
    }
}

/// What contradicts something has a place, and shows nothing else.
pub(super) fn contradictions(story: &mut Story) {
    use Contradiction as It;
    for contradiction in [
        It::AlreadyOver,
        It::NoSuchGate,
        It::GateSettled,
        It::NotYours,
        It::OldAttempt,
        It::NoSuchCommand,
        It::Repeated,
    ] {
        let (producer, failure) = (id::<ProducerId>("engine-1"), Failure::default());
        let finished = Box::new(ExecutionFinished { failure: Some(failure), ..Default::default() });
        let gate_opened = Box::new(GateOpened::of(id("g"), 1));
        let retried = Box::new(NodeRetried {
            node_id: id("n"),
            phase: RetryPhase::Started,
            retry_number: 1,
            max_retries: None,
            error_category: None,
            error_pattern: None,
            success_probability: None,
            strategy: None,
            suggestions: vec![],
            backoff: None,
            next_attempt_time: None,
            error: None,
            has_user_feedback: None,
        });
        let outcome = Box::new(DecisionOutcome {
            decision_id: id("d"),
            gate_id: id("g"),
            gate_version: 1,
            outcome: OutcomeStatus::Failed,
            reason: None,
            node_status_after: None,
        });
        let command = Box::new(CommandOutcome {
            command_id: id("c"),
            outcome: OutcomeStatus::InProgress,
            reason: None,
            result: None,
        });
        for kind in [
            Kind::ExecutionFinished(finished),
            Kind::NodeRetried(retried),
            Kind::GraphDeclared(Box::default()),
            Kind::GraphMutated(Box::default()),
            Kind::EdgeActivated { from: id("a"), to: id("b") },
            Kind::GateOpened(gate_opened),
            Kind::DecisionOutcome(outcome),
            Kind::CommandOutcome(command),
        ] {
            let event = Arc::new(Event { time: None, native_forms: vec![], kind });
            let fact = Fact::Said { producer: producer.clone(), pseq: None, event };
            story.push(fact, Some(contradiction), After::default());
        }
    }
    story.fact(Fact::EngineLost { producer: id("engine-2") }, After::default());
}

/// What one client alone is told.
pub(super) fn alone(story: &Story) -> Vec<String> {
    let head = story.position();
    let execution = || id::<ExecutionId>("run-7");
    let mut answers: Vec<Answer> = [Why::Fresh, Why::EpochChanged, Why::TooOld, Why::Ahead]
        .map(|why| Answer::Watching {
            execution: execution(),
            start: Start::Snapshot { at: head, why },
            head,
        })
        .into();
    answers.extend(
        [NotThen::Ahead { head: head.seq }, NotThen::NotKept, NotThen::Gone]
            .map(|why| Answer::NotThen { execution: execution(), why }),
    );
    for stage in [
        Stage::Recorded,
        Stage::Voted { votes: 1, needed: 2 },
        Stage::Delivered,
        Stage::InProgress,
        Stage::Waiting,
        Stage::Applied,
        Stage::Refused,
        Stage::Failed,
        Stage::OutcomeUnknown,
        Stage::AlreadyDecided { kind: None, option: None },
        Stage::GateChanged { current: 2 },
        Stage::GateClosed,
        Stage::GateUnknown,
        Stage::EngineAway,
        Stage::IdReused,
        Stage::Forbidden,
    ] {
        answers.push(Answer::Receipt(Receipt {
            about: Reference::Decision(id("d")),
            execution: None,
            gate: None,
            node: None,
            stage,
            resolution: None,
            reason: None,
            by: None,
            at: None,
        }));
    }
    texts(|out| {
        let mut talk = Native.converse(&Call::default());
        for durability in [Durability::Memory, Durability::Local, Durability::Replicated] {
            talk.notice(&welcome(&somebody(), durability), out);
        }
        answers.iter().for_each(|it| talk.answer(it, out));
        let mut known = Native.converse(&Call { token: Token::Good, ..Call::default() });
        for expires in [None, Some(Timestamp(0))] {
            known.notice(&Notice::Authenticated { principal: &somebody(), expires }, out);
        }
        known.notice(&Notice::Expiring { at: Timestamp(0) }, out);
        known.notice(&Notice::Unauthenticated { expired: true }, out);
        problems(&mut *talk, out);
        // An execution of which next to nothing is known.
        let state = Execution::default();
        Native.state(&execution(), head, &state, out);
        Native.summary(&Summary { execution: &execution(), at: head, state: &state }, out);
    })
}

/// A snapshot in several parts: too large to be a golden frame.
pub(crate) fn large() -> Vec<Value> {
    let mut state = Execution::default();
    for name in ["a", "b"] {
        let output = Some(Json::whole(&format!("\"{}\"", "x".repeat(300 << 10))));
        state.nodes.insert(id(name), Arc::new(Node { output, ..Node::new(id(name)) }));
    }
    let (execution, at) = (id("run-7"), Story::new().position());
    let parts = values(|out| Native.state(&execution, at, &state, out));
    assert_eq!(parts.len(), 2);
    parts
}

fn somebody() -> Principal {
    Principal { roles: vec![Role::Viewer, Role::Decider, Role::Operator, Role::Admin], ..ada() }
}

fn welcome(principal: &Principal, durability: Durability) -> Notice<'_> {
    let (time, max_message, rate) = (Timestamp(0), 1 << 20, (50, 100));
    Notice::Welcome { time, boot: 7, durability, principal, max_message, rate }
}

/// Each code, as what deserves it is answered. The last two are the door's own.
fn problems(talk: &mut dyn Conversation, out: &mut Frames) {
    let deep = format!(r#"{{"type":{}1{}}}"#, "[".repeat(80), "]".repeat(80));
    let long = format!(
        r#"{{"type":"pause_execution","command_id":"c","execution_id":"e","reason":"{}"}}"#,
        "x".repeat(17 << 10)
    );
    let mut said = vec![];
    for frame in [
        "{",
        "[]",
        r#"{"type":"ping","type":"ping"}"#,
        &deep,
        r#"{"type":"pong"}"#,
        r#"{"type":"ping","when":1}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":1}"#,
        r#"{"type":"subscribe","execution_id":""}"#,
        &long,
        r#"{"type":"refresh"}"#,
    ] {
        let problem = talk.read(frame).unwrap_err();
        talk.notice(&Notice::Problem(&problem), out);
        said.push(problem.code);
    }
    let each: BTreeSet<_> = said.iter().collect();
    assert_eq!(each.len(), said.len(), "each code once: {said:?}");
    for code in ["rate_limited", "too_many_subscriptions"] {
        let problem = Unintelligible { code, message: "too much at once".to_owned(), about: None };
        talk.notice(&Notice::Problem(&problem), out);
    }
}
