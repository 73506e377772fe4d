//! Tenants, their customers and the people of both: types, and the statements that every room shares.

use serde_json::Value;

use crate::db::{Error, OperatorTx, SystemTx, TenantTx};
use crate::id::{ContactId, CustomerId, StaffId, TenantId};

/// A vendor that rents a portal.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Tenant {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    /// `active` or `suspended`.
    pub status: String,
    pub locale: String,
    pub time_zone: String,
    pub modules: Vec<String>,
    /// A `themes::Brand`; this room does not look inside.
    pub brand: Value,
    pub brand_version: i64,
    /// Changes with every change of the row. For comparing, not for ordering.
    pub row_version: i64,
}

/// A company that buys from the tenant.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Customer {
    pub id: CustomerId,
    pub name: String,
    /// The account number in the tenant's own systems.
    pub external_key: Option<String>,
    pub time_zone: Option<String>,
}

/// A person of a customer.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Contact {
    pub id: ContactId,
    pub customer_id: CustomerId,
    pub email: String,
    pub name: String,
    /// `admin`, `champion` or `user`.
    pub role: String,
    pub locale: Option<String>,
    pub active: bool,
}

/// All tenants, for the caches that a node fills at start.
///
/// # Errors
/// The database's answer.
pub async fn all(tx: &mut SystemTx) -> Result<Vec<Tenant>, Error> {
    let tenants = sqlx::query_as(
        "select id, slug, name, status, locale, time_zone, modules, brand, brand_version, xmin::text::bigint as row_version
           from tenants order by slug",
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(tenants)
}

/// The tenant of this transaction.
///
/// # Errors
/// The database's answer; absent when it was erased meanwhile.
pub async fn current(tx: &mut TenantTx) -> Result<Option<Tenant>, Error> {
    let tenant = sqlx::query_as(
        "select id, slug, name, status, locale, time_zone, modules, brand, brand_version, xmin::text::bigint as row_version
           from tenants where id = $1",
    )
    .bind(tx.tenant())
    .fetch_optional(tx.conn())
    .await?;
    Ok(tenant)
}

/// The `row_version` of each of these tenants that is still there: what a memory of tenants compares itself with.
///
/// # Errors
/// The database's answer.
pub async fn versions(tx: &mut SystemTx, ids: &[TenantId]) -> Result<Vec<(TenantId, i64)>, Error> {
    let versions = sqlx::query_as("select id, xmin::text::bigint from tenants where id = any ($1)")
        .bind(ids)
        .fetch_all(tx.conn())
        .await?;
    Ok(versions)
}

/// What an operator says of a new tenant.
#[derive(Debug, Clone)]
pub struct NewTenant<'a> {
    pub id: TenantId,
    pub slug: &'a str,
    pub name: &'a str,
    pub locale: &'a str,
    pub time_zone: &'a str,
    pub modules: &'a [String],
    pub brand: &'a Value,
}

/// Creates a tenant, or brings the one with this slug to these values. Returns its id.
///
/// # Errors
/// Constraint `tenants_slug_shape` or `tenants_name_shape` for bad values; else the database's answer.
pub async fn upsert(tx: &mut OperatorTx, tenant: &NewTenant<'_>) -> Result<TenantId, Error> {
    let id = sqlx::query_scalar(
        "insert into tenants (id, slug, name, locale, time_zone, modules, brand) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (slug) do update set name = excluded.name, locale = excluded.locale,
             time_zone = excluded.time_zone, modules = excluded.modules, brand = excluded.brand,
             brand_version = tenants.brand_version + 1
         returning id",
    )
    .bind(tenant.id)
    .bind(tenant.slug)
    .bind(tenant.name)
    .bind(tenant.locale)
    .bind(tenant.time_zone)
    .bind(tenant.modules)
    .bind(tenant.brand)
    .fetch_one(tx.conn())
    .await?;
    notify(tx.conn()).await?;
    Ok(id)
}

