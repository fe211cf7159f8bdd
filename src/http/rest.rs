//! The executions without a socket: snapshot, records, decisions, commands. What is said and what
//! is answered are the native dialect's own messages, so there is one reader and one writer of each.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::carriers::Known;
use super::{Body, Refusal, json, routes::Site};
use crate::core::{Answer, Input, NotThen, Stage};
use crate::dialect::native::not_then;
use crate::dialect::{Call, Conversation, Said, Summary, Unintelligible};
use crate::frame::{Frames, first};
use crate::model::{CommandKind, Position, Principal, Seq, Text, ViewerId};
use crate::shard::{Followed, Lost, Message};
use crate::viewer::mailbox;

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 1 << 20;
/// How long a body may take, and how long the relay may take to answer it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers to one request. The first is the one that is waited for.
const ANSWERS: usize = 8;

/// One request's way to the executions.
pub(super) struct Rest<'a> {
    pub(super) site: &'a Site,
    pub(super) known: Known,
}

impl Rest<'_> {
    /// Every execution that the principal may see: the native `executions` message.
    pub(super) async fn executions(&self) -> Result<Response<Body>, Refusal> {
        self.known.say(self.site, None)?;
        let pass = self.known.pass.clone();
        let all = self.ask(|reply| Message::Executions { pass, reply }).await?;
        let items: Vec<Summary<'_>> = all
            .iter()
            .map(|(execution, at, state)| Summary { execution, at: *at, state })
            .collect();
        let mut out = Frames::default();
        self.site.dialects.native.directory_in_one(&items, &mut out);
        Ok(json(StatusCode::OK, joined(&out)))
    }

    /// The state, or what it was at the record `at=<seq>`: the native `snapshot` message.
    pub(super) async fn execution(
        &self,
        name: Text,
        query: Option<&str>,
    ) -> Result<Response<Body>, Refusal> {
        self.known.say(self.site, None)?;
        let (at, pass) = (at(query)?, self.known.pass.clone());
        let found = self.ask(|reply| Message::Snapshot { name, pass, at, reply }).await?;
        let (execution, at, state) = found.map_err(|it| lost(&it))?;
        let mut out = Frames::default();
        self.site.dialects.native.state_in_one(&execution, at, &state, &mut out);
        Ok(json(StatusCode::OK, joined(&out)))
    }

    /// The records behind `since=<epoch>:<seq>`, or all that are still in memory. Where there are more
    /// than stand here, `next` is what to ask for then.
    pub(super) async fn records(
        &self,
        name: Text,
        query: Option<&str>,
    ) -> Result<Response<Body>, Refusal> {
        self.known.say(self.site, None)?;
        let (since, pass) = (since(query)?, self.known.pass.clone());
        let found = self.ask(|reply| Message::Records { name, pass, since, reply }).await?;
        let Followed { execution, head, recovered, records } = found.map_err(|it| lost(&it))?;
        let mut out = Frames::default();
        for record in &records {
            self.site.dialects.native.record(record, &mut out);
        }
        let last = records.last().map(|it| it.position).filter(|last| *last != head);
        let next =
            last.map_or_else(String::new, |it| format!(r#""next":{},"#, json!(it.to_string())));
        let body = format!(
            r#"{{"execution_id":{},"epoch":{},"head":{},"recovered":{recovered},{next}"records":[{}]}}"#,
            json!(execution.as_str()),
            json!(head.epoch.to_string()),
            head.seq,
            joined(&out)
        );
        Ok(json(StatusCode::OK, body))
    }

    /// `human_decision`, whose type, execution and gate the path has named.
    pub(super) async fn decide(
        &self,
        execution: &str,
        gate: &str,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let known = [("type", "human_decision"), ("execution_id", execution), ("gate_id", gate)];
        let message = completed(&known, &read(headers, body).await?);
        let mut conversation = self.site.dialects.native.converse(&Call::default());
        let said = conversation.read(&message);
        self.known.say(self.site, said.as_ref().ok())?;
        match said {
            Ok(Said::Decide(ask)) => {
                let principal = Principal::clone(&self.known.pass.principal);
                let input = |viewer| Input::Decided { viewer, principal, ask };
                self.input(conversation, input).await
            }
            other => Err(misplaced(other, "a decision")),
        }
    }

    /// A command to an execution: its `type` says which.
    pub(super) async fn command(
        &self,
        execution: &str,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let message = completed(&[("execution_id", execution)], &read(headers, body).await?);
        let mut conversation = self.site.dialects.native.converse(&Call::default());
        let said = conversation.read(&message);
        self.known.say(self.site, said.as_ref().ok())?;
        match said {
            Ok(Said::Command(ask)) if !matches!(ask.kind, CommandKind::Start { .. }) => {
                let principal = Principal::clone(&self.known.pass.principal);
                let input = |viewer| Input::Commanded { viewer, principal, ask };
                self.input(conversation, input).await
            }
            other => Err(misplaced(other, "a command to an execution")),
        }
    }

    /// `start_execution`: the relay names the execution.
    pub(super) async fn start(
        &self,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let message = completed(&[("type", "start_execution")], &read(headers, body).await?);
        let mut conversation = self.site.dialects.native.converse(&Call::default());
        let said = conversation.read(&message);
        self.known.say(self.site, said.as_ref().ok())?;
        match said {
            Ok(Said::Command(ask)) if matches!(ask.kind, CommandKind::Start { .. }) => {
                let principal = Principal::clone(&self.known.pass.principal);
                let input = |viewer| Input::Commanded { viewer, principal, ask };
                self.input(conversation, input).await
            }
            other => Err(misplaced(other, "a start")),
        }
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, Refusal> {
        let answer = timeout(PATIENCE, self.site.shards.ask(question)).await;
        answer.map_err(|_| busy())?.ok_or_else(leaving)
    }

    /// Gives the core an input, and answers with its receipt.
    async fn input(
        &self,
        mut conversation: Box<dyn Conversation>,
        input: impl FnOnce(ViewerId) -> Input,
    ) -> Result<Response<Body>, Refusal> {
        let answer = self.answer(input).await?;
        let mut out = Frames::default();
        conversation.answer(&answer, &mut out);
        Ok(json(status(&answer), joined(&out)))
    }

    /// Gives the core an input as a viewer that exists for just this, and waits for its receipt.
    ///
    /// That viewer is a task of its own: a client that goes away does not keep it from leaving.
    pub(super) async fn answer(
        &self,
        input: impl FnOnce(ViewerId) -> Input,
    ) -> Result<Answer, Refusal> {
        let viewer = self.site.next_viewer();
        let input = input(viewer);
        let (shards, pass) = (self.site.shards.clone(), self.known.pass.clone());
        let (reply, receipt) = oneshot::channel();
        self.site.tasks.spawn("request", async move {
            let (answers, mut inbox) = mailbox(ANSWERS);
            let told = shards.tell(Message::Viewer { viewer, pass, answers }).await
                && shards.tell(Message::Input(input)).await;
            if told && let Ok(Some(answer)) = timeout(PATIENCE, inbox.answer()).await {
                // Its client may have gone.
                let _ = reply.send(answer);
            }
            shards.tell(Message::Left { viewer }).await;
        });
        receipt.await.map_err(|_| busy())
    }
}

/// A receipt's HTTP status: 2xx means that it stands in the log.
fn status(answer: &Answer) -> StatusCode {
    let receipt = match answer {
        Answer::Receipt(receipt) => receipt,
        Answer::Unknown { .. } | Answer::NotThen { .. } => return StatusCode::NOT_FOUND,
        Answer::Watching { .. } => return StatusCode::OK,
    };
    match receipt.stage {
        Stage::Recorded
        | Stage::Voted { .. }
        | Stage::Delivered
        | Stage::InProgress
        | Stage::Waiting => StatusCode::ACCEPTED,
        Stage::Applied | Stage::Failed | Stage::OutcomeUnknown => StatusCode::OK,
        Stage::Refused
        | Stage::AlreadyDecided { .. }
        | Stage::GateChanged { .. }
        | Stage::GateClosed
        | Stage::IdReused => StatusCode::CONFLICT,
        Stage::GateUnknown => StatusCode::NOT_FOUND,
        Stage::Forbidden => StatusCode::FORBIDDEN,
        Stage::EngineAway => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The body of a request, as JSON text; the native reader says whether it is any.
pub(super) async fn read(headers: &HeaderMap, body: Incoming) -> Result<String, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    let plain = !headers.contains_key(header::CONTENT_ENCODING);
    if !(plain && kind.eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send JSON as it is, with `content-type: application/json`.",
        ));
    }
    let too_large = || {
        let message = format!("A body has at most {LARGEST_BODY} bytes.");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    };
    // What is said to be too large need not come.
    if (LARGEST_BODY as u64) < body.size_hint().lower() {
        return Err(too_large());
    }
    let body = match timeout(PATIENCE, Limited::new(body, LARGEST_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(err)) if err.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => return Err(bad("bad_body", "The body did not arrive whole.")),
        Err(_) => {
            return Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                "timeout",
                format!("The body did not arrive within {} s.", PATIENCE.as_secs()),
            ));
        }
    };
    String::from_utf8(body.into()).map_err(|_| bad("bad_json", "The body is not UTF-8."))
}

