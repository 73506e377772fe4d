//! Sessions that were looked up within the last second.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Found, Key};

/// Above this many, entries past their time are dropped before another is added.
const ROOM: usize = 4096;

#[derive(Debug)]
pub(super) struct Cache {
    keep: Duration,
    entries: Mutex<HashMap<Key, (Instant, Found)>>,
}

impl Cache {
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, entries: Mutex::default() }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Found> {
        let entries = self.entries();
        let (asked, found) = entries.get(key)?;
        (asked.elapsed() < self.keep).then(|| found.clone())
    }

    /// `asked` is the moment before the query: what the database said may be as old as that.
    pub(super) fn put(&self, key: Key, found: Found, asked: Instant) {
        let mut entries = self.entries();
        if entries.len() >= ROOM {
            entries.retain(|_, (asked, _)| asked.elapsed() < self.keep);
        }
        entries.insert(key, (asked, found));
    }

    pub(super) fn remove(&self, gone: impl Fn(&Found) -> bool) {
        self.entries().retain(|_, (_, found)| !gone(found));
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, (Instant, Found)>> {
        // A panic while holding it leaves a map that is still whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
