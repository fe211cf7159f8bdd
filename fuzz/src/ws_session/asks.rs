//! What dashboards say in each of the five protocols: mostly words that mean something, about executions
//! and gates that there may be; and anything else.

use footplate::dialect::Manners;

use super::super::draw::Draw;
use super::people::{EXECUTIONS, TOKENS};

pub(super) const GATES: [&str; 2] = ["g", "h"];

/// One message. The token, where it shows one.
pub(super) fn ask(manners: Manners, draw: &mut Draw<'_>) -> (String, Option<&'static str>) {
    let token = match manners {
        Manners::Native | Manners::Nebula if draw.one_in(8) => Some(draw.pick(&TOKENS)),
        _ => None,
    };
    if let Some(token) = token {
        let word = draw.pick(&["authenticate", "refresh"]);
        return (format!(r#"{{"type":"{word}","token":"{token}"}}"#), Some(token));
    }
    let text = match manners {
        Manners::Native => native(draw),
        Manners::Windags => windags(draw),
        Manners::Executions => draw.pick(&["ping", "\"ping\"", r#"{"type":"ping"}"#, "{}"]).into(),
        Manners::Stage5 => stage5(draw),
        Manners::Nebula => nebula(draw),
    };
    (text, None)
}

fn native(draw: &mut Draw<'_>) -> String {
    let execution = draw.pick(&[EXECUTIONS[0].0, EXECUTIONS[1].0, EXECUTIONS[2].0, "nobody"]);
    match draw.below(10) {
        0 => format!(r#"{{"type":"subscribe","execution_id":"{execution}"}}"#),
        1 => {
            let (epoch, seq) = (1 + draw.below(3), draw.number());
            format!(
                r#"{{"type":"subscribe","execution_id":"{execution}","since":{{"epoch":"7-{epoch}","seq":{seq}}}}}"#
            )
        }
        2 => {
            let seq = draw.number();
            format!(r#"{{"type":"subscribe","execution_id":"{execution}","at":{{"seq":{seq}}}}}"#)
        }
        3 => format!(r#"{{"type":"unsubscribe","execution_id":"{execution}"}}"#),
        4 => draw
            .pick(&[r#"{"type":"subscribe_executions"}"#, r#"{"type":"unsubscribe_executions"}"#])
            .into(),
        5 => r#"{"type":"ping"}"#.into(),
        6 => {
            let kind = draw.pick(&["pause", "resume", "cancel"]);
            let id = draw.below(4);
            format!(
                r#"{{"type":"{kind}_execution","command_id":"c{id}","execution_id":"{execution}"}}"#
            )
        }
        _ => {
            let (id, gate, version) = (draw.below(6), draw.pick(&GATES), 1 + draw.below(2));
            let option = draw.pick(&["approve", "reject", "other"]);
            format!(
                r#"{{"type":"human_decision","decision_id":"d{id}","execution_id":"{execution}","gate_id":"{gate}","gate_version":{version},"option_id":"{option}"}}"#
            )
        }
    }
}

fn windags(draw: &mut Draw<'_>) -> String {
    match draw.below(8) {
        0 => r#"{"type":"ping"}"#.into(),
        1 => r#"{"type":"heartbeat"}"#.into(),
        2 => r#"{"type":"pause_execution"}"#.into(),
        3 => format!(r#"{{"type":"resync_request","last_seen":{}}}"#, draw.number()),
        4 => format!(r#"{{"type":"ack","seq":{}}}"#, draw.number()),
        5 => format!(r#"{{"type":"ack","event_id":"7-1:{}"}}"#, draw.number()),
        _ => {
            let decision = draw.pick(&["approve", "reject", "modify"]);
            format!(r#"{{"type":"human_decision","node_id":"n","decision":"{decision}"}}"#)
        }
    }
}

fn stage5(draw: &mut Draw<'_>) -> String {
    match draw.below(8) {
        0 => r#"{"type":"ping"}"#.into(),
        1 => r#"{"type":"request_state"}"#.into(),
        2 => {
            let since = draw.pick(&[0_u64, 1_795_168_800, 1_795_168_805, 1_795_168_900]);
            format!(r#"{{"type":"request_state","since":{since}.5}}"#)
        }
        3 => draw.pick(&[r#"{"type":"pause"}"#, r#"{"type":"cancel"}"#]).into(),
        4 => r#"{"task":"Do it","config":{"workflow_id":"flow"}}"#.into(),
        5 => {
            let (gate, fine) = (draw.pick(&GATES), draw.one_in(2));
            format!(r#"{{"type":"approval_response","approval_id":"{gate}","approved":{fine}}}"#)
        }
        _ => {
            let (gate, how) = (draw.pick(&GATES), draw.pick(&["approve", "reject"]));
            format!(r#"{{"type":"resolve_approval","approval_id":"{gate}","resolution":"{how}"}}"#)
        }
    }
}

fn nebula(draw: &mut Draw<'_>) -> String {
    let execution = draw.pick(&[EXECUTIONS[0].0, EXECUTIONS[1].0, EXECUTIONS[2].0, "nobody"]);
    let (resource, id) = match draw.below(4) {
        0 => ("workflow", "flow"),
        _ => ("execution", execution),
    };
    match draw.below(6) {
        0 => r#"{"type":"ping","request_id":"r"}"#.into(),
        1 => format!(r#"{{"type":"unsubscribe","resource":"{resource}","id":"{id}"}}"#),
        2 => r#"{"type":"execute_workflow","workflow_id":"flow"}"#.into(),
        _ => format!(r#"{{"type":"subscribe","resource":"{resource}","id":"{id}"}}"#),
    }
}
