//! Inputs of the core, as words. Transcripts and property tests are written in them.
//!
//! - `w1/1@l1 greets x1 from 5 gates g@1 outcomes d1=applied` (also `can pause,resume,cancel,zoom`,
//!   `starts wf`, `is bob` for another identity, `silently` for a unary publish)
//! - `l1 claims x1 from 1` · `l1 breaks` · `l1 got x1 d1` · `l1 withdraws x1 g 1 because …`
//! - `l1 says x1 1 EVENT; EVENT` (`-` instead of a number: not numbered) · `l1 reports x1 5 EVENT; …`
//! - `v1 ada decides x1 g 1 approve as d1 because …` · `v1 ada decides x1 n? reject` (the gate at n)
//!   `v1 ada decides x1 g! reject` (as it is asked now)
//!   also `with JSON`, `seen 7`, `babbles 16385` (a comment of so many bytes)
//! - `v1 ada pauses|resumes|cancels x1 as c1` · `v1 ada starts wf as c1` · `v1 ada does zoom x1 as c1`

use std::{hash::DefaultHasher, hash::Hash, hash::Hasher, sync::Arc, time::Duration};

use footplate::core::{Claim, ClaimedGate, Hello, Input, KnownOutcome, Reference};
use footplate::json::canonical::digest;
use footplate::model::{
    Advice, Capabilities, CloseReason, CommandAsk, CommandKind, CommandOutcome, CostIncurred,
    DecisionAsk, DecisionKind, DecisionOutcome, Epoch, Event, ExecutionFinished, ExecutionId,
    ExecutionProgressed, ExecutionStarted, ExecutionStatus, ExecutionStatusChanged, Failure,
    FailureReported, GateClosed, GateOpened, GraphDeclared, GraphEdge, GraphMutated, GraphNode,
    Identity, Json, Kind, LinkId, LogLevel, LogWritten, NodeChanged, NodeId, NodeProgressed,
    NodeStatus, OutcomeStatus, Position, Principal, ProducerEpoch, Pseq, Received, Rejection,
    RejectionCode, Seq, Target, TimeoutAction, Timestamp, ViewerId, WorkflowAction,
    WorkflowChanged,
};

pub(crate) fn input(now: Timestamp, text: &str) -> Input {
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        [who, "greets", ..] => greeting(who, &words[2..]),
        [link, "claims", ..] => {
            Input::Claimed { link: self::link(link), claims: vec![claim(&words[2..])] }
        }
        [link, "says", execution, first, ..] => {
            let events = text.splitn(5, ' ').nth(4).unwrap();
            let first: u64 = if first == "-" { 0 } else { first.parse().unwrap() };
            Input::Published {
                link: self::link(link),
                execution: lane(execution),
                first: (first != 0).then_some(Pseq(first)),
                batch_ref: 0,
                events: self::events(now, events),
            }
        }
        [link, "reports", execution, as_of, ..] => Input::Reported {
            link: self::link(link),
            execution: lane(execution),
            as_of: Pseq(as_of.parse().unwrap()),
            events: self::events(now, text.splitn(5, ' ').nth(4).unwrap()),
        },
        [link, "got", execution, id] => Input::Receipted {
            link: self::link(link),
            execution: id_of(execution),
            about: match id.starts_with('c') {
                true => Reference::Command(id.parse().unwrap()),
                false => Reference::Decision(id.parse().unwrap()),
            },
        },
        [link, "withdraws", execution, gate, version, ref rest @ ..] => Input::Withdrawn {
            link: self::link(link),
            execution: id_of(execution),
            gate: gate.parse().unwrap(),
            version: version.parse().unwrap(),
            reason: because(rest),
        },
        [link, "breaks"] => Input::Detached { link: self::link(link) },
        [viewer, who, "decides", execution, gate, ref rest @ ..] => Input::Decided {
            viewer: self::viewer(viewer),
            principal: Principal::named(who),
            ask: decision(execution, gate, rest),
        },
        [viewer, who, verb, ref rest @ ..] => Input::Commanded {
            viewer: self::viewer(viewer),
            principal: Principal::named(who),
            ask: command(verb, rest),
        },
        _ => panic!("no such input: {text}"),
    }
}

