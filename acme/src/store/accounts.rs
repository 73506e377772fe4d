//! Our accounts, and whether their authorities work.

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::db::{Error, SystemTx};
use uuid::Uuid;

/// The account at one authority.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct AccountRow {
    pub(crate) id: Uuid,
    pub(crate) key_sealed: Vec<u8>,
    pub(crate) next_key_sealed: Option<Vec<u8>>,
    pub(crate) key_version: i32,
    pub(crate) eab_kid: Option<String>,
    pub(crate) eab_sealed: Option<Vec<u8>>,
    pub(crate) account_url: Option<String>,
}

/// An account to be.
#[derive(Debug)]
pub(crate) struct NewAccount<'a> {
    pub(crate) id: Uuid,
    pub(crate) directory: &'a str,
    pub(crate) key_sealed: &'a [u8],
    pub(crate) eab_kid: Option<&'a str>,
    pub(crate) eab_sealed: Option<&'a [u8]>,
}

/// Stores a key for the authority unless one is there, and gives the one that is there.
pub(crate) async fn account(
    tx: &mut SystemTx,
    new: &NewAccount<'_>,
    now: DateTime<Utc>,
) -> Result<AccountRow, Error> {
    sqlx::query(
        "insert into acme_accounts (id, directory, key_sealed, eab_kid, eab_sealed, created_at)
         values ($1, $2, $3, $4, $5, $6) on conflict (directory) do nothing",
    )
    .bind(new.id)
    .bind(new.directory)
    .bind(new.key_sealed)
    .bind(new.eab_kid)
    .bind(new.eab_sealed)
    .bind(now)
    .execute(tx.conn())
    .await?;
    account_of(tx, new.directory).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
}

pub(crate) async fn account_of(tx: &mut SystemTx, directory: &str) -> Result<Option<AccountRow>, Error> {
    let row = sqlx::query_as(
        "select id, key_sealed, next_key_sealed, key_version, eab_kid, eab_sealed, account_url
           from acme_accounts where directory = $1",
    )
    .bind(directory)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

pub(crate) async fn key_version(tx: &mut SystemTx, directory: &str) -> Result<Option<i32>, Error> {
    let version = sqlx::query_scalar("select key_version from acme_accounts where directory = $1")
        .bind(directory)
        .fetch_optional(tx.conn())
        .await?;
    Ok(version)
}

/// Stores the next key unless one waits already, and gives the row as it is then.
pub(crate) async fn keep_next_key(
    tx: &mut SystemTx,
    id: Uuid,
    next_key_sealed: &[u8],
) -> Result<AccountRow, Error> {
    let row = sqlx::query_as(
        "update acme_accounts set next_key_sealed = coalesce(next_key_sealed, $2) where id = $1
         returning id, key_sealed, next_key_sealed, key_version, eab_kid, eab_sealed, account_url",
    )
    .bind(id)
    .bind(next_key_sealed)
    .fetch_one(tx.conn())
    .await?;
    Ok(row)
}

/// Puts the next key, sealed for its new place, into use; unless somebody else has done so.
pub(crate) async fn take_next_key(
    tx: &mut SystemTx,
    id: Uuid,
    version: i32,
    key_sealed: &[u8],
) -> Result<(), Error> {
    sqlx::query(
        "update acme_accounts set key_sealed = $3, next_key_sealed = null, key_version = key_version + 1
          where id = $1 and key_version = $2 and next_key_sealed is not null",
    )
    .bind(id)
    .bind(version)
    .bind(key_sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(crate) async fn registered(
    tx: &mut SystemTx,
    id: Uuid,
    account_url: &str,
    contact: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "update acme_accounts set account_url = $2, contact = $3, registered_at = coalesce(registered_at, $4)
          where id = $1",
    )
    .bind(id)
    .bind(account_url)
    .bind(contact)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether an authority works, as the nodes have found it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Health {
    pub(crate) directory: String,
    pub(crate) down_since: Option<DateTime<Utc>>,
    pub(crate) down_until: Option<DateTime<Utc>>,
    pub(crate) down_reason: Option<String>,
}

/// An authority as those see it who look for work.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Standing {
    pub(crate) directory: String,
    pub(crate) faulty: bool,
    pub(crate) down_until: Option<DateTime<Utc>>,
    /// When the bucket of new orders is full.
    pub(crate) orders_full: Option<DateTime<Utc>>,
}

/// The standing of each of these authorities, in this order.
pub(crate) async fn standings(tx: &mut SystemTx, directories: &[String]) -> Result<Vec<Standing>, Error> {
    let rows = sqlx::query_as(
        "select d.directory, coalesce(a.down_faults > 0, false) as faulty, a.down_until, b.tat as orders_full
           from unnest($1::text[]) with ordinality as d (directory, n)
           left join acme_accounts a using (directory)
           left join acme_budgets b on b.directory = d.directory and b.bucket = 'orders'
          order by d.n",
    )
    .bind(directories)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// What is due beside orders.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(crate) struct Duties {
    pub(crate) ask: bool,
    pub(crate) renew: bool,
    pub(crate) revoke: bool,
}

pub(crate) async fn duties(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<Duties, Error> {
    let row = sqlx::query_as(
        "select exists (select from certificates where superseded_at is null and ari_next <= $1) as ask,
                exists (select from certificates where superseded_at is null and renew_at <= $1) as renew,
                exists (select from acme_revocations where done_at is null and due <= $1) as revoke",
    )
    .bind(now)
    .fetch_one(tx.conn())
    .await?;
    Ok(row)
}

/// The authorities that did not work when they were last asked.
pub(crate) async fn faulty(tx: &mut SystemTx) -> Result<Vec<Health>, Error> {
    let rows = sqlx::query_as(
        "select directory, down_since, down_until, down_reason from acme_accounts where down_faults > 0",
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Writes down that an authority does not work, and when somebody may try again: twice as long after each fault. Faults
/// that are met at the same time count once. Gives the moment.
pub(crate) async fn down(
    tx: &mut SystemTx,
    directory: &str,
    reason: &str,
    (first, max): (TimeDelta, TimeDelta),
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Error> {
    let until: Option<DateTime<Utc>> = sqlx::query_scalar(
        "update acme_accounts
            set down_since = coalesce(down_since, $3), down_reason = $2,
                down_faults = down_faults + case when down_until > $3 then 0 else 1 end,
                down_until = case when down_until > $3 then down_until
                                  else $3 + least($4 * (2 ^ least(down_faults, 20)), $5) end
          where directory = $1 returning down_until",
    )
    .bind(directory)
    .bind(reason)
    .bind(now)
    .bind(first)
    .bind(max)
    .fetch_optional(tx.conn())
    .await?;
    Ok(until.unwrap_or(now + first))
}

/// The authority has answered.
pub(crate) async fn up(tx: &mut SystemTx, directory: &str) -> Result<(), Error> {
    sqlx::query(
        "update acme_accounts set down_since = null, down_faults = 0, down_until = null, down_reason = null
          where directory = $1 and down_faults > 0",
    )
    .bind(directory)
    .execute(tx.conn())
    .await?;
    Ok(())
}
