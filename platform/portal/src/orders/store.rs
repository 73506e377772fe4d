//! Every SQL statement of the orders slice. Opened for a customer, so the wall shows that customer's orders alone; the
//! tenant and customer predicates are for the indexes. Written to by the sync in `platform/connectors`.

use chrono::{DateTime, Days, NaiveDate, Utc};
use platform_core::{Error, TenantTx};
use rust_decimal::Decimal;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow as _, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::order::{Cursor, From, Show, Summary};

pub mod export;
pub mod sharing;
pub mod tracking;
pub mod views;
pub mod watches;

/// Orders a list shows at once.
pub const PAGE: usize = 20;
/// Matches of a search that are looked at.
const MATCHES: i32 = 500;
/// Days that "arriving" looks ahead.
const SOON: Days = Days::new(7);

/// What a list asks for.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    pub show: Show,
    /// Upper-case letters and digits; empty for no search.
    pub search: &'a str,
    pub from: From,
    /// The tenant's day.
    pub today: NaiveDate,
}

// All statements over a customer's orders take the same four first: tenant, customer, today, the last day that is soon.

const SUMMARIES: &str =
    "select id, number, purchase_order, summary, status, promised_on, expected_on, delivered_at, total,
        currency, sort_at
   from orders where tenant_id = $1 and customer_id = $2 and deleted_at is null";

const OVERVIEW: &str =
    "select exists (select from orders where tenant_id = $1 and customer_id = $2 and deleted_at is null) as any_order,
        count(*) as open,
        count(*) filter (where expected_on > promised_on or coalesce(expected_on, promised_on) < $3) as late,
        count(*) filter (where coalesce(expected_on, promised_on) between $3 and $4) as arriving,
        count(*) filter (where status = 'on_hold') as on_hold,
        (select count(*) from orders where tenant_id = $1 and customer_id = $2 and deleted_at is null and status = 'on_hold'
            and hold_reason ilike '%credit%') as credit_hold,
        (select min(data_as_of) from connectors where tenant_id = $1 and enabled) as as_of
   from orders where tenant_id = $1 and customer_id = $2 and deleted_at is null and is_open";

/// One page of a list, newest first, with one order more than [`PAGE`] when there are more that way; and how all the
/// customer's orders stand. Both in one round trip, because every list shows both.
///
/// # Errors
/// The database's answer.
pub async fn list(tx: &mut TenantTx, query: &Query<'_>) -> Result<(Vec<Summary>, Overview), Error> {
    let mut sql = asking(tx, query.today, "select * from (")?;
    sql.push(OVERVIEW).push(") overview left join (");
    rows(&mut sql, query, i64::try_from(PAGE + 1).unwrap_or(i64::MAX));
    sql.push(") page on true order by sort_at desc, id desc");
    let rows = sql.build().fetch_all(tx.conn()).await?;
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let overview = Overview::from_row(first)?;
    // The overview comes with one row of nothing when no order is on this page.
    let empty = first.try_get::<Option<Uuid>, _>("id")?.is_none();
    let orders =
        if empty { Vec::new() } else { rows.iter().map(Summary::from_row).collect::<Result<_, _>>()? };
    Ok((orders, overview))
}

/// The first orders of a filter for the home page: the latest ones first, or the soonest.
///
/// # Errors
/// The database's answer.
pub async fn soonest(
    tx: &mut TenantTx,
    show: Show,
    today: NaiveDate,
    limit: i64,
) -> Result<Vec<Summary>, Error> {
    let mut sql = asking(tx, today, SUMMARIES)?;
    sql.push(filter(show)).push(" order by coalesce(expected_on, promised_on), id limit ").push_bind(limit);
    Ok(sql.build_query_as().fetch_all(tx.conn()).await?)
}

/// A statement that has the four.
fn asking(tx: &TenantTx, today: NaiveDate, text: &str) -> Result<QueryBuilder<Postgres>, Error> {
    let mut arguments = PgArguments::default();
    let added = [
        arguments.add(tx.tenant()),
        arguments.add(tx.customer()),
        arguments.add(today),
        arguments.add(today + SOON),
    ];
    added.into_iter().collect::<Result<(), _>>().map_err(sqlx::Error::Encode)?;
    Ok(QueryBuilder::with_arguments(text, arguments))
}

