//! One connector at work: reading its source and writing our copy, one page at a time, each page under one turn.
//!
//! The turn is what keeps an older reading from being written over a newer one: the hot pass, the orders that somebody
//! looks at and a refresh never read at the same time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use tokio::sync::Mutex;

use super::mirror::{Mirror, WriteError};
use super::notes::Notes;
use crate::orderflow::{Link, SqlSource};
use crate::orders::{Cursor, OrderSource, Page, Selection, SourceError};

/// A connector that is being run by this node.
pub(super) struct Worker {
    pub(super) source: SqlSource,
    pub(super) mirror: Mirror,
    pub(super) link: Arc<Link>,
    turn: Mutex<HashMap<String, Instant>>,
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassError {
    #[error("the source: {0}")]
    Source(#[from] SourceError),
    #[error("our database: {0}")]
    Write(#[from] WriteError),
    #[error("a pass panicked: {0}")]
    Panic(String),
}

impl From<platform_core::Error> for PassError {
    fn from(error: platform_core::Error) -> Self {
        Self::Write(error.into())
    }
}

/// A step of the full sweep, kept in the database so that a restart goes on where it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Sweep {
    /// Reading everything first, then looking whether what we have still exists.
    checking: bool,
    after: Option<String>,
}

const CHUNK: i64 = 500;

impl Worker {
    pub(super) fn new(source: SqlSource, mirror: Mirror, link: Arc<Link>) -> Self {
        Self { source, mirror, link, turn: Mutex::new(HashMap::new()) }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.mirror.clock
    }

    /// Reads all orders that the source calls open, then those that were open at our last sight and no longer are.
    pub(super) async fn hot(&self, notes: &mut Notes) -> Result<(), PassError> {
        let seen = self.walk(&Selection::Open, notes).await?.0;
        let mut after = String::new();
        loop {
            let keys = self.mirror.open_keys(&after, CHUNK).await?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            after = last;
            let left: Vec<String> = keys.into_iter().filter(|key| !seen.contains(key)).collect();
            self.refresh(left, notes).await?;
        }
    }

    /// Reads what was stamped since the watermark and returns the next one.
    pub(super) async fn changes(
        &self,
        watermark: Option<&str>,
        now: DateTime<Utc>,
        notes: &mut Notes,
    ) -> Result<Option<String>, PassError> {
        let Some(from) = watermark.and_then(|watermark| self.source.changed_since(watermark, now)) else {
            return Ok(self.source.advance(watermark, None, now));
        };
        let stamp = self.walk(&Selection::ChangedSince(from), notes).await?.1;
        Ok(self.source.advance(watermark, stamp.as_deref(), now))
    }

    /// One page of the full sweep; none when it is done.
    pub(super) async fn sweep(&self, sweep: &Sweep, notes: &mut Notes) -> Result<Option<Sweep>, PassError> {
        if sweep.checking {
            return self.sweep_check(sweep).await;
        }
        let cursor = sweep.after.clone().map(|key| Cursor { key, stamp: None });
        let page = self.page(&Selection::All, cursor.as_ref(), notes).await?;
        let after = page.next.map(|cursor| cursor.key);
        Ok(Some(Sweep { checking: after.is_none(), after }))
    }

    async fn sweep_check(&self, sweep: &Sweep) -> Result<Option<Sweep>, PassError> {
        let keys = self.mirror.all_keys(sweep.after.as_deref().unwrap_or_default(), CHUNK).await?;
        let Some(last) = keys.last().cloned() else { return Ok(None) };
        let _turn = self.turn.lock().await;
        let present: HashSet<String> = self.source.present(&keys).await?.into_iter().collect();
        let gone = keys.into_iter().filter(|key| !present.contains(key)).collect();
        self.mirror.vanish(gone).await?;
        Ok(Some(Sweep { checking: true, after: Some(last) }))
    }

    /// Reads these orders now; what the source no longer has is taken out.
    pub(super) async fn refresh(&self, keys: Vec<String>, notes: &mut Notes) -> Result<(), PassError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut turn = self.turn.lock().await;
        self.refresh_in_turn(&mut turn, keys, notes).await
    }

    /// Reads one order unless somebody else did since `asked`: many who ask at once cost one reading.
    pub(super) async fn refresh_since(&self, key: String, asked: Instant) -> Result<(), PassError> {
        let mut turn = self.turn.lock().await;
        if turn.get(&key).is_some_and(|read| *read >= asked) {
            return Ok(());
        }
        self.refresh_in_turn(&mut turn, vec![key], &mut Notes::default()).await
    }

    async fn refresh_in_turn(
        &self,
        turn: &mut HashMap<String, Instant>,
        keys: Vec<String>,
        notes: &mut Notes,
    ) -> Result<(), PassError> {
        let started = Instant::now();
        let selection = Selection::Keys(keys);
        let mut page = self.source.read(&selection, None).await?;
        let Selection::Keys(keys) = selection else { return Ok(()) };
        self.write(&mut page, notes).await?;
        let there: HashSet<&String> = page.keys.iter().collect();
        self.mirror.vanish(keys.iter().filter(|key| !there.contains(key)).cloned().collect()).await?;
        turn.retain(|_, read| started.duration_since(*read) < REMEMBERED);
        turn.extend(keys.into_iter().map(|key| (key, started)));
        Ok(())
    }

    /// Walks a selection; returns the keys that were there and the greatest stamp.
    async fn walk(
        &self,
        selection: &Selection,
        notes: &mut Notes,
    ) -> Result<(HashSet<String>, Option<String>), PassError> {
        let (mut seen, mut stamp, mut after) = (HashSet::new(), None, None);
        loop {
            let page = self.page(selection, after.as_ref(), notes).await?;
            seen.extend(page.keys);
            stamp = stamp.max(page.stamp);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok((seen, stamp)),
            }
        }
    }

    /// Reads and writes one page under the turn, then rests as long as the budget says.
    async fn page(
        &self,
        selection: &Selection,
        after: Option<&Cursor>,
        notes: &mut Notes,
    ) -> Result<Page, PassError> {
        let mut page = {
            let _turn = self.turn.lock().await;
            let mut page = self.source.read(selection, after).await?;
            self.write(&mut page, notes).await?;
            page
        };
        page.orders = Vec::new();
        let budget = self.source.mapping().pace.statements_per_second;
        if budget > 0 && page.next.is_some() {
            tokio::time::sleep(Duration::from_secs(1) * page.statements / budget).await;
        }
        Ok(page)
    }

    async fn write(&self, page: &mut Page, notes: &mut Notes) -> Result<(), PassError> {
        notes.of_page(page);
        let written = self.mirror.write(&page.orders).await?;
        if written.changed > 0 {
            tracing::debug!(connector = %self.mirror.connector, changed = written.changed, "orders changed");
        }
        notes.of_write(written.unknown);
        Ok(())
    }
}

const REMEMBERED: Duration = Duration::from_secs(5);
