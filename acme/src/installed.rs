//! Certificates in the database: chain in clear, key sealed for its row. The newest of a host is the one in use.

use chrono::{DateTime, Utc};
use platform_core::db::{Error, SystemTx};
use platform_core::secrets::Binding;
use uuid::Uuid;

use crate::certificate::{Facts, renew_at};

/// Where the key of a certificate is sealed.
pub(crate) fn binding(id: Uuid) -> Binding {
    Binding { table: "certificates", column: "key_sealed", tenant: None, row: id }
}

/// A certificate as the cache loads it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    pub(crate) names: Vec<String>,
    pub(crate) chain: String,
    pub(crate) key_sealed: Vec<u8>,
    pub(crate) not_after: DateTime<Utc>,
}

/// What is to be installed.
pub(crate) struct New<'a> {
    pub(crate) id: Uuid,
    pub(crate) host: &'a str,
    pub(crate) chain: &'a str,
    pub(crate) key_sealed: &'a [u8],
    pub(crate) directory: &'a str,
    pub(crate) facts: &'a Facts,
}

/// Installs a certificate in place of the one before it.
pub(crate) async fn install(tx: &mut SystemTx, new: &New<'_>, now: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query("update certificates set superseded_at = $2 where host = $1 and superseded_at is null")
        .bind(new.host)
        .bind(now)
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "insert into certificates
             (id, host, names, chain, key_sealed, serial, issuer, directory, not_before, not_after, renew_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(new.id)
    .bind(new.host)
    .bind(&new.facts.names)
    .bind(new.chain)
    .bind(new.key_sealed)
    .bind(&new.facts.serial)
    .bind(&new.facts.issuer)
    .bind(new.directory)
    .bind(new.facts.not_before)
    .bind(new.facts.not_after)
    .bind(renew_at(new.facts.not_before, new.facts.not_after))
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The certificate for a host: its own before a wildcard's, a valid one before an expired one.
pub(crate) async fn load(tx: &mut SystemTx, host: &str, now: DateTime<Utc>) -> Result<Option<Stored>, Error> {
    let row = sqlx::query_as(
        "select id, names, chain, key_sealed, not_after from certificates
          where superseded_at is null and host = any ($1::text[])
          order by not_after > $2 desc, host = $3 desc limit 1",
    )
    .bind([host.to_owned(), wildcard(host)])
    .bind(now)
    .bind(host)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// The ids of the certificates in use, for those of the hosts (and wildcards) that have one.
pub(crate) async fn current(tx: &mut SystemTx, hosts: &[String]) -> Result<Vec<(String, Uuid)>, Error> {
    let rows = sqlx::query_as(
        "select host, id from certificates where superseded_at is null and host = any ($1::text[])",
    )
    .bind(hosts)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Which of the hosts have a certificate that is valid now, their own or a wildcard's.
///
/// # Errors
/// The database's answer.
pub async fn covered(tx: &mut SystemTx, hosts: &[String], now: DateTime<Utc>) -> Result<Vec<String>, Error> {
    let rows = sqlx::query_scalar(
        "select h.host from unnest($1::text[]) as h (host)
          where exists (select from certificates c
                         where c.superseded_at is null and c.not_after > $2
                           and c.host in (h.host, '*' || substr(h.host, strpos(h.host, '.'))))",
    )
    .bind(hosts)
    .bind(now)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Whether a valid wildcard certificate for one label below `base` is installed.
///
/// # Errors
/// The database's answer.
pub async fn has_wildcard(tx: &mut SystemTx, base: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let found: bool = sqlx::query_scalar(
        "select exists (select from certificates where superseded_at is null and not_after > $2 and host = '*.' || $1)",
    )
    .bind(base)
    .bind(now)
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// A certificate in use, for people.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Summary {
    pub host: String,
    pub names: Vec<String>,
    pub serial: String,
    pub issuer: String,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    pub renew_at: DateTime<Utc>,
}

/// The certificate in use of a host.
///
/// # Errors
/// The database's answer.
pub async fn summary(tx: &mut SystemTx, host: &str) -> Result<Option<Summary>, Error> {
    let row = sqlx::query_as(
        "select host, names, serial, issuer, not_before, not_after, renew_at from certificates
          where superseded_at is null and host = any ($1::text[]) order by host = $2 desc limit 1",
    )
    .bind([host.to_owned(), wildcard(host)])
    .bind(host)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

fn wildcard(host: &str) -> String {
    match host.split_once('.') {
        Some((_, rest)) => format!("*.{rest}"),
        None => String::new(),
    }
}
