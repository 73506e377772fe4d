//! Counting in memory what reading costs a source, between two writes of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What statements for one kind of row cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub statements: u64,
    pub rows: u64,
    /// Until the last row was here.
    pub busy: Duration,
    pub longest: Duration,
    /// Open at once, at most.
    pub connections: u32,
    /// Given up before a lock.
    pub lock_waits: u64,
    /// Given up for their time.
    pub timeouts: u64,
    /// Given up for anything else.
    pub failures: u64,
}

/// By section of the mapping.
pub type Batch = BTreeMap<&'static str, Counted>;

/// The counters of one connector on this node.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Batch>);

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Well { rows: usize },
    Locked,
    TimedOut,
    Failed,
}

impl Meter {
    /// Begins counting one statement. It counts even when nobody waits for its end.
    pub(crate) fn begin(self: &Arc<Self>, entity: &'static str) -> Counting {
        let ended = Ended::Failed;
        Counting { meter: Arc::clone(self), entity, began: Instant::now(), connections: 1, ended }
    }

    /// What was counted since the last call.
    #[must_use]
    pub fn take(&self) -> Batch {
        std::mem::take(&mut *self.counters())
    }

    /// Gives back what could not be written.
    pub(crate) fn put_back(&self, batch: Batch) {
        let mut counters = self.counters();
        for (entity, counted) in batch {
            counters.entry(entity).or_default().add(&counted);
        }
    }

    fn counters(&self) -> MutexGuard<'_, Batch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    pub(super) fn add(&mut self, other: &Self) {
        self.statements += other.statements;
        self.rows += other.rows;
        self.busy += other.busy;
        self.longest = self.longest.max(other.longest);
        self.connections = self.connections.max(other.connections);
        self.lock_waits += other.lock_waits;
        self.timeouts += other.timeouts;
        self.failures += other.failures;
    }
}

/// A statement under way.
#[derive(Debug)]
pub(crate) struct Counting {
    meter: Arc<Meter>,
    entity: &'static str,
    began: Instant,
    connections: u32,
    ended: Ended,
}

impl Counting {
    pub(crate) fn done(mut self, ended: Ended, connections: u32) {
        self.ended = ended;
        self.connections = connections.max(1);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let mut counted = Counted {
            statements: 1,
            busy: took,
            longest: took,
            connections: self.connections,
            ..Counted::default()
        };
        match self.ended {
            Ended::Well { rows } => counted.rows = rows as u64,
            Ended::Locked => counted.lock_waits = 1,
            Ended::TimedOut => counted.timeouts = 1,
            Ended::Failed => counted.failures = 1,
        }
        self.meter.counters().entry(self.entity).or_default().add(&counted);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Ended, Meter};

    #[test]
    fn what_is_taken_is_counted_once_and_what_is_put_back_is_not_lost() {
        let meter = Arc::new(Meter::default());
        meter.begin("order").done(Ended::Well { rows: 500 }, 2);
        meter.begin("order").done(Ended::Locked, 1);
        drop(meter.begin("line"));
        let batch = meter.take();
        let order = batch["order"];
        assert_eq!((order.statements, order.rows, order.lock_waits, order.connections), (2, 500, 1, 2));
        assert_eq!(batch["line"].failures, 1, "a statement that nobody waited for counts");
        assert!(meter.take().is_empty());
        meter.put_back(batch);
        meter.begin("order").done(Ended::Well { rows: 1 }, 1);
        assert_eq!(meter.take()["order"].rows, 501);
    }
}
