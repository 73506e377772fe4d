//! The SQL of the shell: people of a customer who are written to. The transaction may see the whole tenant, so the customer
//! is named.

use platform_core::id::{ContactId, CustomerId};
use platform_core::tenants::Contact;
use platform_core::{Error, TenantTx};

/// The customer's active admins.
///
/// # Errors
/// The database's answer.
pub async fn admins(tx: &mut TenantTx, customer: CustomerId) -> Result<Vec<Contact>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select id, customer_id, email, name, role, locale, active from contacts
          where tenant_id = $1 and customer_id = $2 and role = 'admin' and active order by created_at, id limit 20",
    );
    Ok(rows.bind(tenant).bind(customer).fetch_all(tx.conn()).await?)
}

/// One contact.
///
/// # Errors
/// The database's answer.
pub async fn contact(tx: &mut TenantTx, id: ContactId) -> Result<Option<Contact>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select id, customer_id, email, name, role, locale, active from contacts where tenant_id = $1 and id = $2",
    );
    Ok(row.bind(tenant).bind(id).fetch_optional(tx.conn()).await?)
}
