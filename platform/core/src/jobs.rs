//! Work to be done later: rows written in the transaction that causes them, claimed by workers with a lease.
//!
//! A worker claims and commits, does the work with no transaction open, then marks the row. The mark names the fence
//! of the claim, so a worker that slept past its lease cannot mark what another has taken over. A job may therefore
//! run twice: handlers are idempotent. Our own small table instead of a crate, because none of those on today's sqlx
//! carries the tenant through its rows and claims (infra/docs/adr/0001).

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::db::{Db, Error, System, TenantTx};
use crate::id::{JobId, TenantId};
use crate::random::Random;

/// How long a claim holds. Handlers must be done, or have given up, before.
const LEASE_SECONDS: i32 = 120;
const HANDLER_LIMIT: Duration = Duration::from_secs(90);
/// How many jobs a worker holds at a time. What a killed worker held runs again.
pub const BATCH: i64 = 8;
const POLL: Duration = Duration::from_secs(2);

/// A kind of work; its value is stored as JSON.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// Never renamed while rows of it exist.
    const KIND: &'static str;
    /// Then the row stays, failed, for a person to look at.
    const MAX_ATTEMPTS: i32 = 12;
}

/// Said where the error happens: is it worth trying again?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Later, with growing pauses.
    Retry(String),
    /// Never: the reason is for a person.
    Fail(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Retry(error.to_string())
    }
}

/// A claimed row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Claim {
    pub tenant_id: TenantId,
    pub id: JobId,
    pub kind: String,
    pub payload: Value,
    /// 1 at the first try.
    pub attempts: i32,
    pub max_attempts: i32,
    pub fence: i64,
}

/// Puts work into the caller's transaction: it is there if and only if the cause is. A second job with the same
/// `dedupe_key` while the first is open is the first.
///
/// # Errors
/// The database's answer.
pub async fn enqueue<J: Job>(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    job: &J,
    dedupe_key: Option<&str>,
) -> Result<(), Error> {
    let payload =
        serde_json::to_value(job).map_err(|e| Error::Corrupt { what: "job", reason: e.to_string() })?;
    let tenant = tx.tenant();
    sqlx::query(
        "with added as (
             insert into jobs (tenant_id, id, kind, payload, dedupe_key, max_attempts) values ($1, $2, $3, $4, $5, $6)
             on conflict (tenant_id, kind, dedupe_key) where done_at is null and failed_at is null do nothing)
         select pg_notify('jobs', '')",
    )
    .bind(tenant)
    .bind(JobId::new(clock, random))
    .bind(J::KIND)
    .bind(payload)
    .bind(dedupe_key)
    .bind(J::MAX_ATTEMPTS)
    .execute(tx.conn())
    .await?;
    Ok(())
}

type Outcome = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;
type Handler = Arc<dyn Fn(TenantId, Claim) -> Outcome + Send + Sync>;

/// Runs jobs of the kinds it was given.
#[derive(Clone)]
pub struct Worker {
    db: Db,
    handlers: HashMap<&'static str, Handler>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("kinds", &self.handlers.keys()).finish_non_exhaustive()
    }
}

