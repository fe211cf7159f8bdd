//! Where in a log a viewer is that can say only roughly how far it has seen.

use crate::dialect::Point;
use crate::model::{Position, Seq, Timestamp};

/// The last record before a point. `None`: it is a record of another log, or none yet; or without
/// `gaps`, it is no longer known which.
pub(super) fn place(
    point: &Point,
    head: Position,
    tail: Seq,
    gaps: bool,
    records: impl Iterator<Item = (Seq, Timestamp)>,
) -> Option<Seq> {
    let known = |at: &Position| (at.epoch == head.epoch && at.seq <= head.seq).then_some(at.seq);
    match point {
        Point::Oldest => Some(tail),
        Point::Here => Some(head.seq),
        Point::Record(at) => known(at),
        Point::Moment { time, left } => {
            let mut records = records.peekable();
            // What came before the oldest one may have come after the moment, too.
            let reaches = |it: &(Seq, Timestamp)| it.0 == Seq(1) || it.1 <= *time;
            if !gaps && !records.peek().is_none_or(reaches) {
                return None;
            }
            let later = records.find(|(_, at)| time < at).map(|(seq, _)| Seq(seq.0 - 1));
            let by_time = later.unwrap_or(head.seq);
            Some(left.as_ref().and_then(known).map_or(by_time, |left| left.min(by_time)))
        }
    }
}
