//! Stored rows as a page tells them. Pure.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use themes::Money;

use super::invoice::{days_overdue, owed};
use super::pages::{Detail, DocumentState, Line, OrderLink, Row};
use super::store::{DocumentFacts, InvoiceRow, LineRow};

/// One invoice of a list. `orders` says whether the reader may open orders.
pub(super) fn row(invoice: &InvoiceRow, today: NaiveDate, orders: bool) -> Row {
    let (kind, status) = (invoice.kind(), invoice.status());
    let left = owed(status, invoice.total, invoice.paid);
    let order = invoice.order_id.filter(|_| orders).zip(invoice.order_number.clone());
    Row {
        id: invoice.id.to_string(),
        number: invoice.number.clone(),
        kind,
        status,
        issued_on: invoice.issued_on,
        due_on: invoice.due_on,
        days_overdue: days_overdue(kind, status, invoice.due_on, today).unwrap_or_default(),
        total: Money::new(invoice.total, &invoice.currency),
        owed: (left != invoice.total && !left.is_zero()).then(|| Money::new(left, &invoice.currency)),
        order: order.map(|(id, number)| OrderLink { number, href: format!("/orders/{id}") }),
        purchase_order: invoice.purchase_order.clone(),
        chosen: false,
    }
}

/// An invoice with everything that its page tells.
pub(super) fn detail(
    invoice: &InvoiceRow,
    lines: Vec<LineRow>,
    linked: &[InvoiceRow],
    facts: Option<DocumentFacts>,
    (today, orders): (NaiveDate, bool),
) -> Detail {
    let currency = &invoice.currency;
    Detail {
        invoice: row(invoice, today, orders),
        paid: (!invoice.paid.is_zero()).then(|| Money::new(invoice.paid, currency)),
        owed: Money::new(owed(invoice.status(), invoice.total, invoice.paid), currency),
        bill_to: address(invoice.bill_to.as_deref()),
        lines: lines.into_iter().map(|line| self::line(line, currency)).collect(),
        linked: linked
            .iter()
            .filter(|other| other.id != invoice.id)
            .map(|other| row(other, today, orders))
            .collect(),
        document: document(invoice, facts),
    }
}

/// What stored a document says; without one it depends on whether the source keeps any.
fn document(invoice: &InvoiceRow, facts: Option<DocumentFacts>) -> DocumentState {
    match facts {
        Some(facts) => DocumentState::Stored {
            fetched_at: facts.fetched_at,
            version: facts.version,
            kilobytes: u32::try_from((facts.size + 1023) / 1024).unwrap_or_default().max(1),
        },
        None if invoice.document_kept => DocumentState::Pending,
        None => DocumentState::Copy,
    }
}

pub(super) fn line(line: LineRow, currency: &str) -> Line {
    let money = |amount: Option<Decimal>| amount.map(|amount| Money::new(amount, currency));
    Line {
        sku: line.sku,
        description: line.description,
        quantity: line.quantity,
        unit: line.unit,
        unit_price: money(line.unit_price),
        amount: money(line.amount),
    }
}

/// The lines of an address.
pub(super) fn address(text: Option<&str>) -> Vec<String> {
    let lines = text.into_iter().flat_map(str::lines).map(str::trim);
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
