//! On what terms a stream begins, and how it ends, in the wire's words.

use std::time::Duration;

use super::link::BATCH_EVENTS;
use super::out::{durability, time};
use super::{EVENT_BYTES, JSON_DEPTH};
use crate::engine::Limits;
use crate::engine::pb;
use crate::model::{Durability, Timestamp};

/// The largest message, in bytes, after decompression.
pub const MESSAGE_BYTES: usize = 1 << 20;
/// The revision of the protocol that is spoken here. There is no other yet.
const REVISION: u32 = 1;

/// The answer to a greeting. `boot` names this start of the relay.
pub(in crate::engine) fn welcome(
    boot: u64,
    durable: Durability,
    now: Timestamp,
    limits: &Limits,
    grants: Vec<pb::Grant>,
) -> pb::Welcome {
    pb::Welcome {
        boot_id: format!("{boot:x}"),
        relay_version: env!("CARGO_PKG_VERSION").to_owned(),
        durability: durability(durable).into(),
        relay_time: Some(time(now)),
        limits: Some(pb::Limits {
            max_event_bytes: EVENT_BYTES as u64,
            max_batch_events: BATCH_EVENTS as u32,
            max_message_bytes: MESSAGE_BYTES as u64,
            max_json_depth: JSON_DEPTH as u32,
            max_open_gates: limits.open_gates,
            max_nodes: limits.nodes,
        }),
        window: Some(pb::Window {
            max_unacked_events: limits.window_events,
            max_unacked_bytes: limits.window_bytes,
        }),
        grants,
        revision: REVISION,
    }
}

/// The last message. `retry`: how long to wait before coming back.
pub(in crate::engine) fn goodbye(
    reason: pb::GoodbyeReason,
    retry: Option<Duration>,
    message: &str,
) -> pb::Goodbye {
    let retry_delay = retry.map(|retry| prost_types::Duration {
        seconds: i64::try_from(retry.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(retry.subsec_nanos()).unwrap_or_default(),
    });
    pb::Goodbye { reason: reason.into(), retry_delay, message: message.to_owned() }
}
