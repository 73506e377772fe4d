//! The statements of a tenant's own people on `domains`: claim, look up, list, release, and the allowance of looks on
//! demand. The reconciler's are in `keeping`.

use acme::probe::Report;
use chrono::{DateTime, Utc};
use platform_core::Conn;
use platform_core::clock::Clock;
use platform_core::db::{Error, TenantTx};
use platform_core::id::{DomainId, TenantId};
use platform_core::random::{Random, token};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::cadence::{AFTERWARDS, LOOK_BURST, LOOK_EACH, WATCH};
use super::claim::{self, ClaimError, ClaimRules, PENDING_LIMIT};
use super::events::{self, Subject, What};
use super::{Domain, Proof, State, primary};
use crate::host::Host;

const BY_ID: &str =
    "select tenant_id, id, host, label, nonce, state, proof, redirect_to, report, claimed_at, checked_at, next_check,
            watched_until, verified_at, live_at, arrived_at, moved_at, troubled_since, ended_at from domains where id = $1";

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    tenant_id: TenantId,
    id: DomainId,
    host: String,
    label: String,
    nonce: String,
    state: State,
    proof: Option<Proof>,
    redirect_to: Option<String>,
    report: Option<Json<Value>>,
    claimed_at: DateTime<Utc>,
    checked_at: Option<DateTime<Utc>>,
    next_check: Option<DateTime<Utc>>,
    watched_until: Option<DateTime<Utc>>,
    verified_at: Option<DateTime<Utc>>,
    live_at: Option<DateTime<Utc>>,
    arrived_at: Option<DateTime<Utc>>,
    moved_at: Option<DateTime<Utc>>,
    troubled_since: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Domain {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let host = Host::parse(&row.host).map_err(|error| Error::Corrupt {
            what: "domains.host",
            reason: format!("{}: {error}", row.host),
        })?;
        // A report of another version of the program is as good as none: the next look writes a new one.
        let report = row.report.and_then(|report| serde_json::from_value::<Report>(report.0).ok());
        Ok(Self {
            id: row.id,
            tenant: row.tenant_id,
            host,
            state: row.state,
            label: row.label,
            nonce: row.nonce,
            proof: row.proof,
            redirect_to: row.redirect_to,
            report,
            claimed_at: row.claimed_at,
            checked_at: row.checked_at,
            next_check: row.next_check,
            watched_until: row.watched_until,
            verified_at: row.verified_at,
            live_at: row.live_at,
            arrived_at: row.arrived_at,
            moved_at: row.moved_at,
            troubled_since: row.troubled_since,
            ended_at: row.ended_at,
        })
    }
}

/// Claims a host for the transaction's tenant, with a new label and nonce. The first check is due at once.
///
/// # Errors
/// The rule that the name breaks, and nothing is stored then; or the database's answer.
pub async fn claim(
    tx: &mut TenantTx,
    rules: &ClaimRules,
    text: &str,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<Domain, ClaimError> {
    let host = rules.accept(text)?;
    let (tenant, now) = (tx.tenant(), clock.now());
    // One claim after the other, or two that come together would both find room below the cap.
    sqlx::query("select from tenants where id = $1 for no key update")
        .bind(tenant)
        .execute(tx.conn())
        .await
        .map_err(Error::from)?;
    let pending: i64 = sqlx::query_scalar(
        "select count(*) from domains where state in ('claimed', 'waiting_dns', 'blocked')",
    )
    .fetch_one(tx.conn())
    .await
    .map_err(Error::from)?;
    if pending >= PENDING_LIMIT {
        return Err(ClaimError::TooMany);
    }
    let id = DomainId::new(clock, random);
    let done = sqlx::query(
        "insert into domains (tenant_id, id, host, label, nonce, state, claimed_at, next_check, watched_until)
         values ($1, $2, $3, $4, $5, 'claimed', $6, $6, $7) on conflict do nothing",
    )
    .bind(tenant)
    .bind(id)
    .bind(host.as_str())
    .bind(claim::label(random))
    .bind(token(random))
    .bind(now)
    .bind(now + WATCH)
    .execute(tx.conn())
    .await
    .map_err(Error::from)?;
    if done.rows_affected() == 0 {
        return Err(ClaimError::Already(host));
    }
    let subject = Subject { tenant, id, host: host.as_str() };
    events::write(tx.conn(), subject, What::Claimed, now, &json!({})).await?;
    sqlx::query("select pg_notify('domains', '')").execute(tx.conn()).await.map_err(Error::from)?;
    let domain = by_id(tx.conn(), id).await?;
    domain.ok_or_else(|| ClaimError::Database(sqlx::Error::RowNotFound.into()))
}

/// The tenant's domains, newest first; those that ended are left out.
///
/// # Errors
/// The database's answer.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Domain>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select tenant_id, id, host, label, nonce, state, proof, redirect_to, report, claimed_at, checked_at, next_check,
                watched_until, verified_at, live_at, arrived_at, moved_at, troubled_since, ended_at
           from domains where state not in ('released', 'expired') order by claimed_at desc, id desc",
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Domain::try_from).collect()
}

