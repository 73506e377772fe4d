//! Pages of the invoices slice: list, one invoice, and a document that is not there yet. Contexts are plain data.

use chrono::{DateTime, NaiveDate, Utc};
use platform_web::Problems;
use rust_decimal::Decimal;
use serde::Serialize;
use themes::{Money, Page, Registry, Sample};

use super::invoice::{Kind, Show, Status};
use super::samples;

/// Adds the slice's pages and partials.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("invoices/status.html", include_str!("status.html"))
        .partial("invoices/row.html", include_str!("row.html"))
        .partial("invoices/lines.html", include_str!("lines.html"))
        .page::<List>(include_str!("list.html"))
        .page::<Detail>(include_str!("detail.html"))
        .page::<Pending>(include_str!("pending.html"))
        .keys(&[
            "invoices.archive.none",
            "invoices.archive.many",
            "invoices.archive.missing",
            "invoices.archive.missing_name",
            "invoices.kind.invoice",
        ])
}

/// One invoice of a list: answers the question without opening it.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub id: String,
    pub number: String,
    pub kind: Kind,
    pub status: Status,
    pub issued_on: NaiveDate,
    pub due_on: Option<NaiveDate>,
    /// 0 when nothing is overdue.
    pub days_overdue: u32,
    pub total: Money,
    /// What is still to be paid, when it is another amount than the total.
    pub owed: Option<Money>,
    pub order: Option<OrderLink>,
    pub purchase_order: Option<String>,
    /// Chosen for the archive when the form came back.
    pub chosen: bool,
}

/// The order that an invoice is for.
#[derive(Debug, Clone, Serialize)]
pub struct OrderLink {
    pub number: String,
    pub href: String,
}

/// `GET /invoices?show=&q=&before=&after=`.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    pub query: String,
    pub show: Show,
    pub filters: Vec<FilterLink>,
    pub rows: Vec<Row>,
    pub newer: Option<String>,
    pub older: Option<String>,
    /// The current filter as a file.
    pub csv: String,
    /// False when this customer never had an invoice.
    pub any: bool,
    /// What is wrong with the choice for the archive.
    pub problems: Problems,
    /// How many fit into one archive.
    pub at_most: u32,
}

/// A filter with its address.
#[derive(Debug, Clone, Serialize)]
pub struct FilterLink {
    pub show: Show,
    pub href: String,
    pub count: Option<u32>,
}

/// `GET /invoices/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    pub invoice: Row,
    /// None when nothing was.
    pub paid: Option<Money>,
    /// What is still to be paid, or of a credit note to be used.
    pub owed: Money,
    pub bill_to: Vec<String>,
    pub lines: Vec<Line>,
    /// Credit notes that correct this invoice, and of a credit note the invoice that it corrects.
    pub linked: Vec<Row>,
    pub document: DocumentState,
}

/// What can be downloaded.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DocumentState {
    /// The tenant's own document.
    Stored { fetched_at: DateTime<Utc>, version: i32, kilobytes: u32 },
    /// The tenant keeps one that we do not have yet.
    Pending,
    /// The tenant keeps none: we print a copy.
    Copy,
}

/// A line. Amounts that the source does not know are absent.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    pub sku: Option<String>,
    pub description: String,
    pub quantity: Option<Decimal>,
    pub unit: Option<String>,
    pub unit_price: Option<Money>,
    pub amount: Option<Money>,
}

/// `GET /invoices/{id}/document` while the tenant's document has not reached us.
#[derive(Debug, Clone, Serialize)]
pub struct Pending {
    pub id: String,
    pub number: String,
    pub kind: Kind,
}

impl Page for List {
    const TEMPLATE: &'static str = "invoices/list.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::lists()
    }
}

impl Page for Detail {
    const TEMPLATE: &'static str = "invoices/detail.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::details()
    }
}

impl Page for Pending {
    const TEMPLATE: &'static str = "invoices/pending.html";

    fn samples() -> Vec<Sample<Self>> {
        let pending =
            |kind, number: &str| Pending { id: "018f6b2e".to_owned(), number: number.to_owned(), kind };
        vec![
            Sample::new("invoice", pending(Kind::Invoice, "INV-20418")),
            Sample::new("credit-note", pending(Kind::CreditNote, "CN-1180")),
        ]
    }
}
