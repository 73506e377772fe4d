//! Which hosts shall have a certificate. The router writes here; the issuer reads. A row that goes away ends all work for
//! the host, so that a customer who left is not retried for ever.

use chrono::{DateTime, Utc};
use platform_core::db::{Error, SystemTx};

use crate::challenges::Kind;

/// Asks for certificates. Hosts that are wanted already stay as they are. Gives how many are new.
///
/// # Errors
/// The database's answer.
pub async fn want(tx: &mut SystemTx, hosts: &[String], now: DateTime<Utc>) -> Result<u64, Error> {
    add(tx, hosts, now, false).await
}

/// The same for an import: these hosts wait behind those that a person waits for.
///
/// # Errors
/// The database's answer.
pub async fn want_in_bulk(tx: &mut SystemTx, hosts: &[String], now: DateTime<Utc>) -> Result<u64, Error> {
    add(tx, hosts, now, true).await
}

async fn add(tx: &mut SystemTx, hosts: &[String], now: DateTime<Utc>, bulk: bool) -> Result<u64, Error> {
    let done = sqlx::query(
        "insert into wanted_hosts (host, since, bulk) select host, $2, $3 from unnest($1::text[]) as t (host)
         on conflict (host) do nothing",
    )
    .bind(hosts)
    .bind(now)
    .bind(bulk)
    .execute(tx.conn())
    .await?;
    if done.rows_affected() > 0 {
        hint(tx).await?;
    }
    Ok(done.rows_affected())
}

/// Says how a wanted host is to be proven from now on: by DNS-01 before it is moved here, or the issuer's choice again
/// (none). An order under way stays as it is.
///
/// # Errors
/// The database's answer.
pub async fn prove_by(tx: &mut SystemTx, host: &str, kind: Option<Kind>) -> Result<(), Error> {
    sqlx::query("update wanted_hosts set prove_by = $2 where host = $1")
        .bind(host)
        .bind(kind)
        .execute(tx.conn())
        .await?;
    sqlx::query("update acme_orders set challenge = $2 where host = $1 and step = 'new'")
        .bind(host)
        .bind(kind)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Tells the issuers that the list has changed.
async fn hint(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query("select pg_notify('acme_orders', '')").execute(tx.conn()).await?;
    Ok(())
}

/// More new hosts than this at once are an import.
const AT_ONCE: i64 = 50;

/// Makes the list of wanted hosts equal to `hosts`. Many new ones at once are taken for an import. Hosts that were asked for after `read_at`, the moment from which the
/// list is, stay: whoever asked knew more. Gives how many were added and removed.
///
/// # Errors
/// The database's answer.
pub async fn replace(
    tx: &mut SystemTx,
    hosts: &[String],
    read_at: DateTime<Utc>,
) -> Result<(u64, u64), Error> {
    let missing = missing(tx, hosts).await?;
    let added = if missing > AT_ONCE {
        want_in_bulk(tx, hosts, read_at).await?
    } else {
        want(tx, hosts, read_at).await?
    };
    let done = sqlx::query("delete from wanted_hosts where host <> all ($1::text[]) and since < $2")
        .bind(hosts)
        .bind(read_at)
        .execute(tx.conn())
        .await?;
    if done.rows_affected() > 0 {
        hint(tx).await?;
    }
    Ok((added, done.rows_affected()))
}

async fn missing(tx: &mut SystemTx, hosts: &[String]) -> Result<i64, Error> {
    let count = sqlx::query_scalar(
        "select count(*) from unnest($1::text[]) as t (host)
          where not exists (select from wanted_hosts w where w.host = t.host)",
    )
    .bind(hosts)
    .fetch_one(tx.conn())
    .await?;
    Ok(count)
}

/// Stops all work for a host. Its certificate is revoked when the host stays unwanted
/// ([`crate::IssuerConfig::revoke_after`]).
///
/// # Errors
/// The database's answer.
pub async fn forget(tx: &mut SystemTx, host: &str) -> Result<(), Error> {
    sqlx::query("delete from wanted_hosts where host = $1").bind(host).execute(tx.conn()).await?;
    hint(tx).await
}
