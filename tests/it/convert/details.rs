//! The kinds that tell what happens within nodes; and what is not understood.

use footplate::engine::convert::{Setting, event};
use footplate::engine::pb;
use footplate::engine::pb::event::Kind as Pb;
use footplate::model::{
    AgentMessage, AgentThinking, Captured, CodeExecuted, CostIncurred, DropReason, EventsDropped,
    FailureReported, FileAction, FileChanged, Json, Kind, LogLevel, LogWritten, MetricMeasured,
    Opaque, Priority, Timestamp, ToolCalled, WorkflowAction, WorkflowChanged, WorkflowId,
};
use prost::Message;

use super::kinds::{AT, at, failed, failure, n, same, t};
use super::{NOW, json, kept, received, said, whole};

#[test]
fn costs_logs_and_failures() {
    same(
        Pb::CostIncurred(pb::CostIncurred {
            increment_usd_nanos: Some(1),
            total_usd_nanos: Some(2),
            budget_usd_nanos: Some(0),
            node_id: "n".into(),
            step_id: "a".into(),
            agent: "b".into(),
            model: "c".into(),
            input_tokens: Some(3),
            output_tokens: Some(4),
            total_tokens: Some(5),
        }),
        Kind::CostIncurred(Box::new(CostIncurred {
            increment_usd_nanos: Some(1),
            total_usd_nanos: Some(2),
            budget_usd_nanos: Some(0),
            node_id: Some(n("n")),
            step_id: t("a"),
            agent: t("b"),
            model: t("c"),
            input_tokens: Some(3),
            output_tokens: Some(4),
            total_tokens: Some(5),
        })),
    );
    same(
        Pb::LogWritten(pb::LogWritten {
            message: String::new(),
            level: pb::LogLevel::Error.into(),
            node_id: "n".into(),
            stream: "a".into(),
            logger: "b".into(),
            metadata: json("1"),
        }),
        Kind::LogWritten(Box::new(LogWritten {
            message: "".into(),
            level: LogLevel::Error,
            node_id: Some(n("n")),
            stream: t("a"),
            logger: t("b"),
            metadata: whole("1"),
        })),
    );
    same(
        Pb::MetricMeasured(pb::MetricMeasured {
            name: "a".into(),
            value: Some(-0.5),
            unit: "b".into(),
            node_id: "n".into(),
            metadata: json("1"),
        }),
        Kind::MetricMeasured(Box::new(MetricMeasured {
            name: "a".into(),
            value: Some(-0.5),
            unit: t("b"),
            node_id: Some(n("n")),
            metadata: whole("1"),
        })),
    );
    same(
        Pb::FailureReported(pb::FailureReported { failure: failed(), step_id: "a".into() }),
        Kind::FailureReported(Box::new(FailureReported { failure: failure(), step_id: t("a") })),
    );
    same(
        Pb::EventsDropped(pb::EventsDropped {
            count: 7,
            reason: pb::DropReason::Sampled.into(),
            first_drop_time: at(),
            last_drop_time: at(),
        }),
        Kind::EventsDropped(EventsDropped {
            count: 7,
            reason: DropReason::Sampled,
            first_drop_time: AT,
            last_drop_time: AT,
        }),
    );
}

#[test]
fn agents_and_files() {
    same(
        Pb::AgentMessage(pb::AgentMessage {
            agent: "a".into(),
            message: "b".into(),
            role: "c".into(),
            node_id: "n".into(),
            metadata: json("1"),
        }),
        Kind::AgentMessage(Box::new(AgentMessage {
            agent: "a".into(),
            message: "b".into(),
            role: t("c"),
            node_id: Some(n("n")),
            metadata: whole("1"),
        })),
    );
    same(
        Pb::AgentThinking(pb::AgentThinking {
            agent: "a".into(),
            thinking: Some(false),
            message: "b".into(),
            node_id: "n".into(),
        }),
        Kind::AgentThinking(Box::new(AgentThinking {
            agent: "a".into(),
            thinking: Some(false),
            message: t("b"),
            node_id: Some(n("n")),
        })),
    );
    same(
        Pb::ToolCalled(pb::ToolCalled {
            agent: "a".into(),
            tool_name: "b".into(),
            arguments: json("1"),
            result: json("2"),
            node_id: "n".into(),
            call_id: "c".into(),
            error: "d".into(),
        }),
        Kind::ToolCalled(Box::new(ToolCalled {
            agent: t("a"),
            tool_name: "b".into(),
            arguments: whole("1"),
            result: whole("2"),
            node_id: Some(n("n")),
            call_id: t("c"),
            error: t("d"),
        })),
    );
    same(
        Pb::CodeExecuted(pb::CodeExecuted {
            agent: "a".into(),
            code: "b".into(),
            language: "c".into(),
            result: json("1"),
            node_id: "n".into(),
            error: "d".into(),
        }),
        Kind::CodeExecuted(Box::new(CodeExecuted {
            agent: t("a"),
            code: "b".into(),
            language: t("c"),
            result: whole("1"),
            node_id: Some(n("n")),
            error: t("d"),
        })),
    );
    same(
        Pb::FileChanged(pb::FileChanged {
            path: "a".into(),
            action: pb::FileAction::Deleted.into(),
            file_type: "b".into(),
            size: Some(0),
            node_id: "n".into(),
            step_id: "c".into(),
            files_tracked: Some(1),
        }),
        Kind::FileChanged(Box::new(FileChanged {
            path: "a".into(),
            action: FileAction::Deleted,
            file_type: t("b"),
            size: Some(0),
            node_id: Some(n("n")),
            step_id: t("c"),
            files_tracked: Some(1),
        })),
    );
}

