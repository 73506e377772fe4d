//! A tenant's customers and their people, for lists.

use chrono::{DateTime, Utc};
use platform_core::id::{ContactId, CustomerId};
use platform_core::{Error, TenantTx};

/// Customers a list shows at once.
pub(super) const PAGE: usize = 50;

/// One customer of the list.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: CustomerId,
    pub(super) name: String,
    pub(super) external_key: Option<String>,
    pub(super) status: String,
    /// Contacts who may sign in.
    pub(super) people: i64,
    pub(super) open_orders: i64,
    pub(super) open_requests: i64,
    pub(super) last_seen_at: Option<DateTime<Utc>>,
}

/// Customers by name, whose name or account number holds `search`, after a place; one more than [`PAGE`] when there are
/// more. Only those that are shown are counted for.
pub(super) async fn list(
    tx: &mut TenantTx,
    search: &str,
    after: Option<(&str, CustomerId)>,
) -> Result<Vec<Row>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select u.id, u.name, u.external_key, u.status, c.people, c.last_seen_at,
                (select count(*) from orders o where o.tenant_id = $1 and o.customer_id = u.id and o.deleted_at is null and o.is_open)
                    as open_orders,
                (select count(*) from requests r where r.tenant_id = $1 and r.customer_id = u.id
                    and r.state in ('awaiting_approval', 'submitted', 'handed_over')) as open_requests
           from (select id, name, external_key, status from customers
                  where tenant_id = $1 and ($2 = '' or name ilike $3 or external_key ilike $3)
                    and ($4::text is null or (lower(name), id) > (lower($4), $5))
                  order by lower(name), id limit $6) u
           cross join lateral (select count(*) filter (where active) as people, max(last_seen_at) as last_seen_at from contacts
                                where tenant_id = $1 and customer_id = u.id) c
          order by lower(u.name), u.id",
    )
    .bind(tenant)
    .bind(search)
    .bind(like(search))
    .bind(after.map(|(name, _)| name))
    .bind(after.map(|(_, id)| id))
    .bind(i64::try_from(PAGE + 1).unwrap_or(i64::MAX))
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// A pattern that holds the text as it was typed.
fn like(search: &str) -> String {
    let mut pattern = String::with_capacity(search.len() + 2);
    pattern.push('%');
    for letter in search.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// One customer.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Customer {
    pub(super) name: String,
    pub(super) external_key: Option<String>,
    pub(super) status: String,
    pub(super) time_zone: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// The customer that the transaction was opened for.
pub(super) async fn one(tx: &mut TenantTx) -> Result<Option<Customer>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let row = sqlx::query_as(
        "select name, external_key, status, time_zone, created_at from customers where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(customer)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// One contact of the customer.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Person {
    pub(super) id: ContactId,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: String,
    pub(super) active: bool,
    pub(super) last_seen_at: Option<DateTime<Utc>>,
}

/// The customer's people, those who may come first.
pub(super) async fn people(tx: &mut TenantTx, limit: i64) -> Result<Vec<Person>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(
        "select id, name, email, role, active, last_seen_at from contacts
          where tenant_id = $1 and customer_id = $2 order by active desc, lower(name), id limit $3",
    )
    .bind(tenant)
    .bind(customer)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn what_is_typed_is_looked_for_as_it_stands() {
        assert_eq!(like("50%_a\\"), "%50\\%\\_a\\\\%");
    }
}
