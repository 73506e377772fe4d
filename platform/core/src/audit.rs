//! Who did what, kept so that nobody can change it: the application role may insert and read, no more.

use serde_json::Value;
use uuid::Uuid;

use crate::clock::Clock;
use crate::db::{Error, TenantTx};
use crate::id::{AuditId, ContactId, CustomerId, StaffId};
use crate::random::Random;

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    Contact(ContactId),
    Staff(StaffId),
    /// A worker or a reconciler.
    System,
}

impl Actor {
    fn columns(self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Contact(id) => ("contact", Some(id.0)),
            Self::Staff(id) => ("staff", Some(id.0)),
            Self::System => ("system", None),
        }
    }
}

/// One line of the log. `action` is a past verb (`signed_in`), `object_kind` a noun of house.md.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    pub actor: Actor,
    pub customer: Option<CustomerId>,
    pub action: &'static str,
    pub object_kind: &'static str,
    pub object_id: &'a str,
    /// Never a secret and never a whole document.
    pub detail: Value,
}

/// Writes a line in the caller's transaction: it is there if and only if the deed is.
///
/// # Errors
/// The database's answer.
pub async fn record(
    tx: &mut TenantTx,
    clock: &dyn Clock,
    random: &dyn Random,
    entry: &Entry<'_>,
) -> Result<(), Error> {
    let (kind, actor) = entry.actor.columns();
    let tenant = tx.tenant();
    sqlx::query(
        "insert into audit_log (tenant_id, id, actor_kind, actor_id, customer_id, action, object_kind, object_id, detail)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tenant)
    .bind(AuditId::new(clock, random))
    .bind(kind)
    .bind(actor)
    .bind(entry.customer)
    .bind(entry.action)
    .bind(entry.object_kind)
    .bind(entry.object_id)
    .bind(&entry.detail)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How often somebody did something within the last hour, for what may be done so often only.
///
/// # Errors
/// The database's answer.
pub async fn lately(tx: &mut TenantTx, contact: ContactId, action: &str) -> Result<i64, Error> {
    let tenant = tx.tenant();
    let count = sqlx::query_scalar(
        "select count(*) from audit_log
          where tenant_id = $1 and at > now() - interval '1 hour' and actor_id = $2 and action = $3",
    );
    Ok(count.bind(tenant).bind(contact).bind(action).fetch_one(tx.conn()).await?)
}
