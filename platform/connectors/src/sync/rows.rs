//! Our rows made from the source's orders, as the statements of `mirror` take them. Pure.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, NaiveDate, Utc};
use platform_core::id::{CustomerId, OrderId};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::search_keys;
use crate::orders::{EventKind, SourceEvent, SourceOrder};

/// Raised when rows are made in another way, so that every order is written anew once.
const EDITION: u8 = 2;

/// Sixteen bytes that change with anything a page could show.
pub(super) type Fingerprint = [u8; 16];

/// An order together with its fingerprint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printed<'a> {
    pub(super) order: &'a SourceOrder,
    pub(super) print: Fingerprint,
}

impl<'a> Printed<'a> {
    pub(super) fn new(order: &'a SourceOrder) -> Self {
        Self { order, print: fingerprint(&(EDITION, order)) }
    }

    /// What is stored beside the row: an order that moved to another customer is another row.
    pub(super) fn row_hash(&self, customer: CustomerId) -> Fingerprint {
        fingerprint(&(customer, self.print))
    }
}

pub(super) fn fingerprint(document: &impl Serialize) -> Fingerprint {
    let document = serde_json::to_vec(document).expect("plain data has a JSON form");
    let mut print = [0; 16];
    print.copy_from_slice(&digest(&SHA256, &document).as_ref()[..16]);
    print
}

/// Bytes as PostgreSQL reads them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("\\x"), |text, byte| format!("{text}{byte:02x}"))
}

/// One row of `orders`.
#[derive(Debug, Serialize)]
pub(super) struct OrderRow<'a> {
    pub(super) id: OrderId,
    customer_id: CustomerId,
    external_id: &'a str,
    number: &'a str,
    purchase_order: Option<&'a str>,
    status: &'static str,
    status_code: &'a str,
    hold_reason: Option<&'a str>,
    ordered_at: Option<DateTime<Utc>>,
    requested_on: Option<NaiveDate>,
    promised_on: Option<NaiveDate>,
    expected_on: Option<NaiveDate>,
    shipped_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    total: Option<Decimal>,
    currency: Option<&'a str>,
    ship_to: Option<&'a str>,
    contact: Option<&'a str>,
    carrier: Option<&'a str>,
    note: Option<&'a str>,
    reason: Option<&'a str>,
    summary: &'a str,
    line_count: usize,
    sort_at: DateTime<Utc>,
    source_open: bool,
    row_hash: String,
    changed_at: DateTime<Utc>,
}

impl<'a> OrderRow<'a> {
    pub(super) fn new(
        id: OrderId,
        customer_id: CustomerId,
        order: &'a SourceOrder,
        is_new: bool,
        now: DateTime<Utc>,
        hash: &[u8],
    ) -> Self {
        let first = order.lines.first();
        let summary =
            first.and_then(|line| line.description.as_deref().or(line.sku.as_deref())).unwrap_or_default();
        let told = order.events.iter().filter_map(|event| event.at).max();
        let moved = order.updated_at.max(told).max(order.ordered_at).unwrap_or(now).min(now);
        Self {
            id,
            customer_id,
            external_id: &order.key,
            number: &order.number,
            purchase_order: order.purchase_order.as_deref(),
            status: order.status.word(),
            status_code: &order.status_code,
            hold_reason: order.hold_reason.as_deref(),
            ordered_at: order.ordered_at,
            requested_on: order.requested_on,
            promised_on: order.promised_on,
            expected_on: order.expected_on,
            shipped_at: order.shipments.iter().filter_map(|s| s.shipped_at).max(),
            delivered_at: order.shipments.iter().filter_map(|s| s.delivered_at).max(),
            total: order.total,
            currency: order.currency.as_deref(),
            ship_to: order.ship_to.as_deref(),
            contact: order.contact.as_deref(),
            carrier: order.carrier.as_deref(),
            note: order.note.as_deref(),
            reason: order.reason.as_deref(),
            summary,
            line_count: order.lines.len(),
            sort_at: order.ordered_at.or(order.updated_at).unwrap_or(now),
            source_open: order.open,
            row_hash: hex(hash),
            changed_at: if is_new { moved } else { now },
        }
    }
}

