//! The life of one connector on this node, from taking its lease to giving it back.
//!
//! Three loops beside each other: the passes, the orders that somebody looks at, and the lease. When one ends, all end.
//! A pass that fails or panics fails alone: it is written down and tried again after a pause.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use platform_core::clock::Clock;
use platform_core::random::Random;
use platform_core::secrets::Sealer;
use platform_core::{Db, Error, Scope, System};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::books::Desk;
use super::halt::Halts;
use super::mirror::{Mirror, WriteError};
use super::notes::Notes;
use super::plan::Plan;
use super::worker::{PassError, Worker};
use super::{Live, workers};
use crate::books::Root;
use crate::health::{TroubleKind, codes};
use crate::mapping::Mapping;
use crate::orderflow::{Limits, Link, SqlSource};
use crate::orders::SourceError;
use crate::registry::{self, Failure, Leased, Progress};
use crate::usage::Account;

pub(super) struct Routine {
    pub(super) db: Db,
    pub(super) sealer: Sealer,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) live: Live,
    pub(super) account: Account,
    pub(super) halts: Halts,
    pub(super) leased: Leased,
}

/// How often the lease is renewed; it lasts twenty seconds.
const RENEWAL: Duration = Duration::from_secs(5);
/// How often orders that somebody looks at are read.
const INTEREST: Duration = Duration::from_millis(1000);
/// How often what was used of the source is written down.
const ACCOUNT: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A misfit is mended by people: in the mapping, which is noticed at once, or in the source, which is looked at this often.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

