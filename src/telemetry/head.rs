//! The one label whose value changes: the hash at which a chain has come to its end. It is one series
//! at any time, under the name that it had before.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;

/// A hash that is told as a label.
#[derive(Debug, Clone, Default)]
pub struct Head(Arc<Mutex<String>>);

impl Head {
    /// It is this now.
    pub fn set(&self, hash: impl Display) {
        let hash = hash.to_string();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = hash;
    }
}

impl EncodeMetric for Head {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let hash = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        encoder.encode_info(&[("hash", hash)])
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Info
    }
}
