//! What happens in an execution: the story, told in the order in which it is lived. Its seconds
//! are those of `Desk::pass`, so all of it can be told faster.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use tokio::try_join;

use super::desk::Desk;
use super::job::Halt;
use super::train::{self, APPROVE, BUDGET_USD_NANOS, DEEP_SCAN, Plan, Region};
use crate::engine::pb;
use crate::engine::pb::{ExecutionStatus, LogLevel, NodeStatus, event::Kind};

/// The longest piece of work at a stretch, in the story's seconds: a pause waits for its end.
const STRETCH: f64 = 0.5;
const MODEL: &str = "example-large";
const REVIEWER: &str = "reviewer";

/// One telling.
struct Run<'a> {
    desk: &'a Desk,
    name: &'a str,
    /// Where each node stands. Never held across an await.
    nodes: Mutex<BTreeMap<&'static str, NodeStatus>>,
}

/// Tells one execution from its start to its end.
pub(super) async fn run(desk: &Desk, name: &str) {
    let nodes = Mutex::new(train::nodes().map(|id| (id, NodeStatus::Pending)).collect());
    let run = Run { desk, name, nodes };
    let told = match run.tell().await {
        Err(Halt::Cancelled) => run.cancelled().await,
        told => told,
    };
    if let Err(why) = told {
        tracing::warn!(execution = name, ?why, "the demo's execution can't go on");
    }
}

