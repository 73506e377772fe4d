//! Certificates in the database: chain in clear, key sealed for its row. The newest of a host is the one in use; the keys of
//! former ones are erased after a day, when no node serves them any more.

use chrono::{DateTime, Utc};
use platform_core::db::{Error, SystemTx};
use platform_core::secrets::Binding;
use uuid::Uuid;

use crate::certificate::Facts;
use crate::renew;

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
    /// When to ask the authority for its renewal window; never for a certificate from elsewhere.
    pub(crate) ari_next: Option<DateTime<Utc>>,
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
             (id, host, names, chain, key_sealed, serial, issuer, directory, not_before, not_after, renew_at, created_at,
              ari_id, ari_next)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
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
    .bind(renew::by_life(new.facts.not_before, new.facts.not_after))
    .bind(now)
    .bind(&new.facts.ari_id)
    .bind(new.ari_next)
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

/// A renewal window, both ends inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

/// A certificate whose window is to be asked for.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Asked {
    pub(crate) id: Uuid,
    pub(crate) host: String,
    pub(crate) ari_id: String,
    pub(crate) directory: String,
    pub(crate) not_before: DateTime<Utc>,
    pub(crate) not_after: DateTime<Utc>,
    pub(crate) window_start: Option<DateTime<Utc>>,
    pub(crate) window_end: Option<DateTime<Utc>>,
    pub(crate) renew_at: DateTime<Utc>,
    pub(crate) hurry: bool,
}

impl Asked {
    /// The window as it was last heard.
    pub(crate) fn window(&self) -> Option<Window> {
        Some(Window { start: self.window_start?, end: self.window_end? })
    }
}

/// Takes certificates whose turn has come to be asked about; others leave them alone until `lease`.
pub(crate) async fn to_ask(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    lease: DateTime<Utc>,
    away: &[String],
    limit: i64,
) -> Result<Vec<Asked>, Error> {
    let rows = sqlx::query_as(
        "update certificates set ari_next = $2
          where id = any (array (select id from certificates c
                                  where superseded_at is null and ari_next <= $1 and directory <> all ($4)
                                    and exists (select from wanted_hosts w where w.host = c.host)
                                  order by ari_next limit $3 for update skip locked))
         returning id, host, ari_id, directory, not_before, not_after, window_start, window_end, renew_at, hurry",
    )
    .bind(now)
    .bind(lease)
    .bind(limit)
    .bind(away)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// What was heard about certificates, a column each. A window of none leaves what is known.
#[derive(Debug, Default)]
pub(crate) struct HeardRows {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) starts: Vec<Option<DateTime<Utc>>>,
    pub(crate) ends: Vec<Option<DateTime<Utc>>>,
    pub(crate) renew_ats: Vec<Option<DateTime<Utc>>>,
    pub(crate) hurries: Vec<bool>,
    pub(crate) nexts: Vec<DateTime<Utc>>,
}

pub(crate) async fn heard(tx: &mut SystemTx, rows: &HeardRows) -> Result<(), Error> {
    sqlx::query(
        "update certificates c
            set window_start = coalesce(h.starts, c.window_start), window_end = coalesce(h.ends, c.window_end),
                renew_at = coalesce(h.renew_at, c.renew_at), hurry = h.hurry, ari_next = h.next
           from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::boolean[],
                       $6::timestamptz[]) as h (id, starts, ends, renew_at, hurry, next)
          where c.id = h.id",
    )
    .bind(&rows.ids)
    .bind(&rows.starts)
    .bind(&rows.ends)
    .bind(&rows.renew_ats)
    .bind(&rows.hurries)
    .bind(&rows.nexts)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// When the next certificate is to be asked about.
pub(crate) async fn next_ask(tx: &mut SystemTx, away: &[String]) -> Result<Option<DateTime<Utc>>, Error> {
    let next = sqlx::query_scalar(
        "select ari_next from certificates
          where superseded_at is null and ari_next is not null and directory <> all ($1)
          order by ari_next limit 1",
    )
    .bind(away)
    .fetch_optional(tx.conn())
    .await?;
    Ok(next)
}

/// Erases the keys of certificates that were superseded before a moment, and forgets those that expired before another.
pub(crate) async fn sweep(
    tx: &mut SystemTx,
    superseded_before: DateTime<Utc>,
    expired_before: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "update certificates set key_sealed = null where superseded_at < $1 and key_sealed is not null",
    )
    .bind(superseded_before)
    .execute(tx.conn())
    .await?;
    sqlx::query("delete from certificates where superseded_at is not null and not_after < $1")
        .bind(expired_before)
        .execute(tx.conn())
        .await?;
    Ok(())
}

fn wildcard(host: &str) -> String {
    match host.split_once('.') {
        Some((_, rest)) => format!("*.{rest}"),
        None => String::new(),
    }
}
