//! What happened to a domain: written in the transaction of the deed, read by people, told to the tenant afterwards.

use chrono::{DateTime, Utc};
use platform_core::Conn;
use platform_core::db::{Error, TenantTx};
use platform_core::id::{DomainId, TenantId};
use serde::Serialize;
use serde_json::Value;

/// A deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum What {
    Claimed,
    Verified,
    /// Verified, and another tenant had to give the host up for it.
    Took,
    Live,
    /// Something stands in the way of the next certificate.
    Troubled,
    Recovered,
    Moved,
    Returned,
    Released,
    /// Given up for another tenant's newer proof.
    Taken,
    Expired,
    /// Given up, and its DNS still leads here.
    StillPoints,
}

/// One deed.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct Event {
    pub at: DateTime<Utc>,
    pub host: String,
    pub what: What,
    pub detail: Value,
}

/// Whose domain it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) tenant: TenantId,
    pub(super) id: DomainId,
    pub(super) host: &'a str,
}

/// Writes a deed down, in the transaction that does it.
pub(super) async fn write(
    conn: Conn<'_>,
    subject: Subject<'_>,
    what: What,
    at: DateTime<Utc>,
    detail: &Value,
) -> Result<(), Error> {
    sqlx::query(
        "insert into domain_events (tenant_id, domain_id, host, at, what, detail) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(subject.tenant)
    .bind(subject.id)
    .bind(subject.host)
    .bind(at)
    .bind(what)
    .bind(detail)
    .execute(conn)
    .await?;
    Ok(())
}

/// The deeds of a domain, oldest first.
///
/// # Errors
/// The database's answer.
pub async fn of(tx: &mut TenantTx, id: DomainId) -> Result<Vec<Event>, Error> {
    let events = sqlx::query_as(
        "select at, host, what, detail from domain_events where domain_id = $1 order by at, id limit 200",
    )
    .bind(id)
    .fetch_all(tx.conn())
    .await?;
    Ok(events)
}
