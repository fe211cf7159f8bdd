//! A store for games: what each turn keeps, and how a relay that is killed at any moment starts again.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use footplate::core::{Effect, Relay};
use footplate::model::{ExecutionId, Now};
use footplate::seams::Disk;
use footplate::store::{Backend, Commit, Keeper, Opened, Options, Reader};
use futures_util::FutureExt;

use crate::dice::Dice;
use crate::laws::limits;
use crate::platter::Platter;

/// A store on a platter, and when its relay dies.
pub(crate) struct Kept {
    pub(crate) platter: Platter,
    keeper: Option<Keeper>,
    pub(crate) reader: Option<Reader>,
    wanted: BTreeSet<ExecutionId>,
    dice: Dice,
    boot: u64,
    /// From now on its relay lives.
    pub(crate) spared: bool,
}

/// What becomes of the relay in a turn.
#[derive(Debug)]
pub(crate) enum Fate {
    Lives,
    /// It dies before the commit: nothing has happened.
    Unheard {
        power: bool,
    },
    /// It dies behind the commit, before anybody is told.
    Untold {
        power: bool,
    },
}

impl Kept {
    pub(crate) fn new() -> Self {
        let (platter, dice) = (Platter::default(), Dice::seeded(11));
        let (wanted, boot) = (BTreeSet::new(), 7);
        Self { platter, keeper: None, reader: None, wanted, dice, boot, spared: false }
    }

    pub(crate) fn restart(&mut self, now: Now, power: bool) -> Relay {
        let (keeper, reader) = (self.keeper.take(), self.reader.take());
        self.platter.killing(|| drop((keeper, reader)));
        if power {
            self.platter.power_cut(&mut self.dice);
        }
        self.wanted.clear();
        self.boot += 1;
        let boot = self.boot;
        let disk: Arc<dyn Disk> = Arc::new(self.platter.clone());
        // Small, so that a game has several checkpoints.
        let options = Options { checkpoint: 2_000, ..Options::default() };
        let fresh = || Relay::new(boot, limits());
        let opened = Keeper::open(&disk, Path::new("/store"), options, now, false, fresh);
        let (relay, Opened { keeper, reader, loaded }) = opened.unwrap();
        assert!(loaded.damage.is_empty(), "{:?}", loaded.damage);
        (self.keeper, self.reader) = (Some(keeper), Some(reader));
        relay
    }

    pub(crate) fn keep(&mut self, relay: &Relay, effects: &[Effect]) -> Fate {
        let power = self.dice.one_in(2);
        let commit = Commit::of(relay, effects, std::mem::take(&mut self.wanted));
        if commit.is_empty() {
            return Fate::Lives;
        }
        if !self.spared && self.dice.one_in(25) {
            return Fate::Unheard { power };
        }
        let keeper = self.keeper.as_mut().unwrap();
        let wants = keeper.append_batch(commit).now_or_never().expect("it is inline").unwrap();
        self.wanted.extend(wants.checkpoints);
        let dies = !self.spared && self.dice.one_in(25);
        if dies { Fate::Untold { power } } else { Fate::Lives }
    }
}
