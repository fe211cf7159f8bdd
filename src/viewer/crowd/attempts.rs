//! How often who shows something that is nobody's may try again, by address. What is kept is bounded
//! however many addresses there are, and an address that has rested is forgotten.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use tokio::time::Instant;

use crate::viewer::{Bucket, Rate};

/// What one and the same client may have as many addresses of as it likes. `None`: it has none.
type Net = Option<IpAddr>;

/// Failed attempts.
#[derive(Debug)]
pub struct Attempts {
    rate: Rate,
    most: usize,
    table: Mutex<Table>,
}

/// The buckets that are not full.
#[derive(Debug, Default)]
struct Table {
    buckets: BTreeMap<Net, Bucket>,
    /// When each of them will be.
    full: BTreeSet<(Instant, Net)>,
}

impl Attempts {
    /// None yet. At most so many addresses are remembered (1 or more): beyond, the one that would be
    /// forgotten first is.
    pub fn new(rate: Rate, most: usize) -> Self {
        Self { rate, most, table: Mutex::default() }
    }

    /// One was made from there, and failed. Whether it was one of those that may.
    pub fn failed(&self, from: Option<IpAddr>, now: Instant) -> bool {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let Table { buckets, full } = &mut *table;
        while let Some(&(at, first)) = full.first()
            && (at <= now || self.most <= buckets.len() && !buckets.contains_key(&net(from)))
        {
            full.pop_first();
            buckets.remove(&first);
        }
        let bucket = buckets.entry(net(from)).or_insert_with(|| Bucket::new(now));
        full.remove(&(bucket.full(), net(from)));
        let fine = bucket.take(self.rate, now);
        full.insert((bucket.full(), net(from)));
        fine
    }

    /// How many addresses are remembered.
    pub fn len(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).buckets.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Of IPv6 the first 64 bits: whoever has one address has all of these.
fn net(address: Option<IpAddr>) -> Net {
    address.map(|it| match it.to_canonical() {
        IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX)).into(),
        it @ IpAddr::V4(_) => it,
    })
}
