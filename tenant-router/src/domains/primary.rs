//! One primary host for several: the others redirect to it, path and query kept. A redirect leads to a live host of the
//! same tenant that redirects nowhere itself, so that there is never a chain and never a circle.

use platform_core::Conn;
use platform_core::db::{Error, TenantTx};
use platform_core::id::TenantId;

use super::State;
use crate::host::Host;

/// Why a redirect cannot be.
#[derive(Debug, thiserror::Error)]
pub enum PrimaryError {
    #[error("this tenant has no domain {0}; claim it first")]
    Unknown(Host),
    #[error("{0} is not live yet, so visitors who are sent there would find nothing")]
    NotLive(Host),
    #[error("{0} redirects to {1} itself; let it serve itself first: `domain primary --tenant SLUG {0}`")]
    Chain(Host, String),
    #[error("{0} cannot redirect to itself")]
    Itself(Host),
    #[error(transparent)]
    Database(#[from] Error),
}

/// Sends the visitors of `from` to `to`. Hosts that were redirected to `from` follow it.
///
/// # Errors
/// The rule that it would break, and nothing is changed then; or the database's answer.
pub async fn redirect(tx: &mut TenantTx, from: &Host, to: &Host) -> Result<(), PrimaryError> {
    if from == to {
        return Err(PrimaryError::Itself(from.clone()));
    }
    // Locked in one order, so that two who do the opposite at once cannot make a circle between them.
    let rows: Vec<(String, State, Option<String>)> = sqlx::query_as(
        "select host, state, redirect_to from domains
          where host = any ($1::text[]) and state not in ('released', 'expired') order by host for update",
    )
    .bind([from.as_str(), to.as_str()])
    .fetch_all(tx.conn())
    .await
    .map_err(Error::from)?;
    let of = |host: &Host| rows.iter().find(|(known, _, _)| known == host.as_str());
    of(from).ok_or_else(|| PrimaryError::Unknown(from.clone()))?;
    let (_, state, onward) = of(to).ok_or_else(|| PrimaryError::Unknown(to.clone()))?;
    if *state != State::Live {
        return Err(PrimaryError::NotLive(to.clone()));
    }
    if let Some(onward) = onward {
        return Err(PrimaryError::Chain(to.clone(), onward.clone()));
    }
    sqlx::query(
        "update domains set redirect_to = $2
          where (host = $1 or redirect_to = $1) and host <> $2 and state not in ('released', 'expired')",
    )
    .bind(from.as_str())
    .bind(to.as_str())
    .execute(tx.conn())
    .await
    .map_err(Error::from)?;
    Ok(())
}

/// Lets a host serve its pages itself again.
///
/// # Errors
/// The tenant has no such domain, or the database's answer.
pub async fn serve_itself(tx: &mut TenantTx, host: &Host) -> Result<(), PrimaryError> {
    let done = sqlx::query(
        "update domains set redirect_to = null where host = $1 and state not in ('released', 'expired')",
    )
    .bind(host.as_str())
    .execute(tx.conn())
    .await
    .map_err(Error::from)?;
    if done.rows_affected() == 0 {
        return Err(PrimaryError::Unknown(host.clone()));
    }
    Ok(())
}

/// A host has ended: whoever redirected to it serves itself.
pub(super) async fn forget(conn: Conn<'_>, tenant: TenantId, host: &str) -> Result<(), Error> {
    sqlx::query("update domains set redirect_to = null where tenant_id = $1 and redirect_to = $2")
        .bind(tenant)
        .bind(host)
        .execute(conn)
        .await?;
    Ok(())
}
