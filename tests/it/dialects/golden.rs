//! Golden frames of the native protocol beside the transcripts: the whole story, then every word
//! and every field that the story has no room for. `UPDATE=1` writes them anew.

use std::sync::Arc;
use std::{env, fs};

use footplate::model::*;

use super::golden_gates::{alone, commands, contradictions, gates};
use super::story::{Story, id, of_node};
use super::{documents, native};

#[test]
fn the_whole_protocol_is_said_as_it_was() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts/story.native.jsonl");
    let mut story = Story::new();
    bare(&mut story);
    executions(&mut story);
    nodes(&mut story);
    talk(&mut story);
    gates(&mut story);
    commands(&mut story);
    contradictions(&mut story);
    let mut said = documents::natively();
    said.extend(story.records.iter().map(native::frame));
    said.extend(alone(&story));
    let said: String = said.iter().map(|it| format!("* {it}\n")).collect();
    if env::var_os("UPDATE").is_some() {
        fs::write(file, &said).unwrap();
    }
    let golden = fs::read_to_string(file).unwrap_or_default();
    assert!(golden == said, "{file}: run `make bless`, and read the diff");
}

/// Opaque JSON that stands for more.
pub(super) fn hint() -> Option<Json> {
    Some(Json { truncated: true, ..Json::whole(r#""…""#) })
}

/// Each kind of event with as little as it can say.
fn bare(story: &mut Story) {
    let failure = || Failure { message: "it broke".into(), ..Failure::default() };
    let node_id = || id::<NodeId>("n");
    let kinds = [
        Kind::ExecutionStatusChanged(Box::default()),
        Kind::ExecutionProgressed(ExecutionProgressed::default()),
        Kind::NodeChanged(Box::new(NodeChanged::of(node_id()))),
        Kind::NodeProgressed(NodeProgressed { node_id: node_id(), fraction: None, message: None }),
        Kind::GraphMutated(Box::default()),
        Kind::GraphMutated(Box::new(GraphMutated { mutation: hint(), ..GraphMutated::default() })),
        Kind::CostIncurred(Box::default()),
        Kind::FailureReported(Box::new(FailureReported { failure: failure(), step_id: None })),
        Kind::Captured(Box::new(Captured {
            captured_event_id: "c2".into(),
            event_type: "step".into(),
            event_subtype: None,
            agent: None,
            node_id: None,
            execution_order: None,
            depth: None,
            data: None,
        })),
    ];
    for kind in kinds {
        story.said(kind, After::default());
    }
    let graph = Some(Arc::new(GraphDelta::default()));
    let delta = || After { graph: graph.clone(), ..After::default() };
    story.said(Kind::GraphDeclared(Box::default()), delta());
    story.said(Kind::EdgeActivated { from: id("a"), to: id("b") }, delta());
}

fn executions(story: &mut Story) {
    use ExecutionStatus as It;
    for status in [
        It::Created,
        It::Planning,
        It::Running,
        It::WaitingGate,
        It::Pausing,
        It::Paused,
        It::Cancelling,
    ] {
        let changed = ExecutionStatusChanged { status: Some(status), ..Default::default() };
        story.said(Kind::ExecutionStatusChanged(Box::new(changed)), After::default());
    }
    for status in [It::Completed, It::Failed, It::Cancelled, It::TimedOut] {
        let ending = |all: Option<Json>| Ending {
            status,
            results: all.clone(),
            output: all,
            failure: None,
            reason: None,
            nodes_completed: 0,
            nodes_failed: 0,
            duration_micros: None,
            finish_time: story.time(),
        };
        let mut outline = Outline::default();
        outline.info.input = hint();
        outline.ending = Some(ending(if status == It::Failed { hint() } else { None }));
        let after = After { outline: Some(Arc::new(outline)), ..After::default() };
        let finished = ExecutionFinished { status, ..ExecutionFinished::default() };
        story.said(Kind::ExecutionFinished(Box::new(finished)), after);
    }
}

fn nodes(story: &mut Story) {
    use NodeStatus as It;
    for status in [
        It::Pending,
        It::Ready,
        It::Queued,
        It::Running,
        It::WaitingGate,
        It::Paused,
        It::Retrying,
        It::Completed,
        It::Failed,
        It::Skipped,
        It::Cancelled,
        It::Mutated,
    ] {
        let mut changed = NodeChanged::of(id("n"));
        changed.status = Some(status);
        let mut node = Node { status, ..Node::new(id("n")) };
        if status == It::Failed {
            (node.input, node.output, node.extra) = (hint(), hint(), hint());
            node.metrics = Some(NodeMetrics { extra: hint(), ..NodeMetrics::default() });
            node.graph = Some(Arc::new(GraphNode {
                node_id: id("n"),
                label: None,
                node_type: None,
                parent_node_id: None,
                agent: None,
                description: None,
                goal: None,
                step_id: None,
                step_number: None,
                extra: hint(),
            }));
        } else if status == It::Skipped {
            node.metrics = Some(NodeMetrics::default());
            node.graph = story.state.nodes[&id::<NodeId>("n")]
                .graph
                .as_ref()
                .map(|it| Arc::new(GraphNode { extra: None, ..(**it).clone() }));
        }
        story.said(Kind::NodeChanged(Box::new(changed)), of_node(node));
    }
    for phase in
        [RetryPhase::Started, RetryPhase::BackingOff, RetryPhase::Succeeded, RetryPhase::Exhausted]
    {
        let retried = NodeRetried {
            node_id: id("n"),
            phase,
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
        };
        let node = Node { retry: Some((phase, 1)), ..story.node("n") };
        story.said(Kind::NodeRetried(Box::new(retried)), of_node(node));
    }
    for extra in [None, hint()] {
        let edge = GraphEdge {
            source: id("n"),
            target: id("m"),
            edge_id: None,
            edge_type: None,
            label: None,
            extra,
        };
        let edge = Edge { graph: Some(Arc::new(edge)), active: true };
        let edges = vec![((id("n"), id("m")), edge)];
        let delta = GraphDelta { edges, ..GraphDelta::default() };
        let after = After { graph: Some(Arc::new(delta)), ..After::default() };
        story.said(Kind::EdgeActivated { from: id("n"), to: id("m") }, after);
    }
}

/// What changes nothing: each word of it, with nothing else, and with JSON that stands for more.
fn talk(story: &mut Story) {
    let mut kinds = vec![];
    for level in [LogLevel::Debug, LogLevel::Info, LogLevel::Warning, LogLevel::Error] {
        kinds.push(Kind::LogWritten(Box::new(LogWritten {
            message: "so it is".into(),
            level,
            node_id: None,
            stream: None,
            logger: None,
            metadata: if level == LogLevel::Debug { hint() } else { None },
        })));
    }
    use FileAction as Did;
    for action in [Did::Created, Did::Updated, Did::Deleted, Did::Batch] {
        kinds.push(Kind::FileChanged(Box::new(FileChanged {
            path: "out".into(),
            action,
            file_type: None,
            size: None,
            node_id: None,
            step_id: None,
            files_tracked: None,
        })));
    }
    use DropReason as Why;
    for reason in [Why::Unspecified, Why::OutboxFull, Why::TooLarge, Why::Sampled, Why::Shutdown] {
        let (first_drop_time, last_drop_time) = (None, None);
        kinds.push(Kind::EventsDropped(EventsDropped {
            count: 1,
            reason,
            first_drop_time,
            last_drop_time,
        }));
    }
    for priority in [Priority::Stream, Priority::State, Priority::Critical] {
        kinds.push(Kind::Opaque(Box::new(Opaque {
            protocol: "mine".into(),
            json: hint().unwrap(),
            priority,
            replay: false,
            state_key: None,
        })));
    }
    use WorkflowAction as Act;
    for (action, workflow) in
        [(Act::Created, Some(Json::whole("{}"))), (Act::Updated, hint()), (Act::Deleted, None)]
    {
        let workflow_id = id("release");
        kinds.push(Kind::WorkflowChanged(Box::new(WorkflowChanged {
            workflow_id,
            action,
            workflow,
        })));
    }
    for json in [None, hint()] {
        let (agent, node_id, error): (Option<Text>, Option<NodeId>, Option<Text>) =
            (None, None, None);
        kinds.extend([
            Kind::AgentMessage(Box::new(AgentMessage {
                agent: "builder".into(),
                message: "well".into(),
                role: None,
                node_id: node_id.clone(),
                metadata: json.clone(),
            })),
            Kind::AgentThinking(Box::new(AgentThinking {
                agent: "builder".into(),
                thinking: None,
                message: None,
                node_id: node_id.clone(),
            })),
            Kind::ToolCalled(Box::new(ToolCalled {
                agent: agent.clone(),
                tool_name: "fetch".into(),
                arguments: json.clone(),
                result: json.clone(),
                node_id: node_id.clone(),
                call_id: None,
                error: error.clone(),
            })),
            Kind::CodeExecuted(Box::new(CodeExecuted {
                agent: agent.clone(),
                code: "1".into(),
                language: None,
                result: json.clone(),
                node_id: node_id.clone(),
                error,
            })),
            Kind::MetricMeasured(Box::new(MetricMeasured {
                name: "speed".into(),
                value: None,
                unit: None,
                node_id,
                metadata: json.clone(),
            })),
            Kind::Captured(Box::new(Captured {
                captured_event_id: "c3".into(),
                event_type: "step".into(),
                event_subtype: None,
                agent,
                node_id: None,
                execution_order: None,
                depth: None,
                data: json,
            })),
        ]);
    }
    for kind in kinds {
        story.said(kind, After::default());
    }
    use RejectionCode as Fault;
    for code in [
        Fault::Malformed,
        Fault::Utf8,
        Fault::NotFinite,
        Fault::Json,
        Fault::Depth,
        Fault::TooLarge,
        Fault::UnknownKind,
        Fault::Invalid,
        Fault::Limit,
    ] {
        let rejection = Rejection { code, field: String::new(), message: "no".to_owned() };
        let fact = Fact::Rejected { producer: id("engine-1"), pseq: Some(Pseq(9)), rejection };
        story.fact(fact, After::default());
    }
}
