//! Every statement about mailed links and codes. Time is the database's, so that all nodes agree on it.

use platform_core::id::AuthTokenId;
use platform_core::{Error, TenantTx};
use platform_web::Visit;

use super::{CODE_TRIES, stored};
use crate::secret::Hash;

/// What a tenant has set.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(crate) struct Settings {
    pub(crate) link_hours: i32,
    pub(crate) open_elsewhere: bool,
    pub(crate) mail_cap: i32,
}

impl Default for Settings {
    /// As the table's own defaults.
    fn default() -> Self {
        Self { link_hours: 1, open_elsewhere: false, mail_cap: 2000 }
    }
}

pub(crate) async fn settings(tx: &mut TenantTx) -> Result<Settings, Error> {
    let tenant = tx.tenant();
    let settings = sqlx::query_as(
        "select link_hours, open_elsewhere, mail_cap from identity_settings where tenant_id = $1",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    Ok(settings.unwrap_or_default())
}

/// Makes requests for one address, and from one network, wait for each other until the end of the transaction, so that
/// a hundred at once count like a hundred in turn. Address before network everywhere: no deadlock.
pub(crate) async fn queue_up(tx: &mut TenantTx, address: &str, peer: &str) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "select pg_advisory_xact_lock(7301, hashtext($1::text || $2)), pg_advisory_xact_lock(7302, hashtext($1::text || $3))",
    )
    .bind(tenant)
    .bind(address)
    .bind(peer)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How many links were asked for within a window, and how long ago the first of them was.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(crate) struct Count {
    pub(crate) asked: i64,
    /// Seconds.
    pub(crate) oldest: f64,
}

/// Per address in a quarter of an hour and in a day, per network and per tenant in a quarter of an hour.
pub(crate) async fn counts(tx: &mut TenantTx, address: &str, peer: &str) -> Result<Vec<Count>, Error> {
    let tenant = tx.tenant();
    let counts = sqlx::query_as(
        "select count(*) as asked, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as oldest, 1 as position
           from portal_auth_tokens where tenant_id = $1 and address = $2 and created_at > now() - interval '15 minutes'
         union all
         select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8, 2
           from portal_auth_tokens where tenant_id = $1 and address = $2 and created_at > now() - interval '1 day'
         union all
         select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8, 3
           from portal_auth_tokens where tenant_id = $1 and peer = $3 and created_at > now() - interval '15 minutes'
         union all
         select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8, 4
           from portal_auth_tokens where tenant_id = $1 and created_at > now() - interval '15 minutes'
         order by position",
    )
    .bind(tenant)
    .bind(address)
    .bind(peer)
    .fetch_all(tx.conn())
    .await?;
    Ok(counts)
}

/// Where a link counts: for one audience, on one host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    audience: &'static str,
    host: &'a str,
}

impl<'a> Place<'a> {
    pub(crate) fn of(visit: &'a Visit) -> Self {
        Self { audience: stored(visit.audience()), host: &visit.host().host }
    }
}

/// A link to be mailed.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub(crate) id: AuthTokenId,
    pub(crate) token: Hash,
    pub(crate) code: Hash,
    pub(crate) browser: Hash,
    pub(crate) audience: &'static str,
    pub(crate) host: &'a str,
    pub(crate) address: &'a str,
    pub(crate) peer: &'a str,
    pub(crate) next: &'a str,
    pub(crate) remember: bool,
    pub(crate) link_hours: i32,
    pub(crate) code_minutes: i32,
}

/// Writes a link, and forgets those that no limit counts any more.
pub(crate) async fn insert(tx: &mut TenantTx, new: &New<'_>) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "delete from portal_auth_tokens where tenant_id = $1 and created_at < now() - interval '2 days'",
    )
    .bind(tenant)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "insert into portal_auth_tokens (tenant_id, id, token_hash, code_hash, browser_hash, host, address, peer, next,
                                         remember, expires_at, code_expires_at, audience)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(hours => $11), now() + make_interval(mins => $12), $13)",
    )
    .bind(tenant)
    .bind(new.id)
    .bind(new.token.as_slice())
    .bind(new.code.as_slice())
    .bind(new.browser.as_slice())
    .bind(new.host)
    .bind(new.address)
    .bind(new.peer)
    .bind(new.next)
    .bind(new.remember)
    .bind(new.link_hours)
    .bind(new.code_minutes)
    .bind(new.audience)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Begins what may be taken back without the rest of the transaction.
pub(crate) async fn savepoint(tx: &mut TenantTx) -> Result<(), Error> {
    sqlx::query("savepoint mail").execute(tx.conn()).await?;
    Ok(())
}

/// Keeps, or takes back, what was done since [`savepoint`]. Both cost the same.
pub(crate) async fn settle(tx: &mut TenantTx, keep: bool) -> Result<(), Error> {
    let statement = if keep { "release savepoint mail" } else { "rollback to savepoint mail" };
    sqlx::query(statement).execute(tx.conn()).await?;
    Ok(())
}

/// The newest link that a browser asked for at a place.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Pending {
    pub(crate) address: String,
    pub(crate) next: String,
    pub(crate) remember: bool,
    pub(crate) link_hours: i32,
    /// No code of it can be typed any more because too many were wrong.
    pub(crate) spent: bool,
}

