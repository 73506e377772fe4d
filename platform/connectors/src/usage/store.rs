//! The table `connector_usage`.

use chrono::{DateTime, Utc};
use platform_core::id::ConnectorId;
use platform_core::{Error, TenantTx};
use serde_json::{Value, json};

use super::meter::{Batch, Counted};

/// What one kind of row cost in one hour.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Hour {
    pub hour: DateTime<Utc>,
    pub entity: String,
    pub statements: i64,
    pub rows_read: i64,
    pub busy_micros: i64,
    pub longest_micros: i64,
    pub connections: i32,
    pub lock_waits: i64,
    pub timeouts: i64,
    pub failures: i64,
}

/// Adds a batch to its hour.
///
/// # Errors
/// The database's answer.
pub async fn add(
    tx: &mut TenantTx,
    connector: ConnectorId,
    hour: DateTime<Utc>,
    batch: &Batch,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    let rows: Vec<Value> = batch.iter().map(|(entity, counted)| row(entity, counted)).collect();
    // `where exists`: the connector may have been deleted meanwhile
    sqlx::query(
        "insert into connector_usage as u (tenant_id, connector_id, hour, entity, statements, rows_read, busy_micros,
             longest_micros, connections, lock_waits, timeouts, failures)
         select $1, $2, $3, b.entity, b.statements, b.rows_read, b.busy_micros, b.longest_micros, b.connections,
                b.lock_waits, b.timeouts, b.failures
           from jsonb_to_recordset($4) as b(entity text, statements bigint, rows_read bigint, busy_micros bigint,
                longest_micros bigint, connections int, lock_waits bigint, timeouts bigint, failures bigint)
          where exists (select from connectors where tenant_id = $1 and id = $2)
         on conflict (tenant_id, connector_id, hour, entity) do update set
             statements = u.statements + excluded.statements, rows_read = u.rows_read + excluded.rows_read,
             busy_micros = u.busy_micros + excluded.busy_micros,
             longest_micros = greatest(u.longest_micros, excluded.longest_micros),
             connections = greatest(u.connections, excluded.connections),
             lock_waits = u.lock_waits + excluded.lock_waits, timeouts = u.timeouts + excluded.timeouts,
             failures = u.failures + excluded.failures",
    )
    .bind(tenant)
    .bind(connector)
    .bind(hour)
    .bind(Value::Array(rows))
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn row(entity: &str, counted: &Counted) -> Value {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    json!({
        "entity": entity, "statements": counted.statements, "rows_read": counted.rows,
        "busy_micros": micros(counted.busy), "longest_micros": micros(counted.longest),
        "connections": counted.connections, "lock_waits": counted.lock_waits, "timeouts": counted.timeouts,
        "failures": counted.failures,
    })
}

/// Forgets hours before `before`. Returns how many rows went.
///
/// # Errors
/// The database's answer.
pub async fn purge(tx: &mut TenantTx, connector: ConnectorId, before: DateTime<Utc>) -> Result<u64, Error> {
    let tenant = tx.tenant();
    let done =
        sqlx::query("delete from connector_usage where tenant_id = $1 and connector_id = $2 and hour < $3");
    let done = done.bind(tenant).bind(connector).bind(before).execute(tx.conn()).await?;
    Ok(done.rows_affected())
}

/// Every hour from `from` on and before `to`.
///
/// # Errors
/// The database's answer.
pub async fn hours(
    tx: &mut TenantTx,
    connector: ConnectorId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Hour>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select hour, entity, statements, rows_read, busy_micros, longest_micros, connections, lock_waits, timeouts, failures
           from connector_usage where tenant_id = $1 and connector_id = $2 and hour >= $3 and hour < $4
          order by hour, entity",
    );
    Ok(rows.bind(tenant).bind(connector).bind(from).bind(to).fetch_all(tx.conn()).await?)
}
