//! The table `doors`: setting one up, finding it, how it fares.

use chrono::{DateTime, Utc};
use platform_core::id::{DoorId, TenantId};
use platform_core::secrets::{Binding, Sealer};
use platform_core::{Error, SystemTx, TenantTx};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::Settings;
use crate::requests::Kind;

/// What an operator gives.
#[derive(Debug)]
pub struct NewDoor<'a> {
    pub id: DoorId,
    pub kind: Kind,
    pub settings: &'a Settings,
    /// The inbox's address, or the key that signs; sealed before it is stored.
    pub secret: &'a str,
}

/// A door without its secret.
#[derive(Debug, Clone, sqlx::FromRow, Serialize)]
pub struct StoredDoor {
    pub id: DoorId,
    #[sqlx(try_from = "String")]
    pub request_kind: Kind,
    pub form: String,
    pub settings: Value,
    pub enabled: bool,
    pub last_used_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    pub failed_since: Option<DateTime<Utc>>,
    pub changed_at: DateTime<Utc>,
}

/// A door with its secret, for use.
#[derive(Clone)]
pub struct Opened {
    pub id: DoorId,
    pub kind: Kind,
    pub settings: Settings,
    pub secret: String,
    pub enabled: bool,
    /// Changes with each change of the door.
    pub changed_at: DateTime<Utc>,
    pub failing: bool,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("id", &self.id)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: DoorId,
    #[sqlx(try_from = "String")]
    request_kind: Kind,
    settings: Value,
    secret: Vec<u8>,
    enabled: bool,
    changed_at: DateTime<Utc>,
    failed_since: Option<DateTime<Utc>>,
}

/// Sets up the door of a kind of request, in the place of the one before it. Returns its id.
///
/// # Errors
/// The database's answer.
pub async fn put(tx: &mut TenantTx, sealer: &Sealer, new: &NewDoor<'_>) -> Result<DoorId, Error> {
    let tenant = tx.tenant();
    let known: Option<DoorId> =
        sqlx::query_scalar("select id from doors where tenant_id = $1 and request_kind = $2 for update")
            .bind(tenant)
            .bind(new.kind.word())
            .fetch_optional(tx.conn())
            .await?;
    let id = known.unwrap_or(new.id);
    let settings = serde_json::to_value(new.settings)
        .map_err(|error| Error::Corrupt { what: "door", reason: error.to_string() })?;
    sqlx::query(
        "insert into doors (tenant_id, id, request_kind, form, settings, secret) values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id, request_kind) do update set form = excluded.form, settings = excluded.settings,
             secret = excluded.secret, enabled = true, last_error = null, failed_since = null, changed_at = now()",
    )
    .bind(tenant)
    .bind(id)
    .bind(new.kind.word())
    .bind(new.settings.form())
    .bind(settings)
    .bind(sealer.seal(&binding(tenant, id), new.secret.as_bytes()))
    .execute(tx.conn())
    .await?;
    Ok(id)
}

/// All doors of the tenant.
///
/// # Errors
/// The database's answer.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<StoredDoor>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select id, request_kind, form, settings, enabled, last_used_at, last_error, failed_since, changed_at
           from doors where tenant_id = $1 order by request_kind",
    );
    Ok(rows.bind(tenant).fetch_all(tx.conn()).await?)
}

/// The door of a kind of request, opened; also one that is switched off.
///
/// # Errors
/// A secret that does not open, or the database's answer.
pub async fn find(tx: &mut TenantTx, sealer: &Sealer, kind: Kind) -> Result<Option<Opened>, Error> {
    let tenant = tx.tenant();
    let row: Option<Row> = sqlx::query_as(
        "select id, request_kind, settings, secret, enabled, changed_at, failed_since
           from doors where tenant_id = $1 and request_kind = $2",
    )
    .bind(tenant)
    .bind(kind.word())
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| opened(sealer, tenant, row)).transpose()
}

/// One door by its id, opened.
pub(super) async fn open(tx: &mut TenantTx, sealer: &Sealer, id: Uuid) -> Result<Option<Opened>, Error> {
    let tenant = tx.tenant();
    let row: Option<Row> = sqlx::query_as(
        "select id, request_kind, settings, secret, enabled, changed_at, failed_since
           from doors where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| opened(sealer, tenant, row)).transpose()
}

fn opened(sealer: &Sealer, tenant: TenantId, row: Row) -> Result<Opened, Error> {
    let corrupt = |reason: String| Error::Corrupt { what: "door", reason };
    let secret = sealer.open(&binding(tenant, row.id), &row.secret)?;
    Ok(Opened {
        id: row.id,
        kind: row.request_kind,
        settings: serde_json::from_value(row.settings).map_err(|error| corrupt(error.to_string()))?,
        secret: String::from_utf8(secret).map_err(|_| corrupt("the secret is not text".into()))?,
        enabled: row.enabled,
        changed_at: row.changed_at,
        failing: row.failed_since.is_some(),
    })
}

fn binding(tenant: TenantId, id: DoorId) -> Binding {
    Binding { table: "doors", column: "secret", tenant: Some(tenant), row: id.0 }
}

/// Opens or shuts the door of a kind. What was submitted waits meanwhile.
///
/// # Errors
/// The database's answer.
pub async fn set_enabled(tx: &mut TenantTx, kind: Kind, enabled: bool) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update doors set enabled = $3, changed_at = now() where tenant_id = $1 and request_kind = $2",
    );
    let done = done.bind(tenant).bind(kind.word()).bind(enabled).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Notes how the other side fares; none is well.
pub(super) async fn note(tx: &mut TenantTx, id: DoorId, error: Option<&str>) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update doors set last_error = left($3, 500),
                failed_since = case when $3 is null then null else coalesce(failed_since, now()) end,
                last_used_at = case when $3 is null then now() else last_used_at end
          where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(error)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Every open door of every active tenant, for the reconciler.
pub(super) async fn everywhere(tx: &mut SystemTx) -> Result<Vec<(TenantId, String)>, Error> {
    let rows = sqlx::query_as(
        "select d.tenant_id, d.request_kind from doors d join tenants t on t.id = d.tenant_id
          where d.enabled and t.status = 'active' order by d.tenant_id, d.request_kind",
    );
    Ok(rows.fetch_all(tx.conn()).await?)
}

/// Lets jobs that wait for their next try run at once: the other side is back.
pub(super) async fn hurry(tx: &mut TenantTx, kind: Kind) -> Result<u64, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update jobs set due_at = now()
          where tenant_id = $1 and kind = 'hand_over_request' and done_at is null and failed_at is null and due_at > now()
            and dedupe_key in (select id::text from requests
                                where tenant_id = $1 and kind = $2 and state = 'submitted')",
    );
    Ok(done.bind(tenant).bind(kind.word()).execute(tx.conn()).await?.rows_affected())
}
