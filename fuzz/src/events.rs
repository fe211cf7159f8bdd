//! Events as engines say them, and as they should not, drawn. It must know no more than the proto says.

use bytes::Bytes;
use footplate::engine::pb::{self, event::Kind as Pb};

use super::draw::Draw;

const NAMES: [&str; 8] = ["n1", "n2", "g1", "d1", "__proto__", "task[3]", "", "x1"];
const JSON: [&str; 8] = [
    "{}",
    "null",
    "{\"__proto__\":{\"a\":1},\"b\":[1.50,1e400,-0]}",
    "[\"\\ud800\",\"</script>\\u2028\"]",
    "{\"type\":\"x\",\"seq\":1,\"timestamp\":2}",
    "{\"event_id\":\"e\",\"data\":{}, \"as_of_seq\" : 3 }",
    "12345678901234567890",
    "{\"a\":1,\"\\u0061\":2}",
];

fn name(draw: &mut Draw<'_>) -> String {
    let at = draw.byte();
    NAMES.get(usize::from(at)).map_or_else(|| draw.text(), |it| (*it).to_owned())
}

fn number(draw: &mut Draw<'_>) -> i64 {
    match draw.byte() % 4 {
        0 => draw.small(),
        1 => i64::MAX,
        2 => i64::MIN,
        _ => i64::from(draw.byte()) << 50,
    }
}

fn maybe<T>(draw: &mut Draw<'_>, one: impl Fn(&mut Draw<'_>) -> T) -> Option<T> {
    (!draw.byte().is_multiple_of(4)).then(|| one(draw))
}

fn float(draw: &mut Draw<'_>) -> f64 {
    match draw.byte() % 8 {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -0.0,
        3 => f64::from_bits(number(draw) as u64),
        _ => f64::from(draw.byte()) / 255.0,
    }
}

fn json(draw: &mut Draw<'_>) -> Option<pb::Json> {
    let at = draw.byte();
    if at.is_multiple_of(3) {
        return None;
    }
    let text = JSON.get(usize::from(at) / 16).map_or_else(|| draw.text(), |it| (*it).to_owned());
    let larger = at % 3 == 2;
    Some(pb::Json {
        text: text.into(),
        truncated: larger && draw.flag(),
        full_size: if larger { u64::from(draw.byte()) } else { 0 },
        uri: if larger { draw.text() } else { String::new() },
        sha256: if larger && draw.flag() { vec![7; 32].into() } else { Bytes::new() },
    })
}

fn time(draw: &mut Draw<'_>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: 1_795_262_400 + draw.small() * 3_600 * i64::from(draw.byte()),
        nanos: i32::from(draw.byte()) * 4_000_001,
    }
}

fn duration(draw: &mut Draw<'_>) -> prost_types::Duration {
    prost_types::Duration { seconds: draw.small(), nanos: i32::from(draw.byte()) }
}

fn failure(draw: &mut Draw<'_>) -> pb::Failure {
    let (error_type, message, traceback) = (draw.text(), draw.text(), draw.text());
    pb::Failure { error_type, message, traceback, node_id: name(draw) }
}

fn some<T>(draw: &mut Draw<'_>, one: impl Fn(&mut Draw<'_>) -> T) -> Vec<T> {
    (0..draw.byte() % 4).map(|_| one(draw)).collect()
}

fn graph(draw: &mut Draw<'_>) -> pb::GraphDeclared {
    let node = |draw: &mut Draw<'_>| pb::GraphNode {
        node_id: name(draw),
        label: draw.text(),
        parent_node_id: name(draw),
        step_number: maybe(draw, |it| i32::from(it.byte())),
        extra: json(draw),
        ..Default::default()
    };
    let edge = |draw: &mut Draw<'_>| pb::GraphEdge {
        source_node_id: name(draw),
        target_node_id: name(draw),
        label: draw.text(),
        extra: json(draw),
        ..Default::default()
    };
    pb::GraphDeclared {
        nodes: some(draw, node),
        edges: some(draw, edge),
        replace: draw.flag(),
        removed_node_ids: some(draw, name),
        removed_edges: vec![],
    }
}

