//! The capability "books": what Portico asks of a tenant's own system besides orders. Invoices with their lines and legal
//! documents, credit, addresses, and what can be bought.
//!
//! `orderflow` reads them through a mapping; `sync` stores them. Here are their words and shapes, and how a document is
//! taken from a file.

mod files;
mod media;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::orders::words::words;
use crate::orders::{Cursor, Warning};

pub use files::{FileFault, Root};
pub use media::media_type;

/// The largest document that is kept, in bytes; the table `invoice_documents` knows it too.
pub const LARGEST_DOCUMENT: usize = 20 * 1024 * 1024;

words! {
    /// Which way the money goes.
    InvoiceKind {
        Invoice = "invoice",
        CreditNote = "credit_note",
    }
}

impl InvoiceKind {
    /// What a mapping may say.
    pub const WORDS: &'static str = "invoice, credit_note";
}

words! {
    /// How far an invoice is paid.
    InvoiceStatus {
        Open = "open",
        PartlyPaid = "partly_paid",
        Paid = "paid",
        Void = "void",
    }
}

impl InvoiceStatus {
    /// What a mapping may say.
    pub const WORDS: &'static str = "open, partly_paid, paid, void";
}

words! {
    /// What an address is for.
    AddressKind {
        ShipTo = "ship_to",
        BillTo = "bill_to",
    }
}

impl AddressKind {
    /// What a mapping may say.
    pub const WORDS: &'static str = "ship_to, bill_to";
}

/// An invoice or a credit note as the source tells it, in our words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceInvoice {
    /// The source's own key, as text.
    pub key: String,
    /// The customer's key in the source.
    pub account: String,
    pub kind: InvoiceKind,
    pub number: String,
    /// The key of its order.
    pub order: Option<String>,
    /// Of a credit note: the key of the invoice that it corrects.
    pub corrects: Option<String>,
    pub status: InvoiceStatus,
    /// The source says that it may still change.
    pub open: bool,
    pub issued_on: NaiveDate,
    pub due_on: Option<NaiveDate>,
    /// Never negative: the kind says which way.
    pub total: Decimal,
    pub paid: Decimal,
    /// Three capitals.
    pub currency: String,
    pub purchase_order: Option<String>,
    pub bill_to: Option<String>,
    /// The source keeps its legal document.
    pub document: bool,
    /// Anything that changes with the document.
    pub document_version: Option<String>,
    pub lines: Vec<SourceInvoiceLine>,
}

/// A line; its key is unique within the invoice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceInvoiceLine {
    pub key: String,
    pub position: Option<i32>,
    pub sku: Option<String>,
    pub description: Option<String>,
    pub unit: Option<String>,
    pub quantity: Option<Decimal>,
    pub unit_price: Option<Decimal>,
    pub amount: Option<Decimal>,
}

/// What the source grants an account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceCredit {
    pub account: String,
    pub limit: Option<Decimal>,
    /// What it owes, where the source keeps a sum.
    pub used: Option<Decimal>,
    pub currency: Option<String>,
    pub terms: Option<String>,
    pub on_hold: bool,
}

/// An address of an account; its key is unique within the account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceAddress {
    pub account: String,
    pub key: String,
    pub kind: AddressKind,
    pub label: Option<String>,
    /// A line each.
    pub street: Option<String>,
    pub city: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    /// Two capitals.
    pub country: Option<String>,
    pub is_default: bool,
}

/// What can be bought, or could.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceProduct {
    pub sku: String,
    pub description: Option<String>,
    pub unit: Option<String>,
    pub price: Option<Decimal>,
    pub currency: Option<String>,
    pub discontinued: bool,
    /// The sku of what is offered instead.
    pub replaced_by: Option<String>,
    /// On hand and free.
    pub available: Option<Decimal>,
    pub lead_days: Option<i32>,
}

/// One page of one entity.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Every key that was there, also of rows that could not be read; of addresses as [`row_key`].
    pub keys: Vec<String>,
    /// Where to go on; none after the last page.
    pub next: Option<Cursor>,
    /// The greatest stamp on the page, in the source's words.
    pub stamp: Option<String>,
    pub warnings: Vec<Warning>,
    /// Statements it took, for the budget.
    pub statements: u32,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            keys: Vec::new(),
            next: None,
            stamp: None,
            warnings: Vec::new(),
            statements: 0,
        }
    }
}

/// One text for a key that is unique within an account.
#[must_use]
pub fn row_key(account: &str, key: &str) -> String {
    format!("{account}\u{1f}{key}")
}

/// What the source has for an invoice's document. The account is read in the same statement, so that a document never
/// comes to a customer whose invoice it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDocument {
    pub account: String,
    pub content: Content,
}

/// Where a document's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    /// Relative to the root of the connector, in the source's own spelling.
    Path(String),
    /// There is a row, and it holds nothing.
    Nothing,
    /// It has this many bytes and was not read.
    TooLarge(i64),
}
