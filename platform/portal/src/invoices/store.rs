//! Every SQL statement of the invoices slice. Opened for a customer, so the wall shows that customer's invoices alone;
//! the tenant and customer predicates are for the indexes. Written to by the sync in `platform/connectors`.

use chrono::{DateTime, NaiveDate, Utc};
use platform_core::{Error, TenantTx};
use rust_decimal::Decimal;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, Postgres, QueryBuilder};
use uuid::Uuid;

use super::invoice::{Cursor, From, Kind, Show, Status, kind, status};

/// Invoices that a list shows at once.
pub const PAGE: usize = 20;
/// Orders whose number or purchase order a search looks at.
const MATCHES: i32 = 500;

/// What a list asks for.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    pub show: Show,
    /// Upper-case letters and digits; empty for no search.
    pub search: &'a str,
    pub from: From,
    /// The tenant's day.
    pub today: NaiveDate,
    /// At most so many.
    pub limit: usize,
}

/// An invoice without its parts.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InvoiceRow {
    pub id: Uuid,
    pub connector_id: Uuid,
    pub external_id: String,
    kind: String,
    pub number: String,
    pub corrects_key: Option<String>,
    status: String,
    pub issued_on: NaiveDate,
    pub due_on: Option<NaiveDate>,
    pub total: Decimal,
    pub paid: Decimal,
    pub currency: String,
    pub purchase_order: Option<String>,
    pub bill_to: Option<String>,
    pub document_kept: bool,
    /// The order that it is for, where we know it.
    pub order_id: Option<Uuid>,
    pub order_number: Option<String>,
}

impl InvoiceRow {
    #[must_use]
    pub fn kind(&self) -> Kind {
        kind(&self.kind)
    }

    #[must_use]
    pub fn status(&self) -> Status {
        status(&self.status)
    }

    /// Where a page that ends with this invoice goes on.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.issued_on, id: self.id }
    }
}

const ROWS: &str = "select i.id, i.connector_id, i.external_id, i.kind, i.number, i.corrects_key, i.status, i.issued_on, i.due_on, i.total,
        i.paid, i.currency, i.purchase_order, i.bill_to, i.document_kept, o.id as order_id, o.number as order_number
   from invoices i
   left join orders o on o.tenant_id = i.tenant_id and o.connector_id = i.connector_id and o.external_id = i.order_key
        and o.deleted_at is null
  where i.tenant_id = $1 and i.customer_id = $2 and i.deleted_at is null";

/// A statement over a customer's invoices: tenant, customer and today come first.
fn asking(tx: &TenantTx, today: NaiveDate, text: &str) -> Result<QueryBuilder<Postgres>, Error> {
    let mut arguments = PgArguments::default();
    let added = [arguments.add(tx.tenant()), arguments.add(tx.customer()), arguments.add(today)];
    added.into_iter().collect::<Result<(), _>>().map_err(sqlx::Error::Encode)?;
    Ok(QueryBuilder::with_arguments(text, arguments))
}

/// What a filter shows. The same rules as `invoice::days_overdue` and `invoice::Show`.
fn filter(show: Show) -> &'static str {
    match show {
        Show::All => " and $3::date is not null",
        Show::Open => {
            " and $3::date is not null and i.kind = 'invoice' and i.status in ('open', 'partly_paid')"
        }
        Show::Overdue => " and i.kind = 'invoice' and i.status in ('open', 'partly_paid') and i.due_on < $3",
        Show::Paid => " and $3::date is not null and i.kind = 'invoice' and i.status = 'paid'",
        Show::CreditNotes => " and $3::date is not null and i.kind = 'credit_note'",
    }
}