fn gate(draw: &mut Draw<'_>) -> pb::GateOpened {
    let option = |draw: &mut Draw<'_>| pb::GateOption {
        option_id: name(draw),
        label: draw.text(),
        kind: i32::from(draw.byte() % 11),
        ..Default::default()
    };
    let advice = |draw: &mut Draw<'_>| pb::Advice {
        source: draw.text(),
        text: draw.text(),
        confidence: maybe(draw, float),
        option_id: name(draw),
    };
    let step = |draw: &mut Draw<'_>| pb::EscalationStep {
        after: maybe(draw, duration),
        add_users: some(draw, name),
        ..Default::default()
    };
    pb::GateOpened {
        gate_id: name(draw),
        gate_version: u32::from(draw.byte() % 4),
        node_id: name(draw),
        title: draw.text(),
        payload: json(draw),
        payload_schema: json(draw),
        presentation: json(draw),
        options: some(draw, option),
        policy: maybe(draw, |it| pb::GatePolicy {
            users: some(it, name),
            required_approvals: u32::from(it.byte() % 3),
            ..Default::default()
        }),
        deadline_time: maybe(draw, time),
        on_timeout: i32::from(draw.byte() % 7),
        escalation: some(draw, step),
        advice: some(draw, advice),
        context: json(draw),
        rewind_node_ids: some(draw, name),
        classification: i32::from(draw.byte() % 5),
        ..Default::default()
    }
}

fn node(draw: &mut Draw<'_>) -> pb::NodeChanged {
    pb::NodeChanged {
        node_id: name(draw),
        status: i32::from(draw.byte() % 14),
        node_attempt: u32::from(draw.byte()),
        label: draw.text(),
        input: json(draw),
        output: json(draw),
        failure: maybe(draw, failure),
        metrics: maybe(draw, |it| pb::NodeMetrics {
            input_tokens: maybe(it, number),
            cost_usd_nanos: maybe(it, number),
            duration: maybe(it, duration),
            extra: json(it),
            ..Default::default()
        }),
        start_time: maybe(draw, time),
        finish_time: maybe(draw, time),
        extra: json(draw),
        ..Default::default()
    }
}

fn cost(draw: &mut Draw<'_>) -> pb::CostIncurred {
    pb::CostIncurred {
        increment_usd_nanos: maybe(draw, number),
        total_usd_nanos: maybe(draw, number),
        budget_usd_nanos: maybe(draw, number),
        node_id: name(draw),
        model: draw.text(),
        input_tokens: maybe(draw, number),
        output_tokens: maybe(draw, number),
        total_tokens: maybe(draw, number),
        ..Default::default()
    }
}

