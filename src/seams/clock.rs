//! The time, in both of its forms.

use std::{fmt, sync::Arc, time::SystemTime};

use crate::model::{Now, Timestamp};

/// Tells the time. The monotonic half is tokio's, so that a test that pauses time pauses this.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            Timestamp(since.map_or(0, |it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX)))
        })
    }

    /// A clock whose calendar is `wall`.
    pub fn new(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(wall))
    }

    /// The time now.
    pub fn now(&self) -> Now {
        Now { instant: tokio::time::Instant::now().into_std(), time: (self.0)() }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
