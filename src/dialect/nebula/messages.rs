//! The protocol's messages, as the relay says them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use super::update::Update;
use crate::dialect::object::{Fields, List, Object, Put, Raw, Shown};
use crate::model::{
    ExecutionId, Json, NodeId, Principal, Role, Timestamp, WorkflowAction, WorkflowChanged,
};

/// What there is to say.
pub(super) enum Message<'a> {
    Authenticated(&'a Principal),
    /// The resource and its id, as they were named.
    Subscribed(&'a str, &'a str),
    Unsubscribed(&'a str, &'a str),
    ExecutionUpdate(Update<'a>),
    WorkflowEvent(&'a WorkflowChanged),
    Log(Line<'a>),
    Error {
        code: &'a str,
        message: &'a str,
        request: Option<&'a str>,
    },
    Pong,
}

impl Fields for Message<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Authenticated(principal) => {
                to.put("type", "authenticated")?;
                to.put("user_id", &principal.subject)?;
                to.put("roles", &List(principal.roles.iter().copied().map(Role::name)))
            }
            Self::Subscribed(resource, id) => {
                to.put("type", "subscribed")?;
                to.put("resource", resource)?;
                to.put("id", id)
            }
            Self::Unsubscribed(resource, id) => {
                to.put("type", "unsubscribed")?;
                to.put("resource", resource)?;
                to.put("id", id)
            }
            Self::ExecutionUpdate(update) => {
                to.put("type", "execution_update")?;
                to.put("execution", &Object(update))
            }
            Self::WorkflowEvent(changed) => {
                to.put("type", "workflow_event")?;
                to.put("event", &Object(Change(changed)))
            }
            Self::Log(line) => {
                to.put("type", "log")?;
                to.put("log", &Object(line))
            }
            Self::Error { code, message, request } => {
                to.put("type", "error")?;
                to.put("code", code)?;
                to.put("message", message)?;
                to.maybe("request_id", *request)
            }
            Self::Pong => to.put("type", "pong"),
        }
    }
}

/// A log line.
pub(super) struct Line<'a> {
    pub(super) execution: &'a ExecutionId,
    pub(super) node: Option<&'a NodeId>,
    pub(super) time: Timestamp,
    pub(super) level: &'static str,
    pub(super) message: Cow<'a, str>,
    pub(super) metadata: Option<&'a Json>,
}

impl<'a> Line<'a> {
    /// One that says no more.
    pub(super) fn of(execution: &'a ExecutionId, time: Timestamp, message: Cow<'a, str>) -> Self {
        Self { execution, node: None, time, level: "info", message, metadata: None }
    }
}

impl Fields for Line<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("execution_id", self.execution.as_str())?;
        to.maybe("action_id", self.node.map(NodeId::as_str))?;
        to.put("timestamp", &Shown(self.time))?;
        to.put("level", self.level)?;
        to.put("message", &self.message)?;
        // It is an object whatever the engine says.
        match self.metadata {
            Some(metadata) if metadata.text.starts_with('{') => to.put("metadata", &Raw(metadata)),
            Some(metadata) => to.put("metadata", &Object(Under("value", metadata))),
            None => Ok(()),
        }
    }
}

/// A value that is no object, as one.
struct Under<'a>(&'static str, &'a Json);

impl Fields for Under<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put(self.0, &Raw(self.1))
    }
}

/// What happened to a workflow's definition.
struct Change<'a>(&'a WorkflowChanged);

impl Fields for Change<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put(
            "event_type",
            match self.0.action {
                WorkflowAction::Created => "created",
                WorkflowAction::Updated => "updated",
                WorkflowAction::Deleted => "deleted",
            },
        )?;
        to.put("workflow", &Definition(self.0))
    }
}

/// A definition as its engine puts it. Clients find whom to tell by its `id`, so it has one.
struct Definition<'a>(&'a WorkflowChanged);

impl serde::Serialize for Definition<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let WorkflowChanged { workflow_id: id, workflow, .. } = self.0;
        let fields = workflow.as_ref().map(|it| serde_json::from_str(&it.text));
        let fields: BTreeMap<String, &RawValue> = match (fields, workflow) {
            (Some(Ok(fields)), _) => fields,
            (_, Some(other)) => [("definition".into(), other.text.raw())].into(),
            (_, None) => BTreeMap::new(),
        };
        if let (Some(workflow), true) = (workflow, fields.contains_key("id")) {
            return Raw(workflow).serialize(serializer);
        }
        let mut to = serializer.serialize_map(None)?;
        to.put("id", id.as_str())?;
        fields.iter().try_for_each(|(key, value)| to.put(key, value))?;
        to.end()
    }
}
