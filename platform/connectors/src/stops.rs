//! The kill switch of a connector: nobody sends its source a statement until somebody resumes.
//!
//! An open row of `connector_stops` is the switch. Everybody who would send a statement heeds it: the runner takes no
//! lease of a stopped connector and drops the one it has (`sync::halt`), a page that opens an order finds no worker, a dry
//! run is refused or broken off, and doors that write into an inbox table of the tenant wait. Nothing is lost: what was
//! read stays with its age, what customers ask for waits.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use platform_core::id::{self, ConnectorId, TenantId};
use platform_core::random::Random;
use platform_core::{Db, Error, Scope, SystemTx, TenantTx, audit};
use serde::Serialize;
use serde_json::json;

use crate::author::Author;

/// Reading was stopped by somebody, and perhaps resumed by somebody.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Stop {
    pub stopped_at: DateTime<Utc>,
    pub stopped_by: String,
    pub reason: String,
    pub resumed_at: Option<DateTime<Utc>>,
    pub resumed_by: Option<String>,
}

/// Where nodes hear of stops, and of other changes of a connector, at once.
pub(crate) const CHANNEL: &str = "connectors";
/// How soon a stop is noticed where the hint is lost.
pub(crate) const LOOK: Duration = Duration::from_millis(500);
/// The longest reason, in characters.
pub const LONGEST_REASON: usize = 500;

/// Stops a connector from this commit on; one that is stopped already stays so, with the reason it has. `reason` is
/// trimmed and must not be empty. False when there is no such connector.
///
/// # Errors
/// The database's answer.
pub async fn stop(
    tx: &mut TenantTx,
    (clock, random): (&dyn Clock, &dyn Random),
    connector: ConnectorId,
    by: Author<'_>,
    reason: &str,
) -> Result<bool, Error> {
    let tenant = tx.tenant();
    // The fence makes whatever is being written the last: its writer has no lease any more.
    let known = sqlx::query(
        "update connectors set fence = fence + 1, lease_until = null where tenant_id = $1 and id = $2",
    );
    if known.bind(tenant).bind(connector).execute(tx.conn()).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let reason: String = reason.trim().chars().take(LONGEST_REASON).collect();
    let done = sqlx::query(
        "insert into connector_stops (tenant_id, id, connector_id, stopped_at, stopped_by, reason)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id, connector_id) where resumed_at is null do nothing",
    )
    .bind(tenant)
    .bind(id::uuid(clock, random))
    .bind(connector)
    .bind(clock.now())
    .bind(by.stored())
    .bind(&reason)
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 {
        record(tx, (clock, random), connector, by, "stopped", &reason).await?;
        hint(tx, connector).await?;
    }
    Ok(true)
}

/// Lets a connector be read again. False when it was not stopped.
///
/// # Errors
/// The database's answer.
pub async fn resume(
    tx: &mut TenantTx,
    (clock, random): (&dyn Clock, &dyn Random),
    connector: ConnectorId,
    by: Author<'_>,
) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update connector_stops set resumed_at = $3, resumed_by = $4
          where tenant_id = $1 and connector_id = $2 and resumed_at is null",
    );
    let done = done.bind(tenant).bind(connector).bind(clock.now()).bind(by.stored());
    if done.execute(tx.conn()).await?.rows_affected() == 0 {
        return Ok(false);
    }
    record(tx, (clock, random), connector, by, "resumed", "").await?;
    hint(tx, connector).await?;
    Ok(true)
}

async fn record(
    tx: &mut TenantTx,
    (clock, random): (&dyn Clock, &dyn Random),
    connector: ConnectorId,
    by: Author<'_>,
    action: &'static str,
    reason: &str,
) -> Result<(), Error> {
    let entry = audit::Entry {
        actor: by.actor(),
        customer: None,
        action,
        object_kind: "connector",
        object_id: &connector.to_string(),
        detail: json!({ "by": by.stored(), "reason": reason }),
    };
    audit::record(tx, clock, random, &entry).await
}

/// Tells all nodes, when the transaction commits, that something about a connector has changed.
pub(crate) async fn hint(tx: &mut TenantTx, connector: ConnectorId) -> Result<(), Error> {
    sqlx::query("select pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(connector.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The stop of a connector that is open now.
///
/// # Errors
/// The database's answer.
pub async fn open(tx: &mut TenantTx, connector: ConnectorId) -> Result<Option<Stop>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select stopped_at, stopped_by, reason, resumed_at, resumed_by from connector_stops
          where tenant_id = $1 and connector_id = $2 and resumed_at is null",
    );
    Ok(row.bind(tenant).bind(connector).fetch_optional(tx.conn()).await?)
}

/// Any stop of the tenant that is open now. An inbox table may lie in any of its systems, so its doors heed all.
///
/// # Errors
/// The database's answer.
pub async fn any(tx: &mut TenantTx) -> Result<Option<Stop>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select stopped_at, stopped_by, reason, resumed_at, resumed_by from connector_stops
          where tenant_id = $1 and resumed_at is null order by stopped_at limit 1",
    );
    Ok(row.bind(tenant).fetch_optional(tx.conn()).await?)
}

/// The stops of a connector that were open at any moment of a span, oldest first.
///
/// # Errors
/// The database's answer.
pub async fn within(
    tx: &mut TenantTx,
    connector: ConnectorId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Stop>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select stopped_at, stopped_by, reason, resumed_at, resumed_by from connector_stops
          where tenant_id = $1 and connector_id = $2 and stopped_at < $4 and coalesce(resumed_at, 'infinity') >= $3
          order by stopped_at",
    );
    Ok(rows.bind(tenant).bind(connector).bind(from).bind(to).fetch_all(tx.conn()).await?)
}

/// Every connector that is stopped now, of all tenants.
pub(crate) async fn everywhere(tx: &mut SystemTx) -> Result<BTreeSet<ConnectorId>, Error> {
    let rows: Vec<ConnectorId> =
        sqlx::query_scalar("select connector_id from connector_stops where resumed_at is null")
            .fetch_all(tx.conn())
            .await?;
    Ok(rows.into_iter().collect())
}

/// Ends when something of the tenant is stopped.
pub(crate) async fn until_any(db: &Db, tenant: TenantId) -> Stop {
    look_until(db, tenant, None).await
}

/// Ends when a connector is stopped.
pub(crate) async fn until(db: &Db, tenant: TenantId, connector: ConnectorId) -> Stop {
    look_until(db, tenant, Some(connector)).await
}

/// Trouble of our own database stops nothing.
async fn look_until(db: &Db, tenant: TenantId, connector: Option<ConnectorId>) -> Stop {
    loop {
        tokio::time::sleep(LOOK).await;
        let look = async {
            let mut tx = db.tenant(Scope::tenant(tenant)).await?;
            match connector {
                Some(connector) => open(&mut tx, connector).await,
                None => any(&mut tx).await,
            }
        };
        match look.await {
            Ok(Some(stop)) => return stop,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "stops could not be looked for"),
        }
    }
}
