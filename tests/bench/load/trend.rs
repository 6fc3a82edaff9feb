//! Does something grow? A straight line through its samples, and how sure that is.
//!
//! Beside the way; of the load driver.

/// A straight line by least squares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trend {
    /// By how much it grows in one unit of time.
    pub(crate) slope: f64,
    /// Standard error of that.
    pub(crate) error: f64,
}

impl Trend {
    /// Through samples of time and size; none of fewer than three, or of one time alone.
    pub(crate) fn of(samples: &[(f64, f64)]) -> Option<Self> {
        let count = f64::from(u32::try_from(samples.len()).ok().filter(|count| *count > 2)?);
        let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
        let (time, size) = (mean(|sample| sample.0), mean(|sample| sample.1));
        let spread: f64 = samples.iter().map(|(x, _)| (x - time).powi(2)).sum();
        let together: f64 = samples.iter().map(|(x, y)| (x - time) * (y - size)).sum();
        if spread <= 0.0 {
            return None;
        }
        let slope = together / spread;
        let rest = |(x, y): &(f64, f64)| (y - size - slope * (x - time)).powi(2);
        let rest: f64 = samples.iter().map(rest).sum();
        Some(Self { slope, error: (rest / (count - 2.0) / spread).sqrt() })
    }

    /// The same through the means of so many stretches. What one sample is above the line the next ones are too,
    /// so that together they say less than their number: alone each would make the error seem small.
    pub(crate) fn of_means(samples: &[(f64, f64)], stretches: usize) -> Option<Self> {
        let means = samples.chunks(samples.len().div_ceil(stretches).max(1)).map(|stretch| {
            let count = f64::from(u32::try_from(stretch.len()).unwrap_or(u32::MAX));
            let mean = |of: fn(&(f64, f64)) -> f64| stretch.iter().map(of).sum::<f64>() / count;
            (mean(|sample| sample.0), mean(|sample| sample.1))
        });
        Self::of(&means.collect::<Vec<_>>())
    }

    /// Does it not grow: within two standard errors of nothing, or under a bound?
    pub(crate) fn is_flat(&self, bound: f64) -> bool {
        self.slope <= (2.0 * self.error).max(bound)
    }
}
