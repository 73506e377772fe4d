//! Stored rows as the story a page tells. Pure.

use std::collections::HashMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use themes::Money;

use super::order::{self, Status, Summary};
use super::pages::{Content, DateChange, Event, EventKind, Line, Order, Parcel, ParcelStatus, Row};
use super::store::{ContentRow, EventRow, LineRow, OrderRow, ShipmentRow};

/// One order of a list.
pub(crate) fn row(order: &Summary, today: NaiveDate) -> Row {
    Row {
        id: order.id.to_string(),
        number: order.number.clone(),
        purchase_order: order.purchase_order.clone(),
        summary: order.summary.clone(),
        status: order.status(),
        late: order.late(today),
        promised_on: order.promised_on,
        expected_on: order.expected_on,
        delivered_at: order.delivered_at,
        total: money(order.total, order.currency.as_deref()),
    }
}

/// What belongs to an order.
pub(super) struct Parts {
    pub(super) lines: Vec<LineRow>,
    pub(super) shipments: Vec<ShipmentRow>,
    pub(super) contents: Vec<ContentRow>,
    pub(super) events: Vec<EventRow>,
}

/// An order with everything that its page tells.
pub(super) fn order(row: OrderRow, parts: Parts, today: NaiveDate) -> Order {
    let status = order::status(&row.status);
    let currency = row.currency.as_deref();
    let cancelled_at = parts.events.iter().find(|event| became(event, "cancelled")).map(|event| event.at);
    let credit_hold = status == Status::OnHold
        && row.hold_reason.as_deref().is_some_and(|reason| reason.to_lowercase().contains("credit"));
    let late = order::late(status, row.promised_on, row.expected_on, today);
    let days_late = row
        .promised_on
        .zip(row.expected_on)
        .and_then(|(was, now)| u32::try_from((now - was).num_days()).ok());
    Order {
        id: row.id.to_string(),
        number: row.number,
        purchase_order: row.purchase_order,
        status,
        late,
        days_late: days_late.filter(|_| late).unwrap_or_default(),
        ordered_at: row.ordered_at,
        contact: row.contact,
        requested_on: row.requested_on,
        promised_on: row.promised_on,
        expected_on: row.expected_on,
        shipped_at: row.shipped_at,
        delivered_at: row.delivered_at,
        cancelled_at: cancelled_at.filter(|_| status == Status::Cancelled),
        removed_at: row.deleted_at,
        reason: row.hold_reason.filter(|_| status == Status::OnHold).or(row.reason),
        credit_hold,
        dates: dates(&parts.events),
        parcels: parcels(parts.shipments, &parts.contents, &parts.lines),
        ship_to: row
            .ship_to
            .iter()
            .flat_map(|text| text.lines())
            .map(|line| line.trim().to_owned())
            .filter(|l| !l.is_empty())
            .collect(),
        subtotal: subtotal(&parts.lines).and_then(|sum| money(Some(sum), currency)),
        lines: parts.lines.into_iter().map(|line| self::line(line, status, currency)).collect(),
        freight: None,
        tax: None,
        total: money(row.total, currency),
        note: row.note,
        story: parts.events.into_iter().filter_map(event).collect(),
    }
}

fn money(amount: Option<Decimal>, currency: Option<&str>) -> Option<Money> {
    Some(Money::new(amount?, currency?))
}

/// The sum of the lines, when every line has an amount.
fn subtotal(lines: &[LineRow]) -> Option<Decimal> {
    if lines.is_empty() { None } else { lines.iter().map(|line| line.amount).sum() }
}

fn line(line: LineRow, status: Status, currency: Option<&str>) -> Line {
    let known = |quantity: Option<Decimal>| quantity.unwrap_or_default();
    let (ordered, shipped, cancelled) = (known(line.quantity), known(line.shipped), known(line.cancelled));
    let over = matches!(status, Status::Delivered | Status::Cancelled);
    Line {
        position: u32::try_from(line.position).unwrap_or_default(),
        sku: line.sku,
        description: line.description,
        unit: line.unit,
        ordered,
        shipped,
        backordered: known(line.backordered),
        cancelled,
        done: over || shipped + cancelled >= ordered,
        expected_on: line.expected_on.or(line.promised_on),
        unit_price: money(line.unit_price, currency),
        amount: money(line.amount, currency),
    }
}

