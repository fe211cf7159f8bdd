//! Who may have how much, as each part of the relay wants to be told it.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::config;
use crate::core;
use crate::http::caps;
use crate::telemetry::Metrics;
use crate::viewer::Options;
use crate::viewer::crowd::{Bounds, Crowd};

/// Connections by where they come from.
pub(super) fn connections(bounds: &config::Bounds) -> caps::Limits {
    let strangers = bounds.people.map_or(usize::MAX, |it| number(it.strangers));
    let of_address = number(bounds.of_address);
    caps::Limits { of_address, of_strangers: strangers, ..caps::Limits::default() }
}

/// What people have.
pub(super) fn crowd(bounds: &config::Bounds, options: &Options, metrics: &Arc<Metrics>) -> Crowd {
    let metrics = Arc::clone(metrics);
    let crowd = match bounds.people {
        None => Crowd::unbounded(),
        Some(it) => {
            let bounds = Bounds {
                of_principal: number(it.of_principal),
                of_tenant: number(it.of_tenant),
                watched_by_tenant: number(it.watched_by_tenant),
                rate: it.rate,
                attempts: it.attempts,
            };
            Crowd::new(bounds, options)
        }
    };
    crowd.counting(move |what| {
        metrics.too_much_refused.of(what).inc();
    })
}

/// What engines have.
pub(super) fn executions(bounds: &config::Bounds) -> core::Limits {
    let most = |it: Option<NonZeroU32>| it.map_or(usize::MAX, number);
    core::Limits {
        executions_of_engine: most(bounds.of_engine),
        executions_of_tenant: most(bounds.of_tenant),
        executions_begun: bounds.begun,
        ..core::Limits::default()
    }
}

fn number(it: NonZeroU32) -> usize {
    usize::try_from(it.get()).unwrap_or(usize::MAX)
}
