//! The part of the story that changes nothing: what is said, called, measured and captured.

use footplate::model::*;

use super::story::{Story, id, json, text};

pub(super) fn talk(story: &mut Story) {
    let node_id = Some(id("build"));
    let kinds = [
        Kind::LogWritten(Box::new(LogWritten {
            message: "fetched 214 files".into(),
            level: LogLevel::Info,
            node_id: node_id.clone(),
            stream: text("stdout"),
            logger: text("build.fetch"),
            metadata: json(r#"{"files":214}"#),
        })),
        Kind::AgentMessage(Box::new(AgentMessage {
            agent: "builder".into(),
            message: "The package is ready.".into(),
            role: text("assistant"),
            node_id: node_id.clone(),
            metadata: json("{}"),
        })),
        Kind::AgentThinking(Box::new(AgentThinking {
            agent: "builder".into(),
            thinking: Some(true),
            message: text("Which mirror is nearer?"),
            node_id: node_id.clone(),
        })),
        Kind::ToolCalled(Box::new(ToolCalled {
            agent: text("builder"),
            tool_name: "fetch".into(),
            arguments: json(r#"{"url":"https://mirror.example"}"#),
            result: json("true"),
            node_id: node_id.clone(),
            call_id: text("call-1"),
            error: text("slow"),
        })),
        Kind::CodeExecuted(Box::new(CodeExecuted {
            agent: text("builder"),
            code: "print(1)".into(),
            language: text("python"),
            result: json("1"),
            node_id: node_id.clone(),
            error: text("a warning"),
        })),
        Kind::MetricMeasured(Box::new(MetricMeasured {
            name: "package_size".into(),
            value: Some(41.5),
            unit: text("MiB"),
            node_id: node_id.clone(),
            metadata: json("null"),
        })),
        Kind::FileChanged(Box::new(FileChanged {
            path: "dist/release-4.2.tar".into(),
            action: FileAction::Created,
            file_type: text("archive"),
            size: Some(43_515_904),
            node_id: node_id.clone(),
            step_id: text("step-1"),
            files_tracked: Some(12),
        })),
        Kind::Captured(Box::new(Captured {
            captured_event_id: "c1".into(),
            event_type: "agent_call".into(),
            event_subtype: text("start"),
            agent: text("builder"),
            node_id,
            execution_order: Some(4),
            depth: Some(1),
            data: json(r#"{"a":1}"#),
        })),
        Kind::Opaque(Box::new(Opaque {
            protocol: "windags".into(),
            json: Json::whole(r#"{"type":"wave_transition","wave":2}"#),
            priority: Priority::State,
            replay: true,
            state_key: text("wave"),
        })),
    ];
    for kind in kinds {
        story.said(kind, After::default());
    }
}
