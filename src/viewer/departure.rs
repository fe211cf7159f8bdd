//! How viewers leave once the relay goes: each in its own turn, so that they don't all come back at
//! once, and none before it has been sent what there is, as far as the time allows. It knows no
//! connection and reads no clock.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::ViewerId;

/// How long after its own turn's end a relay may be expected to have started anew.
const COMING_UP: Duration = Duration::from_secs(1);

/// When viewers leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The first turn.
    pub from: Instant,
    /// The turns are spread evenly over this time.
    pub over: Duration,
    /// Who is still being sent something when its turn comes may stay until then.
    pub last: Instant,
}

impl Plan {
    /// When it is this viewer's turn.
    pub fn turn(&self, viewer: ViewerId) -> Instant {
        // The golden ratio spreads consecutive numbers evenly.
        let share = viewer.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        self.from + self.over * u32::try_from(share).unwrap_or_default() / (1 << 16)
    }

    /// How long a viewer should stay away: the same for all, so that they come back as they went.
    pub fn retry_after(&self) -> Duration {
        self.over + COMING_UP
    }
}

/// The word to leave: said once, heard by every connection.
#[derive(Debug, Clone, Default)]
pub struct Departure {
    plan: Arc<OnceLock<Plan>>,
    called: CancellationToken,
}

impl Departure {
    /// Viewers leave from now on, those included that come in later. Only the first plan counts.
    pub fn call(&self, plan: Plan) {
        // Whoever hears the call finds the plan.
        let _ = self.plan.set(plan);
        self.called.cancel();
    }

    /// Cancelled by [`Departure::call`]. One of its own for each connection: it is looked at whenever
    /// the connection runs, and a common one has a lock that all would share.
    pub(super) fn called(&self) -> CancellationToken {
        self.called.child_token()
    }

    /// What was called out.
    pub fn plan(&self) -> Option<Plan> {
        self.plan.get().copied()
    }
}