impl Worker {
    /// A worker that knows no kind yet.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, handlers: HashMap::new() }
    }

    /// Adds a kind. The handler gets the tenant, because every job has one.
    #[must_use]
    pub fn on<J, F, Fut>(mut self, handler: F) -> Self
    where
        J: Job,
        F: Fn(TenantId, J, i32) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let handler: Handler =
            Arc::new(move |tenant, claim: Claim| match serde_json::from_value::<J>(claim.payload) {
                Ok(job) => Box::pin(handler(tenant, job, claim.attempts)),
                Err(error) => Box::pin(async move { Err(Failure::Fail(format!("payload: {error}"))) }),
            });
        self.handlers.insert(J::KIND, handler);
        self
    }

    /// Works until told to stop; jobs under way are finished first.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut hints = self.db.listen(&["jobs"]).await.ok();
        while !shutdown.is_cancelled() {
            match self.run_batch().await {
                Ok(0) => wait(&mut hints, &shutdown).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "jobs could not be claimed");
                    wait(&mut None, &shutdown).await;
                }
            }
        }
    }

    /// Claims what is due and runs it. Returns how many ran.
    ///
    /// # Errors
    /// When nothing could be claimed; a job's own failure is written to its row.
    pub async fn run_batch(&self) -> Result<usize, Error> {
        let claims = self.claim().await?;
        let count = claims.len();
        let mut running = JoinSet::new();
        for claim in claims {
            let worker = self.clone();
            running.spawn(async move { worker.run_one(claim).await });
        }
        while let Some(done) = running.join_next().await {
            if let Ok(Err(error)) = done {
                tracing::warn!(%error, "a job could not be marked; its lease will end");
            }
        }
        Ok(count)
    }

    async fn run_one(&self, claim: Claim) -> Result<(), Error> {
        let handler = self.handlers[claim.kind.as_str()].clone();
        let work = tokio::spawn(handler(claim.tenant_id, claim.clone()));
        let abort = work.abort_handle();
        let outcome = match tokio::time::timeout(HANDLER_LIMIT, work).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Failure::Retry("the handler panicked".into())),
            Err(_) => {
                abort.abort();
                Err(Failure::Retry(format!("no end within {} s", HANDLER_LIMIT.as_secs())))
            }
        };
        self.mark(&claim, outcome).await
    }

    async fn claim(&self) -> Result<Vec<Claim>, Error> {
        let kinds: Vec<&str> = self.handlers.keys().copied().collect();
        let mut tx = self.db.system(System::Jobs).await?;
        let claims = sqlx::query_as(
            "update jobs set lease_until = now() + make_interval(secs => $3), fence = fence + 1, attempts = attempts + 1
              where (tenant_id, id) in (
                    select tenant_id, id from jobs
                     where done_at is null and failed_at is null and due_at <= now() and kind = any($1)
                       and (lease_until is null or lease_until < now())
                     order by due_at limit $2 for update skip locked)
             returning tenant_id, id, kind, payload, attempts, max_attempts, fence",
        )
        .bind(kinds)
        .bind(BATCH)
        .bind(f64::from(LEASE_SECONDS))
        .fetch_all(tx.conn())
        .await?;
        tx.commit().await?;
        Ok(claims)
    }

    async fn mark(&self, claim: &Claim, outcome: Result<(), Failure>) -> Result<(), Error> {
        let mut tx = self.db.system(System::Jobs).await?;
        let (sql, reason, pause) = match outcome {
            Ok(()) => (DONE, None, 0.0),
            Err(Failure::Retry(reason)) if claim.attempts < claim.max_attempts => {
                (LATER, Some(reason), pause_seconds(claim.attempts))
            }
            Err(Failure::Retry(reason) | Failure::Fail(reason)) => (FAILED, Some(reason), 0.0),
        };
        if let Some(reason) = &reason {
            tracing::warn!(kind = claim.kind, tenant = %claim.tenant_id, attempt = claim.attempts, reason, "a job failed");
        }
        let marked = sqlx::query(sql)
            .bind(claim.tenant_id)
            .bind(claim.id)
            .bind(claim.fence)
            .bind(reason)
            .bind(pause)
            .execute(tx.conn())
            .await?;
        tx.commit().await?;
        if marked.rows_affected() == 0 {
            tracing::warn!(kind = claim.kind, id = %claim.id, "a job outlived its lease; another worker has it");
        }
        Ok(())
    }
}

// Each takes the same five parameters: tenant, id, fence, reason, pause in seconds.
const DONE: &str = "update jobs set done_at = now(), lease_until = null, last_error = $4
     where tenant_id = $1 and id = $2 and fence = $3 and done_at is null and $5::float8 >= 0";
const LATER: &str =
    "update jobs set lease_until = null, last_error = $4, due_at = now() + make_interval(secs => $5)
     where tenant_id = $1 and id = $2 and fence = $3 and done_at is null";
const FAILED: &str = "update jobs set failed_at = now(), lease_until = null, last_error = $4
     where tenant_id = $1 and id = $2 and fence = $3 and done_at is null and $5::float8 >= 0";

/// 2, 4, 8 ... seconds, an hour at most.
fn pause_seconds(attempts: i32) -> f64 {
    f64::from(2_i32.saturating_pow(attempts.clamp(1, 30).unsigned_abs()).min(3600))
}

/// Until a hint comes, the poll interval ends or the program stops.
async fn wait(hints: &mut Option<sqlx::postgres::PgListener>, shutdown: &CancellationToken) {
    let hint = async {
        match hints {
            Some(listener) => {
                let _ = listener.recv().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = hint => {}
        () = tokio::time::sleep(POLL) => {}
        () = shutdown.cancelled() => {}
    }
}