fn parcels(shipments: Vec<ShipmentRow>, contents: &[ContentRow], lines: &[LineRow]) -> Vec<Parcel> {
    let lines: HashMap<&str, &LineRow> = lines.iter().map(|line| (line.external_id.as_str(), line)).collect();
    let inside = |shipment: &str| {
        contents
            .iter()
            .filter(|content| content.shipment_id == shipment)
            .filter_map(|content| {
                let line = lines.get(content.line_id.as_deref()?)?;
                Some(Content {
                    sku: line.sku.clone(),
                    description: line.description.clone(),
                    quantity: content.quantity.unwrap_or_default(),
                    unit: line.unit.clone(),
                })
            })
            .collect()
    };
    shipments
        .into_iter()
        .map(|shipment| Parcel {
            contents: inside(&shipment.external_id),
            number: shipment.number,
            status: parcel_status(&shipment.status),
            carrier: shipment.carrier,
            tracking_number: shipment.tracking_number,
            tracking_url: shipment.tracking_url,
            shipped_at: shipment.shipped_at,
            expected_on: shipment.expected_on,
            delivered_at: shipment.delivered_at,
        })
        .collect()
}

fn parcel_status(word: &str) -> ParcelStatus {
    match word {
        "in_transit" => ParcelStatus::InTransit,
        "delivered" => ParcelStatus::Delivered,
        "returned" => ParcelStatus::Returned,
        _ => ParcelStatus::Packed,
    }
}

/// How the expected day moved, oldest first. Until the source tells expectations apart, the promise is the expectation.
fn dates(events: &[EventRow]) -> Vec<DateChange> {
    let moved =
        |event: &&EventRow| matches!(event.kind.as_str(), "expected" | "promised") && event.old != event.new;
    let change = |event: &EventRow| DateChange {
        at: event.at,
        from: day(event.old.as_deref()),
        to: day(event.new.as_deref()),
        reason: event.reason.clone(),
    };
    let mut changes: Vec<DateChange> = Vec::new();
    for next in events.iter().rev().filter(moved).map(change).filter(|change| change.from.is_some()) {
        // The source's log and our own eyes may both have seen it.
        let same = |seen: &DateChange| seen.from == next.from && seen.to == next.to;
        match changes.iter_mut().find(|seen| same(seen)) {
            Some(seen) => seen.reason = seen.reason.take().or(next.reason),
            None => changes.push(next),
        }
    }
    changes
}

fn day(text: Option<&str>) -> Option<NaiveDate> {
    text?.parse().ok()
}

fn became(event: &EventRow, word: &str) -> bool {
    event.kind == word || (event.kind == "status" && event.new.as_deref() == Some(word))
}

fn event(row: EventRow) -> Option<Event> {
    let kind = match row.kind.as_str() {
        "received" => EventKind::Received,
        "status" => EventKind::Status,
        "promised" => EventKind::Promised,
        "expected" => EventKind::Expected,
        "hold" => EventKind::Hold,
        "released" => EventKind::Released,
        "shipped" => EventKind::Shipped,
        "delivered" => EventKind::Delivered,
        "cancelled" => EventKind::Cancelled,
        "removed" => EventKind::Removed,
        "restored" => EventKind::Restored,
        "note" => EventKind::Note,
        // Written by a newer version: better silent than wrong.
        _ => return None,
    };
    Some(Event {
        kind,
        at: row.at,
        status: row.new.as_deref().filter(|_| kind == EventKind::Status).map(order::status),
        day: day(row.new.as_deref()).filter(|_| matches!(kind, EventKind::Promised | EventKind::Expected)),
        reason: row.reason.or(row.new.filter(|_| kind == EventKind::Note)),
    })
}
