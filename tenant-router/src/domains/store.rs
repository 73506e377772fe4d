//! Every SQL statement on `domains`. A tenant's own pages and commands come with a `TenantTx`; the reconciler, which sees
//! all tenants, with a `SystemTx`.

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::Conn;
use platform_core::clock::Clock;
use platform_core::db::{Error, SystemTx, TenantTx};
use platform_core::id::{DomainId, TenantId};
use platform_core::random::{Random, token};
use sqlx::types::Json;

use super::claim::{self, ClaimError, ClaimRules, PENDING_LIMIT};
use super::verify::Check;
use super::{Domain, Proof, State};
use crate::host::Host;

/// A claim that is not proven within this time ends.
pub(crate) const CLAIM_LIFE: TimeDelta = TimeDelta::days(7);

const BY_ID: &str =
    "select tenant_id, id, host, label, nonce, state, proof, report, claimed_at, checked_at, next_check,
                            verified_at, live_at from domains where id = $1";

#[derive(sqlx::FromRow)]
struct Row {
    tenant_id: TenantId,
    id: DomainId,
    host: String,
    label: String,
    nonce: String,
    state: State,
    proof: Option<Proof>,
    report: Json<Vec<Check>>,
    claimed_at: DateTime<Utc>,
    checked_at: Option<DateTime<Utc>>,
    next_check: Option<DateTime<Utc>>,
    verified_at: Option<DateTime<Utc>>,
    live_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Domain {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let host = Host::parse(&row.host).map_err(|error| Error::Corrupt {
            what: "domains.host",
            reason: format!("{}: {error}", row.host),
        })?;
        Ok(Self {
            id: row.id,
            tenant: row.tenant_id,
            host,
            state: row.state,
            label: row.label,
            nonce: row.nonce,
            proof: row.proof,
            checks: row.report.0,
            claimed_at: row.claimed_at,
            checked_at: row.checked_at,
            next_check: row.next_check,
            verified_at: row.verified_at,
            live_at: row.live_at,
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
        "insert into domains (tenant_id, id, host, label, nonce, state, claimed_at, next_check)
         values ($1, $2, $3, $4, $5, 'claimed', $6, $6) on conflict do nothing",
    )
    .bind(tenant)
    .bind(id)
    .bind(host.as_str())
    .bind(claim::label(random))
    .bind(token(random))
    .bind(now)
    .execute(tx.conn())
    .await
    .map_err(Error::from)?;
    if done.rows_affected() == 0 {
        return Err(ClaimError::Already(host));
    }
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
        "select tenant_id, id, host, label, nonce, state, proof, report, claimed_at, checked_at, next_check, verified_at,
                live_at from domains where state not in ('released', 'expired') order by claimed_at desc, id desc",
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
        "select tenant_id, id, host, label, nonce, state, proof, report, claimed_at, checked_at, next_check, verified_at,
                live_at from domains where host = $1 and state not in ('released', 'expired')",
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

/// Gives a host back. It answers as unknown from the next moment on, and nobody else is shown there. Gives whether there
/// was something to give back.
///
/// # Errors
/// The database's answer.
pub async fn release(tx: &mut TenantTx, id: DomainId, clock: &dyn Clock) -> Result<bool, Error> {
    let done = sqlx::query(
        "update domains set state = 'released', ended_at = $2, next_check = null
          where id = $1 and state not in ('released', 'expired')",
    )
    .bind(id)
    .bind(clock.now())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn by_id(conn: Conn<'_>, id: DomainId) -> Result<Option<Domain>, Error> {
    let row: Option<Row> = sqlx::query_as(BY_ID).bind(id).fetch_optional(conn).await?;
    row.map(Domain::try_from).transpose()
}

/// Takes domains whose check is due, and puts their next one off, so that no other node checks them too.
pub(crate) async fn take_due(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Domain>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "update domains set next_check = $2
          where (tenant_id, id) in (select tenant_id, id from domains where next_check <= $1
                                     order by next_check limit $3 for update skip locked)
         returning tenant_id, id, host, label, nonce, state, proof, report, claimed_at, checked_at, next_check,
                   verified_at, live_at",
    )
    .bind(now)
    .bind(until)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Domain::try_from).collect()
}

/// What a check found, to be written down.
pub(crate) struct Outcome<'a> {
    pub(crate) id: DomainId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) checks: &'a [Check],
    pub(crate) next_check: Option<DateTime<Utc>>,
}

/// Writes a report of a domain that is not proven.
pub(crate) async fn not_proven(conn: Conn<'_>, outcome: &Outcome<'_>, state: State) -> Result<(), Error> {
    sqlx::query(
        "update domains set state = $2, report = $3, checked_at = $4, next_check = $5,
                            ended_at = case when $2 = 'expired' then $4 end
          where id = $1 and state in ('claimed', 'waiting_dns', 'blocked')",
    )
    .bind(outcome.id)
    .bind(state)
    .bind(Json(outcome.checks))
    .bind(outcome.at)
    .bind(outcome.next_check)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes that a domain is proven. False when another tenant holds the host.
pub(crate) async fn proven(conn: Conn<'_>, outcome: &Outcome<'_>, proof: Proof) -> Result<bool, Error> {
    let done = sqlx::query(
        "update domains d set state = 'verified', proof = $2, report = $3, checked_at = $4, verified_at = $4,
                              next_check = $5
          where d.id = $1 and d.state in ('claimed', 'waiting_dns', 'blocked')",
    )
    .bind(outcome.id)
    .bind(proof)
    .bind(Json(outcome.checks))
    .bind(outcome.at)
    .bind(outcome.next_check)
    .execute(conn)
    .await;
    match done.map_err(Error::from) {
        Ok(_) => Ok(true),
        Err(error) if error.constraint() == Some("domains_holder") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The report of a domain that is verified or live: states do not change by it.
pub(crate) async fn looked(conn: Conn<'_>, outcome: &Outcome<'_>) -> Result<(), Error> {
    sqlx::query("update domains set report = $2, checked_at = $3, next_check = $4 where id = $1")
        .bind(outcome.id)
        .bind(Json(outcome.checks))
        .bind(outcome.at)
        .bind(outcome.next_check)
        .execute(conn)
        .await?;
    Ok(())
}

/// Verified hosts that wait for their certificate.
pub(crate) async fn waiting_for_certificate(tx: &mut SystemTx) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar("select host from domains where state = 'verified'").fetch_all(tx.conn()).await?)
}

/// Opens hosts whose certificate is installed. Gives how many.
pub(crate) async fn go_live(tx: &mut SystemTx, hosts: &[String], now: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query(
        "update domains set state = 'live', live_at = coalesce(live_at, $2)
          where state = 'verified' and host = any ($1::text[])",
    )
    .bind(hosts)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// When the next check is due.
pub(crate) async fn next_check(tx: &mut SystemTx) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(sqlx::query_scalar("select min(next_check) from domains").fetch_one(tx.conn()).await?)
}
