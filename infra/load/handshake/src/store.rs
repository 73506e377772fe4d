//! What the load test asks of the database, as a superuser or as the application.

use platform_core::db::SystemTx;
use sqlx::postgres::PgConnection;

/// The first custom hosts of all.
pub(crate) async fn hosts(tx: &mut SystemTx, count: i64) -> anyhow::Result<Vec<String>> {
    let hosts = sqlx::query_scalar("select host from domains where state = 'live' order by host limit $1");
    Ok(hosts.bind(count).fetch_all(tx.conn()).await?)
}

/// Makes the next check of a domain due and says so, as a claim does.
pub(crate) async fn check_now(connection: &mut PgConnection, host: &str) -> anyhow::Result<()> {
    let due = "with due as (update domains set next_check = now() where host = $1 returning id)
               select pg_notify('domains', '') from due";
    sqlx::query(due).bind(host).execute(connection).await?;
    Ok(())
}

/// Gives a host back, as the product does when its tenant asks for it.
pub(crate) async fn release(connection: &mut PgConnection, host: &str) -> anyhow::Result<()> {
    let release =
        "update domains set state = 'released', ended_at = now() where host = $1 and state = 'live'";
    sqlx::query(release).bind(host).execute(connection).await?;
    Ok(())
}
