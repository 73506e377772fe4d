//! [`SqlSource`]: pages of orders with their lines, parcels and events, by at most five statements a page.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::catalogue::Catalogue;
use super::decode::Decoder;
use super::link::{Bind, Link};
use super::rows::Reader;
use super::statements::{Paged, Statements};
use crate::mapping::{Entity, Mapping};
use crate::orders::{
    Cursor, EventKind, OrderSource, OrderStatus, Page, Selection, ShipmentStatus, SourceError, SourceEvent,
    SourceLine, SourceOrder, SourceShipment, SourceShipmentLine,
};

/// A mapped PostgreSQL database.
#[derive(Debug)]
pub struct SqlSource {
    link: Arc<Link>,
    mapping: Mapping,
    decoder: Decoder,
    statements: Statements,
    /// Shrinks when the source is too slow for a page, grows back slowly.
    page: AtomicU32,
}

const SMALLEST_PAGE: u32 = 25;

impl SqlSource {
    /// Looks whether the mapping fits and writes the statements.
    ///
    /// # Errors
    /// [`SourceError::Misfit`] with every table and column that is missing; else the connection's trouble.
    pub async fn open(link: Arc<Link>, mapping: Mapping) -> Result<Self, SourceError> {
        let catalogue = Catalogue::read(&link, &mapping).await?;
        Self::with_catalogue(link, mapping, &catalogue)
    }

    /// The same with a catalogue that was just read.
    ///
    /// # Errors
    /// [`SourceError::Misfit`].
    pub fn with_catalogue(
        link: Arc<Link>,
        mapping: Mapping,
        catalogue: &Catalogue,
    ) -> Result<Self, SourceError> {
        let faults = catalogue.faults(&mapping);
        if !faults.is_empty() {
            return Err(SourceError::Misfit(faults));
        }
        let statements = Statements::new(&mapping, catalogue);
        let decoder = Decoder::new(&mapping);
        let page = AtomicU32::new(mapping.pace.page);
        Ok(Self { link, mapping, decoder, statements, page })
    }

