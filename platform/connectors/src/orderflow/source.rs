//! [`SqlSource`]: pages of orders with their lines, parcels and events, by at most five statements a page.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::assembly::sum_of_lines;
use super::catalogue::Catalogue;
use super::decode::Decoder;
use super::link::{Bind, Link};
use super::statements::{Paged, Statements, Walks};
use crate::mapping::{Entity, Mapping};
use crate::orders::{Cursor, OrderSource, Page, Selection, SourceError};

/// A mapped PostgreSQL database.
#[derive(Debug)]
pub struct SqlSource {
    pub(super) link: Arc<Link>,
    pub(super) mapping: Mapping,
    pub(super) decoder: Decoder,
    pub(super) statements: Statements,
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
        let limit = self.limit();
        let result = self.read_with_limit(selection, after, limit).await;
        self.adapt(limit, result.as_ref().err());
        result
    }

    /// Rows a page at the moment.
    pub(super) fn limit(&self) -> u32 {
        self.page.load(Ordering::Relaxed)
    }

    /// Learns from a page that was read, or not.
    pub(super) fn adapt(&self, limit: u32, error: Option<&SourceError>) {
        match error {
            Some(SourceError::Slow(_)) => {
                self.page.store((limit / 2).max(SMALLEST_PAGE.min(limit)), Ordering::Relaxed);
            }
            None => {
                let grown = (limit + limit / 8 + 1).min(self.mapping.pace.page);
                self.page.store(grown, Ordering::Relaxed);
            }
            Some(_) => {}
        }
    }

    async fn read_with_limit(
        &self,
        selection: &Selection,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page, SourceError> {
        let rows = self.walk_rows(&self.statements.order, selection, after, limit).await?;
        let mut page = Page { statements: 1, ..Page::default() };
        let full = rows.len() >= limit as usize && !matches!(selection, Selection::Keys(_));
        let mut orders = self.decode_orders(&rows, &mut page);
        if full {
            page.next = cursor(&self.mapping.order, &rows);
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
        if self.mapping.order.field("total").is_none() {
            orders.values_mut().for_each(|order| order.total = sum_of_lines(order));
        }
        page.orders = orders.into_values().collect();
        Ok(page)
    }

    /// The rows of one page of orders or invoices.
    pub(super) async fn walk_rows(
        &self,
        walks: &Walks,
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
            (Selection::Keys(keys), _) => {
                self.link.fetch(walks.entity, &walks.keys, &[Bind::Texts(keys)]).await
            }
            (Selection::Open | Selection::All, _) => {
                let all = *selection == Selection::All;
                let sql = walk(if all { &walks.all } else { &walks.open });
                let mut bind = vec![limit];
                bind.extend(after.map(|cursor| Bind::Text(&cursor.key)));
                self.link.fetch(walks.entity, &sql, &bind).await
            }
            (Selection::ChangedSince(stamp), _) => {
                let Some(paged) = &walks.changed else { return Ok(Vec::new()) };
                let (from, to) = stamp.split_once("..").unwrap_or((stamp, "9999-01-01"));
                let mut bind = vec![limit, Bind::Text(from), Bind::Text(to)];
                if let Some(cursor) = after {
                    bind.push(Bind::Text(cursor.stamp.as_deref().unwrap_or(from)));
                    bind.push(Bind::Text(&cursor.key));
                }
                self.link.fetch(walks.entity, &walk(paged), &bind).await
            }
        }
    }

    /// Which of these keys still exist.
    pub(super) async fn present_of(
        &self,
        walks: &Walks,
        keys: &[String],
    ) -> Result<Vec<String>, SourceError> {
        let rows = self.link.fetch(walks.entity, &walks.present, &[Bind::Texts(keys)]).await?;
        let key = |row: &PgRow| String::from_utf8(row.try_get::<Vec<u8>, _>(0).ok()?).ok();
        Ok(rows.iter().filter_map(key).collect())
    }

    /// [`OrderSource::changed_since`] of an entity.
    pub(super) fn range_of(&self, entity: &Entity, watermark: &str, now: DateTime<Utc>) -> Option<String> {
        entity.field("updated_at")?;
        let overlap = TimeDelta::from_std(self.mapping.pace.overlap).unwrap_or(TimeDelta::MAX);
        let seen = self.decoder.instant_of(watermark).ok().flatten()?;
        let from = seen - overlap - self.decoder.hour_that_is_twice(now);
        Some(format!("{}..{}", self.stamp(from), self.stamp(now + TimeDelta::days(1))))
    }

    /// [`OrderSource::advance`] of an entity.
    pub(super) fn advance_of(
        &self,
        entity: &Entity,
        watermark: Option<&str>,
        seen: Option<&str>,
        now: DateTime<Utc>,
    ) -> Option<String> {
        entity.field("updated_at")?;
        let read = |text: Option<&str>| text.and_then(|text| self.decoder.instant_of(text).ok().flatten());
        let newest = read(watermark).max(read(seen)).unwrap_or(now).min(now);
        Some(self.stamp(newest))
    }

    /// A moment in the source's words. A column without a zone takes the wall clock and ignores the offset, a column
    /// with one takes both.
    fn stamp(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.mapping.time_zone).format("%Y-%m-%d %H:%M:%S%.6f%:z").to_string()
    }
}

/// Where a page ended, by the raw texts of its last row: what the source compares, not what we understood.
fn cursor(entity: &Entity, rows: &[PgRow]) -> Option<Cursor> {
    cursor_of_row(entity, rows.last()?)
}

/// The place of one row; none when its key is no text.
pub(super) fn cursor_of_row(entity: &Entity, row: &PgRow) -> Option<Cursor> {
    let raw = |field: &str| {
        let index = entity.fields.iter().position(|(name, _)| *name == field)?;
        let bytes: Option<&[u8]> = row.try_get(index).ok()?;
        String::from_utf8(bytes?.to_vec()).ok()
    };
    Some(Cursor { key: raw("key")?, stamp: raw("updated_at") })
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
        Box::pin(self.present_of(&self.statements.order, keys))
    }

    fn changed_since(&self, watermark: &str, now: DateTime<Utc>) -> Option<String> {
        self.range_of(&self.mapping.order, watermark, now)
    }

    fn advance(&self, watermark: Option<&str>, seen: Option<&str>, now: DateTime<Utc>) -> Option<String> {
        self.advance_of(&self.mapping.order, watermark, seen, now)
    }
}
