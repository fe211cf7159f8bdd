//! What a simulated dashboard wants of the relay and has no last word on: asked for again, unchanged,
//! until it has. It must never ask for anything under another id, nor for another thing under the same.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::history::Wish;

/// What nobody has answered is sent again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// A gate that the relay does not know is asked for so often.
const PERSISTENCE: u32 = 6;
/// The last words on a decision or a command.
const FINAL: [&str; 9] = [
    "applied",
    "refused",
    "failed",
    "outcome_unknown",
    "already_decided",
    "gate_changed",
    "gate_closed",
    "id_reused",
    "forbidden",
];

/// What is on its way, by id.
#[derive(Debug, Default)]
pub(super) struct Wishes(RefCell<BTreeMap<String, Asked>>);

#[derive(Debug)]
struct Asked {
    wish: Wish,
    due: Instant,
    /// How often it was sent.
    sent: u32,
    /// How often the relay knew nothing of its gate.
    unknown: u32,
}

impl Wishes {
    /// It is asked for, now.
    pub(super) fn begin(&self, wish: &Wish) {
        let due = Instant::now() + AGAIN;
        let asked = Asked { wish: wish.clone(), due, sent: 1, unknown: 0 };
        self.0.borrow_mut().insert(wish.id().to_owned(), asked);
    }

    /// When something is to be asked for again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.borrow().values().map(|it| it.due).min()
    }

    /// What is to be asked for again now. `all`: on a new connection, everything.
    pub(super) fn again(&self, all: bool) -> Vec<Wish> {
        let now = Instant::now();
        let mut again = vec![];
        for asked in self.0.borrow_mut().values_mut() {
            if all || asked.due <= now {
                asked.due = now + AGAIN * asked.sent.min(8);
                asked.sent += 1;
                again.push(asked.wish.clone());
            }
        }
        again
    }

    /// The relay has said something about one of them.
    pub(super) fn answered(&self, receipt: &Value) {
        let id = receipt["decision_id"].as_str().or(receipt["command_id"].as_str());
        let Some(id) = id else { return };
        let stage = receipt["stage"].as_str().unwrap_or_default();
        let mut all = self.0.borrow_mut();
        // The answer to the same id with other words is about those.
        if stage == "id_reused" {
            return;
        }
        if FINAL.contains(&stage) {
            all.remove(id);
        } else if let Some(asked) = all.get_mut(id) {
            let unknown = stage == "gate_unknown";
            asked.unknown += u32::from(unknown);
            asked.due = Instant::now() + if unknown { AGAIN } else { AGAIN * 6 };
            if asked.unknown == PERSISTENCE {
                // The relay has lost it, and its engine has nothing more to say of it.
                all.remove(id);
            }
        }
    }

    /// Whether there is nothing without a last word.
    pub(super) fn are_settled(&self) -> bool {
        self.0.borrow().is_empty()
    }
}
