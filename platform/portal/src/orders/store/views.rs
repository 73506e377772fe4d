//! Lists that a contact keeps under a name.

use chrono::{DateTime, Utc};
use platform_core::id::ContactId;
use platform_core::{Error, TenantTx};
use uuid::Uuid;

/// How many one contact may keep.
pub const MOST: usize = 20;

/// A kept list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ViewRow {
    pub id: Uuid,
    pub name: String,
    /// A filter's word.
    pub filter: String,
    pub query: String,
}

/// A contact's lists, oldest first.
///
/// # Errors
/// The database's answer.
pub async fn views(tx: &mut TenantTx, contact: ContactId) -> Result<Vec<ViewRow>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select id, name, filter, query from order_views where tenant_id = $1 and contact_id = $2 order by created_at, id",
    );
    Ok(rows.bind(tenant).bind(contact).fetch_all(tx.conn()).await?)
}

/// Keeps a list; one of the same name takes its place. False when the contact has as many as may be.
///
/// # Errors
/// The database's answer.
pub async fn keep(
    tx: &mut TenantTx,
    contact: ContactId,
    view: &ViewRow,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let done = sqlx::query(
        "insert into order_views (tenant_id, id, contact_id, customer_id, name, filter, query, created_at)
         select $1, $2, $3, $4, $5, $6, $7, $8
          where (select count(*) from order_views where tenant_id = $1 and contact_id = $3 and name <> $5) < $9
         on conflict (tenant_id, contact_id, name) do update set filter = excluded.filter, query = excluded.query",
    )
    .bind(tenant)
    .bind(view.id)
    .bind(contact)
    .bind(customer)
    .bind(&view.name)
    .bind(&view.filter)
    .bind(&view.query)
    .bind(at)
    .bind(i64::try_from(MOST).unwrap_or(i64::MAX))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets a list of this contact. False when it is none of theirs.
///
/// # Errors
/// The database's answer.
pub async fn forget(tx: &mut TenantTx, contact: ContactId, id: Uuid) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query("delete from order_views where tenant_id = $1 and contact_id = $2 and id = $3");
    Ok(done.bind(tenant).bind(contact).bind(id).execute(tx.conn()).await?.rows_affected() == 1)
}
