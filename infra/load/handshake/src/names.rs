//! Numbers that look random and are the same in each run, and what is said of many measurements.

use std::path::Path;

use anyhow::{Context as _, ensure};

/// A linear congruential generator; the high half of its state is good enough to shuffle with.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 32
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(0) % bound
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

/// The lines of a file, one host each.
pub(crate) fn lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    ensure!(!lines.is_empty(), "{} is empty", path.display());
    Ok(lines)
}

/// The value below which this share of all lies; 0 of nothing.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// Milliseconds as `p50_ms`, `p99_ms` and `max_ms`.
pub(crate) fn spread(mut milliseconds: Vec<f64>) -> serde_json::Value {
    milliseconds.sort_unstable_by(f64::total_cmp);
    serde_json::json!({ "count": milliseconds.len(), "p50_ms": quantile(&milliseconds, 0.5),
                        "p99_ms": quantile(&milliseconds, 0.99), "max_ms": quantile(&milliseconds, 1.0) })
}
