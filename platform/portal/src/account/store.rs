//! Every SQL statement of the account slice. Opened for a customer, so the wall shows that customer's rows alone. It writes
//! what is ours: which addresses are archived, and a contact's language.

use chrono::{DateTime, NaiveDate, Utc};
use platform_core::id::ContactId;
use platform_core::{Error, TenantTx};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::standing::Standing;

/// The credit lines, with what we add up beside them: unpaid invoices, and open orders less what was invoiced of them.
///
/// # Errors
/// The database's answer.
pub async fn standings(tx: &mut TenantTx) -> Result<Vec<Standing>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(
        "select s.credit_limit, s.used, s.currency, s.terms, s.on_hold, s.as_of,
                coalesce((select sum(case i.kind when 'credit_note' then -1 else 1 end * greatest(i.total - i.paid, 0))
                   from invoices i where i.tenant_id = $1 and i.customer_id = $2 and i.deleted_at is null
                    and i.status in ('open', 'partly_paid') and i.connector_id = s.connector_id and i.currency = s.currency), 0) as unpaid,
                coalesce((select sum(greatest(o.total - coalesce((select sum(i.total) from invoices i
                           where i.tenant_id = $1 and i.customer_id = $2 and i.connector_id = o.connector_id
                             and i.order_key = o.external_id and i.kind = 'invoice' and i.status <> 'void'
                             and i.deleted_at is null), 0), 0))
                   from orders o where o.tenant_id = $1 and o.customer_id = $2 and o.deleted_at is null and o.is_open
                    and o.connector_id = s.connector_id and o.currency = s.currency), 0) as exposure
           from account_standing s where s.tenant_id = $1 and s.customer_id = $2 order by s.currency, s.connector_id",
    )
    .bind(tenant)
    .bind(customer)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// What is unpaid, a row a currency and due day.
///
/// # Errors
/// The database's answer.
pub async fn unpaid(tx: &mut TenantTx) -> Result<Vec<(String, Option<NaiveDate>, Decimal)>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(
        "select currency, due_on, sum(greatest(total - paid, 0)) from invoices
          where tenant_id = $1 and customer_id = $2 and deleted_at is null and status in ('open', 'partly_paid')
            and kind = 'invoice' group by currency, due_on",
    )
    .bind(tenant)
    .bind(customer)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The company's own facts.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Company {
    pub name: String,
    /// The account number in the tenant's own systems.
    pub external_key: Option<String>,
}

/// The company of this transaction.
///
/// # Errors
/// The database's answer.
pub async fn company(tx: &mut TenantTx) -> Result<Option<Company>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let company = sqlx::query_as("select name, external_key from customers where tenant_id = $1 and id = $2")
        .bind(tenant)
        .bind(customer)
        .fetch_optional(tx.conn())
        .await?;
    Ok(company)
}

/// An address.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AddressRow {
    pub id: Uuid,
    pub external_id: String,
    /// `ship_to` or `bill_to`.
    pub kind: String,
    pub label: Option<String>,
    pub street: String,
    pub city: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
    pub is_default: bool,
    pub archived_at: Option<DateTime<Utc>>,
}

/// The company's addresses: where goods go first, the default first of them, archived ones last.
///
/// # Errors
/// The database's answer.
pub async fn addresses(tx: &mut TenantTx) -> Result<Vec<AddressRow>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(
        "select id, external_id, kind, label, street, city, region, postal_code, country, is_default, archived_at
           from addresses where tenant_id = $1 and customer_id = $2 and deleted_at is null
          order by archived_at is not null, kind desc, is_default desc, coalesce(label, street), id limit 500",
    )
    .bind(tenant)
    .bind(customer)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// One address; none when it is not this customer's.
///
/// # Errors
/// The database's answer.
pub async fn address(tx: &mut TenantTx, id: Uuid) -> Result<Option<AddressRow>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let row = sqlx::query_as(
        "select id, external_id, kind, label, street, city, region, postal_code, country, is_default, archived_at
           from addresses where tenant_id = $1 and customer_id = $2 and id = $3 and deleted_at is null",
    )
    .bind(tenant)
    .bind(customer)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// Archives an address that goods go to, or takes that back. Returns whether there was such an address.
///
/// # Errors
/// The database's answer.
pub async fn set_archived(tx: &mut TenantTx, id: Uuid, at: Option<DateTime<Utc>>) -> Result<bool, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let done = sqlx::query(
        "update addresses set archived_at = $4 where tenant_id = $1 and customer_id = $2 and id = $3
            and deleted_at is null and kind = 'ship_to'",
    )
    .bind(tenant)
    .bind(customer)
    .bind(id)
    .bind(at)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The language that a contact chose; none when they chose none.
///
/// # Errors
/// The database's answer.
pub async fn locale(tx: &mut TenantTx, contact: ContactId) -> Result<Option<String>, Error> {
    let tenant = tx.tenant();
    let locale: Option<Option<String>> =
        sqlx::query_scalar("select locale from contacts where tenant_id = $1 and id = $2")
            .bind(tenant)
            .bind(contact)
            .fetch_optional(tx.conn())
            .await?;
    Ok(locale.flatten())
}

/// Keeps the language of a contact.
///
/// # Errors
/// The database's answer.
pub async fn set_locale(tx: &mut TenantTx, contact: ContactId, locale: &str) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("update contacts set locale = $3 where tenant_id = $1 and id = $2")
        .bind(tenant)
        .bind(contact)
        .bind(locale)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A line of a statement.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StatementRow {
    pub kind: String,
    pub number: String,
    pub status: String,
    pub issued_on: NaiveDate,
    pub due_on: Option<NaiveDate>,
    pub total: Decimal,
    pub paid: Decimal,
    pub currency: String,
    pub purchase_order: Option<String>,
}

/// What was issued between two days, both included, and what was issued before and is still unpaid; cancelled ones are
/// left out. By currency, oldest first, at most `limit`.
///
/// # Errors
/// The database's answer.
pub async fn statement(
    tx: &mut TenantTx,
    from: NaiveDate,
    to: NaiveDate,
    limit: i64,
) -> Result<Vec<StatementRow>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(
        "select kind, number, status, issued_on, due_on, total, paid, currency, purchase_order from invoices
          where tenant_id = $1 and customer_id = $2 and deleted_at is null and status <> 'void' and issued_on <= $4
            and (issued_on >= $3 or status in ('open', 'partly_paid'))
          order by currency, issued_on, number, id limit $5",
    )
    .bind(tenant)
    .bind(customer)
    .bind(from)
    .bind(to)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