/// Suspends or resumes: acts on the next request.
///
/// # Errors
/// The database's answer. Returns whether there was such a tenant.
pub async fn set_status(tx: &mut OperatorTx, slug: &str, status: &str) -> Result<bool, Error> {
    let done = sqlx::query("update tenants set status = $2 where slug = $1")
        .bind(slug)
        .bind(status)
        .execute(tx.conn())
        .await?;
    notify(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Wakes every node's caches of tenants and routes. A hint: they also look by themselves.
async fn notify(connection: crate::db::Conn<'_>) -> Result<(), Error> {
    sqlx::query("select pg_notify('routes', ''), pg_notify('tenants', '')").execute(connection).await?;
    Ok(())
}

/// Creates a customer, or renames the one with this account number. Returns its id.
///
/// # Errors
/// The database's answer.
pub async fn upsert_customer(
    tx: &mut TenantTx,
    id: CustomerId,
    name: &str,
    external_key: &str,
) -> Result<CustomerId, Error> {
    let tenant = tx.tenant();
    let id = sqlx::query_scalar(
        "insert into customers (tenant_id, id, name, external_key) values ($1, $2, $3, $4)
         on conflict (tenant_id, external_key) do update set name = excluded.name returning id",
    )
    .bind(tenant)
    .bind(id)
    .bind(name)
    .bind(external_key)
    .fetch_one(tx.conn())
    .await?;
    Ok(id)
}

/// The customer with this account number.
///
/// # Errors
/// The database's answer.
pub async fn customer_by_key(tx: &mut TenantTx, external_key: &str) -> Result<Option<Customer>, Error> {
    let tenant = tx.tenant();
    let customer = sqlx::query_as(
        "select id, name, external_key, time_zone from customers where tenant_id = $1 and external_key = $2",
    )
    .bind(tenant)
    .bind(external_key)
    .fetch_optional(tx.conn())
    .await?;
    Ok(customer)
}

/// Creates a contact, or renames the one with this address at this customer. Returns its id.
///
/// # Errors
/// Constraint `contacts_email_shape` for an address that is none; else the database's answer.
pub async fn upsert_contact(tx: &mut TenantTx, contact: &Contact) -> Result<ContactId, Error> {
    let tenant = tx.tenant();
    let id = sqlx::query_scalar(
        "insert into contacts (tenant_id, id, customer_id, email, name, role, locale, active)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (tenant_id, customer_id, lower(email))
         do update set name = excluded.name, role = excluded.role, active = excluded.active returning id",
    )
    .bind(tenant)
    .bind(contact.id)
    .bind(contact.customer_id)
    .bind(&contact.email)
    .bind(&contact.name)
    .bind(&contact.role)
    .bind(&contact.locale)
    .bind(contact.active)
    .fetch_one(tx.conn())
    .await?;
    Ok(id)
}

/// Active contacts with this address, whatever their customer, oldest first. Sign-in only.
///
/// # Errors
/// The database's answer.
pub async fn contacts_by_email(tx: &mut TenantTx, email: &str) -> Result<Vec<Contact>, Error> {
    let tenant = tx.tenant();
    let contacts = sqlx::query_as(
        "select c.id, c.customer_id, c.email, c.name, c.role, c.locale, c.active
           from contacts c join customers u on u.tenant_id = c.tenant_id and u.id = c.customer_id
          where c.tenant_id = $1 and lower(c.email) = lower($2) and c.active and u.status = 'active'
          order by c.created_at, c.id",
    )
    .bind(tenant)
    .bind(email)
    .fetch_all(tx.conn())
    .await?;
    Ok(contacts)
}

/// Creates a person of the tenant, or changes the one with this address, who may come again if they might not.
///
/// # Errors
/// Constraint `staff_email_shape` for an address that is none; else the database's answer.
pub async fn upsert_staff(
    tx: &mut TenantTx,
    id: StaffId,
    email: &str,
    name: &str,
    role: &str,
) -> Result<StaffId, Error> {
    let tenant = tx.tenant();
    let id = sqlx::query_scalar(
        "insert into staff (tenant_id, id, email, name, role) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, lower(email)) do update set name = excluded.name, role = excluded.role, active = true returning id",
    )
    .bind(tenant)
    .bind(id)
    .bind(email)
    .bind(name)
    .bind(role)
    .fetch_one(tx.conn())
    .await?;
    Ok(id)
}
