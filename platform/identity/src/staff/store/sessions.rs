//! Every statement about sessions of the console.

use chrono::{DateTime, Utc};
use platform_core::id::{SessionId, StaffId};
use platform_core::{Error, TenantTx};

use crate::secret::Hash;
use crate::sessions::store::Device;

/// A session with everything that decides what it opens.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: SessionId,
    pub(crate) staff_id: StaffId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: String,
    pub(crate) tenant_name: String,
    pub(crate) has_factor: bool,
    pub(crate) proved_at: Option<DateTime<Utc>>,
    pub(crate) seconds_left: f64,
    /// Its last sign of life is older than a minute.
    pub(crate) quiet: bool,
}

/// The live session of a cookie on a host, if its person and tenant are in good standing.
pub(crate) async fn find(tx: &mut TenantTx, token: &Hash, host: &str) -> Result<Option<Row>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select s.id, s.staff_id, p.name, p.email, p.role, t.name as tenant_name, f.id is not null as has_factor, s.proved_at,
                extract(epoch from s.expires_at - now())::float8 as seconds_left, s.last_seen_at < now() - interval '1 minute' as quiet
           from staff_sessions s
           join staff p on p.tenant_id = s.tenant_id and p.id = s.staff_id
           join tenants t on t.id = s.tenant_id
           left join staff_factors f on f.tenant_id = s.tenant_id and f.staff_id = s.staff_id and f.confirmed_at is not null
          where s.tenant_id = $1 and s.token_hash = $2 and s.host = $3 and s.revoked_at is null and s.expires_at > now()
            and p.active and t.status = 'active'",
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
    pub(crate) staff: StaffId,
    pub(crate) token: Hash,
    pub(crate) host: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) seconds: f64,
}

pub(crate) async fn insert(tx: &mut TenantTx, new: &New<'_>) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into staff_sessions (tenant_id, id, staff_id, token_hash, host, user_agent, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))",
    )
    .bind(tenant)
    .bind(new.id)
    .bind(new.staff)
    .bind(new.token.as_slice())
    .bind(new.host)
    .bind(new.user_agent)
    .bind(new.seconds)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The second factor was shown in a session: it goes on under another secret. The first time its life begins anew.
pub(crate) async fn prove(tx: &mut TenantTx, id: SessionId, token: &Hash, seconds: f64) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update staff_sessions
            set token_hash = $3, proved_at = now(),
                created_at = case when proved_at is null then now() else created_at end,
                expires_at = case when proved_at is null then now() + make_interval(secs => $4) else expires_at end
          where tenant_id = $1 and id = $2 and revoked_at is null and expires_at > now()",
    )
    .bind(tenant)
    .bind(id)
    .bind(token.as_slice())
    .bind(seconds)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes a sign of life of a session and its person, once a minute at most.
pub(crate) async fn touch(tx: &mut TenantTx, id: SessionId) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "with seen as (
             update staff_sessions set last_seen_at = now()
              where tenant_id = $1 and id = $2 and last_seen_at < now() - interval '1 minute' returning staff_id)
         update staff s set last_seen_at = now() from seen where s.tenant_id = $1 and s.id = seen.staff_id",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A person's live sessions, the latest seen first.
pub(crate) async fn of_staff(tx: &mut TenantTx, staff: StaffId) -> Result<Vec<Device>, Error> {
    let tenant = tx.tenant();
    let devices = sqlx::query_as(
        "select id, user_agent, created_at, last_seen_at, expires_at from staff_sessions
          where tenant_id = $1 and staff_id = $2 and revoked_at is null and expires_at > now()
          order by last_seen_at desc, id desc limit 100",
    )
    .bind(tenant)
    .bind(staff)
    .fetch_all(tx.conn())
    .await?;
    Ok(devices)
}

/// Ends one of a person's live sessions. Returns whether it was there.
pub(crate) async fn revoke(tx: &mut TenantTx, staff: StaffId, id: SessionId) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update staff_sessions set revoked_at = now()
          where tenant_id = $1 and staff_id = $2 and id = $3 and revoked_at is null and expires_at > now()",
    )
    .bind(tenant)
    .bind(staff)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all of a person's live sessions but one. Returns how many.
pub(crate) async fn revoke_others(tx: &mut TenantTx, staff: StaffId, kept: SessionId) -> Result<u64, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update staff_sessions set revoked_at = now()
          where tenant_id = $1 and staff_id = $2 and id <> $3 and revoked_at is null and expires_at > now()",
    )
    .bind(tenant)
    .bind(staff)
    .bind(kept)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Ends all of a person's sessions.
pub(crate) async fn revoke_all(tx: &mut TenantTx, staff: StaffId) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update staff_sessions set revoked_at = now() where tenant_id = $1 and staff_id = $2 and revoked_at is null",
    )
    .bind(tenant)
    .bind(staff)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the session of a cookie, whoever's it is: a browser that signs in again keeps no older one.
pub(crate) async fn revoke_by_token(tx: &mut TenantTx, token: &Hash) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update staff_sessions set revoked_at = now() where tenant_id = $1 and token_hash = $2 and revoked_at is null",
    )
    .bind(tenant)
    .bind(token.as_slice())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets a person's sessions that ended a while ago.
pub(crate) async fn forget_old(tx: &mut TenantTx, staff: StaffId) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "delete from staff_sessions where tenant_id = $1 and staff_id = $2
            and (expires_at < now() - interval '30 days' or revoked_at < now() - interval '30 days')",
    )
    .bind(tenant)
    .bind(staff)
    .execute(tx.conn())
    .await?;
    Ok(())
}
