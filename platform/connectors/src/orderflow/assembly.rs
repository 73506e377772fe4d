//! From the rows of up to five statements to orders with their lines, parcels and events.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use sqlx::postgres::PgRow;

use super::link::Bind;
use super::rows::Reader;
use super::source::SqlSource;
use crate::mapping::Entity;
use crate::orders::{
    EventKind, OrderStatus, Page, ShipmentStatus, SourceError, SourceEvent, SourceLine, SourceOrder,
    SourceShipment, SourceShipmentLine,
};

impl SqlSource {
    pub(super) fn decode_orders(&self, rows: &[PgRow], page: &mut Page) -> BTreeMap<String, SourceOrder> {
        let mut orders = BTreeMap::new();
        let mut warnings = std::mem::take(&mut page.warnings);
        let mut reader =
            Reader { entity: &self.mapping.order, decoder: &self.decoder, warnings: &mut warnings };
        for row in rows {
            let Some(key) = reader.key(row, "key") else { continue };
            page.stamp = page.stamp.take().max(reader.text(row, "updated_at").filter(|s| s.len() < 40));
            page.keys.push(key.clone());
            let (number, account) = (reader.text(row, "number"), reader.text(row, "account"));
            let (Some(number), Some(account)) = (number, account) else {
                reader.warn(&key, "account", "without a number or an account; the order is left out".into());
                continue;
            };
            let code = reader.text(row, "status").unwrap_or_default();
            let status = self.mapping.statuses.get(&code).copied().unwrap_or_else(|| {
                *page.unmapped.entry(code.clone()).or_default() += 1;
                page.examples.entry(code.clone()).or_insert_with(|| number.clone());
                OrderStatus::InProgress
            });
            let order = self.decode_order(&mut reader, row, &key, (number, account), (status, code));
            if orders.insert(key.clone(), order).is_some() {
                reader.warn(
                    &key,
                    "joins",
                    "a join gives more than one partner; the last one was taken".into(),
                );
            }
        }
        page.warnings = warnings;
        page.keys.dedup();
        orders
    }

