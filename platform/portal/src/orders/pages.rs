//! Pages of the orders slice: list and detail. Contexts are plain data; rules and stores fill them.

use chrono::{DateTime, NaiveDate, Utc};
use platform_web::pages::Freshness;
use rust_decimal::Decimal;
use serde::Serialize;
use themes::{Money, Page, Registry, Sample};

use super::order::{Show, Status};
pub use super::sample_lists::sample_rows;
use super::{sample_details, sample_lists};

/// Adds the slice's pages and partials.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("orders/status.html", include_str!("status.html"))
        .partial("orders/row.html", include_str!("row.html"))
        .partial("orders/parcels.html", include_str!("parcels.html"))
        .partial("orders/lines.html", include_str!("lines.html"))
        .partial("orders/facts.html", include_str!("facts.html"))
        .page::<List>(include_str!("list.html"))
        .page::<Detail>(include_str!("detail.html"))
}

/// One order of a list: answers the question without opening it.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub id: String,
    pub number: String,
    pub purchase_order: Option<String>,
    /// The first lines in one sentence.
    pub summary: String,
    pub status: Status,
    /// Open and past the promised date, or expected after it.
    pub late: bool,
    pub promised_on: Option<NaiveDate>,
    pub expected_on: Option<NaiveDate>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub total: Option<Money>,
}

/// `GET /orders?show=&q=&before=&after=`.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    pub query: String,
    pub show: Show,
    /// The words above the list, in order.
    pub filters: Vec<FilterLink>,
    pub rows: Vec<Row>,
    /// Address of the page of newer orders.
    pub newer: Option<String>,
    pub older: Option<String>,
    /// False when this customer never had an order, so that an empty list can say which kind of empty it is.
    pub any: bool,
    pub freshness: Freshness,
    /// Address of the event stream.
    pub events: Option<String>,
}

/// A filter with its address.
#[derive(Debug, Clone, Serialize)]
pub struct FilterLink {
    pub show: Show,
    pub href: String,
    /// How many there are, where that is cheap to know and worth saying.
    pub count: Option<u32>,
}

/// `GET /orders/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    /// This reader may order it again.
    pub reorder: bool,
    pub order: Order,
    pub freshness: Freshness,
    pub events: Option<String>,
}

/// One order with everything that the page tells.
#[derive(Debug, Clone, Serialize)]
pub struct Order {
    pub id: String,
    pub number: String,
    pub purchase_order: Option<String>,
    pub status: Status,
    pub late: bool,
    /// Days between the first promise and what is believed now; 0 when not late or not known.
    pub days_late: u32,
    pub ordered_at: Option<DateTime<Utc>>,
    /// Who placed it at the customer.
    pub contact: Option<String>,
    pub requested_on: Option<NaiveDate>,
    /// The first promise.
    pub promised_on: Option<NaiveDate>,
    /// What is believed now.
    pub expected_on: Option<NaiveDate>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    /// The order vanished from the vendor's system at this moment.
    pub removed_at: Option<DateTime<Utc>>,
    /// Why it is late, held or cancelled, in the vendor's words.
    pub reason: Option<String>,
    /// Held because of the account's credit.
    pub credit_hold: bool,
    /// Changes of the expected date, oldest first.
    pub dates: Vec<DateChange>,
    pub parcels: Vec<Parcel>,
    pub lines: Vec<Line>,
    /// Lines of the address.
    pub ship_to: Vec<String>,
    pub subtotal: Option<Money>,
    pub freight: Option<Money>,
    pub tax: Option<Money>,
    pub total: Option<Money>,
    pub note: Option<String>,
    /// Newest first.
    pub story: Vec<Event>,
}

/// The expected date moved.
#[derive(Debug, Clone, Serialize)]
pub struct DateChange {
    pub at: DateTime<Utc>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub reason: Option<String>,
}

/// One parcel on its way.
#[derive(Debug, Clone, Serialize)]
pub struct Parcel {
    pub number: String,
    pub status: ParcelStatus,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub tracking_url: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub expected_on: Option<NaiveDate>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub contents: Vec<Content>,
}

/// Where a parcel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParcelStatus {
    Packed,
    InTransit,
    Delivered,
    Returned,
}

/// What is in a parcel.
#[derive(Debug, Clone, Serialize)]
pub struct Content {
    pub sku: Option<String>,
    pub description: String,
    pub quantity: Decimal,
    pub unit: Option<String>,
}

/// One line of an order. Quantities are zero where nothing is known.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    pub position: u32,
    pub sku: Option<String>,
    pub description: String,
    pub unit: Option<String>,
    pub ordered: Decimal,
    pub shipped: Decimal,
    pub backordered: Decimal,
    pub cancelled: Decimal,
    /// Nothing of it is still to come.
    pub done: bool,
    pub expected_on: Option<NaiveDate>,
    pub unit_price: Option<Money>,
    pub amount: Option<Money>,
}

/// One entry of the order's history.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    pub kind: EventKind,
    pub at: DateTime<Utc>,
    /// For `Status`: the new state.
    pub status: Option<Status>,
    /// For `Promised` and `Expected`: the new day.
    pub day: Option<NaiveDate>,
    /// In the vendor's words.
    pub reason: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Received,
    Status,
    Promised,
    Expected,
    Hold,
    Released,
    Shipped,
    Delivered,
    Cancelled,
    Removed,
    Restored,
    Note,
}

impl Page for List {
    const TEMPLATE: &'static str = "orders/list.html";

    fn samples() -> Vec<Sample<Self>> {
        sample_lists::lists()
    }
}

impl Page for Detail {
    const TEMPLATE: &'static str = "orders/detail.html";

    fn samples() -> Vec<Sample<Self>> {
        sample_details::details()
    }
}