fn greeting(who: &str, words: &[&str]) -> Input {
    let (producer, rest) = who.split_once('/').unwrap();
    let (epoch, link) = rest.split_once('@').unwrap();
    let list = |word: &str| -> Vec<&str> {
        let at = words.iter().position(|it| *it == word);
        at.map_or(vec![], |at| words[at + 1].split(',').collect())
    };
    let can = match list("can")[..] {
        [] => vec!["pause", "resume", "cancel"],
        ref can => can.to_vec(),
    };
    let custom = can.iter().filter(|it| !["pause", "resume", "cancel", "nothing"].contains(it));
    let named = words.first().is_some_and(|it| it.starts_with(['x', 'y', 'r']));
    let hello = Hello {
        producer: producer.parse().unwrap(),
        epoch: ProducerEpoch(epoch.parse().unwrap()),
        identity: Identity(list("is").first().copied().unwrap_or("here").into()),
        listens: !words.contains(&"silently"),
        capabilities: Capabilities {
            pause: can.contains(&"pause"),
            resume: can.contains(&"resume"),
            cancel: can.contains(&"cancel"),
            custom_types: custom.map(|it| (*it).into()).collect(),
        },
        startable: list("starts").iter().map(|it| it.parse().unwrap()).collect(),
        claims: if named { vec![claim(words)] } else { vec![] },
    };
    Input::Greeted { link: self::link(link), hello }
}

fn claim(words: &[&str]) -> Claim {
    let list = |word: &str| -> Vec<&str> {
        let at = words.iter().position(|it| *it == word);
        at.map_or(vec![], |at| words[at + 1].split(',').collect())
    };
    let gate = |text: &&str| {
        let (gate, version) = text.split_once('@').unwrap();
        ClaimedGate { gate: gate.parse().unwrap(), version: version.parse().unwrap() }
    };
    let outcome = |text: &&str| {
        let (id, outcome) = text.split_once('=').unwrap();
        let (outcome, reason) = (self::outcome(outcome), None);
        match id.starts_with('c') {
            true => KnownOutcome::Command { id: id.parse().unwrap(), outcome, reason },
            false => {
                let (id, gate) = (id.parse().unwrap(), "g".parse().unwrap());
                KnownOutcome::Decision { id, gate, outcome, reason }
            }
        }
    };
    Claim {
        execution: id_of(words[0]),
        first_unacked: Pseq(list("from").first().map_or(1, |it| it.parse().unwrap())),
        aliases: list("alias").iter().map(|it| it.parse().unwrap()).collect(),
        open_gates: list("gates").iter().map(gate).collect(),
        outcomes: list("outcomes").iter().map(outcome).collect(),
    }
}

fn decision(execution: &str, gate: &str, words: &[&str]) -> DecisionAsk {
    let (target, rest) = match (gate.strip_suffix('?'), gate.strip_suffix('!')) {
        (Some(node), _) => (Target::Node(node.parse().unwrap()), words),
        (None, Some(gate)) => (Target::Newest(gate.parse().unwrap()), words),
        (None, None) => {
            let version = words[0].parse().unwrap();
            (Target::Gate { gate: gate.parse().unwrap(), version }, &words[1..])
        }
    };
    let after = |word: &str| rest.iter().position(|it| *it == word).map(|at| rest[at + 1]);
    DecisionAsk {
        id: after("as").map(|id| id.parse().unwrap()),
        execution: execution.into(),
        target,
        option: rest[0].into(),
        comment: because(rest)
            .or_else(|| after("babbles").map(|it| "x".repeat(it.parse().unwrap()).into())),
        modification: after("with").map(Json::whole),
        payload_sha256: after("seen").map(|it| [it.parse().unwrap(); 32]),
    }
}

fn command(verb: &str, words: &[&str]) -> CommandAsk {
    let after = |word: &str| words.iter().position(|it| *it == word).map(|at| words[at + 1]);
    let (kind, execution) = match verb {
        "pauses" => (CommandKind::Pause, Some(words[0])),
        "resumes" => (CommandKind::Resume, Some(words[0])),
        "cancels" => (CommandKind::Cancel, Some(words[0])),
        "starts" => {
            let workflow = words[0].parse().unwrap();
            (CommandKind::Start { workflow, input: None }, after("named"))
        }
        "does" => (CommandKind::Custom { name: words[0].into(), payload: None }, Some(words[1])),
        _ => panic!("no such command: {verb}"),
    };
    CommandAsk {
        id: after("as").map(|id| id.parse().unwrap()),
        execution: execution.map(Into::into),
        kind,
        reason: because(words),
    }
}

fn because(words: &[&str]) -> Option<Arc<str>> {
    let at = words.iter().position(|it| *it == "because")?;
    Some(words[at + 1..].join(" ").into())
}

pub(crate) fn events(now: Timestamp, text: &str) -> Vec<Received> {
    text.split("; ").map(|text| received(now, text)).collect()
}

/// One event. `bad` is one that its door could not read; `~` before one makes other bytes of it.
pub(crate) fn received(now: Timestamp, text: &str) -> Received {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let text = text.trim_start_matches('~');
    let event = match text {
        "bad" => Err(Rejection {
            code: RejectionCode::Utf8,
            field: "log_written.message".to_owned(),
            message: "not UTF-8".to_owned(),
        }),
        _ => Ok(Arc::new(Event { time: None, native_forms: vec![], kind: kind(now, text) })),
    };
    Received { hash: hasher.finish(), size: text.len(), event }
}

