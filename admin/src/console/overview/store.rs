//! What waits, counted.

use chrono::{DateTime, Utc};
use platform_core::{Error, TenantTx};

/// Open requests in one state.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Open {
    pub(super) state: String,
    pub(super) number: i64,
    /// Of these, whose hand-over has failed.
    pub(super) failed: i64,
    /// Of these, unchanged for two days.
    pub(super) old: i64,
    pub(super) oldest: DateTime<Utc>,
}

/// Requests of all customers that nobody has decided.
pub(super) async fn open_requests(tx: &mut TenantTx) -> Result<Vec<Open>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select state, count(*) as number, count(last_error) as failed,
                count(*) filter (where changed_at < now() - interval '2 days') as old, min(changed_at) as oldest
           from requests
          where tenant_id = $1 and state in ('awaiting_approval', 'submitted', 'handed_over') group by state",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
