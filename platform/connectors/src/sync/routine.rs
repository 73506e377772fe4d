//! The life of one connector on this node, from taking its lease to giving it back.
//!
//! Three loops beside each other: the passes, the orders that somebody looks at, and the lease. When one ends, all end.
//! A pass that fails or panics fails alone: it is written down and tried again after a pause.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use platform_core::clock::Clock;
use platform_core::random::Random;
use platform_core::secrets::Sealer;
use platform_core::{Db, Error, System};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::books::Desk;
use super::mirror::{Mirror, WriteError};
use super::notes::Notes;
use super::plan::Plan;
use super::worker::{PassError, Worker};
use super::{Live, workers};
use crate::books::Root;
use crate::mapping::Mapping;
use crate::orderflow::{Link, SqlSource};
use crate::orders::SourceError;
use crate::registry::{self, Leased, Progress};

pub(super) struct Routine {
    pub(super) db: Db,
    pub(super) sealer: Sealer,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) live: Live,
    pub(super) leased: Leased,
}

/// How often the lease is renewed; it lasts twenty seconds.
const RENEWAL: Duration = Duration::from_secs(5);
/// How often orders that somebody looks at are read.
const INTEREST: Duration = Duration::from_millis(1000);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A misfit is mended by people: in the mapping, which is noticed at once, or in the source, which is looked at this often.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

impl Routine {
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let (connector, own) = (self.leased.id, OnceLock::new());
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.keep_lease() => tracing::info!(%connector, "the lease ended or the connector changed"),
            () = self.work(&own) => {}
        }
        if let Some(worker) = own.get() {
            self.leave(worker);
            worker.link.close().await;
        }
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
            tokio::time::sleep(RENEWAL).await;
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
                Err((state, error)) => {
                    let refused = state == "refused";
                    self.fail(state, &error).await;
                    tokio::time::sleep(if refused { REFUSED_PAUSE } else { pause.next() }).await;
                }
            }
        }
    }

    async fn try_open(&self) -> Result<Worker, (&'static str, String)> {
        let refused = |error: String| ("refused", error);
        let Leased { tenant_id, id, mapping, connection_url, fence, .. } = &self.leased;
        let mapping =
            Mapping::parse(mapping).map_err(|faults| refused(SourceError::Misfit(faults).to_string()))?;
        let url = registry::opened(&self.sealer, *tenant_id, *id, connection_url);
        let url = url.map_err(|error| refused(error.to_string()))?;
        let link = Arc::new(Link::new(&url).map_err(|error| refused(error.to_string()))?);
        let source = SqlSource::open(Arc::clone(&link), mapping).await.map_err(|error| match error {
            SourceError::Misfit(_) | SourceError::Refused(_) => refused(error.to_string()),
            _ => ("failing", error.to_string()),
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

    async fn fail(&self, state: &'static str, error: &str) {
        tracing::warn!(connector = %self.leased.id, %error, state, "a connector's source is not read");
        let error = error.chars().take(1000).collect();
        self.save(&Progress { state: Some(state), error: Some(Some(error)), ..Progress::default() }).await;
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
                    self.fail("failing", &error.to_string()).await;
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
            let progress = Progress { state: Some("live"), hot_at: Some(started), ..plan.progress() };
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
        let next = worker.sweep(&step, &mut plan.sweep_notes).await?;
        let mut progress = plan.progress();
        progress.sweep = Some(next.as_ref().map_or(Value::Null, |next| serde_json::json!(next)));
        if next.is_none() {
            progress.sweep_at = Some(worker.clock().now());
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
