//! nebula's way to start an execution without a socket, in that protocol's words. What may be
//! started, and by whom, is decided where all commands are: this only reads and answers.

use http::{Response, StatusCode, request};
use hyper::body::Incoming;
use serde_json::json;

use super::rest::{Rest, completed, read};
use super::{Body, Refusal, json, listen, routes::Site};
use crate::core::{Answer, Input, Stage};
use crate::dialect::nebula::{code, objection, start};
use crate::model::Principal;

/// 202 with the execution's name as soon as the start stands in the log.
pub(super) async fn execute(
    site: &Site,
    workflow: &str,
    head: &request::Parts,
    connection: Option<&listen::Connection>,
    body: Incoming,
) -> Response<Body> {
    match ask(site, workflow, head, connection, body).await {
        Ok(answer) => answer,
        Err(refusal) => error(refusal.status, code(refusal.code), &refusal.message),
    }
}

async fn ask(
    site: &Site,
    workflow: &str,
    head: &request::Parts,
    connection: Option<&listen::Connection>,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    let known = site.known(head, connection).await?;
    known.say(site, None)?;
    let named = [("type", "execute_workflow"), ("workflow_id", workflow)];
    let body = read(&head.headers, body).await?;
    // Who has nothing to say to a workflow need say nothing.
    let body = if body.trim_ascii().is_empty() { "{}" } else { &*body };
    let ask = start(&completed(&named, body))
        .map_err(|fault| Refusal::new(StatusCode::BAD_REQUEST, fault.code, fault.message))?;
    let principal = Principal::clone(&known.pass.principal);
    let rest = Rest { site, known };
    let input = |viewer| Input::Commanded { viewer, principal, ask };
    Ok(answered(workflow, &rest.answer(input).await?))
}

fn answered(workflow: &str, answer: &Answer) -> Response<Body> {
    if let Answer::Receipt(receipt) = answer {
        if let Some((code, message)) = objection(workflow, receipt) {
            return error(status(code, &receipt.stage), code, &message);
        }
        if let Some(execution) = &receipt.execution {
            let body = json!({ "execution_id": execution.as_str() });
            return json(StatusCode::ACCEPTED, body.to_string());
        }
    }
    let message = "The relay did not answer to the point. Ask again.";
    error(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
}

fn status(code: &str, stage: &Stage) -> StatusCode {
    match (code, stage) {
        ("NOT_FOUND", _) => StatusCode::NOT_FOUND,
        (_, Stage::Forbidden) => StatusCode::FORBIDDEN,
        ("CONFLICT", _) => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = json!({ "error": { "code": code, "message": message } });
    json(status, body.to_string())
}