fn kind(now: Timestamp, text: &str) -> Kind {
    let words: Vec<&str> = text.split(' ').collect();
    let after = |word: &str| words.iter().position(|it| *it == word).map(|at| words[at + 1]);
    let rest = |from: usize| words[from..].join(" ");
    match words[0] {
        "started" => Kind::ExecutionStarted(Box::new(ExecutionStarted {
            name: after("name").map(Into::into),
            budget_usd_nanos: after("budget").map(usd),
            workflow_id: after("of").map(|it| it.parse().unwrap()),
            aliases: after("alias").map(|it| it.parse().unwrap()).into_iter().collect(),
            command_id: after("command").map(|it| it.parse().unwrap()),
            requested_by: after("for").map(Into::into),
            ..ExecutionStarted::default()
        })),
        "status" => Kind::ExecutionStatusChanged(Box::new(ExecutionStatusChanged {
            status: Some(status(words[1])),
            ..ExecutionStatusChanged::default()
        })),
        "finished" => Kind::ExecutionFinished(Box::new(ExecutionFinished {
            status: status(words[1]),
            results: after("results").map(Json::whole),
            ..ExecutionFinished::default()
        })),
        "progress" => Kind::ExecutionProgressed(ExecutionProgressed {
            fraction: words[1].parse().ok(),
            current_node_id: after("at").map(node),
            ..ExecutionProgressed::default()
        }),
        "node" => Kind::NodeChanged(Box::new(NodeChanged {
            status: node_status(words[2]),
            node_attempt: after("attempt").map_or(0, |it| it.parse().unwrap()),
            output: after("output").map(Json::whole),
            ..NodeChanged::of(node(words[1]))
        })),
        "nodeprogress" => Kind::NodeProgressed(NodeProgressed {
            node_id: node(words[1]),
            fraction: Some(words[2].parse().unwrap()),
            message: None,
        }),
        "graph" => Kind::GraphDeclared(Box::new(graph(&words[1..]))),
        "mutated" => Kind::GraphMutated(Box::new(GraphMutated {
            mutation_kind: Some("add_node".into()),
            change: Some(graph(&words[1..])),
            ..GraphMutated::default()
        })),
        "edge" => Kind::EdgeActivated { from: node(words[1]), to: node(words[2]) },
        "cost" => Kind::CostIncurred(Box::new(CostIncurred {
            increment_usd_nanos: Some(usd(words[1])),
            total_usd_nanos: after("total").map(usd),
            ..CostIncurred::default()
        })),
        "log" => Kind::LogWritten(Box::new(LogWritten {
            message: rest(1).into(),
            level: LogLevel::Info,
            node_id: None,
            stream: None,
            logger: None,
            metadata: None,
        })),
        "failure" => Kind::FailureReported(Box::new(FailureReported {
            failure: Failure { message: rest(1), ..Failure::default() },
            step_id: None,
        })),
        "gate" => Kind::GateOpened(Box::new(gate(now, &words))),
        "closed" => Kind::GateClosed(Box::new(GateClosed {
            gate_id: words[1].parse().unwrap(),
            gate_version: 0,
            reason: match words[2] {
                "withdrawn" => CloseReason::Withdrawn,
                "elsewhere" => CloseReason::DecidedElsewhere,
                "unreachable" => CloseReason::Unreachable,
                "no_approver" => CloseReason::NoApprover,
                other => panic!("no such reason: {other}"),
            },
            message: None,
            option_id: None,
            kind: (words[2] == "elsewhere").then_some(DecisionKind::Approve),
            closed_by: None,
        })),
        "outcome" => Kind::DecisionOutcome(Box::new(DecisionOutcome {
            decision_id: words[1].parse().unwrap(),
            gate_id: words[2].parse().unwrap(),
            gate_version: 1,
            outcome: outcome(words[3]),
            reason: because(&words),
            node_status_after: after("then").and_then(node_status),
        })),
        "done" => Kind::CommandOutcome(Box::new(CommandOutcome {
            command_id: words[1].parse().unwrap(),
            outcome: outcome(words[2]),
            reason: because(&words),
            result: None,
        })),
        "workflow" => Kind::WorkflowChanged(Box::new(WorkflowChanged {
            workflow_id: words[1].parse().unwrap(),
            action: WorkflowAction::Updated,
            workflow: None,
        })),
        _ => panic!("no such event: {text}"),
    }
}

