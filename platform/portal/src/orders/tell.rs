//! Stored rows as the story a page tells. Pure.

use chrono::NaiveDate;
use chrono_tz::Tz;
use rust_decimal::Decimal;
use themes::Money;

use super::ledger::{self, By, Dates, Subject, Told};
use super::order::{self, Status, Summary};
use super::pages::{Event, EventKind, Line, Order, Row};
use super::parcels;
use super::store::tracking::StopRow;
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
    /// Newest first.
    pub(super) stops: Vec<StopRow>,
}

/// An order with everything that its page tells. `today` is the tenant's day, in `zone`.
pub(super) fn order(row: OrderRow, parts: Parts, today: NaiveDate, zone: Tz) -> Order {
    let status = order::status(&row.status);
    let currency = row.currency.as_deref();
    let moves = ledger::moves(parts.events.iter().rev().filter_map(told));
    let parcels = parcels::parcels(parts.shipments, &parts.contents, &parts.lines, &parts.stops);
    let dates = Dates {
        status,
        promised: ledger::first_promise(&moves, row.promised_on),
        expected: row.expected_on,
        delivered: row.delivered_at.map(|at| at.with_timezone(&zone).date_naive()),
        carrier: parcels::named_by_carrier(&parcels, row.expected_on.or(row.promised_on)),
        today,
    };
    let cancelled_at = parts.events.iter().find(|event| became(event, "cancelled")).map(|event| event.at);
    let credit_hold = status == Status::OnHold
        && row.hold_reason.as_deref().is_some_and(|reason| reason.to_lowercase().contains("credit"));
    let late = order::late(status, row.promised_on, row.expected_on, today);
    // Against the first promise: a vendor that moved its promise is as late as it is.
    let days_late =
        dates.promised.zip(row.expected_on).and_then(|(was, now)| u32::try_from((now - was).num_days()).ok());
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
        promised_on: dates.promised,
        expected_on: row.expected_on,
        shipped_at: row.shipped_at,
        delivered_at: row.delivered_at,
        cancelled_at: cancelled_at.filter(|_| status == Status::Cancelled),
        removed_at: row.deleted_at,
        reason: row.hold_reason.filter(|_| status == Status::OnHold).or(row.reason),
        credit_hold,
        sum: ledger::sum(&dates),
        confidence: ledger::confidence(&dates, &moves),
        moves,
        carrier_done: parcels::all_there(&parcels).filter(|_| !order::ended(status)),
        parcels,
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
        story: story(parts.events, parts.stops),
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
    let backordered = known(line.backordered);
    let done = order::ended(status) || shipped + cancelled >= ordered;
    let to_ship = (ordered - shipped - cancelled - backordered).max(Decimal::ZERO);
    let expected_on = line.expected_on.or(line.promised_on);
    Line {
        position: u32::try_from(line.position).unwrap_or_default(),
        sku: line.sku,
        description: line.description,
        unit: line.unit,
        ordered,
        shipped,
        backordered,
        cancelled,
        to_ship: if done { Decimal::ZERO } else { to_ship },
        done,
        promised_on: line.promised_on.filter(|day| Some(*day) != expected_on),
        expected_on,
        unit_price: money(line.unit_price, currency),
        amount: money(line.amount, currency),
    }
}

/// A line of history that is about a date. Until the source tells expectations apart, the promise is the expectation.
fn told(row: &EventRow) -> Option<Told> {
    let subject = match row.kind.as_str() {
        "promised" => Subject::Promised,
        "expected" => Subject::Expected,
        _ => return None,
    };
    let (from, to) = (day(row.old.as_deref()), day(row.new.as_deref()));
    let by = if row.logged { By::Log } else { By::Sight };
    Some(Told { at: row.at, subject, from, to, reason: row.reason.clone(), by })
}

fn day(text: Option<&str>) -> Option<NaiveDate> {
    text?.parse().ok()
}

fn became(event: &EventRow, word: &str) -> bool {
    event.kind == word || (event.kind == "status" && event.new.as_deref() == Some(word))
}

/// What the order's own system tells and what its carriers tell, newest first.
fn story(events: Vec<EventRow>, stops: Vec<StopRow>) -> Vec<Event> {
    let mut story: Vec<Event> = events.into_iter().filter_map(event).collect();
    story.extend(stops.into_iter().filter_map(parcels::event));
    // Stable: what came at one moment stays in its order.
    story.sort_by_key(|event| std::cmp::Reverse(event.at));
    story
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
        by: if row.logged { By::Log } else { By::Sight },
        stop: None,
        place: None,
        kind,
        at: row.at,
        status: row.new.as_deref().filter(|_| kind == EventKind::Status).map(order::status),
        day: day(row.new.as_deref()).filter(|_| matches!(kind, EventKind::Promised | EventKind::Expected)),
        reason: row.reason.or(row.new.filter(|_| kind == EventKind::Note)),
    })
}
