//! What the made-up release train consists of: its graph, its question to people, and what people
//! may make of it. Nothing happens here; `script` tells what does.

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::engine::pb;

/// What may be spent on an execution: half a dollar, in billionths.
pub(super) const BUDGET_USD_NANOS: i64 = 500_000_000;

/// The node that people decide at.
pub(super) const APPROVE: &str = "approve";
/// The node that is put in between while the train runs.
pub(super) const DEEP_SCAN: &str = "deep-scan";

/// Node, label, type, what it does.
const NODES: [(&str, &str, &str, &str); 12] = [
    ("fetch", "Fetch sources", "task", "Checks out the release branch"),
    ("lint", "Lint", "task", "Formatting and static checks"),
    ("unit", "Unit tests", "task", "The fast tests"),
    ("integration", "Integration tests", "task", "The shop against its real database"),
    ("build", "Build", "task", "Compiles the release"),
    ("package", "Package", "task", "Makes the image"),
    ("scan", "Security scan", "agent", "Looks for known weaknesses and judges them"),
    (APPROVE, "Approve release", "gate", "A person decides"),
    ("deploy-eu", "Deploy to EU", "task", "Rolls out in eu-central"),
    ("deploy-us", "Deploy to US", "task", "Rolls out in us-east"),
    ("smoke", "Smoke tests", "task", "Buys something in every region"),
    ("report", "Report", "agent", "Writes the release notes"),
];

const EDGES: [(&str, &str); 17] = [
    ("fetch", "lint"),
    ("fetch", "unit"),
    ("fetch", "integration"),
    ("fetch", "build"),
    ("build", "package"),
    ("build", "scan"),
    ("lint", APPROVE),
    ("unit", APPROVE),
    ("integration", APPROVE),
    ("package", APPROVE),
    ("scan", APPROVE),
    (APPROVE, "deploy-eu"),
    (APPROVE, "deploy-us"),
    ("deploy-eu", "smoke"),
    ("deploy-us", "smoke"),
    ("smoke", "report"),
    (APPROVE, "report"),
];

/// The nodes of the plan, in its order.
pub(super) fn nodes() -> impl Iterator<Item = &'static str> {
    NODES.iter().map(|(id, ..)| *id)
}

/// The plan.
pub(super) fn graph() -> pb::GraphDeclared {
    let node = |&(id, label, kind, description): &(&str, &str, &str, &str)| pb::GraphNode {
        node_id: id.to_owned(),
        label: label.to_owned(),
        node_type: kind.to_owned(),
        description: description.to_owned(),
        ..pb::GraphNode::default()
    };
    pb::GraphDeclared {
        nodes: NODES.iter().map(node).collect(),
        edges: EDGES.iter().map(|&(from, to)| edge(from, to)).collect(),
        replace: true,
        ..pb::GraphDeclared::default()
    }
}

/// The plan changes while it runs: a second look before anybody is asked.
pub(super) fn deeper_scan() -> pb::GraphMutated {
    let added = pb::GraphNode {
        node_id: DEEP_SCAN.to_owned(),
        label: "Deep scan".to_owned(),
        node_type: "agent".to_owned(),
        agent: "reviewer".to_owned(),
        description: "Reads the code around a finding".to_owned(),
        ..pb::GraphNode::default()
    };
    pb::GraphMutated {
        mutation_id: "mutation-1".to_owned(),
        mutation_kind: "insert_node".to_owned(),
        trigger: "scan".to_owned(),
        reason: "A finding of medium weight wants a second look".to_owned(),
        recommended_by: "reviewer".to_owned(),
        affected_node_ids: vec![DEEP_SCAN.to_owned(), "scan".to_owned(), APPROVE.to_owned()],
        change: Some(pb::GraphDeclared {
            nodes: vec![added],
            edges: vec![edge("scan", DEEP_SCAN), edge(DEEP_SCAN, APPROVE)],
            removed_edges: vec![pb::GraphEdgeRef {
                source_node_id: "scan".to_owned(),
                target_node_id: APPROVE.to_owned(),
            }],
            ..pb::GraphDeclared::default()
        }),
        mutation: Some(json(
            r#"{"type":"insert_node","node":{"id":"deep-scan","agent":"reviewer"},"after":"scan","before":"approve"}"#,
        )),
    }
}

fn edge(from: &str, to: &str) -> pb::GraphEdge {
    pb::GraphEdge {
        source_node_id: from.to_owned(),
        target_node_id: to.to_owned(),
        ..pb::GraphEdge::default()
    }
}

