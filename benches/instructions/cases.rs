//! What a case is, and the list of all.

use std::process::exit;

use crate::{core, ingest, render, room};

/// What runs so many units. It owns what was made ready for them.
pub(crate) type Work = Box<dyn FnMut(usize)>;

/// Something that is counted.
pub(crate) struct Case {
    /// Its group, and what is varied.
    pub(crate) name: String,
    /// What it is counted for.
    pub(crate) item: &'static str,
    /// Items of one unit of work.
    pub(crate) items: usize,
    /// Units of the short run, and of the long one. The short one is long enough that everything
    /// that is kept is full: what only happens at first is in both.
    pub(crate) units: (usize, usize),
    /// Makes ready what [`Case::units`] at most need, whatever is run of them.
    make: Box<dyn Fn() -> Work + Sync>,
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        item: &'static str,
        items: usize,
        units: (usize, usize),
        make: impl Fn() -> Work + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), item, items, units, make: Box::new(make) }
    }

    /// Runs so many units, and ends the process: what is left over is not to be counted.
    pub(crate) fn run(&self, units: usize) -> ! {
        let mut work = (self.make)();
        measured(&mut work, units);
        exit(0)
    }
}

/// A name that a profile can be limited to.
#[inline(never)]
pub(crate) fn measured(work: &mut Work, units: usize) {
    work(units);
}

/// All of them, in the order in which they are shown.
pub(crate) fn all() -> Vec<Case> {
    [ingest::cases(), core::cases(), render::cases(), room::cases()].into_iter().flatten().collect()
}
