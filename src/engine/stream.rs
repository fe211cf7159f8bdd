//! One attached engine: its two directions and its window. Both run in one task, side by side, so
//! that an engine that does not read holds up nobody's reading but its own, and the other way round.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{self, error::SendError};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};
use tracing::{Span, debug, field::display, info};

use super::admission::Admitted;
use super::convert::{self, FromEngine, Greeting, Outgoing, Part};
use super::end::End;
use super::gathered::Gathered;
use super::link::Link;
use super::pb::{self, attach_response::Message as Response};
use super::report::{Progress, Reports};
use super::service::Door;
use crate::core::Input;
use crate::model::Identity;
use crate::shard::ToEngine;

/// Messages to the engine that are gathered at a time.
const DRAIN: usize = 256;
/// How long an engine that does not read is waited for, to be told why it is let go.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long the status waits for an engine that has been told goodbye to end its side. gRPC's C core
/// (Python, C++, Ruby …) drops what its program has not read yet once a status that is an error is in.
const LINGER: Duration = Duration::from_secs(1);

/// Where an attached engine's messages go.
pub(super) type Responses = mpsc::Sender<Result<pb::AttachResponse, Status>>;

/// Serves one stream, from its first message to its last.
pub(super) async fn attached(
    door: Arc<Door>,
    admitted: Result<Admitted, End>,
    mut inbound: Streaming<pb::AttachRequest>,
    responses: Responses,
) {
    let end = match served(&door, admitted, &mut inbound, &responses).await {
        Ok(end) | Err(end) => end,
    };
    end.log();
    door.metrics().engine_streams_ended.of(end.word()).inc();
    let farewell = async {
        if let Some(goodbye) = end.goodbye(door.limits().retry) {
            responses.send(Ok(said(Response::Goodbye(goodbye)))).await?;
            tokio::select! {
                biased;
                _ = timeout(LINGER, ended(&mut inbound)) => {}
                () = responses.closed() => {}
            }
        }
        if let Some(status) = end.status() {
            responses.send(Err(status)).await?;
        }
        Ok::<_, SendError<_>>(())
    };
    // Who does not listen even to this has its stream ended without it.
    drop(timeout(FAREWELL, farewell).await);
}

/// Serves an engine that has been let in.
async fn served(
    door: &Arc<Door>,
    admitted: Result<Admitted, End>,
    inbound: &mut Streaming<pb::AttachRequest>,
    responses: &Responses,
) -> Result<End, End> {
    let admitted = admitted?;
    let greeting = greeting(door, &admitted.identity, inbound, responses).await?;
    let stream = Stream { link: Link::new(door.clone()), admitted, responses };
    let end = stream.talk(greeting, inbound).await;
    stream.link.detach().await;
    Ok(end)
}

/// Reads past what an engine that was told goodbye still says, until it ends its side.
async fn ended(inbound: &mut Streaming<pb::AttachRequest>) {
    loop {
        match inbound.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return,
            // What can't be read has no end to wait for.
            Err(_) => pending().await,
        }
    }
}

/// The first message, which has to be a greeting and to come soon.
async fn greeting(
    door: &Door,
    identity: &Identity,
    inbound: &mut Streaming<pb::AttachRequest>,
    responses: &Responses,
) -> Result<Greeting, End> {
    let first = tokio::select! {
        biased;
        () = door.draining() => return Err(End::Draining),
        () = responses.closed() => return Err(End::Gone),
        first = timeout(door.limits().hello, next(door, inbound)) => first,
    };
    let Ok(first) = first else {
        return Err(End::Protocol("no hello came in time".to_owned()));
    };
    match first?.map(|first| convert::request(first, identity)) {
        Some(Ok(FromEngine::Hello(greeting))) => Ok(*greeting),
        Some(Err(breach)) => Err(End::Protocol(breach)),
        Some(Ok(
            FromEngine::Events(_)
            | FromEngine::Claims(_)
            | FromEngine::Report(_)
            | FromEngine::Receipts(_)
            | FromEngine::Withdrawal(_),
        ))
        | None => Err(End::Protocol("hello comes first".to_owned())),
    }
}