/// The tenant's domain of a host, unless it ended.
///
/// # Errors
/// The database's answer.
pub async fn find(tx: &mut TenantTx, host: &Host) -> Result<Option<Domain>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "select tenant_id, id, host, label, nonce, state, proof, redirect_to, report, claimed_at, checked_at, next_check,
                watched_until, verified_at, live_at, arrived_at, moved_at, troubled_since, ended_at
           from domains where host = $1 and state not in ('released', 'expired')",
    )
    .bind(host.as_str())
    .fetch_optional(tx.conn())
    .await?;
    row.map(Domain::try_from).transpose()
}

/// The tenant's domain of an id.
///
/// # Errors
/// The database's answer.
pub async fn get(tx: &mut TenantTx, id: DomainId) -> Result<Option<Domain>, Error> {
    by_id(tx.conn(), id).await
}

/// Gives a host back. It answers as unknown from the next moment on, and nobody else is shown there. Hosts that were
/// redirected to it serve themselves again. Gives whether there was something to give back.
///
/// # Errors
/// The database's answer.
pub async fn release(tx: &mut TenantTx, id: DomainId, clock: &dyn Clock) -> Result<bool, Error> {
    let now = clock.now();
    let host: Option<String> = sqlx::query_scalar(
        "update domains set state = 'released', ended_at = $2, ended_why = 'released',
                next_check = case when verified_at is not null then $3 end
          where id = $1 and state not in ('released', 'expired') returning host",
    )
    .bind(id)
    .bind(now)
    .bind(now + AFTERWARDS)
    .fetch_optional(tx.conn())
    .await?;
    let Some(host) = host else { return Ok(false) };
    let tenant = tx.tenant();
    primary::forget(tx.conn(), tenant, &host).await?;
    let detail = json!({ "why": "released" });
    events::write(tx.conn(), Subject { tenant, id, host: &host }, What::Released, now, &detail).await?;
    Ok(true)
}

/// Takes one look from the allowance of looks on demand, and has the DNS looked at often for a while. False: wait.
///
/// # Errors
/// The database's answer.
pub(super) async fn allow_look(tx: &mut TenantTx, id: DomainId, now: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query(
        "update domains set looks_until = greatest(coalesce(looks_until, $2), $2) + $3, watched_until = $4
          where id = $1 and coalesce(looks_until, $2) <= $5",
    )
    .bind(id)
    .bind(now)
    .bind(LOOK_EACH)
    .bind(now + WATCH)
    .bind(now + LOOK_EACH * (LOOK_BURST - 1))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn by_id(conn: Conn<'_>, id: DomainId) -> Result<Option<Domain>, Error> {
    let row: Option<Row> = sqlx::query_as(BY_ID).bind(id).fetch_optional(conn).await?;
    row.map(Domain::try_from).transpose()
}
