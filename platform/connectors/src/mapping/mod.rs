//! How one tenant's order system is to be read: tables, columns, joins, codes, time zone.
//!
//! A mapping is a TOML text that an operator approved (`infra/docs/mapping.md`). It is typed here, and every fault is
//! reported at once with its key. Whether the tables and columns exist is asked of the database by the dry run.

mod books;
mod entity;
pub mod expression;
mod reader;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use toml::Table;

pub use books::Books;
pub(crate) use books::is_country;
pub use entity::{Entity, Join, TableName};
pub use reader::Fault;
use reader::Section;
pub(crate) use reader::nearest;

use crate::orders::{EventKind, OrderStatus, ShipmentStatus};

/// A mapping that makes sense in itself.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The zone of stamps without a zone.
    pub time_zone: Tz,
    /// The zone in which a stamp becomes a day, such as a promised date.
    pub day_zone: Tz,
    /// What bytes mean that are not UTF-8.
    pub encoding: LegacyEncoding,
    /// The currency where an order names none.
    pub currency: Option<String>,
    /// Decimal places of amounts.
    pub decimals: u32,
    /// Dates that mean "no date".
    pub blank_dates: Vec<NaiveDate>,
    pub pace: Pace,
    pub order: Entity,
    pub line: Option<Entity>,
    pub shipment: Option<Entity>,
    pub shipment_line: Option<Entity>,
    pub event: Option<Entity>,
    pub customer: Option<Entity>,
    pub books: Books,
    pub statuses: BTreeMap<String, OrderStatus>,
    pub shipment_statuses: BTreeMap<String, ShipmentStatus>,
    pub event_kinds: BTreeMap<String, EventKind>,
}

/// Single-byte encodings that old clients typed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyEncoding {
    Windows1252,
    Latin1,
}

/// How often and how hard the source is read.
#[derive(Debug, Clone)]
pub struct Pace {
    pub hot: Duration,
    pub watermark: Duration,
    pub overlap: Duration,
    pub sweep: Duration,
    /// Unpaid invoices.
    pub invoice: Duration,
    /// Credit, addresses and products.
    pub books: Duration,
    /// Statements a second, apart from orders that somebody looks at; 0 is without limit.
    pub statements_per_second: u32,
    /// Orders a page.
    pub page: u32,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// Every fault, in the order of the file's sections.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            vec![Fault { key: "(file)".into(), what: format!("is not TOML: {}", error.message()) }]
        })?;
        let mut root = Section::new("", &table);
        let mut faults = Vec::new();
        if root.value("version").and_then(toml::Value::as_integer) != Some(1) {
            root.fault("version", "must be 1");
        }
        let time_zone = zone(&mut root, "time_zone");
        if root.value("time_zone").is_none() {
            root.fault(
                "time_zone",
                "is missing (the zone of stamps without a zone, such as \"Europe/Berlin\")",
            );
        }
        let day_zone = zone(&mut root, "day_zone").or(time_zone);
        let encoding = encoding(&mut root);
        let currency = currency(&mut root);
        let decimals = root.number("decimals", 2, 0..=4);
        let blank_dates = blank_dates(&mut root);
        let pace = pace(&mut root, &mut faults);
        let mut entity = |spec: &'static entity::Spec| entity::read(&mut root, spec, &mut faults);
        let order = entity(&entity::ORDER);
        let line = entity(&entity::LINE);
        let shipment = entity(&entity::SHIPMENT);
        let shipment_line = entity(&entity::SHIPMENT_LINE);
        let event = entity(&entity::EVENT);
        let customer = entity(&entity::CUSTOMER);
        let books = Books::read(&mut root, &mut faults);
        if root.value("order").is_none() {
            root.fault("order", "is missing");
        }
        if root.value("shipment_line").is_some() && root.value("shipment").is_none() {
            root.fault("shipment_line", "needs [shipment]");
        }
        let mut all = root.finish();
        all.append(&mut faults);
        match (order, time_zone, day_zone) {
            (Some(order), Some(time_zone), Some(day_zone)) if all.is_empty() => Ok(Self {
                time_zone,
                day_zone,
                encoding,
                currency,
                decimals,
                blank_dates,
                pace,
                statuses: order.words("statuses", OrderStatus::from_word),
                shipment_statuses: words(shipment.as_ref(), "statuses", ShipmentStatus::from_word),
                event_kinds: words(event.as_ref(), "kinds", EventKind::from_word),
                order,
                line,
                shipment,
                shipment_line,
                event,
                customer,
                books,
            }),
            _ => Err(all),
        }
    }

    /// All entities that are mapped.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        [Some(&self.order), self.line.as_ref(), self.shipment.as_ref(), self.shipment_line.as_ref()]
            .into_iter()
            .chain([self.event.as_ref(), self.customer.as_ref()])
            .flatten()
            .chain(self.books.entities())
    }
}

fn words<T>(entity: Option<&Entity>, table: &str, read: impl Fn(&str) -> Option<T>) -> BTreeMap<String, T> {
    entity.map(|entity| entity.words(table, read)).unwrap_or_default()
}

fn zone(root: &mut Section<'_>, key: &str) -> Option<Tz> {
    let name = root.text(key)?;
    let zone = name.parse().ok();
    if zone.is_none() {
        root.fault(key, format!("names no time zone: {name:?} (write it as \"America/Chicago\")"));
    }
    zone
}

fn encoding(root: &mut Section<'_>) -> LegacyEncoding {
    match root.text("encoding") {
        None | Some("windows-1252") => LegacyEncoding::Windows1252,
        Some("latin-1") => LegacyEncoding::Latin1,
        Some(_) => {
            root.fault("encoding", "must be \"windows-1252\" or \"latin-1\"");
            LegacyEncoding::Windows1252
        }
    }
}

fn currency(root: &mut Section<'_>) -> Option<String> {
    let code = root.text("currency")?;
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        root.fault("currency", "must be three capitals, such as \"EUR\"");
    }
    Some(code.to_owned())
}

fn blank_dates(root: &mut Section<'_>) -> Vec<NaiveDate> {
    let Some(value) = root.value("blank_dates") else { return Vec::new() };
    let dates: Option<Vec<NaiveDate>> =
        value.as_array().and_then(|dates| dates.iter().map(|date| date.as_str()?.parse().ok()).collect());
    dates.unwrap_or_else(|| {
        root.fault("blank_dates", "must be a list of dates as text, such as [\"1900-01-01\"]");
        Vec::new()
    })
}

fn pace(root: &mut Section<'_>, faults: &mut Vec<Fault>) -> Pace {
    let empty = Table::new();
    let table = root.sub_table("pace").unwrap_or(&empty);
    let mut section = Section::new("pace", table);
    let seconds = |n: u32| Duration::from_secs(u64::from(n));
    let pace = Pace {
        hot: seconds(section.number("hot_seconds", 5, 1..=3600)),
        watermark: seconds(section.number("watermark_seconds", 15, 1..=3600)),
        overlap: seconds(section.number("overlap_seconds", 600, 1..=86_400)),
        sweep: seconds(section.number("sweep_hours", 24, 1..=744) * 3600),
        invoice: seconds(section.number("invoice_seconds", 60, 1..=86_400)),
        books: seconds(section.number("books_seconds", 300, 1..=86_400)),
        statements_per_second: section.number("statements_per_second", 20, 0..=1000),
        page: section.number("page", 500, 10..=5000),
    };
    faults.append(&mut section.finish());
    pace
}