/// What a filter shows. The same rules as `order::late` and `order::Show`.
fn filter(show: Show) -> &'static str {
    match show {
        Show::All => "",
        Show::Open => " and is_open",
        Show::Late => {
            " and is_open and (expected_on > promised_on or coalesce(expected_on, promised_on) < $3)"
        }
        Show::Arriving => " and is_open and coalesce(expected_on, promised_on) between $3 and $4",
        Show::Delivered => " and status = 'delivered'",
        Show::OnHold => " and is_open and status = 'on_hold'",
    }
}

/// Adds the orders that are asked for, as many as `limit`, from the wanted side of the place on.
fn rows(sql: &mut QueryBuilder<Postgres>, query: &Query<'_>, limit: i64) {
    let searched = !query.search.is_empty();
    if searched {
        // Each match is looked up by its key. As a join the planner may read all orders of the customer for one match, because
        // it takes a function's rows for a thousand; `offset 0` keeps it from that.
        sql.push("select found.* from search_orders($1, $2, ").push_bind(query.search);
        sql.push(", ").push_bind(MATCHES).push(") hit cross join lateral (");
    }
    sql.push(SUMMARIES).push(filter(query.show));
    if searched {
        sql.push(" and id = hit.order_id");
    }
    let order = match query.from {
        From::Newest => " order by sort_at desc, id desc",
        From::OlderThan(place) => beside(sql, "<", place, " order by sort_at desc, id desc"),
        From::NewerThan(place) => beside(sql, ">", place, " order by sort_at, id"),
    };
    if searched {
        sql.push(" offset 0) found");
    }
    sql.push(order).push(" limit ").push_bind(limit);
}

/// Adds the side of a place that is wanted; gives `order` back.
fn beside(sql: &mut QueryBuilder<Postgres>, side: &str, place: Cursor, order: &'static str) -> &'static str {
    sql.push(format_args!(" and (sort_at, id) {side} ("))
        .push_bind(place.at)
        .push(", ")
        .push_bind(place.id)
        .push(")");
    order
}

/// How a customer's orders stand, and how fresh that is.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Overview {
    /// Any order at all, ever.
    pub any_order: bool,
    pub open: i64,
    pub late: i64,
    pub arriving: i64,
    pub on_hold: i64,
    /// Of those, for the account's credit.
    pub credit_hold: i64,
    /// The source's open orders were all read at this moment or later; none while they were never read.
    pub as_of: Option<DateTime<Utc>>,
}

/// Counts over the open orders, and freshness, in one round trip.
///
/// # Errors
/// The database's answer.
pub async fn overview(tx: &mut TenantTx, today: NaiveDate) -> Result<Overview, Error> {
    Ok(asking(tx, today, OVERVIEW)?.build_query_as().fetch_one(tx.conn()).await?)
}

/// A line of a customer's recent history.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Change {
    pub order_id: Uuid,
    pub number: String,
    pub summary: String,
    pub kind: String,
    pub old: Option<String>,
    pub new: Option<String>,
    pub at: DateTime<Utc>,
}

/// What changed last, newest first: of each order its newest change, or one busy order would fill the list.
///
/// # Errors
/// The database's answer.
pub async fn changes(tx: &mut TenantTx, since: DateTime<Utc>, limit: i64) -> Result<Vec<Change>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(
        "select order_id, number, summary, kind, old, new, at from (
            select distinct on (e.order_id) e.order_id, o.number, o.summary, e.kind, e.old, e.new,
                   coalesce(e.source_at, e.seen_at) as at
              from order_events e join orders o on o.tenant_id = e.tenant_id and o.id = e.order_id
             where e.tenant_id = $1 and e.customer_id = $2 and coalesce(e.source_at, e.seen_at) > $3
               and e.kind in ('received', 'status', 'promised', 'expected', 'hold', 'released', 'shipped', 'delivered', 'cancelled')
               and o.deleted_at is null
             order by e.order_id, coalesce(e.source_at, e.seen_at) desc, e.id desc) newest
          order by at desc, order_id limit $4",
    )
    .bind(tenant)
    .bind(customer)
    .bind(since)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// An order whole, without its parts.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OrderRow {
    pub id: Uuid,
    pub number: String,
    pub purchase_order: Option<String>,
    pub status: String,
    pub hold_reason: Option<String>,
    pub reason: Option<String>,
    pub ordered_at: Option<DateTime<Utc>>,
    pub requested_on: Option<NaiveDate>,
    pub promised_on: Option<NaiveDate>,
    pub expected_on: Option<NaiveDate>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub changed_at: DateTime<Utc>,
    pub total: Option<Decimal>,
    pub currency: Option<String>,
    pub ship_to: Option<String>,
    pub contact: Option<String>,
    pub note: Option<String>,
}

