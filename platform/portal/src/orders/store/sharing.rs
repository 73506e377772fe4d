//! With whom an order may be shared, and how often somebody did.

use platform_core::id::ContactId;
use platform_core::{Error, TenantTx};
use uuid::Uuid;

/// What the audit log calls it.
pub const ACTION: &str = "shared";

/// Somebody of the same company. Every role may see orders.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Colleague {
    pub id: ContactId,
    pub name: String,
    pub email: String,
    pub locale: Option<String>,
}

/// The company's other contacts who may come in.
///
/// # Errors
/// The database's answer.
pub async fn colleagues(tx: &mut TenantTx, own: ContactId) -> Result<Vec<Colleague>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(
        "select id, name, email, locale from contacts
          where tenant_id = $1 and customer_id = $2 and active and id <> $3 order by lower(name), id limit 200",
    );
    Ok(rows.bind(tenant).bind(customer).bind(own).fetch_all(tx.conn()).await?)
}

/// An order's first lines in one sentence.
///
/// # Errors
/// The database's answer.
pub async fn summary(tx: &mut TenantTx, order: Uuid) -> Result<String, Error> {
    let tenant = tx.tenant();
    let text = sqlx::query_scalar("select summary from orders where tenant_id = $1 and id = $2");
    Ok(text.bind(tenant).bind(order).fetch_one(tx.conn()).await?)
}