pub(crate) async fn pending(
    tx: &mut TenantTx,
    place: &Place<'_>,
    browser: &Hash,
) -> Result<Option<Pending>, Error> {
    let tenant = tx.tenant();
    let pending = sqlx::query_as(
        "select address, next, remember, (extract(epoch from expires_at - created_at) / 3600)::int as link_hours,
                code_tries >= $4 and code_expires_at > now() as spent
           from portal_auth_tokens
          where tenant_id = $1 and browser_hash = $2 and host = $3 and audience = $5 and consumed_at is null and killed_at is null
            and created_at > now() - interval '1 day'
          order by created_at desc, id desc limit 1",
    )
    .bind(tenant)
    .bind(browser.as_slice())
    .bind(place.host)
    .bind(CODE_TRIES)
    .bind(place.audience)
    .fetch_optional(tx.conn())
    .await?;
    Ok(pending)
}

/// A link as found by its secret.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Link {
    pub(crate) id: AuthTokenId,
    pub(crate) host: String,
    pub(crate) address: String,
    pub(crate) browser_hash: Vec<u8>,
    pub(crate) next: String,
    pub(crate) used: bool,
    pub(crate) expired: bool,
}

/// Looks a link up and changes nothing. One for another audience is none.
pub(crate) async fn link(tx: &mut TenantTx, place: &Place<'_>, token: &Hash) -> Result<Option<Link>, Error> {
    let tenant = tx.tenant();
    let link = sqlx::query_as(
        "select id, host, address, browser_hash, next, consumed_at is not null or killed_at is not null as used,
                expires_at <= now() as expired
           from portal_auth_tokens where tenant_id = $1 and token_hash = $2 and audience = $3",
    )
    .bind(tenant)
    .bind(token.as_slice())
    .bind(place.audience)
    .fetch_optional(tx.conn())
    .await?;
    Ok(link)
}

/// A link or code that has just been used up.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Consumed {
    pub(crate) id: AuthTokenId,
    pub(crate) address: String,
    pub(crate) next: String,
    pub(crate) remember: bool,
}

/// Uses a link up, if it is live, of this place, and asked for by this browser (or by any, when `anywhere`). Of many at
/// once, one gets it.
pub(crate) async fn consume(
    tx: &mut TenantTx,
    place: &Place<'_>,
    token: &Hash,
    browser: Option<&Hash>,
    anywhere: bool,
) -> Result<Option<Consumed>, Error> {
    let tenant = tx.tenant();
    let consumed = sqlx::query_as(
        "update portal_auth_tokens set consumed_at = now()
          where tenant_id = $1 and token_hash = $2 and host = $3 and audience = $6 and (browser_hash = $4 or $5)
            and consumed_at is null and killed_at is null and expires_at > now()
         returning id, address, next, remember",
    )
    .bind(tenant)
    .bind(token.as_slice())
    .bind(place.host)
    .bind(browser.map(<[u8; 32]>::as_slice))
    .bind(anywhere)
    .bind(place.audience)
    .fetch_optional(tx.conn())
    .await?;
    Ok(consumed)
}

/// A code that may be compared with what was typed.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Code {
    pub(crate) id: AuthTokenId,
    pub(crate) code_hash: Vec<u8>,
}

/// Counts one try on every code that this browser could still type, and returns them. The rows stay locked until the
/// end of the transaction, so tries at the same time count one by one.
pub(crate) async fn try_codes(
    tx: &mut TenantTx,
    place: &Place<'_>,
    browser: &Hash,
) -> Result<Vec<Code>, Error> {
    let tenant = tx.tenant();
    let codes = sqlx::query_as(
        "update portal_auth_tokens set code_tries = code_tries + 1
          where tenant_id = $1 and browser_hash = $2 and host = $3 and audience = $5 and consumed_at is null and killed_at is null
            and code_expires_at > now() and code_tries < $4
         returning id, code_hash",
    )
    .bind(tenant)
    .bind(browser.as_slice())
    .bind(place.host)
    .bind(CODE_TRIES)
    .bind(place.audience)
    .fetch_all(tx.conn())
    .await?;
    Ok(codes)
}

/// Uses up the link whose code was typed.
pub(crate) async fn consume_by_code(tx: &mut TenantTx, id: AuthTokenId) -> Result<Option<Consumed>, Error> {
    let tenant = tx.tenant();
    let consumed = sqlx::query_as(
        "update portal_auth_tokens set consumed_at = now()
          where tenant_id = $1 and id = $2 and consumed_at is null and killed_at is null and code_expires_at > now()
         returning id, address, next, remember",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    Ok(consumed)
}

/// After a success no other link of the address is of any use to the same audience.
pub(crate) async fn kill_siblings(tx: &mut TenantTx, place: &Place<'_>, address: &str) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "update portal_auth_tokens set killed_at = now()
          where tenant_id = $1 and address = $2 and audience = $3 and consumed_at is null and killed_at is null",
    )
    .bind(tenant)
    .bind(address)
    .bind(place.audience)
    .execute(tx.conn())
    .await?;
    Ok(())
}
