//! The log as viewers have it: a record appended, and cursors that write it to nowhere.

use std::io::IoSlice;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use footplate::dialect::{Dialect, native::Native};
use footplate::model::{Record, Seq, ViewerId};
use footplate::room::{Bell, Keep, Line, Room};
use footplate::viewer::{Cursor, Topic, Viewer};

use crate::cases::{Case, Work};
use crate::events::log;
use crate::material::World;

const VIEWERS: usize = 1_000;
/// Of opaque JSON: with what stands around it, a message has about 300 bytes.
const JSON: usize = 40;
/// Records of a burst, and rounds of the short run and of the long one.
const BURSTS: [(usize, (usize, usize)); 3] = [(1, (32, 96)), (8, (16, 48)), (32, (8, 24))];
/// Rounds without viewers that write: longer than what is kept.
const ROUNDS: [(usize, (usize, usize)); 2] = [(1, (1_280, 3_840)), (32, (40, 120))];

pub(crate) fn cases() -> Vec<Case> {
    let append = ROUNDS.map(|(burst, rounds)| {
        let name = format!("room/append/{burst}");
        Case::new(name, "record", burst, rounds, move || room(burst, 1, false))
    });
    let deliver = BURSTS.map(|(burst, rounds)| {
        let name = format!("room/deliver/{burst}");
        Case::new(name, "delivery", burst * VIEWERS, rounds, move || room(burst, VIEWERS, true))
    });
    append.into_iter().chain(deliver).collect()
}

/// A burst for each unit: rendered, appended, shown, and perhaps written by each viewer.
fn room(burst: usize, watching: usize, pump: bool) -> Work {
    let start = Instant::now();
    let mut room = Room::new(Keep::default());
    let none: [(Seq, Duration, ()); 0] = [];
    let mut viewers = Vec::new();
    for nth in 0..watching {
        let (id, bell) = (ViewerId(nth as u64), Arc::new(Bell::default()));
        let shared = room.join(start, &Native, id, bell, Seq(0), none, |_, (), _| ());
        let mut viewer = Viewer::default();
        viewer.watch(Topic::Directory, Cursor::new(shared, None, Some(Seq(0))));
        viewers.push(viewer);
    }
    let events: Vec<_> = (0..64).map(|n| log(n, JSON)).collect();
    let records: Vec<Arc<Record>> = World::new().say(&events);
    let (mut next, mut turn, mut written) = (0, 0, 0);
    Box::new(move |rounds| {
        for _ in 0..rounds {
            for _ in 0..burst {
                let record = &records[next % records.len()];
                let render =
                    |dialect: &'static dyn Dialect, out: &mut _| dialect.record(record, out);
                room.append(start, Line::default(), |_| false, render);
                next += 1;
            }
            turn += 1;
            room.publish(start, turn, |_, _| (), |_, _, _| ());
            for viewer in viewers.iter_mut().filter(|_| pump) {
                let sink = |slices: &[IoSlice<'_>]| {
                    let bytes = slices.iter().map(|it| it.len()).sum();
                    written += bytes;
                    Poll::Ready(Ok(bytes))
                };
                // There is no socket that could fail.
                let _ = viewer.pump(sink);
            }
        }
        assert!(!pump || 200 * rounds * burst * watching < written, "everybody was sent all");
    })
}