/// An event, of any kind.
pub(super) fn drawn(draw: &mut Draw<'_>) -> pb::Event {
    let which = draw.byte();
    let d = draw;
    let kind = match which % 27 {
        0 => Pb::NodeChanged(node(d)),
        1 => Pb::LogWritten(pb::LogWritten {
            message: d.text(),
            level: i32::from(d.byte() % 6),
            node_id: name(d),
            stream: d.text(),
            logger: d.text(),
            metadata: json(d),
        }),
        2 => Pb::CostIncurred(cost(d)),
        3 => Pb::NodeProgressed(pb::NodeProgressed {
            node_id: name(d),
            fraction: maybe(d, float),
            message: d.text(),
        }),
        4 => Pb::EdgeActivated(pb::EdgeActivated { from_node_id: name(d), to_node_id: name(d) }),
        5 => Pb::ExecutionProgressed(pb::ExecutionProgressed {
            fraction: maybe(d, float),
            current_node_id: name(d),
            message: d.text(),
        }),
        6 => Pb::GateOpened(gate(d)),
        7 => Pb::GateClosed(pb::GateClosed {
            gate_id: name(d),
            gate_version: u32::from(d.byte() % 4),
            reason: i32::from(d.byte() % 7),
            message: d.text(),
            option_id: name(d),
            kind: i32::from(d.byte() % 11),
            closed_by: d.text(),
        }),
        8 => Pb::DecisionOutcome(pb::DecisionOutcome {
            decision_id: name(d),
            gate_id: name(d),
            gate_version: u32::from(d.byte() % 4),
            outcome: i32::from(d.byte() % 7),
            reason: d.text(),
            node_status_after: i32::from(d.byte() % 14),
        }),
        9 => Pb::CommandOutcome(pb::CommandOutcome {
            command_id: name(d),
            outcome: i32::from(d.byte() % 7),
            reason: d.text(),
            result: json(d),
        }),
        10 => Pb::ExecutionStarted(pb::ExecutionStarted {
            name: d.text(),
            workflow_id: name(d),
            aliases: some(d, name),
            input: json(d),
            budget_usd_nanos: maybe(d, number),
            labels: some(d, |it| pb::Label { key: name(it), value: it.text() }),
            start_time: maybe(d, time),
            parent_execution_id: name(d),
            ..Default::default()
        }),
        11 => Pb::ExecutionStatusChanged(pb::ExecutionStatusChanged {
            status: i32::from(d.byte() % 13),
            native_status: d.text(),
            reason: d.text(),
        }),
        12 => Pb::ExecutionFinished(pb::ExecutionFinished {
            status: i32::from(d.byte() % 13),
            results: json(d),
            output: json(d),
            failure: maybe(d, failure),
            duration: maybe(d, duration),
            finish_time: maybe(d, time),
            ..Default::default()
        }),
        13 => Pb::GraphDeclared(graph(d)),
        14 => Pb::GraphMutated(pb::GraphMutated {
            mutation_id: d.text(),
            mutation_kind: d.text(),
            reason: d.text(),
            affected_node_ids: some(d, name),
            change: maybe(d, graph),
            mutation: json(d),
            ..Default::default()
        }),
        15 => Pb::NodeRetried(pb::NodeRetried {
            node_id: name(d),
            phase: i32::from(d.byte() % 6),
            retry_number: u32::from(d.byte()),
            max_retries: maybe(d, |it| u32::from(it.byte())),
            success_probability: maybe(d, float),
            suggestions: some(d, |it| it.text()),
            backoff: maybe(d, duration),
            next_attempt_time: maybe(d, time),
            error: d.text(),
            has_user_feedback: maybe(d, |it| it.flag()),
            ..Default::default()
        }),
        16 => Pb::FailureReported(pb::FailureReported {
            failure: maybe(d, failure),
            step_id: d.text(),
        }),
        17 => Pb::EventsDropped(pb::EventsDropped {
            count: number(d) as u64,
            reason: i32::from(d.byte() % 6),
            first_drop_time: maybe(d, time),
            last_drop_time: maybe(d, time),
        }),
        18 => Pb::MetricMeasured(pb::MetricMeasured {
            name: d.text(),
            value: maybe(d, float),
            unit: d.text(),
            node_id: name(d),
            metadata: json(d),
        }),
        19 => Pb::WorkflowChanged(pb::WorkflowChanged {
            workflow_id: d.pick(&["", "flow", "other"]).to_owned(),
            action: i32::from(d.byte() % 5),
            workflow: json(d),
        }),
        20 => Pb::AgentMessage(pb::AgentMessage {
            agent: d.text(),
            message: d.text(),
            role: d.text(),
            node_id: name(d),
            metadata: json(d),
        }),
        21 => Pb::AgentThinking(pb::AgentThinking {
            agent: d.text(),
            thinking: maybe(d, |it| it.flag()),
            message: d.text(),
            node_id: name(d),
        }),
        22 => Pb::ToolCalled(pb::ToolCalled {
            agent: d.text(),
            tool_name: d.text(),
            arguments: json(d),
            result: json(d),
            node_id: name(d),
            call_id: d.text(),
            error: d.text(),
        }),
        23 => Pb::CodeExecuted(pb::CodeExecuted {
            agent: d.text(),
            code: d.text(),
            language: d.text(),
            result: json(d),
            node_id: name(d),
            error: d.text(),
        }),
        24 => Pb::FileChanged(pb::FileChanged {
            path: d.text(),
            action: i32::from(d.byte() % 6),
            file_type: d.text(),
            size: maybe(d, |it| number(it) as u64),
            node_id: name(d),
            step_id: d.text(),
            files_tracked: maybe(d, |it| number(it) as u64),
        }),
        25 => Pb::Captured(pb::Captured {
            captured_event_id: d.text(),
            event_type: d.text(),
            event_subtype: d.text(),
            agent: d.text(),
            node_id: name(d),
            execution_order: maybe(d, number),
            depth: maybe(d, |it| i32::from(it.byte()) - 128),
            data: json(d),
        }),
        _ => Pb::Opaque(pb::Opaque {
            protocol: d.pick(&["native", "windags", "executions", "stage5", "nebula"]).to_owned(),
            json: json(d),
            priority: i32::from(d.byte() % 5),
            replay: d.flag(),
            state_key: d.text(),
        }),
    };
    let form = |draw: &mut Draw<'_>| pb::NativeForm {
        protocol: draw.pick(&["windags", "executions", "stage5", "nebula", "x"]).to_owned(),
        json: json(draw),
    };
    let native_forms = if 200 < which { some(d, form) } else { vec![] };
    pb::Event { event_time: maybe(d, time), native_forms, kind: Some(kind) }
}