/// The message with the fields that the path has named in front. Whatever the body is, this is a
/// JSON object exactly if the body is one; and a body that names them too has them twice, which the
/// native reader refuses.
pub(super) fn completed(known: &[(&str, &str)], body: &str) -> String {
    let known: Vec<String> =
        known.iter().map(|(key, value)| format!("{}:{}", json!(key), json!(value))).collect();
    let known = known.join(",");
    let inside = body.trim_ascii().strip_prefix('{').and_then(|it| it.strip_suffix('}'));
    match inside.map(str::trim_ascii) {
        None => body.to_owned(),
        Some("") => format!("{{{known}}}"),
        Some(inside) => format!("{{{known},{inside}}}"),
    }
}

/// `since=<epoch>:<seq>`.
fn since(query: Option<&str>) -> Result<Option<Position>, Refusal> {
    let Some(query) = query.filter(|it| !it.is_empty()) else { return Ok(None) };
    let position = |text: &str| {
        let (epoch, seq) = text.rsplit_once(':')?;
        Some(Position { epoch: epoch.parse().ok()?, seq: Seq(seq.parse().ok()?) })
    };
    // What an epoch and a number consist of stands for itself in a query, but a colon need not.
    let text = query.strip_prefix("since=").map(|it| it.replace("%3A", ":").replace("%3a", ":"));
    match text.as_deref().and_then(position) {
        Some(since) => Ok(Some(since)),
        None => Err(bad("bad_since", "Say since=<epoch>:<seq>, as in since=1f-1:42.")),
    }
}

