//! The table `connector_codes`: when a code that the mapping does not know was met, and on which order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use platform_core::id::ConnectorId;
use platform_core::{Error, TenantTx};
use serde_json::json;

/// A code with its story.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Met {
    pub(super) code: String,
    pub(super) example: String,
    pub(super) first_seen_at: DateTime<Utc>,
    pub(super) last_seen_at: DateTime<Utc>,
}

/// Notes that these codes were met just now, each with the number of an order that bears it.
pub(crate) async fn met(
    tx: &mut TenantTx,
    connector: ConnectorId,
    at: DateTime<Utc>,
    codes: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    let rows: Vec<_> =
        codes.iter().map(|(code, example)| json!({ "code": code, "example": example })).collect();
    sqlx::query(
        "insert into connector_codes as c (tenant_id, connector_id, code, example, first_seen_at, last_seen_at)
         select $1, $2, met.code, met.example, $3, $3 from jsonb_to_recordset($4) as met(code text, example text)
          where exists (select from connectors where tenant_id = $1 and id = $2)
         on conflict (tenant_id, connector_id, code) do update set
             example = excluded.example, last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at)",
    )
    .bind(tenant)
    .bind(connector)
    .bind(at)
    .bind(serde_json::Value::Array(rows))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// All that was ever met.
pub(super) async fn of(tx: &mut TenantTx, connector: ConnectorId) -> Result<Vec<Met>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select code, example, first_seen_at, last_seen_at from connector_codes
          where tenant_id = $1 and connector_id = $2 order by code",
    );
    Ok(rows.bind(tenant).bind(connector).fetch_all(tx.conn()).await?)
}
