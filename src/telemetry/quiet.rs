//! Who can make the relay say the same again and again must not fill a disk with it: of each place in the
//! program, and each reason there, so many lines are written, and then one that says how many were left
//! out. Nothing is left out without being told. Numbers for alarms count all of it anyway.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, callsite, dispatcher, error, info, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// In so much time.
const WINDOW: Duration = Duration::from_secs(10);
/// So many warnings are written of one place and reason; and of what is told at other levels, more. What
/// is told for those who look for a fault is theirs to bound.
const WARNINGS: u32 = 10;
const OTHERS: u32 = 100;
/// Reasons of one place that are told apart. What goes beyond is one further reason.
const REASONS: usize = 16;
/// Characters of a reason that count, and of what is said.
const LONGEST: usize = 128;
/// How often somebody looks whether there is something to be told.
const LOOK: Duration = Duration::from_secs(1);
/// Where lines come from that say how many there were. They are never left out.
const OWN: &str = "footplate::repeated";

/// Leaves out what was said too often.
pub(super) struct Quiet {
    /// How late it is.
    now: Box<dyn Fn() -> Duration + Send + Sync>,
    said: Mutex<Vec<Place>>,
}

/// What was said at one place in the program, by the reasons.
type Place = (callsite::Identifier, BTreeMap<String, Said>);

/// How often something was said.
#[derive(Debug)]
struct Said {
    level: Level,
    message: String,
    /// Since when it is counted.
    from: Duration,
    written: u32,
    /// Since when it is left out, and how often it was.
    left_out: Option<(Duration, u64)>,
}

/// What there is to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    level: Level,
    reason: String,
    message: String,
    times: u64,
    seconds: u64,
}

impl fmt::Debug for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quiet").finish_non_exhaustive()
    }
}

impl Quiet {
    /// `now`: how late it is, from whichever beginning.
    pub(super) fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { now: Box::new(now), said: Mutex::default() }
    }

    pub(super) fn by_the_machine() -> Self {
        let begun = Instant::now();
        Self::new(move || begun.elapsed())
    }

    /// Whether there is room for another line of this.
    fn takes(&self, event: &Event<'_>) -> bool {
        let metadata = event.metadata();
        let level = *metadata.level();
        if Level::INFO < level || metadata.target() == OWN {
            return true;
        }
        let (now, mut words) = ((self.now)(), Words::default());
        event.record(&mut words);
        let mut all = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let place = metadata.callsite();
        let known = all.iter().position(|(it, _)| *it == place);
        let at = known.unwrap_or_else(|| {
            all.push((place, BTreeMap::new()));
            all.len() - 1
        });
        let here = &mut all[at].1;
        let reason = match words.reason {
            it if here.contains_key(&it) || here.len() < REASONS => it,
            _ => "any other".to_owned(),
        };
        let said = here.entry(reason).or_insert_with(|| Said {
            level,
            message: words.message,
            from: now,
            written: 0,
            left_out: None,
        });
        if WINDOW <= now.saturating_sub(said.from) {
            (said.from, said.written) = (now, 0);
        }
        if said.written < if level == Level::WARN { WARNINGS } else { OTHERS } {
            said.written += 1;
            return true;
        }
        said.left_out.get_or_insert((now, 0)).1 += 1;
        false
    }

    /// What is to be told by now; `all`: of what was left out a moment ago, too.
    fn due(&self, all: bool) -> Vec<Repeated> {
        let (now, mut due) = ((self.now)(), vec![]);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, place) in &mut *said {
            for (reason, said) in &mut *place {
                let told =
                    |(since, _): &mut (Duration, u64)| all || WINDOW <= now.saturating_sub(*since);
                let Some((since, times)) = said.left_out.take_if(told) else { continue };
                let seconds = now.saturating_sub(since).as_secs().max(1);
                let (reason, message) = (reason.clone(), said.message.clone());
                due.push(Repeated { level: said.level, reason, message, times, seconds });
            }
            let idle = |it: &Said| WINDOW <= now.saturating_sub(it.from) && it.left_out.is_none();
            place.retain(|_, said| !idle(said));
        }
        said.retain(|(_, place)| !place.is_empty());
        due
    }
}

impl<S: Subscriber> Layer<S> for Quiet {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.takes(event)
    }
}

/// Tells, until `stop`, how often something was left out.
pub async fn run(stop: CancellationToken) {
    loop {
        let ends = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            () = sleep(LOOK) => false,
        };
        tell(ends);
        if ends {
            return;
        }
    }
}

/// Tells how often something was left out by now; `all`: also what was a moment ago.
pub fn tell(all: bool) {
    // While it is asked, nothing can be told.
    let due = dispatcher::get_default(|it| it.downcast_ref::<Quiet>().map(|it| it.due(all)));
    for Repeated { level, reason, message, times, seconds } in due.unwrap_or_default() {
        match level {
            Level::ERROR => {
                error!(target: OWN, reason, "{times} times more in the last {seconds} s: {message}");
            }
            Level::WARN => {
                warn!(target: OWN, reason, "{times} times more in the last {seconds} s: {message}");
            }
            _ => {
                info!(target: OWN, reason, "{times} times more in the last {seconds} s: {message}");
            }
        }
    }
}

/// What an event says, and for which reason.
#[derive(Debug, Default)]
struct Words {
    reason: String,
    message: String,
}

impl Words {
    fn put(&mut self, field: &Field, text: impl FnOnce() -> String) {
        let place = match field.name() {
            // What happens at one door is not less worth telling because of another.
            "reason" | "why" | "stage" | "door" => &mut self.reason,
            "message" => &mut self.message,
            _ => return,
        };
        if !place.is_empty() {
            place.push(' ');
        }
        place.extend(text().chars().take(LONGEST));
    }
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, || value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, || format!("{value:?}"));
    }
}