/// One order; none when it is not this customer's, or there is none.
///
/// # Errors
/// The database's answer.
pub async fn order(tx: &mut TenantTx, id: Uuid) -> Result<Option<OrderRow>, Error> {
    let tenant = tx.tenant();
    let row = sqlx::query_as(
        "select id, number, purchase_order, status, hold_reason, reason, ordered_at, requested_on, promised_on, expected_on,
                shipped_at, delivered_at, deleted_at, changed_at, total, currency, ship_to, contact, note
           from orders where tenant_id = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// A line of an order.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LineRow {
    pub external_id: String,
    pub position: i32,
    pub sku: Option<String>,
    pub description: String,
    pub unit: Option<String>,
    pub quantity: Option<Decimal>,
    pub shipped: Option<Decimal>,
    pub backordered: Option<Decimal>,
    pub cancelled: Option<Decimal>,
    pub unit_price: Option<Decimal>,
    pub amount: Option<Decimal>,
    pub promised_on: Option<NaiveDate>,
    pub expected_on: Option<NaiveDate>,
}

/// An order's lines, in the source's order.
///
/// # Errors
/// The database's answer.
pub async fn lines(tx: &mut TenantTx, order: Uuid) -> Result<Vec<LineRow>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select external_id, position, sku, description, unit, quantity, shipped, backordered, cancelled, unit_price, amount,
                promised_on, expected_on
           from order_lines where tenant_id = $1 and order_id = $2 order by position, external_id",
    )
    .bind(tenant)
    .bind(order)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// A parcel.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ShipmentRow {
    pub external_id: String,
    pub number: String,
    pub status: String,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub tracking_url: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub expected_on: Option<NaiveDate>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub signed_by: Option<String>,
}

/// An order's parcels, oldest first.
///
/// # Errors
/// The database's answer.
pub async fn shipments(tx: &mut TenantTx, order: Uuid) -> Result<Vec<ShipmentRow>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select external_id, number, status, carrier, tracking_number, tracking_url, shipped_at, expected_on, delivered_at,
                signed_by
           from shipments where tenant_id = $1 and order_id = $2 order by shipped_at nulls last, number",
    )
    .bind(tenant)
    .bind(order)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// What a parcel holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ContentRow {
    pub shipment_id: String,
    pub line_id: Option<String>,
    pub quantity: Option<Decimal>,
}

/// The contents of all parcels of an order.
///
/// # Errors
/// The database's answer.
pub async fn contents(tx: &mut TenantTx, order: Uuid) -> Result<Vec<ContentRow>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select shipment_id, line_id, quantity from shipment_lines
          where tenant_id = $1 and order_id = $2 order by shipment_id, external_id",
    )
    .bind(tenant)
    .bind(order)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// An entry of an order's history.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EventRow {
    pub kind: String,
    pub old: Option<String>,
    pub new: Option<String>,
    pub reason: Option<String>,
    pub at: DateTime<Utc>,
    /// A row of the source's own log, and not our own sight.
    pub logged: bool,
}

/// An order's history, newest first.
///
/// # Errors
/// The database's answer.
pub async fn events(tx: &mut TenantTx, order: Uuid) -> Result<Vec<EventRow>, Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as(
        "select kind, old, new, reason, coalesce(source_at, seen_at) as at, external_id is not null as logged
           from order_events
          where tenant_id = $1 and order_id = $2 order by coalesce(source_at, seen_at) desc, id desc limit 200",
    )
    .bind(tenant)
    .bind(order)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// When something that this customer can see changed last: one order, or any. Open pages compare it.
///
/// # Errors
/// The database's answer.
pub async fn changed_at(tx: &mut TenantTx, order: Option<Uuid>) -> Result<Option<DateTime<Utc>>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let at = sqlx::query_scalar(
        "select case when $3::uuid is null
                then (select max(changed_at) from orders where tenant_id = $1 and customer_id = $2)
                else (select changed_at from orders where tenant_id = $1 and id = $3) end",
    )
    .bind(tenant)
    .bind(customer)
    .bind(order)
    .fetch_one(tx.conn())
    .await?;
    Ok(at)
}
