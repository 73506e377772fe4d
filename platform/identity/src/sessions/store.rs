//! Every statement about sessions.

use chrono::{DateTime, Utc};
use platform_core::id::{ContactId, CustomerId, SessionId};
use platform_core::{Error, TenantTx};

use crate::secret::Hash;

/// A session with everything that decides whether it still counts.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: SessionId,
    pub(crate) customer_id: CustomerId,
    pub(crate) contact_id: ContactId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: String,
    pub(crate) locale: Option<String>,
    pub(crate) customer_name: String,
    pub(crate) time_zone: Option<String>,
    pub(crate) seconds_left: f64,
    /// Its last sign of life is older than a minute.
    pub(crate) quiet: bool,
}

/// The live session of a cookie on a host, if its contact, customer and tenant are all in good standing.
pub(crate) async fn find(tx: &mut TenantTx, token: &Hash, host: &str) -> Result<Option<Row>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select s.id, s.customer_id, s.contact_id, c.name, c.email, c.role, c.locale, u.name as customer_name, u.time_zone,
                extract(epoch from s.expires_at - now())::float8 as seconds_left, s.last_seen_at < now() - interval '1 minute' as quiet
           from sessions s
           join contacts c on c.tenant_id = s.tenant_id and c.id = s.contact_id and c.customer_id = s.customer_id
           join customers u on u.tenant_id = s.tenant_id and u.id = s.customer_id
           join tenants t on t.id = s.tenant_id
          where s.tenant_id = $1 and s.token_hash = $2 and s.host = $3 and s.revoked_at is null and s.expires_at > now()
            and c.active and u.status = 'active' and t.status = 'active'",
    )
    .bind(tenant)
    .bind(token.as_slice())
    .bind(host)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// A session to be.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub(crate) id: SessionId,
    pub(crate) customer: CustomerId,
    pub(crate) contact: ContactId,
    pub(crate) token: Hash,
    pub(crate) host: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) remember: bool,
    pub(crate) seconds: f64,
}

pub(crate) async fn insert(tx: &mut TenantTx, new: &New<'_>) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into sessions (tenant_id, id, customer_id, contact_id, token_hash, host, user_agent, remember, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9))",
    )
    .bind(tenant)
    .bind(new.id)
    .bind(new.customer)
    .bind(new.contact)
    .bind(new.token.as_slice())
    .bind(new.host)
    .bind(new.user_agent)
    .bind(new.remember)
    .bind(new.seconds)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes a sign of life of a session and its contact, once a minute at most.
pub(crate) async fn touch(tx: &mut TenantTx, id: SessionId) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "with seen as (
             update sessions set last_seen_at = now()
              where tenant_id = $1 and id = $2 and last_seen_at < now() - interval '1 minute' returning contact_id)
         update contacts c set last_seen_at = now() from seen where c.tenant_id = $1 and c.id = seen.contact_id",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A live session in the list of a person's devices.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Device {
    pub(crate) id: SessionId,
    pub(crate) user_agent: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) last_seen_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// A contact's live sessions, the latest seen first.
pub(crate) async fn of_contact(
    tx: &mut TenantTx,
    customer: CustomerId,
    contact: ContactId,
) -> Result<Vec<Device>, Error> {
    let tenant = tx.tenant();
    let devices = sqlx::query_as(
        "select id, user_agent, created_at, last_seen_at, expires_at from sessions
          where tenant_id = $1 and customer_id = $2 and contact_id = $3 and revoked_at is null and expires_at > now()
          order by last_seen_at desc, id desc limit 100",
    )
    .bind(tenant)
    .bind(customer)
    .bind(contact)
    .fetch_all(tx.conn())
    .await?;
    Ok(devices)
}

/// Ends one of a contact's live sessions. Returns whether it was there.
pub(crate) async fn revoke(tx: &mut TenantTx, contact: ContactId, id: SessionId) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update sessions set revoked_at = now()
          where tenant_id = $1 and contact_id = $2 and id = $3 and revoked_at is null and expires_at > now()",
    )
    .bind(tenant)
    .bind(contact)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all of a contact's live sessions but one. Returns how many.
pub(crate) async fn revoke_others(
    tx: &mut TenantTx,
    customer: CustomerId,
    contact: ContactId,
    kept: SessionId,
) -> Result<u64, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update sessions set revoked_at = now()
          where tenant_id = $1 and customer_id = $2 and contact_id = $3 and id <> $4 and revoked_at is null and expires_at > now()",
    )
    .bind(tenant)
    .bind(customer)
    .bind(contact)
    .bind(kept)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Ends the session of a cookie, whoever's it is: a browser that signs in again keeps no older one.
pub(crate) async fn revoke_by_token(tx: &mut TenantTx, token: &Hash) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("update sessions set revoked_at = now() where tenant_id = $1 and token_hash = $2 and revoked_at is null")
        .bind(tenant)
        .bind(token.as_slice())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets a contact's sessions that ended a while ago.
pub(crate) async fn forget_old(
    tx: &mut TenantTx,
    customer: CustomerId,
    contact: ContactId,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "delete from sessions where tenant_id = $1 and customer_id = $2 and contact_id = $3
            and (expires_at < now() - interval '30 days' or revoked_at < now() - interval '30 days')",
    )
    .bind(tenant)
    .bind(customer)
    .bind(contact)
    .execute(tx.conn())
    .await?;
    Ok(())
}
