//! The table `connector_mappings`, and which of its rows is active.

use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use platform_core::id::ConnectorId;
use platform_core::random::Random;
use platform_core::{Error, TenantTx, audit};
use serde::Serialize;
use serde_json::json;

use super::check::{Located, check};
use crate::author::Author;
use crate::stops;

/// One version. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Version {
    pub version: i32,
    /// TOML, see `infra/docs/mapping.md`.
    pub text: String,
    /// Why it was written, by its author.
    pub note: String,
    pub author: String,
    pub created_at: DateTime<Utc>,
    /// Last became the active one; none for a draft.
    pub activated_at: Option<DateTime<Utc>>,
    pub activated_by: Option<String>,
    /// What the sync reads by.
    pub active: bool,
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    pub version: i32,
    /// False when the newest version has this very text.
    pub is_new: bool,
}

/// What became of an activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activated {
    /// The sync takes it up at once, and reads everything anew with it.
    Done,
    /// It is the active one already.
    Already,
    /// Somebody else activated another version meanwhile; nothing was changed.
    Moved { active: Option<i32> },
    /// It has faults; nothing was changed.
    Faulty(Vec<Located>),
    /// There is no such version.
    Unknown,
}

/// The longest note, in characters.
pub const LONGEST_NOTE: usize = 500;

const VERSION: &str =
    "select m.version, m.text, m.note, m.author, m.created_at, m.activated_at, m.activated_by,
        coalesce(m.version = c.mapping_version, false) as active
   from connector_mappings m join connectors c on c.tenant_id = m.tenant_id and c.id = m.connector_id
  where m.tenant_id = $1 and m.connector_id = $2 and ($3::int is null or m.version = $3)
    and (not $4 or m.version = c.mapping_version)
  order by m.version desc limit 500";

/// All versions of a connector, the newest first; at most 500.
///
/// # Errors
/// The database's answer.
pub async fn history(tx: &mut TenantTx, connector: ConnectorId) -> Result<Vec<Version>, Error> {
    some(tx, connector, None, false).await
}

/// One version.
///
/// # Errors
/// The database's answer.
pub async fn get(tx: &mut TenantTx, connector: ConnectorId, version: i32) -> Result<Option<Version>, Error> {
    Ok(some(tx, connector, Some(version), false).await?.pop())
}

/// The version that the sync reads by.
///
/// # Errors
/// The database's answer.
pub async fn active(tx: &mut TenantTx, connector: ConnectorId) -> Result<Option<Version>, Error> {
    Ok(some(tx, connector, None, true).await?.pop())
}

async fn some(
    tx: &mut TenantTx,
    connector: ConnectorId,
    version: Option<i32>,
    active: bool,
) -> Result<Vec<Version>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(VERSION).bind(tenant).bind(connector).bind(version).bind(active);
    Ok(rows.fetch_all(tx.conn()).await?)
}

/// Keeps a text as the newest version, a draft, faults and all. None when there is no such connector.
///
/// # Errors
/// The database's answer.
pub async fn save(
    tx: &mut TenantTx,
    connector: ConnectorId,
    text: &str,
    note: &str,
    by: Author<'_>,
) -> Result<Option<Saved>, Error> {
    let tenant = tx.tenant();
    // one author after the other, so that versions count without a gap
    let known = sqlx::query("select 1 from connectors where tenant_id = $1 and id = $2 for update");
    if known.bind(tenant).bind(connector).fetch_optional(tx.conn()).await?.is_none() {
        return Ok(None);
    }
    let newest: Option<(i32, String)> = sqlx::query_as(
        "select version, text from connector_mappings where tenant_id = $1 and connector_id = $2
          order by version desc limit 1",
    )
    .bind(tenant)
    .bind(connector)
    .fetch_optional(tx.conn())
    .await?;
    let version = match newest {
        Some((version, known)) if known == text => return Ok(Some(Saved { version, is_new: false })),
        newest => newest.map_or(1, |(version, _)| version + 1),
    };
    let note: String = note.trim().chars().take(LONGEST_NOTE).collect();
    sqlx::query(
        "insert into connector_mappings (tenant_id, connector_id, version, text, note, author)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant)
    .bind(connector)
    .bind(version)
    .bind(text)
    .bind(note)
    .bind(by.stored())
    .execute(tx.conn())
    .await?;
    Ok(Some(Saved { version, is_new: true }))
}

/// Makes a version the active one, if `expected` is still what is active: whoever looked at an older state is told so.
/// The same way leads back to an older version.
///
/// # Errors
/// The database's answer.
pub async fn activate(
    tx: &mut TenantTx,
    (clock, random): (&dyn Clock, &dyn Random),
    connector: ConnectorId,
    (version, expected): (i32, Option<i32>),
    by: Author<'_>,
) -> Result<Activated, Error> {
    let Some(wanted) = get(tx, connector, version).await? else { return Ok(Activated::Unknown) };
    let faults = check(&wanted.text);
    if !faults.is_empty() {
        return Ok(Activated::Faulty(faults));
    }
    if wanted.active {
        return Ok(Activated::Already);
    }
    let tenant = tx.tenant();
    let done = sqlx::query(
        "update connectors set mapping = $4, revision = revision + 1, lease_until = null, last_error = null,
             last_error_kind = null, failed_since = null, breaker_until = null, sweep_requested_at = now()
          where tenant_id = $1 and id = $2 and mapping_version is not distinct from $3",
    );
    let done = done.bind(tenant).bind(connector).bind(expected).bind(&wanted.text);
    if done.execute(tx.conn()).await?.rows_affected() == 0 {
        let active = active(tx, connector).await?.map(|active| active.version);
        return Ok(Activated::Moved { active });
    }
    put_active(tx, connector, version, by).await?;
    let entry = audit::Entry {
        actor: by.actor(),
        customer: None,
        action: "activated",
        object_kind: "mapping",
        object_id: &connector.to_string(),
        detail: json!({ "by": by.stored(), "version": version, "instead_of": expected }),
    };
    audit::record(tx, clock, random, &entry).await?;
    stops::hint(tx, connector).await?;
    Ok(Activated::Done)
}

/// Notes which version the connector's text is.
pub(crate) async fn put_active(
    tx: &mut TenantTx,
    connector: ConnectorId,
    version: i32,
    by: Author<'_>,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("update connectors set mapping_version = $3 where tenant_id = $1 and id = $2")
        .bind(tenant)
        .bind(connector)
        .bind(version)
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "update connector_mappings set activated_at = now(), activated_by = $4
          where tenant_id = $1 and connector_id = $2 and version = $3",
    )
    .bind(tenant)
    .bind(connector)
    .bind(version)
    .bind(by.stored())
    .execute(tx.conn())
    .await?;
    Ok(())
}