/// `at=<seq>`.
fn at(query: Option<&str>) -> Result<Option<Seq>, Refusal> {
    let Some(query) = query.filter(|it| !it.is_empty()) else { return Ok(None) };
    match query.strip_prefix("at=").and_then(|it| it.parse().ok()) {
        Some(seq) => Ok(Some(Seq(seq))),
        None => Err(bad("bad_at", "Say at=<seq>, as in at=42.")),
    }
}

/// The messages in these frames, with commas between them.
fn joined(frames: &Frames) -> String {
    let mut out = Vec::with_capacity(frames.len());
    let mut rest = frames.as_bytes();
    while !rest.is_empty() {
        let (_, payload, after) = first(rest);
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(payload);
        rest = after;
    }
    String::from_utf8(out).expect("a text frame holds JSON")
}

fn misplaced(said: Result<Said, Unintelligible>, wanted: &str) -> Refusal {
    match said {
        Err(fault) => Refusal::new(StatusCode::BAD_REQUEST, fault.code, fault.message),
        Ok(_) => bad("wrong_type", &format!("This address takes {wanted}.")),
    }
}

fn bad(code: &'static str, message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, message)
}

fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "No engine has spoken of this execution.")
}

fn lost(lost: &Lost) -> Refusal {
    match lost {
        Lost::Unknown => unknown(),
        Lost::Not(why) => {
            let status = match why {
                NotThen::Ahead { .. } => StatusCode::NOT_FOUND,
                NotThen::NotKept => StatusCode::NOT_IMPLEMENTED,
                NotThen::Gone => StatusCode::GONE,
            };
            let (code, message) = not_then(*why);
            Refusal::new(status, code, message)
        }
        Lost::Unreadable(_) => Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unreadable",
            "What is kept of this execution can't be read; the relay's log says why. Ask for a later record.",
        ),
        Lost::Busy => Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "The relay has no room for this just now. Come back.",
        ),
    }
}

fn busy() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "no_answer",
        "The relay did not answer in time. Send the same again, with the same id.",
    )
}

fn leaving() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "going_away", "The relay is going. Come back.")
}

#[cfg(test)]
mod tests {
    use super::{completed, joined, since};
    use crate::frame::Frames;

    #[test]
    fn a_body_is_completed_only_if_it_is_an_object() {
        let known = [("type", "t"), ("execution_id", "a\"b")];
        let whole = r#"{"type":"t","execution_id":"a\"b","x":1}"#;
        assert_eq!(completed(&known, " {\"x\":1}\n"), whole);
        assert_eq!(completed(&known, "{ }"), r#"{"type":"t","execution_id":"a\"b"}"#);
        for wrong in ["", "[]", "1", "{}{}", "{} {}", r#"{"a":1},{"b":2}"#, r#"{"a":1}}"#, "{,}"] {
            let text = completed(&known, wrong);
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_err() || wrong == text);
        }
    }

    #[test]
    fn frames_of_every_length_give_their_messages() {
        let mut out = Frames::default();
        let texts = [1, 200, 70_000].map(|n| "x".repeat(n));
        for text in &texts {
            out.text(text);
        }
        let all = format!("[{}]", joined(&out));
        assert_eq!(serde_json::from_str::<Vec<String>>(&all).unwrap(), texts);
    }

    #[test]
    fn a_position_is_read_as_it_is_written() {
        for text in ["ff-1:42", "ff-1%3A42"] {
            let since = since(Some(&format!("since={text}"))).unwrap().unwrap();
            assert_eq!(since.to_string(), "ff-1:42");
        }
        assert!(since(None).unwrap().is_none());
        for wrong in ["since=", "since=42", "since=x-1:4", "since=f-1:", "other=1"] {
            since(Some(wrong)).unwrap_err();
        }
    }
}
