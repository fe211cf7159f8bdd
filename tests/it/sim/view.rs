//! One execution as a simulated dashboard sees it. It must never guess what it was not told.

use serde_json::Value;
use tokio::time::Instant;

use crate::reducer::Reducer;

/// One execution as it is seen.
#[derive(Default)]
pub(super) struct View {
    pub(super) reducer: Reducer,
    pub(super) epoch: Option<String>,
    /// The newest record that the relay has named.
    pub(super) head: u64,
    /// The relay's start that it is shown by; 0: none.
    pub(super) shown_by: u64,
    /// Another log is to be shown, from a snapshot that has not come yet.
    blind: bool,
    /// When to ask for it again, if it was not there.
    pub(super) retry: Option<Instant>,
}

impl View {
    /// Behind what it wants to go on. A log of which it was told the name and not the state yet, is none.
    pub(super) fn since(&self) -> Option<(String, u64)> {
        let known = self.epoch.clone().filter(|_| !self.blind);
        known.map(|epoch| (epoch, self.reducer.last()))
    }

    /// A frame has been folded in.
    pub(super) fn folded(&mut self, frame: &Value) {
        self.head = self.head.max(self.reducer.last());
        let whole = frame["type"] == "snapshot" && frame["part"] == frame["parts"];
        self.blind &= !whole;
    }

    /// The relay has said where it goes on, in its start of this number.
    ///
    /// # Errors
    /// It claims that nothing is missing, and goes on elsewhere than this does.
    pub(super) fn subscribed(&mut self, frame: &Value, start: u64) -> Result<(), String> {
        let epoch = frame["epoch"].as_str().map(str::to_owned);
        let from = frame["from"].as_u64().unwrap_or_default();
        let fits = epoch == self.epoch && from == self.reducer.last();
        let goes_on = frame["recovered"] == true;
        self.retry = None;
        self.head = frame["head"].as_u64().unwrap_or_default();
        self.epoch = epoch;
        self.shown_by = start;
        self.blind = !goes_on;
        if goes_on && !fits { Err(format!("it goes on elsewhere: {frame}")) } else { Ok(()) }
    }
}
