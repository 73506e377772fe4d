//! The table `connectors`: adding one, changing it, how it fares; and the lease that makes one node its runner.

use chrono::{DateTime, Utc};
use platform_core::id::{ConnectorId, TenantId};
use platform_core::secrets::{Binding, Sealer};
use platform_core::{Error, SystemTx, TenantTx};
use serde_json::Value;
use uuid::Uuid;

use crate::author::Author;
use crate::health::TroubleKind;
use crate::{editing, stops};

/// What an operator gives for a link to an order system.
#[derive(Debug)]
pub struct NewConnector<'a> {
    pub id: ConnectorId,
    pub name: &'a str,
    /// TOML, see `infra/docs/mapping.md`.
    pub mapping: &'a str,
    /// `postgres://...`; sealed before it is stored.
    pub url: &'a str,
}

/// A connector without its secret.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Connector {
    pub id: ConnectorId,
    pub name: String,
    pub mapping: String,
    /// Which version of the mapping that is.
    pub mapping_version: Option<i32>,
    pub enabled: bool,
    /// `new`, `loading`, `live`, `failing` or `refused`.
    pub state: String,
    /// Every open order was read at this moment or later.
    pub data_as_of: Option<DateTime<Utc>>,
    pub last_hot_at: Option<DateTime<Utc>>,
    pub last_watermark_at: Option<DateTime<Utc>>,
    /// None while the history is still being loaded.
    pub last_sweep_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    pub failed_since: Option<DateTime<Utc>>,
    /// Status codes that the mapping does not know: `{"Q": 3}`.
    pub unmapped: Value,
    /// Accounts that no customer has: `{"MERGED": 1}`.
    pub unknown_accounts: Value,
    pub warnings: Value,
    /// How far each entity of the books is read: `{"invoice": {"swept_at": .., "error": ..}}`.
    pub books: Value,
}

/// Adds a connector, or changes the one of that name; a running sync starts anew when there is something new.
///
/// # Errors
/// The database's answer.
pub async fn put(tx: &mut TenantTx, sealer: &Sealer, new: &NewConnector<'_>) -> Result<ConnectorId, Error> {
    let tenant = tx.tenant();
    let known: Option<(ConnectorId, String, Vec<u8>)> = sqlx::query_as(
        "select id, mapping, connection_url from connectors where tenant_id = $1 and name = $2 for update",
    )
    .bind(tenant)
    .bind(new.name)
    .fetch_optional(tx.conn())
    .await?;
    let id = known.as_ref().map_or(new.id, |(id, ..)| *id);
    if let Some((_, mapping, sealed)) = &known
        && mapping == new.mapping
        && opened(sealer, tenant, id, sealed).is_ok_and(|url| url == new.url)
    {
        set_enabled(tx, id, true).await?;
        return Ok(id);
    }
    let sealed = sealer.seal(&binding(tenant, id), new.url.as_bytes());
    sqlx::query(
        "insert into connectors (tenant_id, id, kind, name, mapping, connection_url)
         values ($1, $2, 'orders', $3, $4, $5)
         on conflict (tenant_id, id) do update set mapping = excluded.mapping, connection_url = excluded.connection_url,
             revision = connectors.revision + 1, enabled = true, lease_until = null, last_error = null, last_error_kind = null,
             failed_since = null, breaker_until = null,
             sweep_requested_at = now()",
    )
    .bind(tenant)
    .bind(id)
    .bind(new.name)
    .bind(new.mapping)
    .bind(&sealed)
    .execute(tx.conn())
    .await?;
    let by = Author::operator("connector add");
    if let Some(saved) = editing::save(tx, id, new.mapping, "", by).await? {
        editing::put_active(tx, id, saved.version, by).await?;
    }
    stops::hint(tx, id).await?;
    Ok(id)
}

/// Says where on this machine the documents lie that the source names by their path. An operator's word: a mapping cannot
/// say it, or whoever writes one could read any file.
///
/// # Errors
/// The database's answer.
pub async fn set_documents_root(
    tx: &mut TenantTx,
    id: ConnectorId,
    folder: Option<&str>,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update connectors set documents_root = $3, revision = revision + 1, lease_until = null
          where tenant_id = $1 and id = $2 and documents_root is distinct from $3",
    )
    .bind(tenant)
    .bind(id)
    .bind(folder)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// All connectors of the tenant.
