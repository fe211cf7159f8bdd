//! Figures, and how they are printed.

use std::fmt;

/// What several blocks have come to.
#[derive(Debug, Default)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    /// One block more.
    pub(crate) fn add(&mut self, figure: f64) {
        let at = self.0.partition_point(|it| *it < figure);
        self.0.insert(at, figure);
    }

    /// Whether there was no block.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The middle one; of an even number, the mean of the two.
    pub(crate) fn median(&self) -> f64 {
        let (low, high) = (self.0.len().saturating_sub(1) / 2, self.0.len() / 2);
        match (self.0.get(low), self.0.get(high)) {
            (Some(low), Some(high)) => (low + high) / 2.0,
            _ => f64::NAN,
        }
    }
}

/// Median, least and most; the precision is that of the median.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let (least, most) = (self.0.first(), self.0.last());
        let (least, most) = (least.unwrap_or(&f64::NAN), most.unwrap_or(&f64::NAN));
        let text = format!("{:.digits$} ({least:.digits$}..{most:.digits$})", self.median());
        write!(f, "{text:<width$}", width = f.width().unwrap_or_default())
    }
}

/// Many figures of one kind, of which the rare ones matter.
#[derive(Debug, Default)]
pub(crate) struct Quantiles(Spread);

impl Quantiles {
    /// One more.
    pub(crate) fn add(&mut self, figure: f64) {
        self.0.add(figure);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.0.len()
    }

    /// The one that so large a share is not above: 1 is the greatest.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let all = &self.0.0;
        let rank = (share * all.len() as f64).ceil() as usize;
        all.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

/// Prints a heading with what has to be known to read the lines below it.
pub(crate) fn heading(title: &str, notes: &str) {
    println!("{title}\n  {notes}");
}
