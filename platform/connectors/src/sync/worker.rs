//! One connector at work: reading its source and writing our copy, one page at a time, each page under one turn.
//!
//! The turn is what keeps an older reading from being written over a newer one: the hot pass, the orders that somebody
//! looks at and a refresh never read at the same time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use tokio::sync::Mutex;

use super::mirror::{Mirror, WriteError};
use super::notes::Notes;
use super::rows::{Fingerprint, Printed};
use crate::health::{SweepFound, TroubleKind};
use crate::orderflow::{Link, SqlSource};
use crate::orders::{Cursor, OrderSource, Page, Selection, SourceError};

/// A connector that is being run by this node.
pub(super) struct Worker {
    pub(super) source: SqlSource,
    pub(super) mirror: Mirror,
    pub(super) link: Arc<Link>,
    turn: Mutex<Turn>,
    /// Orders whose readers wait for the turn: whoever gets it reads them all.
    waiting: std::sync::Mutex<Vec<String>>,
    found: std::sync::Mutex<Found>,
}

/// What was noticed since it was last written down.
#[derive(Default)]
struct Found {
    change_at: Option<DateTime<Utc>>,
    /// Unmapped codes, each with the number of an order that bears it.
    codes: BTreeMap<String, String>,
}

/// Codes between two writes; a source with more has its statuses in a column of free text.
const MANY_CODES: usize = 200;

/// What whoever has the turn knows of the last minute.
#[derive(Default)]
struct Turn {
    /// When an order was read on demand.
    read: HashMap<String, Instant>,
    /// Open orders that were in step with our copy, by their fingerprint: while they look the same, our database need not
    /// be asked at every hot pass. A minute bounds what it misses, such as a customer that got another account.
    in_step: HashMap<String, (Fingerprint, Instant)>,
}

const TRUSTED: Duration = Duration::from_secs(60);

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

impl PassError {
    /// Who can mend it.
    pub(super) fn kind(&self) -> TroubleKind {
        match self {
            Self::Source(error) => TroubleKind::of(error),
            Self::Write(_) | Self::Panic(_) => TroubleKind::Ours,
        }
    }
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
    pub(super) checking: bool,
    pub(super) after: Option<String>,
    #[serde(flatten)]
    pub(super) found: SweepFound,
}

/// What writing a page did.
#[derive(Debug, Default, Clone, Copy)]
struct Wrote {
    changed: u64,
    /// Orders of accounts that no customer has.
    unknown: u64,
}

const CHUNK: i64 = 500;
/// Orders that one reading on demand takes.
const AT_ONCE: usize = 100;

impl Worker {
    pub(super) fn new(source: SqlSource, mirror: Mirror, link: Arc<Link>) -> Self {
        Self {
            source,
            mirror,
            link,
            turn: Mutex::default(),
            waiting: std::sync::Mutex::default(),
            found: std::sync::Mutex::default(),
        }
    }

    /// When our copy last changed, if it did since the last call.
    pub(super) fn take_change(&self) -> Option<DateTime<Utc>> {
        self.found().change_at.take()
    }

