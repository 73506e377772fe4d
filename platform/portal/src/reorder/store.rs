//! The SQL of the reorder slice: the earlier order, the catalogue, addresses, and the tenant's rules. Opened for a
//! customer, so the wall shows that customer's rows alone; products and rules are the tenant's.

use chrono::{DateTime, Utc};
use platform_core::id::RequestId;
use platform_core::{Error, TenantTx};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::review::{Catalogue, OldLine, Product};

/// The order that is to be ordered again.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OldOrder {
    pub id: Uuid,
    pub connector_id: Uuid,
    pub external_id: String,
    pub number: String,
    pub purchase_order: Option<String>,
    pub currency: Option<String>,
    pub ship_to: Option<String>,
}

/// One order of the customer, also one that the source has removed.
///
/// # Errors
/// The database's answer.
pub async fn order(tx: &mut TenantTx, id: Uuid) -> Result<Option<OldOrder>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let row = sqlx::query_as(
        "select id, connector_id, external_id, number, purchase_order, currency, ship_to
           from orders where tenant_id = $1 and customer_id = $2 and id = $3",
    );
    Ok(row.bind(tenant).bind(customer).bind(id).fetch_optional(tx.conn()).await?)
}

/// The lines of an order, or those of them that are named.
///
/// # Errors
/// The database's answer.
pub async fn lines(tx: &mut TenantTx, order: Uuid, only: &[String]) -> Result<Vec<OldLine>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select external_id, sku, description, unit, quantity, unit_price from order_lines
          where tenant_id = $1 and order_id = $2 and (cardinality($3::text[]) = 0 or external_id = any($3))
          order by position, external_id",
    );
    Ok(rows.bind(tenant).bind(order).bind(only).fetch_all(tx.conn()).await?)
}

/// What the catalogue says of these parts and of whatever replaces them.
///
/// # Errors
/// The database's answer.
pub async fn catalogue(tx: &mut TenantTx, connector: Uuid, skus: &[String]) -> Result<Catalogue, Error> {
    let tenant = tx.tenant();
    // `union` ends a circle of replacements.
    let rows: Vec<Product> = sqlx::query_as(
        "with recursive wanted as (
             select unnest($3::text[]) as sku
             union
             select p.replaced_by from wanted w
               join products p on p.tenant_id = $1 and p.connector_id = $2 and p.sku = w.sku
              where p.replaced_by is not null and p.state = 'discontinued')
         select p.sku, p.description, p.unit, p.price, p.currency, p.state, p.replaced_by, p.available, p.lead_days
           from wanted w join products p on p.tenant_id = $1 and p.connector_id = $2 and p.sku = w.sku
          where p.deleted_at is null",
    )
    .bind(tenant)
    .bind(connector)
    .bind(skus)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|product| (product.sku.clone(), product)).collect())
}

/// A place that things can go to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Address {
    pub id: Uuid,
    pub external_id: String,
    pub label: Option<String>,
    pub street: String,
    pub city: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
    pub is_default: bool,
}

impl Address {
    /// In one line.
    #[must_use]
    pub fn words(&self) -> String {
        let street = self.street.lines().map(str::trim).filter(|line| !line.is_empty());
        let place = [&self.city, &self.region, &self.postal_code].into_iter().flatten().map(String::as_str);
        let place = place.filter(|word| !word.trim().is_empty()).collect::<Vec<_>>().join(" ");
        let label = self.label.as_deref().filter(|label| !label.is_empty());
        let parts =
            label.into_iter().chain(street).chain(Some(place.as_str())).chain(self.country.as_deref());
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// Where the customer may have things sent: what the source knows and nobody has archived, the default first.
///
/// # Errors
/// The database's answer.
pub async fn ship_to(tx: &mut TenantTx) -> Result<Vec<Address>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(
        "select id, external_id, label, street, city, region, postal_code, country, is_default from addresses
          where tenant_id = $1 and customer_id = $2 and kind = 'ship_to' and deleted_at is null and archived_at is null
          order by is_default desc, label nulls last, city, id limit 200",
    );
    Ok(rows.bind(tenant).bind(customer).fetch_all(tx.conn()).await?)
}

/// When the source of an order was last read.
///
/// # Errors
/// The database's answer.
pub async fn as_of(tx: &mut TenantTx, connector: Uuid) -> Result<Option<DateTime<Utc>>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_scalar("select data_as_of from connectors where tenant_id = $1 and id = $2");
    Ok(row.bind(tenant).bind(connector).fetch_optional(tx.conn()).await?.flatten())
}

/// What the tenant demands.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Rules {
    pub purchase_order_required: bool,
    /// In the order's currency.
    pub approval_over: Option<Decimal>,
}

/// The tenant's rules; without any, nothing is demanded.
///
/// # Errors
/// The database's answer.
pub async fn rules(tx: &mut TenantTx) -> Result<Rules, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select purchase_order_required, approval_over from reorder_rules where tenant_id = $1",
    );
    Ok(row.bind(tenant).fetch_optional(tx.conn()).await?.unwrap_or_default())
}

/// Sets the tenant's rules.
///
/// # Errors
/// Constraint `reorder_rules_approval_over_shape` for an amount below zero; else the database's answer.
pub async fn set_rules(tx: &mut TenantTx, rules: &Rules) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into reorder_rules (tenant_id, purchase_order_required, approval_over) values ($1, $2, $3)
         on conflict (tenant_id) do update set purchase_order_required = excluded.purchase_order_required,
             approval_over = excluded.approval_over",
    )
    .bind(tenant)
    .bind(rules.purchase_order_required)
    .bind(rules.approval_over)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The request that has this form's key already.
///
/// # Errors
/// The database's answer.
pub async fn by_key(tx: &mut TenantTx, key: &str) -> Result<Option<RequestId>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let id = sqlx::query_scalar(
        "select id from requests where tenant_id = $1 and customer_id = $2 and kind = 'reorder' and idempotency_key = $3",
    );
    Ok(id.bind(tenant).bind(customer).bind(key).fetch_optional(tx.conn()).await?)
}

/// Reorders of the customer in the last day that may still come, newest first.
///
/// # Errors
/// The database's answer.
pub async fn of_the_last_day(tx: &mut TenantTx) -> Result<Vec<RequestId>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let ids = sqlx::query_scalar(
        "select id from requests
          where tenant_id = $1 and customer_id = $2 and kind = 'reorder' and created_at > now() - interval '24 hours'
            and state not in ('rejected', 'withdrawn')
          order by created_at desc limit 50",
    );
    Ok(ids.bind(tenant).bind(customer).fetch_all(tx.conn()).await?)
}

/// Our copy of the order that a request has become, if it has come.
///
/// # Errors
/// The database's answer.
pub async fn order_numbered(tx: &mut TenantTx, number: &str) -> Result<Option<Uuid>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let id = sqlx::query_scalar(
        "select id from orders
          where tenant_id = $1 and customer_id = $2 and deleted_at is null and (number = $3 or external_id = $3)
          order by number = $3 desc limit 1",
    );
    Ok(id.bind(tenant).bind(customer).bind(number).fetch_optional(tx.conn()).await?)
}