/// The next message; `None` after the last.
async fn next(
    door: &Door,
    inbound: &mut Streaming<pb::AttachRequest>,
) -> Result<Option<pb::AttachRequest>, End> {
    door.hold().await;
    inbound.message().await.map_err(|status| match status.code() {
        // What tonic says of a message that is too large or that it can't decode. A broken
        // connection can look the same; then nobody hears the answer.
        Code::OutOfRange | Code::ResourceExhausted | Code::Internal | Code::Unimplemented => {
            End::Protocol(status.message().to_owned())
        }
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => End::Gone,
    })
}

fn said(message: Response) -> pb::AttachResponse {
    pb::AttachResponse { message: Some(message) }
}

/// One attached engine.
struct Stream<'a> {
    link: Link,
    admitted: Admitted,
    responses: &'a Responses,
}

impl Stream<'_> {
    async fn talk(&self, greeting: Greeting, inbound: &mut Streaming<pb::AttachRequest>) -> End {
        let (mut inbox, early) = match self.welcome(greeting).await {
            Ok(welcomed) => welcomed,
            Err(end) => return end,
        };
        let mut speaking = pin!(async {
            let Err(end) = self.speak(&mut inbox, early).await;
            end
        });
        let end = tokio::select! {
            biased;
            end = &mut speaking => end,
            end = self.listen(inbound) => end,
            end = self.admitted.lapsed(self.link.door()) => end,
            () = self.responses.closed() => End::Gone,
        };
        if !end.leaves_in_order() {
            return end;
        }
        tokio::select! {
            biased;
            () = self.link.flight().all_landed() => end,
            other = &mut speaking => match (end, other) {
                // The shard has gone first: its last answers were the last there are.
                (End::Draining, End::Overloaded) => End::Draining,
                (_, other) => other,
            },
            () = self.responses.closed() => End::Gone,
        }
    }

    /// Greets and is welcomed. Nothing else is read before. The second half of what is returned is
    /// what the core had to say even earlier.
    async fn welcome(
        &self,
        greeting: Greeting,
    ) -> Result<(mpsc::Receiver<ToEngine>, Vec<ToEngine>), End> {
        let Greeting { hello, refused, sdk } = greeting;
        let span = Span::current();
        span.record("producer", display(&hello.producer));
        span.record("epoch", hello.epoch.0);
        debug!(?sdk, "greeted");
        let mut inbox = self.link.greet(hello).await?;
        let mut early = vec![];
        loop {
            let message = tokio::select! {
                biased;
                message = inbox.recv() => message.ok_or(End::Overloaded)?,
                () = self.responses.closed() => return Err(End::Gone),
            };
            match message {
                ToEngine::Welcome { grants } => {
                    info!(link = %self.link.id(), executions = grants.len(), "engine attached");
                    let grants = convert::grants(grants).into_iter().chain(refused).collect();
                    self.say(Response::Welcome(self.link.door().welcome(grants))).await?;
                    return Ok((inbox, early));
                }
                ToEngine::End(why) => return Err(why.into()),
                other @ (ToEngine::Granted { .. }
                | ToEngine::Result(_)
                | ToEngine::NeedState { .. }
                | ToEngine::Deliver { .. }
                | ToEngine::Order { .. }
                | ToEngine::Verdict { .. }) => early.push(other),
            }
        }
    }

    /// Passes on what the core wants told.
    async fn speak(
        &self,
        inbox: &mut mpsc::Receiver<ToEngine>,
        mut drained: Vec<ToEngine>,
    ) -> Result<Infallible, End> {
        let mut gathered = Gathered::default();
        loop {
            for message in drained.drain(..) {
                match convert::outgoing(message) {
                    Outgoing::Result(result) => {
                        gathered.add(result, self.link.flight());
                        if gathered.is_full() {
                            self.flush(&mut gathered).await?;
                        }
                    }
                    Outgoing::Message(message) => {
                        // What stands before it goes before it.
                        self.flush(&mut gathered).await?;
                        self.say(*message).await?;
                    }
                    Outgoing::End(why) => {
                        self.flush(&mut gathered).await?;
                        return Err(why.into());
                    }
                }
            }
            self.flush(&mut gathered).await?;
            if inbox.recv_many(&mut drained, DRAIN).await == 0 {
                // The shard lets go of an engine whose outbox is full.
                return Err(End::Overloaded);
            }
        }
    }

    async fn flush(&self, gathered: &mut Gathered) -> Result<(), End> {
        if gathered.results.is_empty() {
            return Ok(());
        }
        let Gathered { results, load, .. } = std::mem::take(gathered);
        let durability = self.link.door().durability();
        let results = results
            .into_iter()
            .map(|(result, batch_ref)| convert::lane_result(result, batch_ref, durability))
            .collect();
        self.say(Response::Results(pb::Results { results })).await?;
        self.link.flight().land(load);
        Ok(())
    }

    async fn say(&self, message: Response) -> Result<(), End> {
        self.responses.send(Ok(said(message))).await.map_err(|_| End::Gone)
    }

    /// Hands on what the engine says. Waits while the shard is busy, and only here.
    async fn listen(&self, inbound: &mut Streaming<pb::AttachRequest>) -> End {
        let mut reports = Reports::default();
        loop {
            let message = tokio::select! {
                biased;
                // Between two messages only: what has been read is handed over whole.
                () = self.link.door().draining() => return End::Draining,
                message = next(self.link.door(), inbound) => message,
            };
            let message = match message {
                Ok(Some(message)) => message,
                Ok(None) => return End::HalfClosed,
                Err(end) => return end,
            };
            let taken = match convert::request(message, &self.admitted.identity) {
                Ok(message) => self.take(message, &mut reports).await,
                Err(breach) => Err(End::Protocol(breach)),
            };
            if let Err(end) = taken {
                return end;
            }
        }
    }

    async fn take(&self, message: FromEngine, reports: &mut Reports) -> Result<(), End> {
        let link = self.link.id();
        match message {
            FromEngine::Hello(_) => Err(End::Protocol("a second hello".to_owned())),
            FromEngine::Events(batches) => self.publish(batches).await,
            FromEngine::Claims(convert::Claims { claims, refused }) => {
                if !refused.is_empty() {
                    self.say(convert::granted(refused)).await?;
                }
                if claims.is_empty() {
                    return Ok(());
                }
                self.link.input(Input::Claimed { link, claims }).await
            }
            FromEngine::Report(part) => self.report(part, reports).await,
            FromEngine::Receipts(receipts) => {
                for (execution, about) in receipts {
                    self.link.input(Input::Receipted { link, execution, about }).await?;
                }
                Ok(())
            }
            FromEngine::Withdrawal(Ok(withdrawal)) => {
                let convert::Withdrawal { execution, gate, version, reason } = withdrawal;
                self.link.input(Input::Withdrawn { link, execution, gate, version, reason }).await
            }
            FromEngine::Withdrawal(Err(verdict)) => self.say(Response::GateVerdict(*verdict)).await,
        }
    }

    async fn publish(&self, batches: Vec<convert::Batch>) -> Result<(), End> {
        let mut refused = vec![];
        for batch in batches {
            if let Err(answer) = self.link.publish(batch).await? {
                refused.push(answer);
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        self.say(Response::Results(pb::Results { results: refused })).await
    }

    async fn report(&self, part: Part, reports: &mut Reports) -> Result<(), End> {
        let Part { execution, as_of, events, last } = part;
        let execution = match execution {
            Ok(execution) => execution,
            Err(grant) => return self.say(convert::granted(vec![grant])).await,
        };
        let most = self.link.door().limits().report_bytes;
        let read = |events: &[Bytes]| self.link.read(events, None);
        match reports.add(&execution, as_of, &events, last, most, read) {
            Ok(Progress::Partial) => Ok(()),
            Ok(Progress::Whole(events)) => {
                let link = self.link.id();
                self.link.input(Input::Reported { link, execution, as_of, events }).await
            }
            Ok(Progress::TooLarge) => {
                let grant = convert::report_too_large(&execution, most);
                self.say(convert::granted(vec![grant])).await
            }
            Err(breach) => Err(End::Protocol(breach)),
        }
    }
}