impl Routine {
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let (connector, own) = (self.leased.id, OnceLock::new());
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.halts.until_stopped(connector) => tracing::info!(%connector, "reading was stopped"),
            () = self.keep_account() => {}
            () = self.keep_lease() => tracing::info!(%connector, "the lease ended or the connector changed"),
            () = self.work(&own) => {}
        }
        if let Some(worker) = own.get() {
            self.leave(worker);
            worker.link.close().await;
        }
        self.settle(own.get().map(Arc::as_ref)).await;
        if let Err(error) = self.release().await {
            tracing::warn!(%connector, %error, "the lease could not be given back and ends by itself");
        }
    }

    /// After a change the next routine may have begun on this node before we have ended; its worker is not ours to take.
    fn leave(&self, own: &Arc<Worker>) {
        let mut live = workers(&self.live);
        if live.get(&self.leased.id).is_some_and(|worker| Arc::ptr_eq(worker, own)) {
            live.remove(&self.leased.id);
        }
    }

    async fn release(&self) -> Result<(), Error> {
        let mut tx = self.db.system(System::Sync).await?;
        registry::release(&mut tx, &self.leased).await?;
        tx.commit().await
    }

    /// Ends when the lease is lost. Our database being away for a moment is no loss yet: writes are fenced.
    async fn keep_lease(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(RENEWAL) => {}
                () = self.halts.until_changed() => {}
            }
            match self.renew().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(connector = %self.leased.id, %error, "the lease was not renewed");
                }
            }
        }
    }

    async fn renew(&self) -> Result<bool, Error> {
        let mut tx = self.db.system(System::Sync).await?;
        let kept = registry::renew(&mut tx, &self.leased).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Writes down now and then what was used of the source.
    async fn keep_account(&self) {
        loop {
            tokio::time::sleep(ACCOUNT).await;
            let worker = workers(&self.live).get(&self.leased.id).cloned();
            self.settle(worker.as_deref()).await;
        }
    }

    async fn settle(&self, worker: Option<&Worker>) {
        self.account.settle().await;
        let codes = worker.map(Worker::take_codes).unwrap_or_default();
        if codes.is_empty() {
            return;
        }
        let written = async {
            let mut tx = self.db.tenant(Scope::tenant(self.leased.tenant_id)).await?;
            codes::met(&mut tx, self.leased.id, self.clock.now(), &codes).await?;
            tx.commit().await
        };
        // They will be met again.
        if let Err(error) = written.await {
            tracing::warn!(connector = %self.leased.id, %error, "unmapped codes were not written down");
        }
    }

    async fn work(&self, own: &OnceLock<Arc<Worker>>) {
        let opened = Arc::new(self.open().await);
        let worker = Arc::clone(own.get_or_init(|| opened));
        workers(&self.live).insert(self.leased.id, Arc::clone(&worker));
        if self.leased.last_sweep_at.is_none() && self.leased.watermark.is_none() {
            self.save(&Progress { state: Some("loading"), ..Progress::default() }).await;
        }
        tokio::select! {
            () = self.passes(&worker) => {}
            () = look_at_watched(&worker) => {}
        }
    }

    /// Connects, and says why not as long as it does not.
    async fn open(&self) -> Worker {
        let mut pause = Pause::new();
        loop {
            match self.try_open().await {
                Ok(worker) => return worker,
                Err((state, kind, error)) => {
                    let refused = state == "refused";
                    self.fail(state, kind, &error, None).await;
                    tokio::time::sleep(if refused { REFUSED_PAUSE } else { pause.next() }).await;
                }
            }
        }
    }

    async fn try_open(&self) -> Result<Worker, (&'static str, TroubleKind, String)> {
        let refused = |kind: TroubleKind, error: String| ("refused", kind, error);
        let Leased { tenant_id, id, mapping, connection_url, fence, .. } = &self.leased;
        let mapping = Mapping::parse(mapping)
            .map_err(SourceError::Misfit)
            .map_err(|error| refused(TroubleKind::of(&error), error.to_string()))?;
        let url = registry::opened(&self.sealer, *tenant_id, *id, connection_url);
        let url = url.map_err(|error| refused(TroubleKind::Address, error.to_string()))?;
        let link = Link::limited(&url, Limits::default(), Arc::clone(&self.account.meter));
        let link = Arc::new(link.map_err(|error| refused(TroubleKind::Address, error.to_string()))?);
        let source = SqlSource::open(Arc::clone(&link), mapping).await.map_err(|error| match error {
            SourceError::Misfit(_) | SourceError::Refused(_) => {
                refused(TroubleKind::of(&error), error.to_string())
            }
            _ => ("failing", TroubleKind::of(&error), error.to_string()),
        })?;
        let mirror = Mirror {
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            tenant: *tenant_id,
            connector: *id,
            fence: *fence,
        };
        Ok(Worker::new(source, mirror, link))
    }

    async fn fail(&self, state: &'static str, kind: TroubleKind, error: &str, tripped: Option<Duration>) {
        tracing::warn!(connector = %self.leased.id, %error, state, "a connector's source is not read");
        let text = error.chars().take(1000).collect();
        let breaker_until =
            tripped.and_then(|pause| Some(self.clock.now() + TimeDelta::from_std(pause).ok()?));
        let error = Some(Some(Failure { kind, text, breaker_until }));
        self.save(&Progress { state: Some(state), error, ..Progress::default() }).await;
    }

    async fn save(&self, progress: &Progress) {
        let saved = async {
            let mut tx = self.db.system(System::Sync).await?;
            registry::save(&mut tx, &self.leased, progress).await?;
            tx.commit().await
        };
        if let Err(error) = saved.await {
            tracing::warn!(connector = %self.leased.id, %error, "a connector's state was not stored");
        }
    }

    /// Hot, watermark and sweep by turns, each when it is due.
    async fn passes(&self, worker: &Worker) {
        let mut plan = Plan::new(&self.leased, worker.source.mapping(), worker.clock().now());
        let mut pause = Pause::new();
        loop {
            let turn = AssertUnwindSafe(self.one_round(worker, &mut plan)).catch_unwind().await;
            match turn.unwrap_or_else(|panic| Err(PassError::Panic(panic_text(&*panic)))) {
                Ok(rest) => {
                    pause = Pause::new();
                    tokio::time::sleep(rest).await;
                }
                Err(PassError::Write(WriteError::LeaseLost)) => return,
                Err(error) => {
                    plan.failed = true;
                    let tripped = worker.link.tripped_for();
                    self.fail("failing", error.kind(), &error.to_string(), tripped).await;
                    tokio::time::sleep(pause.next()).await;
                    // A table or right was taken away: opening anew names it by the mapping's key.
                    if matches!(error, PassError::Source(SourceError::Refused(_))) {
                        return;
                    }
                }
            }
        }
    }

    /// Does what is due and returns how long nothing will be.
    async fn one_round(&self, worker: &Worker, plan: &mut Plan) -> Result<Duration, PassError> {
        let pace = &worker.source.mapping().pace;
        if plan.hot_due <= Instant::now() {
            let started = worker.clock().now();
            let mut notes = Notes::default();
            let began = Instant::now();
            worker.hot(&mut notes).await?;
            // A pass rests at least as long as it took: the source breathes, and watermark and sweep get their turns.
            plan.hot_due = Instant::now() + pace.hot.max(began.elapsed()).min(LONGEST_PAUSE);
            plan.hot_notes = notes;
            worker.mirror.forget_interest().await?;
            let change_at = worker.take_change();
            let progress =
                Progress { state: Some("live"), hot_at: Some(started), change_at, ..plan.progress() };
            self.save(&progress).await;
            if self.sweep_is_requested().await? {
                plan.sweep_due = Instant::now();
                plan.books.request();
            }
        }
        if plan.watermark_due <= Instant::now() {
            let now = worker.clock().now();
            plan.watermark_due = Instant::now() + pace.watermark;
            let mark = worker.changes(plan.watermark.as_deref(), now, &mut plan.sweep_notes).await?;
            plan.watermark.clone_from(&mark);
            self.save(&Progress { watermark: mark, watermark_at: Some(now), ..Progress::default() }).await;
        }
        if plan.sweep_due <= Instant::now() {
            self.sweep_step(worker, plan).await?;
        }
        self.books_step(worker, plan).await?;
        Ok(plan.rest())
    }

    /// One page of the books, then a rest as long as the budget says.
    async fn books_step(&self, worker: &Worker, plan: &mut Plan) -> Result<(), PassError> {
        if plan.books.due().is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        let root = self.leased.documents_root.as_deref().map(|root| Root::new(Path::new(root)));
        let desk = Desk { source: &worker.source, mirror: &worker.mirror, root: root.as_ref() };
        let statements = plan.books.step(&desk).await?;
        if let Some(books) = plan.books.news() {
            self.save(&Progress { books: Some(books), ..Progress::default() }).await;
        }
        let budget = worker.source.mapping().pace.statements_per_second;
        if budget > 0 {
            tokio::time::sleep(Duration::from_secs(1) * statements / budget).await;
        }
        Ok(())
    }

    async fn sweep_step(&self, worker: &Worker, plan: &mut Plan) -> Result<(), PassError> {
        if plan.sweep.is_none() {
            plan.sweep_notes = Notes::default();
        }
        let step = plan.sweep.clone().unwrap_or_default();
        let (next, found) = worker.sweep(&step, &mut plan.sweep_notes).await?;
        let mut progress = plan.progress();
        progress.sweep = Some(next.as_ref().map_or(Value::Null, |next| serde_json::json!(next)));
        if next.is_none() {
            progress.sweep_at = Some(worker.clock().now());
            progress.swept = Some(serde_json::json!(found));
            plan.sweep_due = Instant::now() + worker.source.mapping().pace.sweep;
        }
        plan.sweep = next;
        self.save(&progress).await;
        Ok(())
    }

    async fn sweep_is_requested(&self) -> Result<bool, PassError> {
        let mut tx = self.db.system(System::Sync).await?;
        let requested = registry::take_sweep_request(&mut tx, &self.leased).await?;
        tx.commit().await?;
        Ok(requested)
    }
}

/// A pause that doubles.
struct Pause(Duration);

impl Pause {
    fn new() -> Self {
        Self(Duration::from_millis(500))
    }

    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// Reads what somebody looks at, at most once a second, while the source is well. Failures are the passes' to report.
async fn look_at_watched(worker: &Worker) {
    loop {
        tokio::time::sleep(INTEREST).await;
        if worker.link.is_tripped() {
            continue;
        }
        let look = async {
            let keys = worker.mirror.watched_keys().await?;
            worker.refresh(keys, &mut Notes::default()).await
        };
        match AssertUnwindSafe(look).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "watched orders were not read"),
            Err(panic) => tracing::error!(error = panic_text(&*panic), "reading watched orders panicked"),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown").to_owned()
}