#[test]
fn what_only_some_dashboards_know() {
    same(
        Pb::Captured(pb::Captured {
            captured_event_id: "a".into(),
            event_type: "b".into(),
            event_subtype: "c".into(),
            agent: "d".into(),
            node_id: "n".into(),
            execution_order: Some(0),
            depth: Some(1),
            data: json("1"),
        }),
        Kind::Captured(Box::new(Captured {
            captured_event_id: "a".into(),
            event_type: "b".into(),
            event_subtype: t("c"),
            agent: t("d"),
            node_id: Some(n("n")),
            execution_order: Some(0),
            depth: Some(1),
            data: whole("1"),
        })),
    );
    same(
        Pb::Opaque(pb::Opaque {
            protocol: "a".into(),
            json: json("{}"),
            priority: pb::Priority::Critical.into(),
            replay: true,
            state_key: "b".into(),
        }),
        Kind::Opaque(Box::new(Opaque {
            protocol: "a".into(),
            json: Json::whole("{}"),
            priority: Priority::Critical,
            replay: true,
            state_key: t("b"),
        })),
    );
    let flow: WorkflowId = "flow".parse().unwrap();
    let changed = said(Pb::WorkflowChanged(pb::WorkflowChanged {
        workflow_id: "flow".into(),
        action: pb::WorkflowAction::Created.into(),
        workflow: json("{}"),
    }));
    let setting = Setting { now: NOW, workflow: Some(&flow) };
    let read = event(&changed.encode_to_vec().into(), setting).event.unwrap();
    let expected = Kind::WorkflowChanged(Box::new(WorkflowChanged {
        workflow_id: flow.clone(),
        action: WorkflowAction::Created,
        workflow: whole("{}"),
    }));
    assert_eq!(read.kind, expected);
}

#[test]
fn the_header_is_kept() {
    let native_forms = vec![pb::NativeForm { protocol: "nebula".into(), json: json("{\"a\":1}") }];
    let before_1970 = Some(prost_types::Timestamp { seconds: -1, nanos: 999_999_999 });
    let line = Pb::LogWritten(pb::LogWritten::default());
    let event = pb::Event { event_time: before_1970, native_forms, kind: Some(line) };
    let read = received(&event).event.unwrap();
    assert_eq!(read.time, Some(Timestamp(-1)), "floored to microseconds");
    assert_eq!(&*read.native_forms[0].protocol, "nebula");
    assert_eq!(&*read.native_forms[0].json.text, "{\"a\":1}");
}

#[test]
fn json_is_kept_to_the_letter() {
    let metadata = |json: pb::Json| {
        let line = pb::LogWritten { metadata: Some(json), ..Default::default() };
        let Kind::LogWritten(line) = kept(Pb::LogWritten(line)) else { panic!("another kind") };
        line.metadata
    };
    let exact = r#"{"b":9007199254740993,"a":1.10,"c":"\u0041é","n":null}"#;
    assert_eq!(metadata(json(exact).unwrap()), whole(exact), "also the order of its keys");
    assert_eq!(
        metadata(json(" \n[1, 2]\t").unwrap()),
        whole("[1, 2]"),
        "but for what is around it"
    );
    assert_eq!(metadata(pb::Json::default()), None, "empty is no value …");
    assert_eq!(metadata(json("null").unwrap()), whole("null"), "… and null is one");
    let part = pb::Json {
        text: "\"the beginning\"".into(),
        truncated: true,
        full_size: 5,
        uri: "s3://whole".into(),
        sha256: vec![1; 32].into(),
    };
    let kept = Json {
        truncated: true,
        full_size: 5,
        uri: t("s3://whole"),
        sha256: Some([1; 32]),
        ..Json::whole("\"the beginning\"")
    };
    assert_eq!(metadata(part), Some(kept));
}

#[test]
fn what_is_not_understood_is_kept_as_a_word_where_there_is_room_for_one() {
    let node = |native: &str| {
        let node_id = "n".to_owned();
        let native_status = native.to_owned();
        let node = pb::NodeChanged { node_id, status: 99, native_status, ..Default::default() };
        let Kind::NodeChanged(node) = kept(Pb::NodeChanged(node)) else { panic!("another kind") };
        (node.status, node.native_status)
    };
    assert_eq!(node(""), (None, t("UNKNOWN(99)")));
    assert_eq!(node("hibernating"), (None, t("hibernating")), "the engine's own word is better");
    let changed = pb::ExecutionStatusChanged { status: -5, ..Default::default() };
    let Kind::ExecutionStatusChanged(changed) = kept(Pb::ExecutionStatusChanged(changed)) else {
        panic!("another kind")
    };
    assert_eq!((changed.status, changed.native_status), (None, t("UNKNOWN(-5)")));
}