fn gate(now: Timestamp, words: &[&str]) -> GateOpened {
    let after = |word: &str| words.iter().position(|it| *it == word).map(|at| words[at + 1]);
    let mut gate = GateOpened::of(words[1].parse().unwrap(), words[2].parse().unwrap());
    gate.node_id = after("at").map(node);
    gate.prompt =
        words.iter().position(|it| *it == "asks").map(|at| words[at + 1..].join(" ").into());
    gate.time_left = after("within").map(span);
    gate.deadline_time = gate.time_left.map(|left| now.after(left));
    gate.on_timeout = match after("else") {
        None | Some("expire") => TimeoutAction::Expire,
        Some("reject") => TimeoutAction::Reject,
        Some("approve") => TimeoutAction::Approve,
        Some("abort") => TimeoutAction::Abort,
        Some("escalate") => TimeoutAction::Escalate,
        Some(other) => panic!("no such action: {other}"),
    };
    gate.policy.required_approvals = after("quorum").map_or(0, |it| it.parse().unwrap());
    gate.policy.excluded_users = after("not").map(Into::into).into_iter().collect();
    gate.policy.users = after("for").map(Into::into).into_iter().collect();
    gate.policy.required_rejections = after("rejections").map_or(0, |it| it.parse().unwrap());
    gate.payload = after("payload").map(Json::whole);
    gate.payload_schema = after("schema").map(Json::whole);
    // As its door does.
    gate.payload_sha256 = match after("digest") {
        Some(it) => Some([it.parse().unwrap(); 32]),
        None => gate.payload.as_ref().map(|it| digest(&it.text)),
    };
    let advise = |option: &str| Advice {
        source: "a model".into(),
        text: "it looks fine".into(),
        confidence: Some(1.0),
        option_id: Some(option.into()),
    };
    gate.advice = after("advised").map(advise).into_iter().collect();
    gate
}

fn graph(words: &[&str]) -> GraphDeclared {
    let mut graph = GraphDeclared::default();
    for word in words {
        match (*word, word.split_once('>'), word.strip_prefix('-')) {
            ("replace", ..) => graph.replace = true,
            (_, Some((from, to)), _) => graph.edges.push(GraphEdge {
                source: node(from),
                target: node(to),
                edge_id: None,
                edge_type: None,
                label: None,
                extra: None,
            }),
            (_, None, Some(gone)) => graph.removed_node_ids.push(node(gone)),
            (id, None, None) => graph.nodes.push(GraphNode {
                node_id: node(id),
                label: Some(id.to_uppercase().into()),
                node_type: None,
                parent_node_id: None,
                agent: None,
                description: None,
                goal: None,
                step_id: None,
                step_number: None,
                extra: None,
            }),
        }
    }
    graph
}

fn status(word: &str) -> ExecutionStatus {
    match word {
        "planning" => ExecutionStatus::Planning,
        "running" => ExecutionStatus::Running,
        "pausing" => ExecutionStatus::Pausing,
        "paused" => ExecutionStatus::Paused,
        "cancelling" => ExecutionStatus::Cancelling,
        "completed" => ExecutionStatus::Completed,
        "failed" => ExecutionStatus::Failed,
        "cancelled" => ExecutionStatus::Cancelled,
        _ => panic!("no such status: {word}"),
    }
}

fn node_status(word: &str) -> Option<NodeStatus> {
    Some(match word {
        "pending" => NodeStatus::Pending,
        "running" => NodeStatus::Running,
        "completed" => NodeStatus::Completed,
        "failed" => NodeStatus::Failed,
        "skipped" => NodeStatus::Skipped,
        _ => return None,
    })
}

fn outcome(word: &str) -> OutcomeStatus {
    match word {
        "begun" => OutcomeStatus::InProgress,
        "applied" => OutcomeStatus::Applied,
        "refused" => OutcomeStatus::Refused,
        "failed" => OutcomeStatus::Failed,
        "unknown" => OutcomeStatus::Unknown,
        _ => panic!("no such outcome: {word}"),
    }
}

fn usd(text: &str) -> i64 {
    (text.parse::<f64>().unwrap() * 1e9).round() as i64
}

fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

fn id_of(text: &str) -> ExecutionId {
    text.parse().unwrap()
}

fn lane(text: &str) -> ExecutionId {
    match text.strip_prefix("workflow:") {
        Some(workflow) => ExecutionId::of_workflow(&workflow.parse().unwrap()),
        None => id_of(text),
    }
}

fn link(text: &str) -> LinkId {
    LinkId(text.strip_prefix('l').unwrap().parse().unwrap())
}

fn viewer(text: &str) -> ViewerId {
    ViewerId(text.strip_prefix('v').unwrap().parse().unwrap())
}

pub(crate) fn span(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap());
    let number: u64 = number.parse().unwrap();
    match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "h" => Duration::from_secs(3_600 * number),
        _ => panic!("no such unit: {unit}"),
    }
}

pub(crate) fn position(text: &str) -> Position {
    let (epoch, seq) = text.split_once(':').unwrap();
    let epoch: Epoch = epoch.parse().unwrap();
    Position { epoch, seq: Seq(seq.parse().unwrap()) }
}