    /// What it reads by.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Its connections.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    async fn read_page(&self, selection: &Selection, after: Option<&Cursor>) -> Result<Page, SourceError> {
        let limit = self.page.load(Ordering::Relaxed);
        let result = self.read_with_limit(selection, after, limit).await;
        match &result {
            Err(SourceError::Slow(_)) => {
                self.page.store((limit / 2).max(SMALLEST_PAGE.min(limit)), Ordering::Relaxed);
            }
            Ok(_) => {
                let grown = (limit + limit / 8 + 1).min(self.mapping.pace.page);
                self.page.store(grown, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        result
    }

    async fn read_with_limit(
        &self,
        selection: &Selection,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page, SourceError> {
        let rows = self.order_rows(selection, after, limit).await?;
        let mut page = Page { statements: 1, ..Page::default() };
        let full = rows.len() >= limit as usize && !matches!(selection, Selection::Keys(_));
        let mut orders = self.decode_orders(&rows, &mut page);
        if full {
            page.next = self.cursor(&rows);
            // a last row without a readable key would end the walk early
            if page.next.is_none() {
                return Err(SourceError::Refused("the last key of a page cannot be read".into()));
            }
        }
        let keys = page.keys.clone();
        if !keys.is_empty() {
            self.attach_lines(&keys, &mut orders, &mut page).await?;
            self.attach_shipments(&keys, &mut orders, &mut page).await?;
            self.attach_events(&keys, &mut orders, &mut page).await?;
        }
        page.orders = orders.into_values().collect();
        Ok(page)
    }

    async fn order_rows(
        &self,
        selection: &Selection,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<PgRow>, SourceError> {
        let limit = Bind::Number(i64::from(limit));
        let walk = |paged: &Paged| match after {
            Some(_) => paged.next.clone(),
            None => paged.first.clone(),
        };
        match (selection, after) {
            (Selection::Keys(keys), _) => self.link.fetch(&self.statements.keys, &[Bind::Texts(keys)]).await,
            (Selection::Open | Selection::All, _) => {
                let all = *selection == Selection::All;
                let sql = walk(if all { &self.statements.all } else { &self.statements.open });
                let mut bind = vec![limit];
                bind.extend(after.map(|cursor| Bind::Text(&cursor.key)));
                self.link.fetch(&sql, &bind).await
            }
            (Selection::ChangedSince(stamp), _) => {
                let Some(paged) = &self.statements.changed else { return Ok(Vec::new()) };
                let (from, to) = stamp.split_once("..").unwrap_or((stamp, "9999-01-01"));
                let mut bind = vec![limit, Bind::Text(from), Bind::Text(to)];
                if let Some(cursor) = after {
                    bind.push(Bind::Text(cursor.stamp.as_deref().unwrap_or(from)));
                    bind.push(Bind::Text(&cursor.key));
                }
                self.link.fetch(&walk(paged), &bind).await
            }
        }
    }

    /// Raw texts of the last row: what the source compares, not what we understood.
    fn cursor(&self, rows: &[PgRow]) -> Option<Cursor> {
        let last = rows.last()?;
        let raw = |field: &str| {
            let index = self.mapping.order.fields.iter().position(|(name, _)| *name == field)?;
            let bytes: Option<&[u8]> = last.try_get(index).ok()?;
            String::from_utf8(bytes?.to_vec()).ok()
        };
        Some(Cursor { key: raw("key")?, stamp: raw("updated_at") })
    }

    fn decode_orders(&self, rows: &[PgRow], page: &mut Page) -> BTreeMap<String, SourceOrder> {
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
        sql: Option<&String>,
        keys: &[String],
        page: &mut Page,
    ) -> Result<Vec<PgRow>, SourceError> {
        let Some(sql) = sql else { return Ok(Vec::new()) };
        page.statements += 1;
        self.link.fetch(sql, &[Bind::Texts(keys)]).await
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

    async fn attach_lines(
        &self,
        keys: &[String],
        orders: &mut BTreeMap<String, SourceOrder>,
        page: &mut Page,
    ) -> Result<(), SourceError> {
        let rows = self.children(self.statements.line.as_ref(), keys, page).await?;
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

    async fn attach_shipments(
        &self,
        keys: &[String],
        orders: &mut BTreeMap<String, SourceOrder>,
        page: &mut Page,
    ) -> Result<(), SourceError> {
        let rows = self.children(self.statements.shipment.as_ref(), keys, page).await?;
        let content = self.children(self.statements.shipment_line.as_ref(), keys, page).await?;
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

    async fn attach_events(
        &self,
        keys: &[String],
        orders: &mut BTreeMap<String, SourceOrder>,
        page: &mut Page,
    ) -> Result<(), SourceError> {
        let rows = self.children(self.statements.event.as_ref(), keys, page).await?;
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

impl OrderSource for SqlSource {
    fn read<'a>(
        &'a self,
        selection: &'a Selection,
        after: Option<&'a Cursor>,
    ) -> BoxFuture<'a, Result<Page, SourceError>> {
        Box::pin(self.read_page(selection, after))
    }

    fn present<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<Vec<String>, SourceError>> {
        Box::pin(async move {
            let rows = self.link.fetch(&self.statements.present, &[Bind::Texts(keys)]).await?;
            let key = |row: &PgRow| String::from_utf8(row.try_get::<Vec<u8>, _>(0).ok()?).ok();
            Ok(rows.iter().filter_map(key).collect())
        })
    }

    fn changed_since(&self, watermark: &str, now: DateTime<Utc>) -> Option<String> {
        self.mapping.order.field("updated_at")?;
        let overlap = TimeDelta::from_std(self.mapping.pace.overlap).unwrap_or(TimeDelta::MAX);
        let seen = self.decoder.instant_of(watermark).ok().flatten()?;
        let from = self.wall_clock(seen - overlap) - self.hour_that_is_twice(now);
        let to = self.wall_clock(now) + TimeDelta::days(1);
        Some(format!("{}..{}", from.format(STAMP), to.format(STAMP)))
    }

    fn advance(&self, watermark: Option<&str>, seen: Option<&str>, now: DateTime<Utc>) -> Option<String> {
        self.mapping.order.field("updated_at")?;
        let read = |text: Option<&str>| text.and_then(|text| self.decoder.instant_of(text).ok().flatten());
        let newest = read(watermark).max(read(seen)).unwrap_or(now).min(now);
        Some(self.wall_clock(newest).format(STAMP).to_string())
    }
}

const STAMP: &str = "%Y-%m-%d %H:%M:%S%.6f";

impl SqlSource {
    fn wall_clock(&self, at: DateTime<Utc>) -> chrono::NaiveDateTime {
        at.with_timezone(&self.mapping.time_zone).naive_local()
    }

    /// When clocks went back today, stamps of the second hour are smaller than those of the first.
    fn hour_that_is_twice(&self, now: DateTime<Utc>) -> TimeDelta {
        let before = self.wall_clock(now - TimeDelta::days(1)) - (now - TimeDelta::days(1)).naive_utc();
        let after = self.wall_clock(now) - now.naive_utc();
        (before - after).max(TimeDelta::zero())
    }
}