/// One page of a list, newest first; ask for one more than is shown, to learn whether there are more.
///
/// # Errors
/// The database's answer.
pub async fn list(tx: &mut TenantTx, query: &Query<'_>) -> Result<Vec<InvoiceRow>, Error> {
    let mut sql = asking(tx, query.today, ROWS)?;
    sql.push(filter(query.show));
    if !query.search.is_empty() {
        let inside = format!("%{}%", query.search);
        sql.push(" and (regexp_replace(upper(i.number), '[^A-Z0-9]', '', 'g') like ")
            .push_bind(inside.clone());
        sql.push(" or regexp_replace(upper(i.purchase_order), '[^A-Z0-9]', '', 'g') like ").push_bind(inside);
        // Not by the joined order: then only what was found is joined.
        sql.push(
            " or (i.connector_id, i.order_key) in (select found.connector_id, found.external_id from orders found
                  where found.tenant_id = $1 and found.id in (select order_id from search_orders($1, $2, ",
        );
        sql.push_bind(query.search.to_owned()).push(", ").push_bind(MATCHES).push("))))");
    }
    let order = match query.from {
        From::Newest => " order by i.issued_on desc, i.id desc",
        From::OlderThan(place) => beside(&mut sql, "<", place, " order by i.issued_on desc, i.id desc"),
        From::NewerThan(place) => beside(&mut sql, ">", place, " order by i.issued_on, i.id"),
    };
    sql.push(order).push(" limit ").push_bind(i64::try_from(query.limit).unwrap_or(i64::MAX));
    let mut rows: Vec<InvoiceRow> = sql.build_query_as().fetch_all(tx.conn()).await?;
    if matches!(query.from, From::NewerThan(_)) {
        rows.reverse();
    }
    Ok(rows)
}

/// Adds the side of a place that is wanted; gives `order` back.
fn beside(sql: &mut QueryBuilder<Postgres>, side: &str, place: Cursor, order: &'static str) -> &'static str {
    sql.push(format_args!(" and (i.issued_on, i.id) {side} ("))
        .push_bind(place.at)
        .push(", ")
        .push_bind(place.id)
        .push(")");
    order
}

/// How many there are of what is worth counting.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Overview {
    /// Any invoice or credit note at all.
    pub any: bool,
    pub open: i64,
    pub overdue: i64,
    /// The longest overdue one was due on this day.
    pub oldest_due_on: Option<NaiveDate>,
}

/// Counts over what is unpaid.
///
/// # Errors
/// The database's answer.
pub async fn overview(tx: &mut TenantTx, today: NaiveDate) -> Result<Overview, Error> {
    let text = "select exists (select from invoices where tenant_id = $1 and customer_id = $2 and deleted_at is null) as any,
                       count(*) as open, count(*) filter (where due_on < $3) as overdue,
                       min(due_on) filter (where due_on < $3) as oldest_due_on
                  from invoices where tenant_id = $1 and customer_id = $2 and deleted_at is null
                   and status in ('open', 'partly_paid') and kind = 'invoice'";
    Ok(asking(tx, today, text)?.build_query_as().fetch_one(tx.conn()).await?)
}

/// What is overdue, a sum a currency.
///
/// # Errors
/// The database's answer.
pub async fn overdue_sums(tx: &mut TenantTx, today: NaiveDate) -> Result<Vec<(String, Decimal)>, Error> {
    let text = "select currency, sum(greatest(total - paid, 0)) from invoices
                 where tenant_id = $1 and customer_id = $2 and deleted_at is null and status in ('open', 'partly_paid')
                   and kind = 'invoice' and due_on < $3 group by currency order by currency";
    Ok(asking(tx, today, text)?.build_query_as().fetch_all(tx.conn()).await?)
}

/// One invoice; none when it is not this customer's, or there is none.
///
/// # Errors
/// The database's answer.
pub async fn invoice(tx: &mut TenantTx, id: Uuid) -> Result<Option<InvoiceRow>, Error> {
    let mut sql = QueryBuilder::new(ROWS);
    let (tenant, customer) = (tx.tenant(), tx.customer());
    sql.push(" and i.id = $3");
    Ok(sql.build_query_as().bind(tenant).bind(customer).bind(id).fetch_optional(tx.conn()).await?)
}

/// The ids of these that are this customer's.
///
/// # Errors
/// The database's answer.
pub async fn known(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let known = sqlx::query_scalar(
        "select id from invoices where tenant_id = $1 and customer_id = $2 and id = any ($3) and deleted_at is null",
    )
    .bind(tenant)
    .bind(customer)
    .bind(ids)
    .fetch_all(tx.conn())
    .await?;
    Ok(known)
}

/// A line of an invoice.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LineRow {
    pub position: i32,
    pub sku: Option<String>,
    pub description: String,
    pub unit: Option<String>,
    pub quantity: Option<Decimal>,
    pub unit_price: Option<Decimal>,
    pub amount: Option<Decimal>,
}

/// An invoice's lines, in the source's order.
///
/// # Errors
/// The database's answer.
pub async fn lines(tx: &mut TenantTx, invoice: Uuid) -> Result<Vec<LineRow>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select position, sku, description, unit, quantity, unit_price, amount
           from invoice_lines where tenant_id = $1 and invoice_id = $2 order by position, external_id",
    )
    .bind(tenant)
    .bind(invoice)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// What corrects this one and what this one corrects, oldest first.
