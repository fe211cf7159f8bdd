//! One execution's story, told by hand so that every kind of record is in it, with the state that
//! it adds up to. The examples in `docs/protocol` are taken from it.

use std::sync::Arc;
use std::time::Duration;

use footplate::core::Execution;
use footplate::model::*;

use super::fold::{count, derive, fold};
use super::{steering, talking};

/// 2026-11-20T10:00:00Z.
const BEGAN: i64 = 1_795_168_800_000_000;

pub(super) struct Story {
    pub(super) id: ExecutionId,
    pub(super) records: Vec<Record>,
    /// What the records add up to.
    pub(super) state: Execution,
    pseq: u64,
}

impl Story {
    pub(super) fn new() -> Self {
        Self { id: id("run-7"), records: vec![], state: Execution::default(), pseq: 0 }
    }

    pub(super) fn position(&self) -> Position {
        let seq = Seq(self.records.len() as u64);
        Position { epoch: Epoch { boot: 0x19f2_c4a7, nth: 1 }, seq }
    }

    pub(super) fn time(&self) -> Timestamp {
        Timestamp(BEGAN + 250_000 * self.records.len() as i64)
    }

    /// An engine says something.
    pub(super) fn said(&mut self, kind: Kind, after: After) {
        self.event(Event { time: None, native_forms: vec![], kind }, after);
    }

    pub(super) fn event(&mut self, event: Event, after: After) {
        self.pseq += 1;
        let (producer, pseq) = (id("engine-1"), Some(Pseq(self.pseq)));
        self.fact(Fact::Said { producer, pseq, event: Arc::new(event) }, after);
    }

    pub(super) fn fact(&mut self, fact: Fact, after: After) {
        self.push(fact, None, after);
    }

    pub(super) fn push(&mut self, fact: Fact, contradiction: Option<Contradiction>, after: After) {
        let seq = self.position().seq.next();
        let position = Position { seq, ..self.position() };
        let (execution, time) = (self.id.clone(), self.time());
        let origin = Origin::default();
        let mut record = Record { execution, position, time, fact, origin, contradiction, after };
        record.after.before = self.state.progress;
        fold(&mut self.state, &record);
        derive(&mut self.state);
        self.state.progress = count(&self.state, &record);
        record.after.progress = self.state.progress;
        record.after.whole = Some(self.state.outline.clone());
        record.after.current = self.state.current().cloned();
        self.records.push(record);
    }

    pub(super) fn seq(&self) -> Seq {
        self.position().seq.next()
    }

    pub(super) fn node(&self, name: &str) -> Node {
        self.state.nodes.get(&id(name)).map_or_else(|| Node::new(id(name)), |it| (**it).clone())
    }
}

pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

pub(super) fn text(text: &str) -> Option<Text> {
    Some(text.into())
}

pub(super) fn json(text: &str) -> Option<Json> {
    Some(Json::whole(text))
}

pub(super) fn ada() -> Principal {
    let roles = vec![Role::Viewer, Role::Decider];
    let groups = vec!["release-managers".into()];
    Principal { issuer: text("https://id.example"), groups, roles, ..Principal::named("ada") }
}

pub(super) fn of_node(node: Node) -> After {
    After { node: Some(Arc::new(node)), ..After::default() }
}

/// The whole story.
pub(super) fn story() -> Story {
    let mut story = Story::new();
    beginning(&mut story);
    graph(&mut story);
    working(&mut story);
    talking::talk(&mut story);
    steering::gate(&mut story);
    steering::command(&mut story);
    steering::faults(&mut story);
    steering::end(&mut story);
    story
}