    /// Unmapped codes that were met since the last call.
    pub(super) fn take_codes(&self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.found().codes)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
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
            let Some(last) = keys.last().cloned() else { break };
            after = last;
            let left: Vec<String> = keys.into_iter().filter(|key| !seen.contains(key)).collect();
            self.refresh(left, notes).await?;
        }
        self.turn.lock().await.in_step.retain(|_, (_, since)| since.elapsed() < TRUSTED);
        Ok(())
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

    /// One page of the full sweep; no next step when it is done. Also what it has found so far.
    pub(super) async fn sweep(
        &self,
        sweep: &Sweep,
        notes: &mut Notes,
    ) -> Result<(Option<Sweep>, SweepFound), PassError> {
        let mut found = sweep.found.clone();
        found.began_at.get_or_insert_with(|| self.mirror.clock.now());
        let next = if sweep.checking {
            self.sweep_check(sweep, &mut found).await?
        } else {
            let cursor = sweep.after.clone().map(|key| Cursor { key, stamp: None });
            let (page, wrote) = self.page(&Selection::All, cursor.as_ref(), notes).await?;
            found.read += page.keys.len() as u64;
            found.changed += wrote.changed;
            found.unknown += wrote.unknown;
            let after = page.next.map(|cursor| cursor.key);
            Some((after.is_none(), after))
        };
        let next = next.map(|(checking, after)| Sweep { checking, after, found: found.clone() });
        Ok((next, found))
    }

    async fn sweep_check(
        &self,
        sweep: &Sweep,
        found: &mut SweepFound,
    ) -> Result<Option<(bool, Option<String>)>, PassError> {
        let keys = self.mirror.all_keys(sweep.after.as_deref().unwrap_or_default(), CHUNK).await?;
        let Some(last) = keys.last().cloned() else { return Ok(None) };
        let mut turn = self.turn.lock().await;
        let present: HashSet<String> = self.source.present(&keys).await?.into_iter().collect();
        let gone = keys.into_iter().filter(|key| !present.contains(key)).collect();
        found.gone += self.vanish(&mut turn, gone).await?;
        Ok(Some((true, Some(last))))
    }

    /// Reads these orders now; what the source no longer has is taken out.
    pub(super) async fn refresh(&self, keys: Vec<String>, notes: &mut Notes) -> Result<(), PassError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut turn = self.turn.lock().await;
        self.refresh_in_turn(&mut turn, keys, notes).await
    }

    /// Reads one order unless somebody else did since `asked`. Many who ask at once cost one reading, for the same order
    /// and for different ones: the source's load grows with the time and not with the readers.
    pub(super) async fn refresh_since(&self, key: String, asked: Instant) -> Result<(), PassError> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(key.clone());
        let mut turn = self.turn.lock().await;
        if turn.read.get(&key).is_some_and(|read| *read >= asked) {
            return Ok(());
        }
        let keys = self.waiting_with(key);
        self.refresh_in_turn(&mut turn, keys, &mut Notes::default()).await
    }

    /// The order and some of those that are waited for, each once.
    fn waiting_with(&self, key: String) -> Vec<String> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let some = waiting.len().min(AT_ONCE);
        let keys: HashSet<String> = waiting.drain(..some).chain([key]).collect();
        keys.into_iter().collect()
    }

    async fn refresh_in_turn(
        &self,
        turn: &mut Turn,
        keys: Vec<String>,
        notes: &mut Notes,
    ) -> Result<(), PassError> {
        let started = Instant::now();
        let selection = Selection::Keys(keys);
        let mut page = self.source.read(&selection, None).await?;
        let Selection::Keys(keys) = selection else { return Ok(()) };
        self.write(turn, &mut page, notes).await?;
        let there: HashSet<&String> = page.keys.iter().collect();
        let gone = keys.iter().filter(|key| !there.contains(key)).cloned().collect();
        self.vanish(turn, gone).await?;
        turn.read.retain(|_, read| started.duration_since(*read) < REMEMBERED);
        turn.read.extend(keys.into_iter().map(|key| (key, started)));
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
            let (page, _) = self.page(selection, after.as_ref(), notes).await?;
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
    ) -> Result<(Page, Wrote), PassError> {
        let (mut page, wrote) = {
            let mut turn = self.turn.lock().await;
            let mut page = self.source.read(selection, after).await?;
            let wrote = self.write(&mut turn, &mut page, notes).await?;
            (page, wrote)
        };
        page.orders = Vec::new();
        let budget = self.source.mapping().pace.statements_per_second;
        if budget > 0 && page.next.is_some() {
            tokio::time::sleep(Duration::from_secs(1) * page.statements / budget).await;
        }
        Ok((page, wrote))
    }

    async fn write(&self, turn: &mut Turn, page: &mut Page, notes: &mut Notes) -> Result<Wrote, PassError> {
        self.meet(std::mem::take(&mut page.examples));
        notes.of_page(page);
        let now = Instant::now();
        let mut news: Vec<Printed<'_>> = page.orders.iter().map(Printed::new).collect();
        news.retain(|printed| {
            let known = turn.in_step.get(&printed.order.key);
            !known
                .is_some_and(|(print, since)| *print == printed.print && now.duration_since(*since) < TRUSTED)
        });
        // a commit whose answer is lost may have happened or not
        for printed in &news {
            turn.in_step.remove(&printed.order.key);
        }
        let written = self.mirror.write(&news).await?;
        if written.changed > 0 {
            tracing::debug!(connector = %self.mirror.connector, changed = written.changed, "orders changed");
            self.found().change_at = Some(self.mirror.clock.now());
        }
        for Printed { order, print } in news {
            if order.open && !written.unknown.contains_key(&order.account) {
                turn.in_step.insert(order.key.clone(), (print, now));
            }
        }
        let wrote = Wrote { changed: written.changed as u64, unknown: written.unknown.values().sum() };
        notes.of_write(written.unknown);
        Ok(wrote)
    }

    fn meet(&self, codes: BTreeMap<String, String>) {
        let mut found = self.found();
        for (code, example) in codes {
            if found.codes.len() < MANY_CODES || found.codes.contains_key(&code) {
                found.codes.insert(code, example);
            }
        }
    }

    /// Takes orders out, and forgets that they were in step: they may come back as they were.
    async fn vanish(&self, turn: &mut Turn, gone: Vec<String>) -> Result<u64, PassError> {
        for key in &gone {
            turn.in_step.remove(key);
        }
        let gone = self.mirror.vanish(gone).await? as u64;
        if gone > 0 {
            self.found().change_at = Some(self.mirror.clock.now());
        }
        Ok(gone)
    }
}

const REMEMBERED: Duration = Duration::from_secs(5);