/// One row of `order_events`.
#[derive(Debug, Serialize)]
pub(super) struct EventRow {
    id: Uuid,
    order_id: OrderId,
    customer_id: CustomerId,
    kind: EventKind,
    old: Option<String>,
    new: Option<String>,
    reason: Option<String>,
    source_at: Option<DateTime<Utc>>,
    external_id: Option<String>,
}

impl EventRow {
    pub(super) fn new(id: Uuid, order_id: OrderId, customer_id: CustomerId, event: SourceEvent) -> Self {
        let SourceEvent { key, kind, at, old, new, reason } = event;
        let external_id = (!key.is_empty()).then_some(key);
        Self { id, order_id, customer_id, kind, old, new, reason, source_at: at, external_id }
    }
}

/// Rows of everything below an order, each table's as a JSON list.
#[derive(Debug)]
pub(super) struct ChildRows {
    pub(super) lines: Value,
    pub(super) shipments: Value,
    pub(super) shipment_lines: Value,
    pub(super) search_keys: Value,
}

impl ChildRows {
    pub(super) fn new<'a>(orders: impl Iterator<Item = (OrderId, CustomerId, &'a SourceOrder)>) -> Self {
        let (mut lines, mut shipments, mut contents, mut keys) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (id, customer, order) in orders {
            lines.extend(line_rows(id, customer, order));
            shipments.extend(shipment_rows(id, customer, order));
            contents.extend(content_rows(id, customer, order));
            let found_by = search_keys::keys(order);
            keys.extend(
                found_by.into_iter().map(|key| json!({"order_id": id, "customer_id": customer, "key": key})),
            );
        }
        Self {
            lines: Value::Array(lines),
            shipments: Value::Array(shipments),
            shipment_lines: Value::Array(contents),
            search_keys: Value::Array(keys),
        }
    }
}

fn line_rows(id: OrderId, customer: CustomerId, order: &SourceOrder) -> impl Iterator<Item = Value> {
    order.lines.iter().enumerate().map(move |(index, line)| {
        json!({
            "order_id": id, "customer_id": customer, "external_id": line.key,
            "position": line.position.unwrap_or(i32::try_from(index + 1).unwrap_or(i32::MAX)),
            "sku": line.sku, "description": line.description.as_deref().unwrap_or_default(), "unit": line.unit,
            "quantity": line.quantity, "shipped": line.shipped, "backordered": line.backordered,
            "cancelled": line.cancelled, "unit_price": line.unit_price, "amount": line.amount,
            "promised_on": line.promised_on, "expected_on": line.expected_on,
        })
    })
}

fn shipment_rows(id: OrderId, customer: CustomerId, order: &SourceOrder) -> impl Iterator<Item = Value> {
    order.shipments.iter().map(move |shipment| {
        json!({
            "order_id": id, "customer_id": customer, "external_id": shipment.key,
            "number": shipment.number.as_ref().unwrap_or(&shipment.key), "status": shipment.status,
            "carrier": shipment.carrier, "tracking_number": shipment.tracking_number,
            "tracking_url": shipment.tracking_url, "shipped_at": shipment.shipped_at,
            "expected_on": shipment.expected_on, "delivered_at": shipment.delivered_at,
            "signed_by": shipment.signed_by,
        })
    })
}

fn content_rows(id: OrderId, customer: CustomerId, order: &SourceOrder) -> impl Iterator<Item = Value> {
    order.shipments.iter().flat_map(move |shipment| {
        shipment.lines.iter().map(move |line| {
            json!({
                "order_id": id, "customer_id": customer, "shipment_id": shipment.key, "external_id": line.key,
                "line_id": line.line, "quantity": line.quantity,
            })
        })
    })
}
