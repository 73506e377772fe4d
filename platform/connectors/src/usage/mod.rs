//! What reading a source costs it: counted beside each statement, written in batches, kept for 90 days.
//!
//! `meter` counts in memory, `store` owns the table `connector_usage`, `month` and `words` tell the source's owner. Whoever reads a source has a meter: the
//! sync, and the dry run.

mod meter;
mod month;
pub mod store;
pub mod words;

use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use platform_core::clock::Clock;
use platform_core::id::{ConnectorId, TenantId};
use platform_core::{Db, Error, Scope, TenantTx};
use serde::Serialize;

pub(crate) use meter::Ended;
pub use meter::{Batch, Counted, Meter};
pub use month::{Month, MonthReport, Reading, month};
pub use store::Hour;

/// How long hours are kept.
pub const KEPT: TimeDelta = TimeDelta::days(90);

/// What was used of a source within a span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Used {
    /// The span begins at a whole hour.
    pub since: DateTime<Utc>,
    pub statements: i64,
    pub rows: i64,
    /// Time that its statements took, all together.
    pub seconds: f64,
    pub longest_seconds: f64,
    /// Open at once, at most: those of the sync, and one more in an hour with a dry run.
    pub connections: i32,
    pub lock_waits: i64,
    pub timeouts: i64,
    pub failures: i64,
}

impl Used {
    /// The sum of these hours.
    #[must_use]
    pub fn of<'a>(since: DateTime<Utc>, hours: impl Iterator<Item = &'a Hour>) -> Self {
        let mut used = Self { since, ..Self::default() };
        let (mut sync, mut dry_runs) = (0, 0);
        for hour in hours {
            used.statements += hour.statements;
            used.rows += hour.rows_read;
            used.seconds += seconds(hour.busy_micros);
            used.longest_seconds = used.longest_seconds.max(seconds(hour.longest_micros));
            used.lock_waits += hour.lock_waits;
            used.timeouts += hour.timeouts;
            used.failures += hour.failures;
            let most = if hour.entity == DRY_RUN { &mut dry_runs } else { &mut sync };
            *most = hour.connections.max(*most);
        }
        used.connections = sync + dry_runs;
        used
    }
}

/// What a dry run counts everything as.
pub(crate) const DRY_RUN: &str = "dry_run";

pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// The whole hour that a moment lies in.
#[must_use]
pub fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

/// What was used since the hour before this one began, and since this hour of yesterday began.
///
/// # Errors
/// The database's answer.
pub async fn lately(
    tx: &mut TenantTx,
    connector: ConnectorId,
    now: DateTime<Utc>,
) -> Result<(Used, Used), Error> {
    let (hour, day) = (hour_of(now - TimeDelta::hours(1)), hour_of(now - TimeDelta::days(1)));
    let hours = store::hours(tx, connector, day, now + TimeDelta::hours(1)).await?;
    let last = hours.iter().filter(|row| row.hour >= hour);
    Ok((Used::of(hour, last), Used::of(day, hours.iter())))
}

/// Writes what a meter counted, and once an hour forgets what is too old.
pub(crate) struct Account {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tenant: TenantId,
    pub(crate) connector: ConnectorId,
    pub(crate) meter: Arc<Meter>,
    purged: std::sync::Mutex<Option<DateTime<Utc>>>,
}

impl Account {
    pub(crate) fn new(db: Db, clock: Arc<dyn Clock>, tenant: TenantId, connector: ConnectorId) -> Self {
        Self { db, clock, tenant, connector, meter: Arc::default(), purged: std::sync::Mutex::default() }
    }

    /// Never fails: what could not be written is counted with the next batch. Gives what was used since the last time.
    pub(crate) async fn settle(&self) -> Counted {
        let batch = self.meter.take();
        let mut sum = Counted::default();
        batch.values().for_each(|counted| sum.add(counted));
        if batch.is_empty() {
            return sum;
        }
        if let Err(error) = self.write(&batch).await {
            tracing::warn!(connector = %self.connector, %error, "what was used of a source was not written");
            self.meter.put_back(batch);
        }
        sum
    }

    async fn write(&self, batch: &Batch) -> Result<(), Error> {
        let hour = hour_of(self.clock.now());
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        store::add(&mut tx, self.connector, hour, batch).await?;
        let is_new =
            self.purged.lock().unwrap_or_else(std::sync::PoisonError::into_inner).replace(hour) != Some(hour);
        if is_new {
            store::purge(&mut tx, self.connector, hour - KEPT).await?;
        }
        tx.commit().await
    }
}
