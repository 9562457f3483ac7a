//! Whether what was sampled stays flat.

/// What the process used at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub secs: f64,
    /// What the program has allocated and not freed.
    pub allocated_kib: f64,
    pub rss_kib: f64,
    pub threads: f64,
    pub descriptors: f64,
}

/// What is allocated may grow by so much a minute: of this load's 27,000 operations a minute each one would leave a byte behind.
pub const ALLOCATED_MOST_KIB: f64 = 32.0;
/// Resident memory may grow by so much a minute.
pub const RSS_MOST_KIB: f64 = 64.0;
/// Threads and descriptors may grow by so much in all the time that is judged.
pub const COUNT_MOST: f64 = 1.0;

/// Until then the process takes what it needs: a fifth of the time, five minutes at most.
pub fn warm_up(samples: &[Sample]) -> f64 {
    let all = samples.last().map_or(0.0, |sample| sample.secs);
    (all / 5.0).min(300.0)
}

/// By least squares, a second.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|point| point.0).sum::<f64>() / count;
    let mean_y = points.iter().map(|point| point.1).sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in points {
        above += (x - mean_x) * (y - mean_y);
        below += (x - mean_x) * (x - mean_x);
    }
    if below > 0.0 { above / below } else { 0.0 }
}

/// Growth after the warm-up.
pub struct Growth {
    pub allocated_kib_a_minute: f64,
    pub rss_kib_a_minute: f64,
    pub threads: f64,
    pub descriptors: f64,
}

impl Growth {
    pub fn of(samples: &[Sample]) -> Growth {
        let from = warm_up(samples);
        let judged: Vec<&Sample> = samples.iter().filter(|sample| sample.secs > from).collect();
        let secs = samples.last().map_or(0.0, |sample| sample.secs) - from;
        let by = |value: fn(&Sample) -> f64| {
            let points: Vec<_> = judged.iter().map(|s| (s.secs, value(s))).collect();
            slope(&points)
        };
        Growth {
            allocated_kib_a_minute: by(|sample| sample.allocated_kib) * 60.0,
            rss_kib_a_minute: by(|sample| sample.rss_kib) * 60.0,
            threads: by(|sample| sample.threads) * secs,
            descriptors: by(|sample| sample.descriptors) * secs,
        }
    }

    pub fn is_flat(&self) -> bool {
        self.allocated_kib_a_minute <= ALLOCATED_MOST_KIB
            && self.rss_kib_a_minute <= RSS_MOST_KIB
            && self.threads <= COUNT_MOST
            && self.descriptors <= COUNT_MOST
    }
}