const PAYLOAD: &str = r#"{"version":"2.4.0","regions":["eu","us"],"canary_percent":10,"image":"registry.example/shop:2.4.0","changes":14,"migrations":["add index orders(created_at)"]}"#;

const SCHEMA: &str = r#"{"type":"object","required":["version","regions","canary_percent"],"properties":{"version":{"type":"string","title":"Version"},"regions":{"type":"array","title":"Regions","items":{"type":"string","enum":["eu","us"]}},"canary_percent":{"type":"integer","title":"Canary, in percent","minimum":1,"maximum":100}}}"#;

/// The question. `complaint`: why the last answer was of no use.
pub(super) fn question(version: u32, complaint: Option<&str>) -> pb::GateOpened {
    use pb::{CommentRule, DecisionKind, OptionStyle};
    let option =
        |id: &str, label: &str, kind: DecisionKind, style: OptionStyle, rule: CommentRule| {
            pb::GateOption {
                option_id: id.to_owned(),
                label: label.to_owned(),
                kind: kind.into(),
                style: style.into(),
                comment_rule: rule.into(),
                description: String::new(),
            }
        };
    let asked = "Version 2.4.0 has passed its tests. It will go to the regions below, first to a \
                 part of the traffic. The migration can't be taken back.";
    let prompt = match complaint {
        Some(complaint) => format!("The last answer could not be used: {complaint}.\n\n{asked}"),
        None => asked.to_owned(),
    };
    pb::GateOpened {
        gate_id: format!("{APPROVE}:1"),
        gate_version: version,
        node_id: APPROVE.to_owned(),
        node_attempt: 1,
        title: "Release 2.4.0 to production?".to_owned(),
        prompt,
        payload: Some(json(PAYLOAD)),
        payload_schema: Some(json(SCHEMA)),
        payload_sha256: Bytes::copy_from_slice(&Sha256::digest(PAYLOAD)),
        options: vec![
            option(
                "approve",
                "Release",
                DecisionKind::Approve,
                OptionStyle::Primary,
                CommentRule::Optional,
            ),
            option(
                "modify",
                "Change and release",
                DecisionKind::Modify,
                OptionStyle::Neutral,
                CommentRule::Optional,
            ),
            option(
                "reject",
                "Don't release",
                DecisionKind::Reject,
                OptionStyle::Danger,
                CommentRule::Required,
            ),
        ],
        requested_by: "release-train".to_owned(),
        advice: vec![pb::Advice {
            source: "reviewer".to_owned(),
            text: "The finding in the image library can't be reached from outside. I would \
                   release, with a small canary."
                .to_owned(),
            confidence: Some(0.86),
            option_id: "approve".to_owned(),
        }],
        checkpoint: "before_deploy".to_owned(),
        context: Some(json(
            r#"{"tests":{"passed":1284,"failed":0,"retried":1},"findings":[{"id":"SCAN-7","weight":"medium","reachable":false}]}"#,
        )),
        action: "deploy".to_owned(),
        classification: pb::GateClassification::Irreversible.into(),
        ..pb::GateOpened::default()
    }
}

/// What is to be released where.
#[derive(Debug, Deserialize)]
pub(super) struct Plan {
    pub(super) version: String,
    pub(super) regions: Vec<Region>,
    pub(super) canary_percent: u8,
}

/// Where the shop runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Region {
    Eu,
    Us,
}

impl Plan {
    /// As it was proposed.
    pub(super) fn proposed() -> Self {
        serde_json::from_str(PAYLOAD).unwrap_or_else(|err| unreachable!("the proposal: {err}"))
    }

    /// As a person has changed it. `Err` says, for a person, why that can't be done.
    pub(super) fn modified(modification: Option<&pb::Json>) -> Result<Self, String> {
        let Some(json) = modification else { return Err("nothing was changed".to_owned()) };
        let plan: Self = serde_json::from_slice(&json.text).map_err(|err| err.to_string())?;
        if plan.regions.is_empty() {
            return Err("no region is left".to_owned());
        }
        if !(1..=100).contains(&plan.canary_percent) {
            return Err("the canary is a part from 1 to 100 percent".to_owned());
        }
        Ok(plan)
    }
}

/// JSON text as the wire carries it.
pub(super) fn json(text: &str) -> pb::Json {
    pb::Json { text: Bytes::copy_from_slice(text.as_bytes()), ..pb::Json::default() }
}
