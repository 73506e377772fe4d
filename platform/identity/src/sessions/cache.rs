//! Sessions that were looked up a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Key;

/// Lookups that are kept at most. Where they do not fit, sessions are looked up each time.
const ROOM: usize = 32 * 1024;
/// How long a lookup may be kept while ends are heard of.
const HEARD: Duration = Duration::from_secs(10);
/// Old lookups are looked for this often at most.
const SWEEP: Duration = Duration::from_secs(1);

/// `F` is what a session tells.
#[derive(Debug)]
pub(crate) struct Cache<F> {
    /// How long a lookup may be kept while nobody hears of ends.
    unheard: Duration,
    state: Mutex<State<F>>,
}

#[derive(Debug)]
struct State<F> {
    entries: HashMap<Key, (Instant, F)>,
    heard: bool,
    /// Grows with every end that was heard of.
    ends: u64,
    swept: Instant,
}

/// The moment before a query: what the database says may be as old as that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    at: Instant,
    ends: u64,
}

impl<F: Clone> Cache<F> {
    pub(crate) fn new(unheard: Duration) -> Self {
        let state = State { entries: HashMap::new(), heard: false, ends: 0, swept: Instant::now() };
        Self { unheard, state: Mutex::new(state) }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<F> {
        let state = self.state();
        let (until, found) = state.entries.get(key)?;
        (Instant::now() < *until).then(|| found.clone())
    }

    pub(crate) fn ask(&self) -> Asked {
        Asked { at: Instant::now(), ends: self.state().ends }
    }

    /// `left` is how long the session itself goes on.
    pub(crate) fn put(&self, key: Key, found: F, asked: Asked, left: Duration) {
        let mut state = self.state();
        // An end that was heard of meanwhile may be this one's, and will not be told again.
        let sure = state.heard && state.ends == asked.ends;
        let keep = if sure { HEARD } else { self.unheard };
        if state.entries.len() >= ROOM && state.swept.elapsed() >= SWEEP {
            let now = Instant::now();
            state.entries.retain(|_, (until, _)| now < *until);
            state.swept = now;
        }
        if state.entries.len() < ROOM {
            state.entries.insert(key, (asked.at + keep.min(left), found));
        }
    }

    pub(crate) fn remove(&self, gone: impl Fn(&F) -> bool) {
        let mut state = self.state();
        state.ends += 1;
        state.entries.retain(|_, (_, found)| !gone(found));
    }

    /// Ends are heard of from now on, or no longer.
    pub(crate) fn listen(&self, heard: bool) {
        let mut state = self.state();
        state.heard = heard;
        state.ends += 1;
        state.entries.clear();
    }

    fn state(&self) -> MutexGuard<'_, State<F>> {
        // A panic while holding it leaves a map that is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
