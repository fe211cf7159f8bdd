//! What a client says, read: every string has a bound, nothing that is missing is guessed, and what
//! is not known is ignored.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::dialect::Unintelligible;
use crate::dialect::reading::{brief, sound};
use crate::model::{Alias, CommandKind, Json, Text, WorkflowId};

/// The longest token, in bytes.
const TOKEN: usize = 8 << 10;
/// The longest `request_id`, in bytes.
const REQUEST: usize = 128;
/// The largest input of a workflow, in bytes.
const INPUT: usize = 256 << 10;

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heard {
    pub(super) ask: Ask,
    /// What its sender calls it, for the errors that it leads to.
    pub(super) request: Option<Text>,
}

/// What it wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ask {
    Authenticate {
        token: Text,
    },
    Subscribe(Subscription),
    Unsubscribe(Subscription),
    /// A [`CommandKind::Start`].
    Execute(CommandKind),
    Ping,
}

/// What a client can subscribe to, as it names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subscription {
    pub(super) resource: Resource,
    pub(super) id: Text,
}

/// The resources. Those in the second line are other names for some in the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    Execution,
    WorkflowExecutions,
    Workflows,
    /// What is logged in an execution comes with it.
    Logs,
    Workflow,
}

impl Resource {
    const ALL: [Self; 5] =
        [Self::Execution, Self::WorkflowExecutions, Self::Workflows, Self::Logs, Self::Workflow];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Execution => "execution",
            Self::WorkflowExecutions => "workflow_executions",
            Self::Workflows => "workflows",
            Self::Logs => "logs",
            Self::Workflow => "workflow",
        }
    }
}

impl Subscription {
    /// # Errors
    /// There is no such resource, or it can't have such an id.
    pub(super) fn read(resource: &str, id: &str) -> Result<Self, Unintelligible> {
        let known = Resource::ALL.into_iter().find(|it| it.word() == resource);
        let resource = known.ok_or_else(|| {
            let known = Resource::ALL.map(Resource::word).join(", ");
            fault("unknown_resource", format!("There is no resource '{resource}': it is {known}"))
        })?;
        let checked = match resource {
            // An execution goes by its aliases as well.
            Resource::Execution | Resource::Logs => id.parse::<Alias>().map(drop),
            Resource::WorkflowExecutions | Resource::Workflows | Resource::Workflow => {
                id.parse::<WorkflowId>().map(drop)
            }
        };
        checked.map_err(|err| fault("bad_field", format!("id: {err}")))?;
        Ok(Self { resource, id: id.into() })
    }

    /// As an address lists them: `execution:exec_1,execution:exec_2`.
    pub(super) fn list(text: &str) -> impl Iterator<Item = Result<Self, Unintelligible>> {
        text.split(',').filter(|it| !it.is_empty()).map(|it| {
            let (resource, id) = it.split_once(':').ok_or_else(|| {
                fault("bad_field", "`subscribe` lists `execution:<id>`, with commas".to_owned())
            })?;
            Self::read(resource, id)
        })
    }
}

/// # Errors
/// It means nothing. `about` is its `request_id`, where there is one that can be sent back.
pub(super) fn read(frame: &str) -> Result<Heard, Unintelligible> {
    sound(frame)?;
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(frame)
        .map_err(|err| fault("bad_json", format!("That can't be read: {err}")))?;
    let fields = Sent(fields);
    let request = fields.maybe("request_id", REQUEST)?.map(Text::from);
    let about = |fault: Unintelligible| Unintelligible {
        about: request.as_deref().map(str::to_owned),
        ..fault
    };
    let ask = fields.ask().map_err(about)?;
    Ok(Heard { ask, request })
}

struct Sent<'a>(BTreeMap<String, &'a RawValue>);

impl Sent<'_> {
    fn ask(&self) -> Result<Ask, Unintelligible> {
        let kind = self.text("type", usize::MAX)?;
        match &*kind {
            "authenticate" => Ok(Ask::Authenticate { token: self.text("token", TOKEN)?.into() }),
            "subscribe" => self.subscription().map(Ask::Subscribe),
            "unsubscribe" => self.subscription().map(Ask::Unsubscribe),
            "execute_workflow" => self.start().map(Ask::Execute),
            "ping" => Ok(Ask::Ping),
            other => Err(fault("unknown_type", format!("There is no message of type '{other}'"))),
        }
    }

    fn subscription(&self) -> Result<Subscription, Unintelligible> {
        let resource = self.text("resource", usize::MAX)?;
        Subscription::read(&resource, &self.text("id", usize::MAX)?)
    }

    fn start(&self) -> Result<CommandKind, Unintelligible> {
        let workflow = self.text("workflow_id", usize::MAX)?;
        let workflow = workflow.parse();
        let workflow = workflow.map_err(|err| fault("bad_field", format!("workflow_id: {err}")))?;
        let input = self.0.get("input").filter(|it| it.get() != "null");
        if input.is_some_and(|it| INPUT < it.get().len()) {
            return Err(fault("too_long", format!("`input` has at most {INPUT} bytes")));
        }
        let input = input.map(|it| Json::of((*it).into()));
        Ok(CommandKind::Start { workflow, input })
    }

    fn text(&self, name: &str, limit: usize) -> Result<String, Unintelligible> {
        let text = self.maybe(name, limit)?;
        text.ok_or_else(|| fault("missing_field", format!("`{name}` is missing")))
    }

    fn maybe(&self, name: &str, limit: usize) -> Result<Option<String>, Unintelligible> {
        let Some(value) = self.0.get(name).filter(|it| it.get() != "null") else {
            return Ok(None);
        };
        let text: String = serde_json::from_str(value.get())
            .map_err(|_| fault("bad_field", format!("`{name}` is a string")))?;
        if limit < text.len() {
            return Err(fault("too_long", format!("`{name}` has at most {limit} bytes")));
        }
        Ok(Some(text))
    }
}

pub(super) fn fault(code: &'static str, message: String) -> Unintelligible {
    Unintelligible { code, message: brief(message), about: None }
}