///
/// # Errors
/// The database's answer.
pub async fn linked(tx: &mut TenantTx, invoice: &InvoiceRow) -> Result<Vec<InvoiceRow>, Error> {
    let mut sql = QueryBuilder::new(ROWS);
    let (tenant, customer) = (tx.tenant(), tx.customer());
    sql.push(" and i.connector_id = $3 and (i.corrects_key = $4 or i.external_id = $5) order by i.issued_on, i.id limit 50");
    let rows = sql
        .build_query_as()
        .bind(tenant)
        .bind(customer)
        .bind(invoice.connector_id)
        .bind(&invoice.external_id)
        .bind(&invoice.corrects_key)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows)
}

/// What is known of a stored document without reading it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DocumentFacts {
    pub version: i32,
    pub media_type: String,
    pub size: i32,
    pub fetched_at: DateTime<Utc>,
}

/// The newest version's facts; none while nothing was fetched.
///
/// # Errors
/// The database's answer.
pub async fn document_facts(tx: &mut TenantTx, invoice: Uuid) -> Result<Option<DocumentFacts>, Error> {
    let tenant = tx.tenant();
    let facts = sqlx::query_as(
        "select version, media_type, octet_length(bytes) as size, fetched_at from invoice_documents
          where tenant_id = $1 and invoice_id = $2 order by version desc limit 1",
    )
    .bind(tenant)
    .bind(invoice)
    .fetch_optional(tx.conn())
    .await?;
    Ok(facts)
}

/// A stored document.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DocumentRow {
    pub version: i32,
    pub media_type: String,
    pub bytes: Vec<u8>,
    pub sha256: Vec<u8>,
    /// The bytes are still those that were stored.
    pub intact: bool,
}

/// The newest version, whole.
///
/// # Errors
/// The database's answer.
pub async fn document(tx: &mut TenantTx, invoice: Uuid) -> Result<Option<DocumentRow>, Error> {
    let tenant = tx.tenant();
    let document = sqlx::query_as(
        "select version, media_type, bytes, sha256, sha256(bytes) = sha256 as intact from invoice_documents
          where tenant_id = $1 and invoice_id = $2 order by version desc limit 1",
    )
    .bind(tenant)
    .bind(invoice)
    .fetch_optional(tx.conn())
    .await?;
    Ok(document)
}

/// The country where the customer is: of the address that bills go to, else of the one that goods go to by default.
///
/// # Errors
/// The database's answer.
pub async fn country(tx: &mut TenantTx) -> Result<Option<String>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let country: Option<Option<String>> = sqlx::query_scalar(
        "select country from addresses where tenant_id = $1 and customer_id = $2 and deleted_at is null
            and country is not null order by kind = 'bill_to' desc, is_default desc, id limit 1",
    )
    .bind(tenant)
    .bind(customer)
    .fetch_optional(tx.conn())
    .await?;
    Ok(country.flatten())
}