fn beginning(story: &mut Story) {
    let presence = Presence {
        attached: true,
        epoch: ProducerEpoch(3),
        pseq: Pseq(0),
        capabilities: Capabilities {
            pause: true,
            resume: true,
            cancel: true,
            custom_types: vec!["set_log_level".into()],
        },
    };
    let started = ExecutionStarted {
        name: text("Nightly release"),
        command_id: Some(id("0191c0de-start")),
        ..ExecutionStarted::default()
    };
    let info = Info {
        name: text("Nightly release"),
        workflow_id: Some(id("release")),
        session_id: text("s-1"),
        aliases: vec![id("task_1763632800")],
        task: text("Release 4.2"),
        input: json(r#"{"build":9007199254740993}"#),
        agent: text("planner"),
        model: text("small-1"),
        work_dir: text("/srv/release"),
        planned_nodes: Some(3),
        labels: vec![Label { key: "team".into(), value: "core".into() }],
        traceparent: text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        start_time: Some(story.time()),
        requested_by: text("ada"),
        parent_execution_id: text("run-6"),
        started_by: Some(id("engine-1")),
    };
    let outline = Outline { info, ..Outline::default() };
    let cost = Cost { budget_usd_nanos: Some(500_000_000), ..Cost::default() };
    let after = After {
        began: true,
        outline: Some(Arc::new(outline)),
        cost: Some(cost),
        presence: Some(Arc::new(presence)),
        ..After::default()
    };
    story.said(Kind::ExecutionStarted(Box::new(started)), after);
    let changed = ExecutionStatusChanged {
        status: Some(ExecutionStatus::Running),
        native_status: text("RUNNING"),
        reason: text("all workers are up"),
    };
    let mut outline = (*story.state.outline).clone();
    (outline.native_status, outline.reason) = (text("RUNNING"), text("all workers are up"));
    let after = After { outline: Some(Arc::new(outline)), ..After::default() };
    story.said(Kind::ExecutionStatusChanged(Box::new(changed)), after);
}

fn graph(story: &mut Story) {
    let declared = |name: &str| GraphNode {
        node_id: id(name),
        label: text("Build it"),
        node_type: text("task"),
        parent_node_id: Some(id("root")),
        agent: text("builder"),
        description: text("Compiles and packs"),
        goal: text("a package"),
        step_id: text("step-1"),
        step_number: Some(1),
        extra: json(r#"{"x":120,"y":40}"#),
    };
    let drawn = |source: &str, target: &str| {
        let edge = GraphEdge {
            source: id(source),
            target: id(target),
            edge_id: text("e1"),
            edge_type: text("data"),
            label: text("package"),
            extra: json("{}"),
        };
        ((id(source), id(target)), Edge { graph: Some(Arc::new(edge)), active: false })
    };
    let node = |name: &str| {
        let graph = Some(Arc::new(declared(name)));
        (id(name), Arc::new(Node { graph, ..Node::new(id(name)) }))
    };
    let after = After {
        nodes: Some(Arc::new(["build", "scan", "deploy"].into_iter().map(node).collect())),
        graph: Some(Arc::new(GraphDelta {
            edges: vec![drawn("build", "scan"), drawn("scan", "deploy")],
            ..GraphDelta::default()
        })),
        ..After::default()
    };
    let whole = GraphDeclared { replace: true, ..GraphDeclared::default() };
    story.said(Kind::GraphDeclared(Box::new(whole)), after);

    let delta = GraphDelta {
        edges: vec![((id("build"), id("scan")), Edge { active: true, ..drawn("build", "scan").1 })],
        ..GraphDelta::default()
    };
    let after = After { graph: Some(Arc::new(delta)), ..After::default() };
    story.said(Kind::EdgeActivated { from: id("build"), to: id("scan") }, after);

    let mutated = GraphMutated {
        mutation_id: text("m1"),
        mutation_kind: text("replace_node"),
        trigger: text("scan is too slow"),
        reason: text("a faster tool is there"),
        recommended_by: text("planner"),
        affected_node_ids: vec![id("scan"), id("quick-scan")],
        change: Some(GraphDeclared {
            nodes: vec![declared("quick-scan")],
            removed_node_ids: vec![id("scan")],
            ..GraphDeclared::default()
        }),
        mutation: None,
    };
    let delta = GraphDelta {
        edges: vec![drawn("build", "quick-scan")],
        removed_nodes: vec![id("scan")],
        removed_edges: vec![(id("build"), id("scan")), (id("scan"), id("deploy"))],
    };
    let after = After {
        nodes: Some(Arc::new([node("quick-scan")].into())),
        graph: Some(Arc::new(delta)),
        ..After::default()
    };
    story.said(Kind::GraphMutated(Box::new(mutated)), after);
}

fn working(story: &mut Story) {
    let node = Node {
        status: NodeStatus::Running,
        attempt: 1,
        native_status: text("STARTED"),
        reason: text("its inputs are there"),
        label: text("Build 4.2"),
        agent: text("builder"),
        goal: text("a package"),
        step_id: text("step-1"),
        step_number: Some(1),
        input: json(r#"{"ref":"v4.2"}"#),
        start_time: Some(story.time()),
        extra: json(r#"{"host":"b7"}"#),
        since: story.seq(),
        ..story.node("build")
    };
    let changed = NodeChanged { status: Some(NodeStatus::Running), ..NodeChanged::of(id("build")) };
    let old_status = Some(NodeStatus::Pending);
    let after = After { old_status, moved: true, ..of_node(node) };
    story.said(Kind::NodeChanged(Box::new(changed)), after);

    let node =
        Node { fraction: Some(0.5), progress_message: text("linking"), ..story.node("build") };
    let message = text("linking");
    let progressed = NodeProgressed { node_id: id("build"), fraction: Some(0.5), message };
    story.said(Kind::NodeProgressed(progressed), of_node(node));

    let retried = NodeRetried {
        node_id: id("build"),
        phase: RetryPhase::BackingOff,
        retry_number: 1,
        max_retries: Some(3),
        error_category: text("network"),
        error_pattern: text("timeout"),
        success_probability: Some(0.8),
        strategy: text("exponential"),
        suggestions: vec!["use the mirror".into()],
        backoff: Some(Duration::from_secs(2)),
        next_attempt_time: Some(story.time().after(Duration::from_secs(2))),
        error: text("the registry did not answer"),
        has_user_feedback: Some(false),
    };
    let node = Node {
        status: NodeStatus::Retrying,
        retry: Some((RetryPhase::BackingOff, 1)),
        since: story.seq(),
        ..story.node("build")
    };
    story.said(Kind::NodeRetried(Box::new(retried)), After { moved: true, ..of_node(node) });

    let whole = Json {
        truncated: true,
        full_size: 1_048_576,
        uri: text("https://files.example/build.json"),
        sha256: Some([0xab; 32]),
        ..Json::whole(r#"{"package":"release-4.2.tar"}"#)
    };
    let node = Node {
        status: NodeStatus::Completed,
        output: Some(whole),
        failure: Some(Failure {
            error_type: text("Timeout"),
            message: "the first try".into(),
            traceback: text("at fetch()"),
            node_id: Some(id("build")),
        }),
        metrics: Some(NodeMetrics {
            input_tokens: Some(812),
            output_tokens: Some(90),
            cost_usd_nanos: Some(4_000_000),
            duration: Some(Duration::from_micros(1_810_250)),
            retries: Some(1),
            model: text("small-1"),
            extra: json(r#"{"cache_hits":3,"retries":99}"#),
        }),
        finish_time: Some(story.time()),
        since: story.seq(),
        ..story.node("build")
    };
    let mut changed = NodeChanged::of(id("build"));
    changed.status = Some(NodeStatus::Completed);
    let old_status = Some(NodeStatus::Retrying);
    let after = After { old_status, moved: true, ..of_node(node) };
    let time = Some(Timestamp(story.time().0 - 1_500));
    let kind = Kind::NodeChanged(Box::new(changed));
    story.event(Event { time, native_forms: vec![], kind }, after);

    let progressed = ExecutionProgressed { fraction: Some(0.33), ..ExecutionProgressed::default() };
    let mut outline = (*story.state.outline).clone();
    outline.fraction = Some(0.33);
    (outline.current_node, outline.message) = (Some(id("quick-scan")), text("1 of 3 done"));
    let after = After { outline: Some(Arc::new(outline)), ..After::default() };
    story.said(Kind::ExecutionProgressed(progressed), after);

    let incurred = CostIncurred {
        increment_usd_nanos: Some(80_000_000),
        node_id: Some(id("build")),
        step_id: text("step-1"),
        agent: text("builder"),
        model: text("small-1"),
        input_tokens: Some(812),
        output_tokens: Some(90),
        total_tokens: Some(902),
        ..CostIncurred::default()
    };
    let spent = Totals { usd_nanos: 80_000_000, input_tokens: 812, output_tokens: 90, tokens: 902 };
    let cost = Some(Cost { spent, budget_usd_nanos: Some(500_000_000) });
    let after = After { cost, spent: Some(spent), added: Some(spent), ..After::default() };
    story.said(Kind::CostIncurred(Box::new(incurred)), after);
}
