//! What goes wrong in a run, by name. The rows are those of the fault table that the relay is held
//! to; `storm` is all of it at once.
//!
//! It must never draw anything: what it names is drawn from the seed elsewhere.

use std::time::Duration;

use crate::proxy::{Tally, Weather};
use crate::report::Faults;

/// What is done to whom, and how often.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) about: &'static str,
    /// Between two faults of the relay, in milliseconds: at least and at most. None: it is left alone.
    pub(crate) relay: Option<(u64, u64)>,
    /// Of these, which share is a stop of a while, and which a polite end; the others are kills.
    pub(crate) relay_hangs: f64,
    pub(crate) relay_ends: f64,
    /// Between two faults of an engine, as above.
    pub(crate) engines: Option<(u64, u64)>,
    /// Of these, which share is a stop of a while, and which a second process in its place.
    pub(crate) engine_hangs: f64,
    pub(crate) usurped: f64,
    /// The engines' network, and the dashboards'.
    pub(crate) engine_lines: Weather,
    pub(crate) dashboard_lines: Weather,
    /// Every so often, in milliseconds, all lines of engines go silent, for at most so long.
    pub(crate) partitions: Option<(u64, u64)>,
    /// One step in so many asks a person.
    pub(crate) gate_every: u32,
    /// An engine dies between an effect and its word of it, in this share of cases.
    pub(crate) dies_after_effect: f64,
    /// Whether dashboards pause, resume and cancel.
    pub(crate) commands: bool,
    /// Both doors speak TLS.
    pub(crate) tls: bool,
    /// It says nothing without a store, or with one.
    pub(crate) store: Option<bool>,
    /// How long it takes, unless the command line says otherwise.
    pub(crate) time: Duration,
}

impl Scenario {
    /// What it is about and has not come about: such a run shows nothing.
    pub(crate) fn missing(&self, faults: &Faults, lines: [Tally; 2]) -> Vec<&'static str> {
        let weathers = [&self.engine_lines, &self.dashboard_lines];
        let line = |share: fn(&Weather) -> f64, count: fn(&Tally) -> u64| {
            let wanted =
                |(weather, tally): (&&Weather, &Tally)| share(weather) > 0.0 && count(tally) == 0;
            weathers.iter().zip(&lines).any(wanted)
        };
        let kills = self.relay.is_some() && self.relay_hangs + self.relay_ends < 1.0;
        let engine_kills = self.engines.is_some() && self.engine_hangs + self.usurped < 1.0;
        let all = [
            (kills && faults.relay_kills == 0, "no relay was killed"),
            (self.relay_hangs > 0.0 && faults.relay_hangs == 0, "no relay was stopped"),
            (self.relay_ends > 0.0 && faults.relay_ends == 0, "no relay was ended"),
            (engine_kills && faults.engine_kills == 0, "no engine was killed"),
            (self.engine_hangs > 0.0 && faults.engine_hangs == 0, "no engine was stopped"),
            (self.usurped > 0.0 && faults.engines_usurped == 0, "no engine was usurped"),
            (self.dies_after_effect > 0.0 && faults.engines_died == 0, "no engine died of itself"),
            (self.partitions.is_some() && faults.partitions == 0, "no engine was cut off"),
            (line(|it| it.reset.0, |it| it.resets), "no line was reset"),
            (line(|it| it.half_close.0, |it| it.half_closed), "no line was half closed"),
            (line(|it| it.blackhole.0, |it| it.silenced), "no line went silent"),
            (line(|it| it.corrupt.0, |it| it.corrupted), "no byte was changed"),
        ];
        all.into_iter().filter(|(missing, _)| *missing).map(|(_, what)| what).collect()
    }
}

fn calm(name: &'static str, about: &'static str) -> Scenario {
    Scenario {
        name,
        about,
        relay: None,
        relay_hangs: 0.0,
        relay_ends: 0.0,
        engines: None,
        engine_hangs: 0.0,
        usurped: 0.0,
        engine_lines: Weather::default(),
        dashboard_lines: Weather::default(),
        partitions: None,
        gate_every: 60,
        dies_after_effect: 0.0,
        commands: true,
        tls: false,
        store: None,
        time: Duration::from_secs(60),
    }
}

fn slow() -> Weather {
    Weather { delay: (0, 20), slice: 700, ..Weather::default() }
}

