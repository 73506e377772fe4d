//! The list of a tenant's own people, for whoever runs the platform: the command line today, a screen later.

use chrono::{DateTime, Utc};
use platform_core::audit::{self, Actor, Entry};
use platform_core::clock::Clock;
use platform_core::id::StaffId;
use platform_core::random::Random;
use platform_core::{Error, TenantTx};
use serde::Serialize;
use serde_json::json;

use super::store;

/// One person.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Colleague {
    pub id: StaffId,
    pub email: String,
    pub name: String,
    /// `cs_admin`, `csm` or `agent`.
    pub role: String,
    pub active: bool,
    /// A second factor is set up.
    pub second_factor: bool,
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// Everybody, by name; those who may no longer come last.
///
/// # Errors
/// The database's answer.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Colleague>, Error> {
    store::colleagues(tx).await
}

/// Takes away somebody's right to come, and ends their sessions. Returns whether there was such a person.
///
/// # Errors
/// The database's answer.
pub async fn deactivate(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    email: &str,
) -> Result<bool, Error> {
    let Some(id) = store::set_inactive(tx, email).await? else { return Ok(false) };
    store::sessions::revoke_all(tx, id).await?;
    note(tx, clock, random, "staff_deactivated", id).await?;
    Ok(true)
}

/// Forgets somebody's authenticator and recovery codes, and ends their sessions: for whoever has lost both. At the next
/// sign-in an admin has to set a new one up. Returns whether there was such a person.
///
/// # Errors
/// The database's answer.
pub async fn reset_second_factor(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    email: &str,
) -> Result<bool, Error> {
    let Some(id) = store::id_of(tx, email).await? else { return Ok(false) };
    store::factors::remove(tx, id).await?;
    store::sessions::revoke_all(tx, id).await?;
    note(tx, clock, random, "second_factor_reset", id).await?;
    Ok(true)
}

async fn note(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    action: &'static str,
    id: StaffId,
) -> Result<(), Error> {
    let entry = Entry {
        actor: Actor::System,
        customer: None,
        action,
        object_kind: "staff",
        object_id: &id.to_string(),
        detail: json!({ "by": "operator" }),
    };
    audit::record(tx, clock, random, &entry).await
}