    fn decode_order(
        &self,
        reader: &mut Reader<'_>,
        row: &PgRow,
        key: &str,
        (number, account): (String, String),
        (status, status_code): (OrderStatus, String),
    ) -> SourceOrder {
        let total = reader.amount(row, key, "total", self.mapping.decimals);
        let currency = reader.text(row, "currency").or_else(|| self.mapping.currency.clone());
        SourceOrder {
            key: key.to_owned(),
            number,
            account,
            purchase_order: reader.text(row, "purchase_order"),
            status,
            status_code,
            open: reader.text(row, "open").is_some(),
            hold_reason: reader.text(row, "hold_reason"),
            ordered_at: reader.instant(row, key, "ordered_at"),
            requested_on: reader.day(row, key, "requested_on"),
            promised_on: reader.day(row, key, "promised_on"),
            expected_on: reader.day(row, key, "expected_on"),
            total,
            currency: currency.filter(|c| c.len() == 3 && c.bytes().all(|b| b.is_ascii_uppercase())),
            ship_to: reader.lines(row, "ship_to"),
            contact: reader.text(row, "contact"),
            carrier: reader.text(row, "carrier"),
            note: reader.lines(row, "note"),
            reason: reader.text(row, "reason"),
            updated_at: reader.instant(row, key, "updated_at"),
            lines: Vec::new(),
            shipments: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Rows of a child entity, each with the key of its order.
    async fn children(
        &self,
        entity: &'static str,
        sql: Option<&String>,
        keys: &[String],
        page: &mut Page,
    ) -> Result<Vec<PgRow>, SourceError> {
        let Some(sql) = sql else { return Ok(Vec::new()) };
        page.statements += 1;
        self.link.fetch(entity, sql, &[Bind::Texts(keys)]).await
    }

    fn each(
        &self,
        entity: Option<&Entity>,
        rows: &[PgRow],
        page: &mut Page,
        mut take: impl FnMut(&mut Reader<'_>, &PgRow, String, String),
    ) {
        let Some(entity) = entity else { return };
        let mut reader = Reader { entity, decoder: &self.decoder, warnings: &mut page.warnings };
        for row in rows {
            let Some(order) = reader.key(row, "order") else { continue };
            if let Some(key) = reader.key(row, "key") {
                take(&mut reader, row, order, key);
            }
        }
    }

    pub(super) async fn attach_lines(
        &self,
        keys: &[String],
        orders: &mut BTreeMap<String, SourceOrder>,
        page: &mut Page,
    ) -> Result<(), SourceError> {
        let rows = self.children("line", self.statements.line.as_ref(), keys, page).await?;
        self.each(self.mapping.line.as_ref(), &rows, page, |reader, row, order, key| {
            let Some(order) = orders.get_mut(&order) else { return };
            let at = format!("{}/{key}", order.key);
            let line = SourceLine {
                position: reader.text(row, "position").and_then(|text| text.parse().ok()),
                sku: reader.text(row, "sku"),
                description: reader.text(row, "description"),
                unit: reader.text(row, "unit"),
                quantity: reader.quantity(row, &at, "quantity"),
                shipped: reader.quantity(row, &at, "shipped"),
                backordered: reader.quantity(row, &at, "backordered"),
                cancelled: reader.quantity(row, &at, "cancelled"),
                unit_price: reader.amount(row, &at, "unit_price", 4),
                amount: reader.amount(row, &at, "amount", self.mapping.decimals),
                promised_on: reader.day(row, &at, "promised_on"),
                expected_on: reader.day(row, &at, "expected_on"),
                key,
            };
            if order.lines.last().is_none_or(|last| last.key != line.key) {
                order.lines.push(line);
            }
        });
        Ok(())
    }

    pub(super) async fn attach_shipments(
        &self,
        keys: &[String],
        orders: &mut BTreeMap<String, SourceOrder>,
        page: &mut Page,
    ) -> Result<(), SourceError> {
        let rows = self.children("shipment", self.statements.shipment.as_ref(), keys, page).await?;
        let content =
            self.children("shipment_line", self.statements.shipment_line.as_ref(), keys, page).await?;
        let mut contents: HashMap<(String, String), Vec<SourceShipmentLine>> = HashMap::new();
        self.each(self.mapping.shipment_line.as_ref(), &content, page, |reader, row, order, key| {
            let Some(shipment) = reader.key(row, "shipment") else { return };
            let at = format!("{order}/{shipment}/{key}");
            let quantity = reader.quantity(row, &at, "quantity");
            let line = SourceShipmentLine { key, line: reader.text(row, "line"), quantity };
            let content = contents.entry((order, shipment)).or_default();
            if content.iter().all(|other| other.key != line.key) {
                content.push(line);
            }
        });
        self.each(self.mapping.shipment.as_ref(), &rows, page, |reader, row, order, key| {
            let Some(order) = orders.get_mut(&order) else { return };
            let at = format!("{}/{key}", order.key);
            let delivered_at = reader.instant(row, &at, "delivered_at");
            let shipment = SourceShipment {
                number: reader.text(row, "number"),
                status: self.shipment_status(reader, row, &at, delivered_at.is_some()),
                carrier: reader.text(row, "carrier"),
                tracking_number: reader.text(row, "tracking_number"),
                tracking_url: reader.link(row, &at, "tracking_url"),
                shipped_at: reader.instant(row, &at, "shipped_at"),
                expected_on: reader.day(row, &at, "expected_on"),
                delivered_at,
                signed_by: reader.text(row, "signed_by"),
                lines: contents.remove(&(order.key.clone(), key.clone())).unwrap_or_default(),
                key,
            };
            if order.shipments.last().is_none_or(|last| last.key != shipment.key) {
                order.shipments.push(shipment);
            }
        });
        Ok(())
    }

    fn shipment_status(
        &self,
        reader: &mut Reader<'_>,
        row: &PgRow,
        at: &str,
        delivered: bool,
    ) -> ShipmentStatus {
        let guess = if delivered { ShipmentStatus::Delivered } else { ShipmentStatus::InTransit };
        let Some(code) = reader.text(row, "status") else { return guess };
        self.mapping.shipment_statuses.get(&code).copied().unwrap_or_else(|| {
            reader.warn(at, "statuses", format!("the code {code:?} is not mapped; taken as {guess}"));
            guess
        })
    }

    pub(super) async fn attach_events(
        &self,
        keys: &[String],
        orders: &mut BTreeMap<String, SourceOrder>,
        page: &mut Page,
    ) -> Result<(), SourceError> {
        let rows = self.children("event", self.statements.event.as_ref(), keys, page).await?;
        self.each(self.mapping.event.as_ref(), &rows, page, |reader, row, order, key| {
            let Some(order) = orders.get_mut(&order) else { return };
            let code = reader.text(row, "kind").unwrap_or_default();
            // codes that are not mapped are the source's own business
            let Some(kind) = self.mapping.event_kinds.get(&code).copied() else { return };
            let at = reader.instant(row, &key, "at");
            let old = reader.text(row, "old").and_then(|text| self.event_value(kind, &text));
            let new = reader.text(row, "new").and_then(|text| self.event_value(kind, &text));
            order.events.push(SourceEvent { kind, at, old, new, reason: reader.text(row, "reason"), key });
        });
        Ok(())
    }

    /// Our word for the old program's.
    fn event_value(&self, kind: EventKind, text: &str) -> Option<String> {
        match kind {
            EventKind::Status => self.mapping.statuses.get(text).map(|status| status.word().to_owned()),
            EventKind::Promised | EventKind::Expected => {
                self.decoder.day(text).ok().flatten().map(|day| day.to_string())
            }
            EventKind::Note => Some(text.to_owned()),
            _ => None,
        }
    }
}

/// What an order without a total comes to, when every line has an amount.
pub(super) fn sum_of_lines(order: &SourceOrder) -> Option<Decimal> {
    if order.lines.is_empty() {
        return None;
    }
    order.lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount?))
}