/// All of them.
pub(crate) fn all() -> Vec<Scenario> {
    let killed = Some((200, 5_000));
    let engine_lines =
        Weather { reset: (0.3, 30_000), half_close: (0.1, 20_000), silence: 2_000, ..slow() };
    let dashboard_lines = Weather {
        reset: (0.3, 300_000),
        half_close: (0.1, 200_000),
        blackhole: (0.1, 200_000),
        silence: 5_000,
        ..slow()
    };
    vec![
        Scenario {
            relay: killed,
            relay_hangs: 0.1,
            relay_ends: 0.1,
            engines: Some((1_000, 6_000)),
            engine_hangs: 0.15,
            usurped: 0.15,
            engine_lines,
            dashboard_lines,
            time: Duration::from_secs(150),
            ..calm("storm", "all of it at once")
        },
        Scenario {
            engines: Some((300, 2_000)),
            ..calm("engine-killed", "row 1: engines are killed and come back")
        },
        Scenario {
            engines: Some((1_000, 3_000)),
            usurped: 1.0,
            ..calm("zombie", "row 2: a second process of an engine, while the first only hangs")
        },
        Scenario {
            engine_lines: Weather { reset: (0.9, 20_000), ..Weather::default() },
            ..calm(
                "cut-before-ack",
                "row 5: connections die between an event and its acknowledgement",
            )
        },
        Scenario {
            relay: killed,
            store: Some(true),
            ..calm("relay-killed-store", "row 6: the relay is killed, and has a store")
        },
        Scenario {
            relay: Some((200, 4_000)),
            engines: Some((8_000, 25_000)),
            gate_every: 45,
            store: Some(true),
            time: Duration::from_secs(600),
            ..calm("marathon", "rows 1, 6 and 31 for long: as much of each as numbers ask for")
        },
        Scenario {
            relay: killed,
            store: Some(false),
            ..calm("relay-killed-memory", "row 7: the relay is killed, and has none")
        },
        Scenario {
            engine_lines: Weather {
                blackhole: (0.5, 50_000),
                silence: 50_000,
                ..Weather::default()
            },
            dashboard_lines: Weather {
                blackhole: (0.5, 200_000),
                silence: 50_000,
                ..Weather::default()
            },
            time: Duration::from_secs(120),
            ..calm("half-open", "row 15: connections that go silent and stay open")
        },
        Scenario {
            partitions: Some((3_000, 15_000)),
            time: Duration::from_secs(90),
            ..calm("partition", "row 16: no engine reaches the relay for a while")
        },
        Scenario {
            engine_lines: Weather {
                delay: (2, 30),
                slice: 97,
                bandwidth: 10_000,
                ..Weather::default()
            },
            dashboard_lines: Weather {
                delay: (0, 5),
                slice: 1_021,
                bandwidth: 100_000,
                ..Weather::default()
            },
            ..calm("slow-lines", "row 17: delay, jitter, small pieces and 10 KB a second")
        },
        Scenario {
            engine_lines: Weather { reset: (1.0, 30_000), ..Weather::default() },
            dashboard_lines: Weather { reset: (1.0, 100_000), ..Weather::default() },
            ..calm("reset-anywhere", "row 18: a reset after any number of bytes")
        },
        Scenario {
            engine_lines: Weather { corrupt: (0.7, 30_000), ..Weather::default() },
            dashboard_lines: Weather { corrupt: (0.7, 100_000), ..Weather::default() },
            tls: true,
            ..calm("corrupt", "row 18, over TLS: one byte is another")
        },
        Scenario {
            relay: Some((2_000, 6_000)),
            relay_ends: 1.0,
            ..calm("rolling", "row 26: SIGTERM under load, and a new one in its place")
        },
        Scenario {
            gate_every: 6,
            commands: false,
            ..calm("duel", "row 31: two decide at once, twice, late and again")
        },
        Scenario {
            gate_every: 10,
            dies_after_effect: 0.3,
            engines: Some((20_000, 30_000)),
            ..calm(
                "killed-after-effect",
                "row 32: an engine dies between an effect and its word of it",
            )
        },
        Scenario {
            gate_every: 10,
            engines: Some((200, 1_500)),
            ..calm("killed-at-gate", "row 33: engines die at gates, and ask again what was decided")
        },
    ]
}

/// The one of this name.
pub(crate) fn named(name: &str) -> Option<Scenario> {
    all().into_iter().find(|it| it.name == name)
}