///
/// # Errors
/// The database's answer.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Connector>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select id, name, mapping, mapping_version, enabled, state, data_as_of, last_hot_at, last_watermark_at, last_sweep_at, last_error,
                failed_since, unmapped, unknown_accounts, warnings, books
           from connectors where tenant_id = $1 order by name",
    );
    Ok(rows.bind(tenant).fetch_all(tx.conn()).await?)
}

/// The address of a connector, opened; for the dry run.
///
/// # Errors
/// [`Error::Secret`] when it cannot be opened; else the database's answer.
pub async fn url(tx: &mut TenantTx, sealer: &Sealer, id: ConnectorId) -> Result<Option<String>, Error> {
    let tenant = tx.tenant();
    let sealed: Option<Vec<u8>> =
        sqlx::query_scalar("select connection_url from connectors where tenant_id = $1 and id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    sealed.map(|sealed| opened(sealer, tenant, id, &sealed)).transpose()
}

/// Switches a connector on or off. What was read stays and is shown with its age.
///
/// # Errors
/// The database's answer.
pub async fn set_enabled(tx: &mut TenantTx, id: ConnectorId, enabled: bool) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query("update connectors set enabled = $3 where tenant_id = $1 and id = $2");
    Ok(done.bind(tenant).bind(id).bind(enabled).execute(tx.conn()).await?.rows_affected() == 1)
}

/// Asks for a full sweep now: after customers were added, or when somebody doubts.
///
/// # Errors
/// The database's answer.
pub async fn request_sweep(tx: &mut TenantTx, id: ConnectorId) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done =
        sqlx::query("update connectors set sweep_requested_at = now() where tenant_id = $1 and id = $2");
    Ok(done.bind(tenant).bind(id).execute(tx.conn()).await?.rows_affected() == 1)
}

/// A connector that this node may run now.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Leased {
    pub(crate) tenant_id: TenantId,
    pub(crate) id: ConnectorId,
    pub(crate) mapping: String,
    pub(crate) connection_url: Vec<u8>,
    pub(crate) revision: i64,
    pub(crate) fence: i64,
    pub(crate) watermark: Option<String>,
    pub(crate) sweep: Option<Value>,
    pub(crate) last_sweep_at: Option<DateTime<Utc>>,
    pub(crate) books: Value,
    pub(crate) documents_root: Option<String>,
}

/// Takes the lease of every enabled connector that nobody holds. The database's clock decides, not ours.
pub(crate) async fn claim(tx: &mut SystemTx, holder: Uuid) -> Result<Vec<Leased>, Error> {
    let rows = sqlx::query_as(
        "update connectors c set lease_holder = $1, lease_until = now() + interval '20 seconds', fence = fence + 1
           from (select tenant_id, id from connectors
                  where enabled and (lease_until is null or lease_until < now())
                    and not exists (select from connector_stops s where s.tenant_id = connectors.tenant_id
                                       and s.connector_id = connectors.id and s.resumed_at is null)
                  for update skip locked) free
          where c.tenant_id = free.tenant_id and c.id = free.id
            and exists (select from tenants t where t.id = c.tenant_id and t.status = 'active')
          returning c.tenant_id, c.id, c.mapping, c.connection_url, c.revision, c.fence, c.watermark, c.sweep, c.last_sweep_at,
                    c.books, c.documents_root",
    );
    Ok(rows.bind(holder).fetch_all(tx.conn()).await?)
}

/// Keeps the lease; false when it is gone, or when the connector was changed or switched off.
pub(crate) async fn renew(tx: &mut SystemTx, leased: &Leased) -> Result<bool, Error> {
    let done = sqlx::query(
        "update connectors set lease_until = now() + interval '20 seconds'
          where tenant_id = $1 and id = $2 and fence = $3 and revision = $4 and enabled and lease_until is not null",
    );
    let done = done.bind(leased.tenant_id).bind(leased.id).bind(leased.fence).bind(leased.revision);
    Ok(done.execute(tx.conn()).await?.rows_affected() == 1)
}

/// Gives the lease back at once, so that another node need not wait for it to end.
pub(crate) async fn release(tx: &mut SystemTx, leased: &Leased) -> Result<(), Error> {
    sqlx::query("update connectors set lease_until = null where tenant_id = $1 and id = $2 and fence = $3")
        .bind(leased.tenant_id)
        .bind(leased.id)
        .bind(leased.fence)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Why a source is not read.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: TroubleKind,
    pub(crate) text: String,
    /// When readers that cannot wait will try again.
    pub(crate) breaker_until: Option<DateTime<Utc>>,
}