impl Run<'_> {
    async fn tell(&self) -> Result<(), Halt> {
        self.start().await?;
        self.step(
            "fetch",
            &[],
            2.0,
            &["Cloning shop.git at release/2.4", "14 commits since 2.3.2"],
        )
        .await?;
        try_join!(self.lint(), self.unit(), self.integration(), self.artifact())?;
        self.deep_scan().await?;
        match self.approval().await? {
            Some(plan) => self.release(&plan).await,
            None => self.hold().await,
        }
    }

    async fn start(&self) -> Result<(), Halt> {
        let started = pb::ExecutionStarted {
            name: "Release 2.4.0".to_owned(),
            workflow_id: "release-train".to_owned(),
            task: "Bring version 2.4.0 of the shop to production".to_owned(),
            input: Some(train::json(r#"{"branch":"release/2.4","version":"2.4.0"}"#)),
            planned_nodes: u32::try_from(train::nodes().count()).ok(),
            budget_usd_nanos: Some(BUDGET_USD_NANOS),
            labels: vec![pb::Label { key: "kind".to_owned(), value: "demo".to_owned() }],
            start_time: Some(self.desk.now()),
            requested_by: "release-train".to_owned(),
            ..pb::ExecutionStarted::default()
        };
        self.desk.state(self.name, |job, now| job.start(started, now)).await?;
        self.say(Kind::GraphDeclared(train::graph())).await
    }

    async fn lint(&self) -> Result<(), Halt> {
        self.step("lint", &["fetch"], 2.0, &["412 files checked, nothing to report"]).await
    }

    async fn unit(&self) -> Result<(), Halt> {
        let lines = ["1,130 tests in 8 threads", "1,130 passed"];
        self.step("unit", &["fetch"], 4.0, &lines).await?;
        self.measured("coverage", 87.4, "%", "unit").await
    }

    /// Breaks once, for a reason that has nothing to do with the code, and is tried again.
    async fn integration(&self) -> Result<(), Halt> {
        let id = "integration";
        self.begin(id, &["fetch"]).await?;
        self.toil(id, 2.5, 0.6, &["Database up, 154 tests"]).await?;
        let error = "checkout_spec: the payment sandbox did not answer within 30 s";
        self.log(LogLevel::Error, id, error);
        let failure = Some(pb::Failure {
            error_type: "TimeoutError".to_owned(),
            message: error.to_owned(),
            traceback: String::new(),
            node_id: id.to_owned(),
        });
        let reported = pb::FailureReported { failure, step_id: String::new() };
        self.say(Kind::FailureReported(reported)).await?;
        self.change(pb::NodeChanged {
            reason: error.to_owned(),
            ..changed(id, NodeStatus::Retrying)
        })
        .await?;
        self.retried(pb::RetryPhase::BackingOff, error).await?;
        self.cost(id, 0.031, 9_200, 410).await?;
        self.desk.work(self.name, 1.0).await?;

        self.change(pb::NodeChanged {
            node_attempt: 2,
            start_time: Some(self.desk.now()),
            ..changed(id, NodeStatus::Running)
        })
        .await?;
        self.retried(pb::RetryPhase::Started, "").await?;
        self.toil(id, 2.5, 1.0, &["Second attempt", "154 passed"]).await?;
        self.retried(pb::RetryPhase::Succeeded, "").await?;
        self.end(id, 2, r#"{"passed":154,"failed":0}"#).await
    }

    async fn artifact(&self) -> Result<(), Halt> {
        self.step("build", &["fetch"], 3.5, &["Compiling 96 crates", "Finished `release`"]).await?;
        try_join!(self.package(), self.scan())?;
        Ok(())
    }

    async fn package(&self) -> Result<(), Halt> {
        self.step("package", &["build"], 2.0, &["Image registry.example/shop:2.4.0, 41 MB"])
            .await?;
        let file = pb::FileChanged {
            path: "dist/shop-2.4.0.tar.zst".to_owned(),
            action: pb::FileAction::Created.into(),
            file_type: "archive".to_owned(),
            size: Some(43_112_960),
            node_id: "package".to_owned(),
            ..pb::FileChanged::default()
        };
        self.say(Kind::FileChanged(file)).await
    }

    async fn scan(&self) -> Result<(), Halt> {
        let id = "scan";
        self.begin(id, &["build"]).await?;
        self.thinks(true, id).await?;
        self.toil(id, 2.5, 1.0, &["212 packages against the advisories of today"]).await?;
        let called = pb::ToolCalled {
            agent: REVIEWER.to_owned(),
            tool_name: "advisories.search".to_owned(),
            arguments: Some(train::json(r#"{"package":"image","version":"0.24.6"}"#)),
            result: Some(train::json(r#"{"found":["SCAN-7"],"weight":"medium"}"#)),
            node_id: id.to_owned(),
            call_id: "call-1".to_owned(),
            error: String::new(),
        };
        self.say(Kind::ToolCalled(called)).await?;
        self.thinks(false, id).await?;
        self.cost(id, 0.064, 18_400, 1_210).await?;
        self.log(
            LogLevel::Warning,
            id,
            "SCAN-7: image 0.24.6 reads beyond the end of a broken file",
        );
        self.end(id, 1, r#"{"findings":1,"weight":"medium"}"#).await
    }

    /// The plan changes: what the scan found wants a second look.
    async fn deep_scan(&self) -> Result<(), Halt> {
        self.say(Kind::GraphMutated(train::deeper_scan())).await?;
        self.nodes().insert(DEEP_SCAN, NodeStatus::Pending);
        self.begin(DEEP_SCAN, &["scan"]).await?;
        self.toil(DEEP_SCAN, 2.0, 1.0, &["Reading the 3 places that open images"]).await?;
        self.cost(DEEP_SCAN, 0.087, 24_100, 1_900).await?;
        let message = pb::AgentMessage {
            agent: REVIEWER.to_owned(),
            message: "The broken reader is never reached from outside: uploads are decoded by \
                      another library."
                .to_owned(),
            role: "assistant".to_owned(),
            node_id: DEEP_SCAN.to_owned(),
            metadata: None,
        };
        self.say(Kind::AgentMessage(message)).await?;
        self.end(DEEP_SCAN, 1, r#"{"reachable":false}"#).await
    }

    /// Asks until an answer can be used. `None`: people don't want it.
    async fn approval(&self) -> Result<Option<Plan>, Halt> {
        // What a pause holds up must not be asked either.
        self.desk.work(self.name, 0.2).await?;
        let before = ["lint", "unit", "integration", "package", DEEP_SCAN];
        self.begin(APPROVE, &before).await?;
        self.log(LogLevel::Info, APPROVE, "Waiting for a person");
        let mut version = 1;
        let mut complaint = None;
        let (decision, plan) = loop {
            let question = train::question(version, complaint.as_deref());
            let decision = self.desk.ask(self.name, question).await?;
            let usable = match decision.kind() {
                pb::DecisionKind::Approve => Ok(Some(Plan::proposed())),
                pb::DecisionKind::Modify => {
                    Plan::modified(decision.modification.as_ref()).map(Some)
                }
                pb::DecisionKind::Reject => Ok(None),
                // Whatever else it is, it is no approval.
                pb::DecisionKind::Unspecified
                | pb::DecisionKind::Retry
                | pb::DecisionKind::Skip
                | pb::DecisionKind::Abort
                | pb::DecisionKind::Custom
                | pb::DecisionKind::Expired
                | pb::DecisionKind::NoApprover => Err("unsupported".to_owned()),
            };
            let came = usable.as_ref().map(|_| ()).map_err(Clone::clone);
            self.desk.state(self.name, |job, now| job.conclude(came, now)).await?;
            match usable {
                Ok(plan) => break (decision, plan),
                Err(why) => complaint = Some(why),
            }
            version += 1;
        };
        // Whoever answers in a pause is heard, and what follows waits for its end.
        self.desk.work(self.name, 0.2).await?;
        let by = name_of(decision.actor.as_ref());
        let word = if plan.is_some() { "Released" } else { "Held back" };
        let line = match decision.comment.as_str() {
            "" => format!("{word} by {by}"),
            comment => format!("{word} by {by}: {comment}"),
        };
        self.log(LogLevel::Info, APPROVE, &line);
        let output = json!({ "option": decision.option_id, "by": by, "comment": decision.comment });
        self.end(APPROVE, 1, &output.to_string()).await?;
        Ok(plan)
    }

    async fn release(&self, plan: &Plan) -> Result<(), Halt> {
        try_join!(
            self.deploy(plan, Region::Eu, "deploy-eu", 9.0),
            self.deploy(plan, Region::Us, "deploy-us", 12.0),
        )?;
        let mut deployed = vec![];
        for (region, id) in [(Region::Eu, "deploy-eu"), (Region::Us, "deploy-us")] {
            deployed.extend(plan.regions.contains(&region).then_some(id));
        }
        self.step("smoke", &deployed, 7.0, &["Bought 1 kettle in every region", "All paid"])
            .await?;
        self.measured("error_rate", 0.02, "%", "smoke").await?;
        self.report(&["smoke"]).await?;
        let results = json!({ "released": true, "version": plan.version, "to": deployed });
        self.finish(&results.to_string(), "").await
    }

    async fn deploy(
        &self,
        plan: &Plan,
        region: Region,
        id: &'static str,
        seconds: f64,
    ) -> Result<(), Halt> {
        if !plan.regions.contains(&region) {
            return self.skip(id, "left out by the decision").await;
        }
        self.begin(id, &[APPROVE]).await?;
        let canary = format!("Canary at {} % of the traffic", plan.canary_percent);
        let lines = [canary.as_str(), "Error rate steady", "All of the traffic"];
        self.toil(id, seconds, 1.0, &lines).await?;
        self.cost(id, 0.038, 11_000, 620).await?;
        self.end(id, 1, &json!({ "version": plan.version }).to_string()).await
    }

    /// People said no: that is an end like any other, and the reason stands in it.
    async fn hold(&self) -> Result<(), Halt> {
        for id in ["deploy-eu", "deploy-us", "smoke"] {
            self.skip(id, "not released").await?;
        }
        self.report(&[APPROVE]).await?;
        self.finish(r#"{"released":false,"version":"2.4.0"}"#, "Not released: people said no").await
    }

    async fn report(&self, after: &[&str]) -> Result<(), Halt> {
        self.begin("report", after).await?;
        self.toil("report", 6.0, 1.0, &["Writing the release notes", "Sent to #releases"]).await?;
        self.cost("report", 0.046, 12_800, 980).await?;
        self.end("report", 1, r#"{"notes":"release-2.4.0.md"}"#).await
    }

    async fn cancelled(&self) -> Result<(), Halt> {
        let unfinished: Vec<_> = self.nodes().iter().map(|(&id, &status)| (id, status)).collect();
        for (id, status) in unfinished {
            if status == NodeStatus::Pending {
                self.skip(id, "cancelled").await?;
            } else if !matches!(status, NodeStatus::Completed | NodeStatus::Skipped) {
                self.change(changed(id, NodeStatus::Cancelled)).await?;
            }
        }
        let finished = pb::ExecutionFinished {
            status: ExecutionStatus::Cancelled.into(),
            reason: "cancelled".to_owned(),
            finish_time: Some(self.desk.now()),
            ..pb::ExecutionFinished::default()
        };
        self.desk.state(self.name, |job, now| job.finish(finished, now)).await
    }

    async fn finish(&self, results: &str, reason: &str) -> Result<(), Halt> {
        let finished = pb::ExecutionFinished {
            status: ExecutionStatus::Completed.into(),
            results: Some(train::json(results)),
            reason: reason.to_owned(),
            finish_time: Some(self.desk.now()),
            ..pb::ExecutionFinished::default()
        };
        self.desk.state(self.name, |job, now| job.finish(finished, now)).await
    }
}

/// Words of which the story is made.
impl Run<'_> {
    async fn say(&self, kind: Kind) -> Result<(), Halt> {
        self.desk.state(self.name, |job, now| job.say(kind, now)).await
    }

    /// A node from its start to its end.
    async fn step(
        &self,
        id: &'static str,
        after: &[&str],
        seconds: f64,
        lines: &[&str],
    ) -> Result<(), Halt> {
        self.begin(id, after).await?;
        self.toil(id, seconds, 1.0, lines).await?;
        self.end(id, 1, r#"{"ok":true}"#).await
    }

    async fn begin(&self, id: &'static str, after: &[&str]) -> Result<(), Halt> {
        for from in after {
            let (from_node_id, to_node_id) = ((*from).to_owned(), id.to_owned());
            self.say(Kind::EdgeActivated(pb::EdgeActivated { from_node_id, to_node_id })).await?;
        }
        self.change(pb::NodeChanged {
            node_attempt: 1,
            start_time: Some(self.desk.now()),
            ..changed(id, NodeStatus::Running)
        })
        .await
    }

    /// Works in stretches, up to this `share` of the whole, and writes its lines on the way.
    async fn toil(
        &self,
        id: &'static str,
        seconds: f64,
        share: f64,
        lines: &[&str],
    ) -> Result<(), Halt> {
        let stretches = (seconds / STRETCH).ceil().max(1.0);
        let mut lines = lines.iter();
        let every = stretches / lines.len().max(1) as f64;
        let (mut done, mut due) = (0.0, 0.0);
        while done < stretches {
            if due <= done {
                due += every;
                lines.by_ref().take(1).for_each(|line| self.log(LogLevel::Info, id, line));
            }
            self.desk.work(self.name, seconds / stretches).await?;
            done += 1.0;
            self.say(Kind::NodeProgressed(pb::NodeProgressed {
                node_id: id.to_owned(),
                fraction: Some(share * done / stretches),
                message: String::new(),
            }))
            .await?;
        }
        Ok(())
    }

    async fn end(&self, id: &'static str, attempt: u32, output: &str) -> Result<(), Halt> {
        self.change(pb::NodeChanged {
            node_attempt: attempt,
            output: Some(train::json(output)),
            finish_time: Some(self.desk.now()),
            ..changed(id, NodeStatus::Completed)
        })
        .await?;
        let fraction = {
            let nodes = self.nodes();
            let done = |it: &&NodeStatus| matches!(it, NodeStatus::Completed | NodeStatus::Skipped);
            nodes.values().filter(done).count() as f64 / nodes.len() as f64
        };
        let (fraction, current_node_id) = (Some(fraction), id.to_owned());
        let message = String::new();
        let progressed = pb::ExecutionProgressed { fraction, current_node_id, message };
        self.say(Kind::ExecutionProgressed(progressed)).await
    }

    async fn skip(&self, id: &'static str, reason: &str) -> Result<(), Halt> {
        let reason = reason.to_owned();
        self.change(pb::NodeChanged { reason, ..changed(id, NodeStatus::Skipped) }).await
    }

    async fn change(&self, change: pb::NodeChanged) -> Result<(), Halt> {
        let status = change.status();
        if let Some(node) = self.nodes().get_mut(change.node_id.as_str()) {
            *node = status;
        }
        self.say(Kind::NodeChanged(change)).await
    }

    async fn retried(&self, phase: pb::RetryPhase, error: &str) -> Result<(), Halt> {
        let retried = pb::NodeRetried {
            node_id: "integration".to_owned(),
            phase: phase.into(),
            retry_number: 1,
            max_retries: Some(2),
            error_category: "transient".to_owned(),
            strategy: "same again".to_owned(),
            backoff: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
            error: error.to_owned(),
            ..pb::NodeRetried::default()
        };
        self.say(Kind::NodeRetried(retried)).await
    }

    async fn cost(&self, id: &str, usd: f64, input: i64, output: i64) -> Result<(), Halt> {
        let cost = pb::CostIncurred {
            increment_usd_nanos: Some((usd * 1e9).round() as i64),
            node_id: id.to_owned(),
            agent: REVIEWER.to_owned(),
            model: MODEL.to_owned(),
            input_tokens: Some(input),
            output_tokens: Some(output),
            ..pb::CostIncurred::default()
        };
        self.say(Kind::CostIncurred(cost)).await
    }

    async fn thinks(&self, thinking: bool, id: &str) -> Result<(), Halt> {
        let (agent, node_id) = (REVIEWER.to_owned(), id.to_owned());
        let (thinking, message) = (Some(thinking), String::new());
        let thought = pb::AgentThinking { agent, thinking, message, node_id };
        self.say(Kind::AgentThinking(thought)).await
    }

    async fn measured(&self, name: &str, value: f64, unit: &str, id: &str) -> Result<(), Halt> {
        let (name, unit, node_id) = (name.to_owned(), unit.to_owned(), id.to_owned());
        let measured =
            pb::MetricMeasured { name, value: Some(value), unit, node_id, metadata: None };
        self.say(Kind::MetricMeasured(measured)).await
    }

    fn log(&self, level: LogLevel, id: &str, message: &str) {
        let line = pb::LogWritten {
            message: message.to_owned(),
            level: level.into(),
            node_id: id.to_owned(),
            logger: "release-train".to_owned(),
            ..pb::LogWritten::default()
        };
        self.desk.log(self.name, line);
    }

    fn nodes(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, NodeStatus>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn changed(id: &str, status: NodeStatus) -> pb::NodeChanged {
    pb::NodeChanged { node_id: id.to_owned(), status: status.into(), ..Default::default() }
}

/// What people call somebody.
fn name_of(actor: Option<&pb::Actor>) -> String {
    match actor {
        Some(actor) if !actor.display_name.is_empty() => actor.display_name.clone(),
        Some(actor) if !actor.subject.is_empty() => actor.subject.clone(),
        _ => "nobody in particular".to_owned(),
    }
}
