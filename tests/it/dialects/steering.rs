//! The second half of the story: people decide and command, things go wrong, and it ends.

use std::sync::Arc;
use std::time::Duration;

use footplate::model::*;

use super::story::{Story, ada, id, json, of_node, text};

fn of_gate(gate: &Gate) -> After {
    After { gate: Some(Arc::new(gate.clone())), ..After::default() }
}

fn of_command(command: &CommandState) -> After {
    After { command: Some(Arc::new(command.clone())), ..After::default() }
}

pub(super) fn asked() -> GateOpened {
    GateOpened {
        node_id: Some(id("deploy")),
        node_attempt: 1,
        title: text("Deploy 4.2"),
        prompt: text("Deploy to production?"),
        payload: json(r#"{"replicas":3}"#),
        payload_schema: json(r#"{"type":"object"}"#),
        payload_sha256: Some([0x1f; 32]),
        policy: Policy {
            users: vec!["ada".into()],
            groups: vec!["release-managers".into()],
            roles: vec!["decider".into()],
            required_approvals: 1,
            required_rejections: 0,
            excluded_users: vec!["grace".into()],
        },
        requested_by: text("grace"),
        deadline_time: Some(Timestamp(1_795_169_400_000_000)),
        time_left: Some(Duration::from_secs(590)),
        on_timeout: TimeoutAction::Reject,
        escalation: vec![EscalationStep {
            after: Some(Duration::from_secs(300)),
            after_fraction: Some(0.5),
            notify_users: vec!["linus".into()],
            notify_groups: vec!["on-call".into()],
            add_users: vec!["linus".into()],
            add_groups: vec!["on-call".into()],
        }],
        advice: vec![Advice {
            source: "small-1".into(),
            text: "All checks are green".into(),
            confidence: Some(0.9),
            option_id: text("approve"),
        }],
        checkpoint: text("cp-9"),
        context: json(r#"{"ticket":"R-42"}"#),
        previous_gate_id: Some(id("deploy:0")),
        rewind_node_ids: vec![id("build")],
        action: text("deploy"),
        step_id: text("step-3"),
        classification: Some(Classification::Irreversible),
        labels: vec![Label { key: "env".into(), value: "prod".into() }],
        ..GateOpened::of(id("deploy:1"), 1)
    }
}

pub(super) fn gate(story: &mut Story) {
    let asked = asked();
    let mut gate = Gate {
        asked: Arc::new(asked.clone()),
        producer: id("engine-1"),
        resolution: Resolution::Open,
        delivery: None,
        reason: None,
        votes: vec![],
        opened: story.time(),
        since: story.seq(),
    };
    let status = NodeStatus::WaitingGate;
    let node = Node { status, attempt: 1, since: story.seq(), ..story.node("deploy") };
    let gate_is = of_gate(&gate).gate;
    let after = After { gate: gate_is, moved: true, ..of_node(node) };
    story.said(Kind::GateOpened(Box::new(asked)), after);

    let vote = Arc::new(Vote {
        decision_id: id("0191c0de-decide"),
        by: ada(),
        kind: DecisionKind::Modify,
        option: "modify".into(),
        comment: text("two are enough"),
        modification: json(r#"{"replicas":2}"#),
        modification_sha256: Some([0x2e; 32]),
        payload_sha256: Some([0x1f; 32]),
        time: story.time(),
    });
    gate.votes.push(Arc::clone(&vote));
    gate.since = story.seq();
    let decision = Arc::new(Decision {
        id: id("0191c0de-decide"),
        gate: id("deploy:1"),
        version: 1,
        node: Some(id("deploy")),
        kind: vote.kind,
        option: Arc::clone(&vote.option),
        comment: vote.comment.clone(),
        modification: vote.modification.clone(),
        modification_sha256: vote.modification_sha256,
        payload_sha256: vote.payload_sha256,
        by: Some(ada()),
        votes: vec![(*vote).clone()],
        source: DecisionSource::Human,
        time: story.time(),
    });
    story.fact(Fact::Voted { gate: id("deploy:1"), vote }, of_gate(&gate));

    gate.resolution = Resolution::Decided(Arc::clone(&decision));
    gate.since = story.seq();
    let resolution = gate.resolution.clone();
    story.fact(Fact::Resolved { gate: id("deploy:1"), resolution }, of_gate(&gate));

    (gate.delivery, gate.since) = (Some(Delivery::Delivered), story.seq());
    let delivery = Delivery::Delivered;
    let fact = Fact::Delivered { gate: id("deploy:1"), decision, delivery, reason: text("again") };
    story.fact(fact, of_gate(&gate));

    let outcome = DecisionOutcome {
        decision_id: id("0191c0de-decide"),
        gate_id: id("deploy:1"),
        gate_version: 1,
        outcome: OutcomeStatus::Applied,
        reason: text("scaled to 2"),
        node_status_after: None,
    };
    (gate.delivery, gate.reason) = (Some(Delivery::Applied), text("scaled to 2"));
    gate.since = story.seq();
    let node = Node { status: NodeStatus::Running, since: story.seq(), ..story.node("deploy") };
    let after = After { gate: of_gate(&gate).gate, moved: true, ..of_node(node) };
    story.said(Kind::DecisionOutcome(Box::new(outcome)), after);

    // A gate that its engine closes, and one that it takes back.
    let closed = |resolution| Gate {
        asked: Arc::new(GateOpened::of(id("publish:1"), 2)),
        resolution,
        delivery: None,
        reason: None,
        votes: vec![],
        ..gate.clone()
    };
    let elsewhere = closed(Resolution::Elsewhere {
        kind: Some(DecisionKind::Approve),
        option: text("approve"),
        by: text("linus"),
        message: text("in the terminal"),
    });
    let message = GateClosed {
        gate_id: id("publish:1"),
        gate_version: 2,
        reason: CloseReason::DecidedElsewhere,
        message: text("in the terminal"),
        option_id: text("approve"),
        kind: Some(DecisionKind::Approve),
        closed_by: text("linus"),
    };
    story.said(Kind::GateClosed(Box::new(message)), of_gate(&elsewhere));
}

pub(super) fn command(story: &mut Story) {
    let give = |story: &Story, name: &str, kind| CommandState {
        command: Arc::new(Command {
            id: id(name),
            kind,
            reason: text("a hotfix comes"),
            by: ada(),
            time: story.time(),
        }),
        stage: CommandStage::Queued,
        reason: None,
        result: None,
        since: story.seq(),
    };
    let mut pause = give(story, "0191c0de-pause", CommandKind::Pause);
    let command = Arc::clone(&pause.command);
    story.fact(Fact::Commanded { command }, of_command(&pause));

    (pause.stage, pause.since) = (CommandStage::Delivered, story.seq());
    let (stage, reason) = (CommandStage::Delivered, text("again"));
    let fact = Fact::CommandMoved { id: id("0191c0de-pause"), stage, reason };
    story.fact(fact, of_command(&pause));

    let outcome = CommandOutcome {
        command_id: id("0191c0de-pause"),
        outcome: OutcomeStatus::Refused,
        reason: text("nothing is running"),
        result: json("{}"),
    };
    (pause.stage, pause.reason) = (CommandStage::Refused, text("nothing is running"));
    (pause.result, pause.since) = (json("{}"), story.seq());
    story.said(Kind::CommandOutcome(Box::new(outcome)), of_command(&pause));

    let (name, payload) = ("set_log_level".into(), json(r#"{"level":"debug"}"#));
    let custom = give(story, "0191c0de-custom", CommandKind::Custom { name, payload });
    let command = Arc::clone(&custom.command);
    story.fact(Fact::Commanded { command }, of_command(&custom));

    let (workflow, input) = (id("release"), json("{}"));
    let start = give(story, "0191c0de-start", CommandKind::Start { workflow, input });
    let command = Arc::clone(&start.command);
    story.fact(Fact::Commanded { command }, of_command(&start));
}

pub(super) fn faults(story: &mut Story) {
    let failure = Failure {
        error_type: text("HTTPError"),
        message: "the mirror answered 503".into(),
        traceback: text("at fetch()"),
        node_id: Some(id("build")),
    };
    let reported = FailureReported { failure, step_id: text("step-1") };
    story.said(Kind::FailureReported(Box::new(reported)), After::default());

    let dropped = EventsDropped {
        count: 12,
        reason: DropReason::OutboxFull,
        first_drop_time: Some(Timestamp(story.time().0 - 2_000_000)),
        last_drop_time: Some(story.time()),
    };
    story.said(Kind::EventsDropped(dropped), After::default());

    let rejection = Rejection {
        code: RejectionCode::Depth,
        field: "log_written.metadata.text".into(),
        message: "nested deeper than 64 levels".into(),
    };
    let (producer, pseq) = (id("engine-1"), None);
    story.fact(Fact::Rejected { producer, pseq, rejection }, After::default());

    let presence = story.state.producers[&id::<ProducerId>("engine-1")].clone();
    let lost = Presence { attached: false, ..presence.clone() };
    let after = After { presence: Some(Arc::new(lost)), ..After::default() };
    story.fact(Fact::EngineLost { producer: id("engine-1") }, after);
    let back = Presence { epoch: ProducerEpoch(4), ..presence };
    let (epoch, capabilities) = (back.epoch, back.capabilities.clone());
    let after = After { presence: Some(Arc::new(back)), ..After::default() };
    story.fact(Fact::EngineAttached { producer: id("engine-1"), epoch, capabilities }, after);

    // An old attempt speaks up: told, and without effect. Were it applied, `build` would run.
    let late = Node { status: NodeStatus::Running, ..story.node("build") };
    let mut changed = NodeChanged::of(id("build"));
    changed.status = Some(NodeStatus::Running);
    let event =
        Event { time: None, native_forms: vec![], kind: Kind::NodeChanged(Box::new(changed)) };
    let (producer, pseq) = (id("engine-1"), Some(Pseq(90)));
    let fact = Fact::Said { producer, pseq, event: Arc::new(event) };
    story.push(fact, Some(Contradiction::OldAttempt), of_node(late));
}

pub(super) fn end(story: &mut Story) {
    let ending = Ending {
        status: ExecutionStatus::Completed,
        results: json(r#"{"released":"4.2"}"#),
        output: json(r#""4.2""#),
        failure: Some(Failure { message: "one retry".into(), ..Failure::default() }),
        reason: text("all done"),
        nodes_completed: 3,
        nodes_failed: 0,
        duration_micros: Some(12_500_000),
        finish_time: story.time(),
    };
    let finished = ExecutionFinished {
        status: ExecutionStatus::Completed,
        results: ending.results.clone(),
        ..ExecutionFinished::default()
    };
    let mut outline = (*story.state.outline).clone();
    outline.ending = Some(ending);
    let after = After {
        outline: Some(Arc::new(outline)),
        nodes: Some(Arc::new(story.state.nodes.clone())),
        ..After::default()
    };
    story.said(Kind::ExecutionFinished(Box::new(finished)), after);
}
