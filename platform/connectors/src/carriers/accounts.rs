//! The table `tracking_providers`: a tenant's account at a provider, its secrets sealed, and how it fares.

use chrono::{DateTime, Utc};
use platform_core::id::TenantId;
use platform_core::secrets::{Binding, Sealer};
use platform_core::{Error, SystemTx, TenantTx};
use uuid::Uuid;

/// An account that can be used: its secrets still sealed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Account {
    pub tenant_id: TenantId,
    pub id: Uuid,
    /// See [`super::provider`].
    pub kind: String,
    pub name: String,
    webhook_secret: Vec<u8>,
    api_key: Option<Vec<u8>>,
    pub api_url: String,
    pub failures: i32,
}

/// What an operator gives.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// For an account that is new.
    pub id: Uuid,
    pub kind: &'a str,
    /// Small letters, digits and dashes: it stands in the webhook's address.
    pub name: &'a str,
    pub webhook_secret: &'a str,
    /// None: only the webhook tells.
    pub api_key: Option<&'a str>,
    pub api_url: &'a str,
}

/// An account as people see it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Shown {
    pub name: String,
    pub kind: String,
    pub api_url: String,
    /// It is asked, too, and not only heard.
    pub asked: bool,
    pub enabled: bool,
    pub last_event_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    pub unknown_count: i64,
    pub refused_count: i64,
}

impl Account {
    pub(super) fn secret(&self, sealer: &Sealer) -> Result<Vec<u8>, Error> {
        Ok(sealer.open(&secret_binding(self.tenant_id, self.id), &self.webhook_secret)?)
    }

    /// None where it is not to be asked.
    pub(super) fn key(&self, sealer: &Sealer) -> Result<Option<String>, Error> {
        let Some(sealed) = &self.api_key else { return Ok(None) };
        let key = sealer.open(&key_binding(self.tenant_id, self.id), sealed)?;
        let text = |_| Error::Corrupt { what: "tracking key", reason: "not text".into() };
        String::from_utf8(key).map(Some).map_err(text)
    }
}

fn secret_binding(tenant: TenantId, id: Uuid) -> Binding {
    Binding { table: "tracking_providers", column: "webhook_secret", tenant: Some(tenant), row: id }
}

fn key_binding(tenant: TenantId, id: Uuid) -> Binding {
    Binding { table: "tracking_providers", column: "api_key", tenant: Some(tenant), row: id }
}

/// Adds an account, or changes the one of this name.
///
/// # Errors
/// Constraint `tracking_providers_name_shape` or `tracking_providers_kind_known`; else the database's answer.
pub async fn put(tx: &mut TenantTx, sealer: &Sealer, new: &NewAccount<'_>) -> Result<Uuid, Error> {
    let tenant = tx.tenant();
    let known: Option<Uuid> =
        sqlx::query_scalar("select id from tracking_providers where tenant_id = $1 and name = $2 for update")
            .bind(tenant)
            .bind(new.name)
            .fetch_optional(tx.conn())
            .await?;
    let id = known.unwrap_or(new.id);
    let secret = sealer.seal(&secret_binding(tenant, id), new.webhook_secret.as_bytes());
    let key = new.api_key.map(|key| sealer.seal(&key_binding(tenant, id), key.as_bytes()));
    sqlx::query(
        "insert into tracking_providers (tenant_id, id, kind, name, webhook_secret, api_key, api_url)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, id) do update set kind = excluded.kind, webhook_secret = excluded.webhook_secret,
             api_key = excluded.api_key, api_url = excluded.api_url, enabled = true, failures = 0, last_error = null,
             next_poll_at = now()",
    )
    .bind(tenant)
    .bind(id)
    .bind(new.kind)
    .bind(new.name)
    .bind(secret)
    .bind(key)
    .bind(new.api_url.trim_end_matches('/'))
    .execute(tx.conn())
    .await?;
    Ok(id)
}

/// All accounts of the tenant, without secrets.
///
/// # Errors
/// The database's answer.
pub async fn show(tx: &mut TenantTx) -> Result<Vec<Shown>, Error> {
    let rows = sqlx::query_as(
        "select name, kind, api_url, api_key is not null as asked, enabled, last_event_at, last_error, unknown_count,
                refused_count
           from tracking_providers where tenant_id = $1 order by name",
    );
    Ok(rows.bind(tx.tenant()).fetch_all(tx.conn()).await?)
}

/// The account that a webhook's address names.
///
/// # Errors
/// The database's answer.
pub async fn find(tx: &mut TenantTx, name: &str) -> Result<Option<Account>, Error> {
    let row = sqlx::query_as(
        "select tenant_id, id, kind, name, webhook_secret, api_key, api_url, failures
           from tracking_providers where tenant_id = $1 and name = $2 and enabled",
    );
    Ok(row.bind(tx.tenant()).bind(name).fetch_optional(tx.conn()).await?)
}

/// Counts a message that was not believed.
pub(super) async fn count_refusal(tx: &mut TenantTx, account: Uuid) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update tracking_providers set refused_count = refused_count + 1 where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(account)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes down that something came, and whether it was of a parcel that nobody has.
pub(super) async fn count_news(
    tx: &mut TenantTx,
    account: Uuid,
    unknown: i64,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update tracking_providers set unknown_count = unknown_count + $3, last_event_at = greatest(last_event_at, $4)
          where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(account)
    .bind(unknown)
    .bind(at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes the accounts that are due, for as long as one round of questions may last.
pub(super) async fn claim(tx: &mut SystemTx) -> Result<Vec<Account>, Error> {
    let rows = sqlx::query_as(
        "update tracking_providers p set next_poll_at = now() + interval '5 minutes'
           from (select tenant_id, id from tracking_providers
                  where enabled and api_key is not null and next_poll_at <= now() order by next_poll_at limit 20
                  for update skip locked) due
          where p.tenant_id = due.tenant_id and p.id = due.id
            and exists (select from tenants t where t.id = p.tenant_id and t.status = 'active')
          returning p.tenant_id, p.id, p.kind, p.name, p.webhook_secret, p.api_key, p.api_url, p.failures",
    );
    Ok(rows.fetch_all(tx.conn()).await?)
}

/// When it may be asked again, and why not sooner.
pub(super) async fn asked(
    tx: &mut TenantTx,
    account: Uuid,
    pause_seconds: f64,
    error: Option<&str>,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update tracking_providers set next_poll_at = now() + make_interval(secs => $3), last_error = $4,
                failures = case when $4 is null then 0 else failures + 1 end
          where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(account)
    .bind(pause_seconds)
    .bind(error)
    .execute(tx.conn())
    .await?;
    Ok(())
}
