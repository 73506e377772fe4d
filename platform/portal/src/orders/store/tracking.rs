//! What carriers tell of an order's parcels, as `platform/connectors` keeps it.

use chrono::{DateTime, NaiveDate, Utc};
use platform_core::{Error, TenantTx};
use uuid::Uuid;

/// A checkpoint.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StopRow {
    /// `shipments.external_id`.
    pub shipment_id: String,
    pub kind: String,
    pub message: String,
    pub place: String,
    pub at: DateTime<Utc>,
    pub expected_on: Option<NaiveDate>,
    pub signed_by: Option<String>,
}

/// The checkpoints of all parcels of an order, newest first.
///
/// # Errors
/// The database's answer.
pub async fn stops(tx: &mut TenantTx, order: Uuid) -> Result<Vec<StopRow>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select shipment_id, kind, message, place, at, expected_on, signed_by from shipment_events
          where tenant_id = $1 and order_id = $2 order by at desc, id desc limit 300",
    )
    .bind(tenant)
    .bind(order)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
