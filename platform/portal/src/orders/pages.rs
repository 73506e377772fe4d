//! Pages of the orders slice: list and detail. Contexts are plain data; rules and stores fill them.

use chrono::{DateTime, NaiveDate, Utc};
use platform_connectors::carriers::CheckpointKind;
use platform_web::Problems;
use platform_web::pages::{Field, Freshness};
use rust_decimal::Decimal;
use serde::Serialize;
use themes::{Money, Page, Registry, Sample};

use super::ledger::{By, Confidence, Move, Sum};
use super::order::{Show, Status};
pub use super::sample_lists::sample_rows;
use super::{sample_details, sample_lists};

/// Adds the slice's pages and partials.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("orders/status.html", include_str!("status.html"))
        .partial("orders/row.html", include_str!("row.html"))
        .partial("orders/dates.html", include_str!("dates.html"))
        .partial("orders/parcels.html", include_str!("parcels.html"))
        .partial("orders/lines.html", include_str!("lines.html"))
        .partial("orders/facts.html", include_str!("facts.html"))
        .page::<List>(include_str!("list.html"))
        .partial("orders/reach.html", include_str!("reach.html"))
        .partial("orders/views.html", include_str!("views.html"))
        .page::<Detail>(include_str!("detail.html"))
        .page::<StopMails>(include_str!("stop_mails.html"))
        .keys(&[
            "flash.watching",
            "flash.not_watching",
            "flash.shared",
            "flash.list_kept",
            "flash.list_forgotten",
            "order.share.nobody",
            "order.share.too_long",
            "orders.views.too_long",
            "orders.views.too_many",
        ])
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
    /// Lists that this reader keeps, oldest first.
    pub views: Vec<ViewLink>,
    /// The form that keeps this one.
    pub keep: KeepForm,
    /// Address of this list as a file.
    pub csv: String,
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

/// A list that is kept under a name.
#[derive(Debug, Clone, Serialize)]
pub struct ViewLink {
    pub id: String,
    pub name: String,
    pub href: String,
    /// It is the list on the page.
    pub current: bool,
}

/// Keeps the list on the page. Posts `name`, `show`, `q` and `csrf` to `/orders/views`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct KeepForm {
    pub name: Field,
    pub problems: Problems,
    pub open: bool,
}

/// `GET /orders/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    /// This reader may order it again.
    pub reorder: bool,
    pub order: Order,
    pub hearing: Hearing,
    pub share: ShareForm,
    /// This page's address, for copying.
    pub link: String,
    pub freshness: Freshness,
    pub events: Option<String>,
}

/// What the reader hears of the order by mail.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Hearing {
    pub watched: bool,
    /// As an administrator of the company they are told of delays without watching.
    pub told_anyway: bool,
}

/// Shares the order. Posts `colleague`, `words` and `csrf` to `/orders/{id}/sharing`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ShareForm {
    /// With whom it can be shared.
    pub colleagues: Vec<Colleague>,
    /// Who was chosen.
    pub to: String,
    /// As typed.
    pub words: String,
    pub problems: Problems,
}

/// Somebody of the same company.
#[derive(Debug, Clone, Serialize)]
pub struct Colleague {
    pub id: String,
    pub name: String,
}

/// `GET /mail/delays/{token}`: the link of a mail about a delay; its button posts to the same address.
#[derive(Debug, Clone, Serialize)]
pub struct StopMails {
    pub token: String,
    /// They are stopped already.
    pub stopped: bool,
}

impl Page for StopMails {
    const TEMPLATE: &'static str = "orders/stop_mails.html";

    fn samples() -> Vec<Sample<Self>> {
        let page = |stopped| StopMails { token: "c2FtcGxl".to_owned(), stopped };
        vec![Sample::new("asked", page(false)), Sample::new("stopped", page(true))]
    }
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
    /// Moves of the promised and of the expected date, oldest first.
    pub moves: Vec<Move>,
    /// What they come to.
    pub sum: Sum,
    /// How firm the date is; none when the order has ended.
    pub confidence: Option<Confidence>,
    /// The carrier says that every parcel is there, and the order's own system does not say so yet.
    pub carrier_done: Option<DateTime<Utc>>,
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
    /// Proof of delivery.
    pub signed_by: Option<String>,
    pub contents: Vec<Content>,
    /// What the carrier tells, newest first.
    pub stops: Vec<Stop>,
    /// The day that the carrier names.
    pub carrier_expected_on: Option<NaiveDate>,
    /// The carrier says that it is there, and the order's own system does not say so yet.
    pub carrier_delivered_at: Option<DateTime<Utc>>,
}

/// One sight of a parcel by its carrier.
#[derive(Debug, Clone, Serialize)]
pub struct Stop {
    pub kind: CheckpointKind,
    pub at: DateTime<Utc>,
    pub place: Option<String>,
    /// In the carrier's words.
    pub message: Option<String>,
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
    /// Ordered, and neither shipped nor backordered nor cancelled.
    pub to_ship: Decimal,
    /// Nothing of it is still to come.
    pub done: bool,
    /// What was promised for it, where that is another day than what is expected.
    pub promised_on: Option<NaiveDate>,
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
    /// For `Carrier`: what the carrier saw, and where.
    pub stop: Option<CheckpointKind>,
    pub place: Option<String>,
    /// In the words of whoever says so.
    pub reason: Option<String>,
    pub by: By,
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
    /// Said by the carrier, and not by the order's own system.
    Carrier,
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
