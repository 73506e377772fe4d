//! Which hosts shall have a certificate. The router writes here; the issuer reads. A row that goes away ends all work for
//! the host, so that a customer who left is not retried for ever.

use chrono::{DateTime, Utc};
use platform_core::db::{Error, SystemTx};

/// Asks for certificates. Hosts that are wanted already stay as they are. Gives how many are new.
///
/// # Errors
/// The database's answer.
pub async fn want(tx: &mut SystemTx, hosts: &[String], now: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query(
        "insert into wanted_hosts (host, since) select host, $2 from unnest($1::text[]) as t (host)
         on conflict (host) do nothing",
    )
    .bind(hosts)
    .bind(now)
    .execute(tx.conn())
    .await?;
    if done.rows_affected() > 0 {
        sqlx::query("select pg_notify('acme_orders', '')").execute(tx.conn()).await?;
    }
    Ok(done.rows_affected())
}

/// Makes the list of wanted hosts equal to `hosts`. Hosts that were asked for after `read_at`, the moment from which the
/// list is, stay: whoever asked knew more. Gives how many were added and removed.
///
/// # Errors
/// The database's answer.
pub async fn replace(
    tx: &mut SystemTx,
    hosts: &[String],
    read_at: DateTime<Utc>,
) -> Result<(u64, u64), Error> {
    let added = want(tx, hosts, read_at).await?;
    let done = sqlx::query("delete from wanted_hosts where host <> all ($1::text[]) and since < $2")
        .bind(hosts)
        .bind(read_at)
        .execute(tx.conn())
        .await?;
    Ok((added, done.rows_affected()))
}

/// Stops all work for a host. Its certificate stays until it expires.
///
/// # Errors
/// The database's answer.
pub async fn forget(tx: &mut SystemTx, host: &str) -> Result<(), Error> {
    sqlx::query("delete from wanted_hosts where host = $1").bind(host).execute(tx.conn()).await?;
    Ok(())
}
