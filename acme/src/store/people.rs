//! What people see of an order, and what they may do to it.

use chrono::{DateTime, Utc};
use platform_core::db::{Error, SystemTx};
use sqlx::types::Json;

use crate::budget::Lane;
use crate::order::Step;
use crate::verdict::Failure;

/// The state of the newest order of a host, for people.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Progress {
    pub host: String,
    pub step: Step,
    pub lane: Lane,
    /// The authority's directory.
    pub directory: String,
    pub attempts: i32,
    /// When the issuer looks again.
    pub due: DateTime<Utc>,
    /// Newest last.
    pub errors: Json<Vec<Failure>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// The newest order of a host.
///
/// # Errors
/// The database's answer.
pub async fn progress(tx: &mut SystemTx, host: &str) -> Result<Option<Progress>, Error> {
    let row = sqlx::query_as(
        "select host, step, lane, directory, attempts, due, errors, finished_at from acme_orders where host = $1
          order by created_at desc, id desc limit 1",
    )
    .bind(host)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// Makes a waiting order due now, ahead of imports: somebody has mended the reason and pressed the button. The limit on
/// failures of a name stands.
///
/// # Errors
/// The database's answer.
pub async fn retry_now(tx: &mut SystemTx, host: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query(
        "update acme_orders set due = $2, lane = least(lane, 1::smallint)
          where host = $1 and step not in ('done', 'dropped') and (due > $2 or lane > 1)",
    )
    .bind(host)
    .bind(now)
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 {
        sqlx::query("select pg_notify('acme_orders', $1)").bind(host).execute(tx.conn()).await?;
    }
    Ok(done.rows_affected() == 1)
}
