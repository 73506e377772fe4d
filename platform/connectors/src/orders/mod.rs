//! The capability "orders": what Portico asks of a tenant's order system, whichever it is.
//!
//! [`OrderSource`] is what a connector implements; `orderflow` is the one that reads any PostgreSQL schema through a
//! mapping. Nothing here stores: `sync` does.

pub(crate) mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;

pub use words::{EventKind, OrderStatus, ShipmentStatus};

/// An order as the source tells it, in our words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceOrder {
    /// The source's own key, as text.
    pub key: String,
    pub number: String,
    /// The customer's key in the source.
    pub account: String,
    pub purchase_order: Option<String>,
    pub status: OrderStatus,
    /// The source's own code.
    pub status_code: String,
    /// The source says that it may still change.
    pub open: bool,
    pub hold_reason: Option<String>,
    pub ordered_at: Option<DateTime<Utc>>,
    pub requested_on: Option<NaiveDate>,
    pub promised_on: Option<NaiveDate>,
    pub expected_on: Option<NaiveDate>,
    pub total: Option<Decimal>,
    pub currency: Option<String>,
    pub ship_to: Option<String>,
    pub contact: Option<String>,
    pub carrier: Option<String>,
    pub note: Option<String>,
    pub reason: Option<String>,
    /// When the source says it changed last.
    #[serde(skip)]
    pub updated_at: Option<DateTime<Utc>>,
    pub lines: Vec<SourceLine>,
    pub shipments: Vec<SourceShipment>,
    pub events: Vec<SourceEvent>,
}

/// A line; its key is unique within the order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceLine {
    pub key: String,
    pub position: Option<i32>,
    pub sku: Option<String>,
    pub description: Option<String>,
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

/// A parcel; its key is unique within the order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceShipment {
    pub key: String,
    pub number: Option<String>,
    pub status: ShipmentStatus,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    /// `http` or `https`, checked.
    pub tracking_url: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub expected_on: Option<NaiveDate>,
    pub delivered_at: Option<DateTime<Utc>>,
    /// Who took it, as the carrier or the driver wrote it.
    pub signed_by: Option<String>,
    pub lines: Vec<SourceShipmentLine>,
}

/// What a parcel holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceShipmentLine {
    pub key: String,
    /// The key of the order's line.
    pub line: Option<String>,
    pub quantity: Option<Decimal>,
}

/// A row of the source's own log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceEvent {
    pub key: String,
    pub kind: EventKind,
    pub at: Option<DateTime<Utc>>,
    /// Our words for statuses, ISO days for dates, else the source's text.
    pub old: Option<String>,
    pub new: Option<String>,
    pub reason: Option<String>,
}

/// Which orders to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those that may still change, by the source's own word.
    Open,
    /// All, newest key first.
    All,
    /// Stamped from this moment on, in the source's own clock and words.
    ChangedSince(String),
    /// These, where they exist.
    Keys(Vec<String>),
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    pub key: String,
    /// What is compared before the key: the last stamp, for [`Selection::ChangedSince`]; the account, for addresses.
    pub stamp: Option<String>,
}

/// A value that could not be read. The order was read all the same, without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Warning {
    /// The entity and the row's key, such as `order 47585`.
    pub row: String,
    /// The mapping's key, such as `order.total`.
    pub field: String,
    pub what: String,
}

/// A page of orders.
#[derive(Debug, Default)]
pub struct Page {
    pub orders: Vec<SourceOrder>,
    /// Every key that was there, also of rows that could not be read.
    pub keys: Vec<String>,
    /// Where to go on; none after the last page.
    pub next: Option<Cursor>,
    /// The greatest stamp on the page, in the source's words.
    pub stamp: Option<String>,
    /// Status codes that the mapping does not know, and how often they came.
    pub unmapped: BTreeMap<String, u64>,
    /// For each of them the number of an order that bears it.
    pub examples: BTreeMap<String, String>,
    pub warnings: Vec<Warning>,
    /// Statements it took, for the budget.
    pub statements: u32,
}

/// Why a source could not be read. Shown to staff and operators, never to customers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// No connection, or it was lost.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// It answered too late, or a lock was in the way.
    #[error("too slow or locked: {0}")]
    Slow(String),
    /// The mapping and the source do not fit; every misfit.
    #[error("the mapping does not fit: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Misfit(Vec<crate::mapping::Fault>),
    #[error("the source refused: {0}")]
    Refused(String),
}

/// A system that knows orders. Implementations never write to it and hold no snapshot between calls.
pub trait OrderSource: Send + Sync {
    /// One page of orders with everything that belongs to them.
    fn read<'a>(
        &'a self,
        selection: &'a Selection,
        after: Option<&'a Cursor>,
    ) -> BoxFuture<'a, Result<Page, SourceError>>;

    /// Which of these keys still exist.
    fn present<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<Vec<String>, SourceError>>;

    /// Where to begin reading changes so that nothing is missed, given the greatest stamp seen so far: in the source's
    /// clock, some way back. None when the source keeps no stamps.
    fn changed_since(&self, watermark: &str, now: DateTime<Utc>) -> Option<String>;

    /// The stamp to remember after a pass, never past the source's present.
    fn advance(&self, watermark: Option<&str>, seen: Option<&str>, now: DateTime<Utc>) -> Option<String>;
}