/// What a pass leaves behind; fields that are none stay as they are.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) state: Option<&'static str>,
    /// `Some(None)` clears it.
    pub(crate) error: Option<Option<Failure>>,
    pub(crate) hot_at: Option<DateTime<Utc>>,
    pub(crate) watermark_at: Option<DateTime<Utc>>,
    pub(crate) watermark: Option<String>,
    pub(crate) sweep_at: Option<DateTime<Utc>>,
    /// JSON `null` when no sweep is under way.
    pub(crate) sweep: Option<Value>,
    /// What a sweep that ended has found.
    pub(crate) swept: Option<Value>,
    /// Our copy last changed.
    pub(crate) change_at: Option<DateTime<Utc>>,
    /// How far the books are read.
    pub(crate) books: Option<Value>,
    /// `unmapped`, `unknown_accounts`, `warnings`.
    pub(crate) notes: Option<[Value; 3]>,
}

/// Stores the progress under the fence, and answers whether a sweep was asked for since `sweep_seen`.
pub(crate) async fn save(tx: &mut SystemTx, leased: &Leased, progress: &Progress) -> Result<(), Error> {
    let [unmapped, unknown, warnings] =
        progress.notes.clone().map_or([None, None, None], |notes| notes.map(Some));
    let failure = progress.error.clone().flatten();
    sqlx::query(
        "update connectors set
             state = coalesce($4, state),
             last_error = case when $5 then $6 else last_error end,
             failed_since = case when not $5 then failed_since when $6 is null then null else coalesce(failed_since, now()) end,
             last_hot_at = coalesce($7, last_hot_at), data_as_of = coalesce($7, data_as_of),
             last_watermark_at = coalesce($8, last_watermark_at), watermark = coalesce($9, watermark),
             last_sweep_at = coalesce($10, last_sweep_at), sweep = case when $11::jsonb is null then sweep else $11 end,
             unmapped = coalesce($12, unmapped), unknown_accounts = coalesce($13, unknown_accounts),
             warnings = coalesce($14, warnings), books = coalesce($15, books),
             last_error_kind = case when $5 then $16 else last_error_kind end,
             breaker_until = case when $5 then $17 else breaker_until end,
             last_sweep = coalesce($18, last_sweep), last_change_at = coalesce($19, last_change_at)
          where tenant_id = $1 and id = $2 and fence = $3",
    )
    .bind(leased.tenant_id)
    .bind(leased.id)
    .bind(leased.fence)
    .bind(progress.state)
    .bind(progress.error.is_some())
    .bind(failure.as_ref().map(|failure| failure.text.as_str()))
    .bind(progress.hot_at)
    .bind(progress.watermark_at)
    .bind(&progress.watermark)
    .bind(progress.sweep_at)
    .bind(&progress.sweep)
    .bind(unmapped)
    .bind(unknown)
    .bind(warnings)
    .bind(&progress.books)
    .bind(failure.as_ref().map(|failure| failure.kind.word()))
    .bind(failure.as_ref().and_then(|failure| failure.breaker_until))
    .bind(&progress.swept)
    .bind(progress.change_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether somebody asked for a sweep; asking is answered once.
pub(crate) async fn take_sweep_request(tx: &mut SystemTx, leased: &Leased) -> Result<bool, Error> {
    let done = sqlx::query(
        "update connectors set sweep_requested_at = null
          where tenant_id = $1 and id = $2 and fence = $3 and sweep_requested_at is not null",
    );
    let done = done.bind(leased.tenant_id).bind(leased.id).bind(leased.fence);
    Ok(done.execute(tx.conn()).await?.rows_affected() == 1)
}

pub(crate) fn opened(
    sealer: &Sealer,
    tenant: TenantId,
    id: ConnectorId,
    sealed: &[u8],
) -> Result<String, Error> {
    let url = sealer.open(&binding(tenant, id), sealed)?;
    String::from_utf8(url)
        .map_err(|_| Error::Corrupt { what: "connection address", reason: "not text".into() })
}

fn binding(tenant: TenantId, id: ConnectorId) -> Binding {
    Binding { table: "connectors", column: "connection_url", tenant: Some(tenant), row: id.0 }
}
