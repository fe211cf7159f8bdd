//! What a dashboard ends up with: a client that replaces what frames state has the very state that
//! a snapshot would show, whenever it came and whatever happened (C7).

use footplate::core::{Execution, Limits};
use footplate::dialect::{Dialect, native::Native};
use footplate::model::Record;
use proptest::prelude::*;
use serde_json::Value;

use crate::dialects::values;
use crate::laws::{Game, game};
use crate::reducer::{Reducer, merge};

/// The snapshot that a viewer would be shown who comes after these records.
fn shown(log: &[Record]) -> Vec<Value> {
    let state = Execution::fold(log, &Limits::default());
    let last = log.last().unwrap();
    values(|out| Native.state(&last.execution, last.position, &state, out))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn c7_after_quiet_every_viewers_state_is_the_state(moves in game(), came in any::<prop::sample::Index>()) {
        for log in Game::play(&moves).records.values() {
            // One who has seen everything, and one who came later and was shown the state.
            let (mut early, mut late) = (Reducer::default(), Reducer::default());
            let came = came.index(log.len());
            for (at, record) in log.iter().enumerate() {
                let frames = values(|out| Native.record(record, out));
                prop_assert_eq!(frames.len(), 1, "one frame for each record");
                early.frame(&frames[0]).unwrap();
                if came < at {
                    late.frame(&frames[0]).unwrap();
                }
                if came == at {
                    shown(&log[..=at]).iter().for_each(|part| late.frame(part).unwrap());
                }
            }
            let state = merge(&shown(log)).unwrap();
            prop_assert_eq!(early.state(), state.clone(), "the early one");
            prop_assert_eq!(late.state(), state, "the late one, from {}", came + 1);
            prop_assert_eq!(early.last(), log.len() as u64);
        }
    }
}
