//! The copy of an invoice that we print where the tenant's system keeps no document: a typed sheet in the tenant's look.

use themes::paper::{Cell, Column, Row, Sheet, Size, Table};
use themes::{Money, Registry, Words};

use super::invoice::{Kind, owed};
use super::store::{InvoiceRow, LineRow};
use super::tell;
use chrono::{DateTime, Utc};

/// Names the words of the paper.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.keys(&[
        "invoices.copy.stamp",
        "invoices.copy.note",
        "invoices.copy.billed_to",
        "invoices.copy.made",
        "invoices.copy.empty",
        "invoices.copy.total",
        "invoices.title.invoice",
        "invoices.title.credit_note",
        "invoices.facts.issued",
        "invoices.facts.due",
        "invoices.facts.order",
        "invoices.facts.po",
        "invoices.facts.account",
        "invoices.lines.what",
        "invoices.lines.quantity",
        "invoices.lines.price",
        "invoices.lines.amount",
        "invoices.sums.paid",
        "invoices.sums.used",
        "invoices.sums.owed",
        "invoices.sums.credit_left",
    ])
}

/// Everything that a copy is made of.
pub(super) struct Original<'a> {
    pub(super) invoice: &'a InvoiceRow,
    pub(super) lines: Vec<LineRow>,
    /// The customer's name.
    pub(super) company: &'a str,
    pub(super) size: Size,
    pub(super) made_at: DateTime<Utc>,
}

/// The sheet.
pub(super) fn sheet(original: Original, vendor: &str, words: &Words) -> Sheet {
    let Original { invoice, lines, company, size, made_at } = original;
    let say = |key: &str| words.say(key, &[]);
    let mut bill_to = tell::address(invoice.bill_to.as_deref());
    if !bill_to.iter().any(|line| line.contains(company)) {
        bill_to.insert(0, company.to_owned());
    }
    Sheet {
        size,
        title: words
            .say(&format!("invoices.title.{}", invoice.kind().word()), &[("number", &invoice.number)]),
        stamp: Some(say("invoices.copy.stamp")),
        note: Some(words.say("invoices.copy.note", &[("name", vendor)])),
        party: Some((say("invoices.copy.billed_to"), bill_to)),
        facts: facts(invoice, words),
        tables: vec![Table {
            heading: None,
            columns: vec![
                Column::text(say("invoices.lines.what"), 0.5),
                Column::number(say("invoices.lines.quantity"), 0.14),
                Column::number(say("invoices.lines.price"), 0.17),
                Column::number(say("invoices.lines.amount"), 0.19),
            ],
            rows: lines.into_iter().map(|line| row(line, &invoice.currency, words)).collect(),
            empty: Some(say("invoices.copy.empty")),
            sums: sums(invoice, words),
        }],
        closing: vec![
            words.say("invoices.copy.made", &[("moment", &words.exact(made_at)), ("name", vendor)]),
        ],
    }
}

fn facts(invoice: &InvoiceRow, words: &Words) -> Vec<(String, String)> {
    let say = |key: &str| words.say(key, &[]);
    let mut facts = vec![(say("invoices.facts.issued"), words.day(invoice.issued_on))];
    facts.extend(invoice.due_on.map(|day| (say("invoices.facts.due"), words.day(day))));
    facts.extend(invoice.order_number.clone().map(|number| (say("invoices.facts.order"), number)));
    facts.extend(invoice.purchase_order.clone().map(|number| (say("invoices.facts.po"), number)));
    facts
}

fn row(line: LineRow, currency: &str, words: &Words) -> Row {
    let line = tell::line(line, currency);
    let unit = line.unit.unwrap_or_default();
    let quantity =
        line.quantity.map(|quantity| format!("{} {unit}", words.number(quantity)).trim_end().to_owned());
    let part = Cell { text: line.description, under: line.sku };
    let price = line.unit_price.map(|price| words.price(&price));
    let amount = line.amount.map(|amount| words.money(&amount));
    let known = |text: Option<String>| Cell::from(text.unwrap_or_else(|| "–".to_owned()));
    Row { cells: vec![part, known(quantity), known(price), known(amount)], strong: false }
}

/// The total, what was paid of it, and what is left. A credit note is used, not paid.
fn sums(invoice: &InvoiceRow, words: &Words) -> Vec<(String, String)> {
    let money = |amount| words.money(&Money::new(amount, &invoice.currency));
    let (paid, left) = match invoice.kind() {
        Kind::Invoice => ("invoices.sums.paid", "invoices.sums.owed"),
        Kind::CreditNote => ("invoices.sums.used", "invoices.sums.credit_left"),
    };
    let mut sums = vec![(words.say("invoices.copy.total", &[]), money(invoice.total))];
    if !invoice.paid.is_zero() {
        sums.push((words.say(paid, &[]), money(invoice.paid)));
    }
    sums.push((words.say(left, &[]), money(owed(invoice.status(), invoice.total, invoice.paid))));
    sums
}
