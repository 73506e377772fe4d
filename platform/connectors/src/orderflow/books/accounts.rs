//! Credit, addresses and products: one statement a page, along their keys.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::super::link::Bind;
use super::super::rows::Reader;
use super::super::source::SqlSource;
use super::super::statements::Paged;
use crate::books::{AddressKind, Page, SourceAddress, SourceCredit, SourceProduct, row_key};
use crate::mapping::{Entity, is_country};
use crate::orders::{Cursor, SourceError};

/// What is made of one row: its key and, when it can be read, itself.
type Decoded<T> = Option<(String, Option<T>)>;

impl SqlSource {
    /// One page of what the source grants its accounts.
    ///
    /// # Errors
    /// The source's trouble.
    pub async fn credits(&self, after: Option<&Cursor>) -> Result<Page<SourceCredit>, SourceError> {
        let (sql, entity) = (&self.statements.books.credit, &self.mapping.books.credit);
        self.along(sql, entity, after, &["account"], |reader, row| self.decode_credit(reader, row)).await
    }

    /// One page of addresses.
    ///
    /// # Errors
    /// The source's trouble.
    pub async fn addresses(&self, after: Option<&Cursor>) -> Result<Page<SourceAddress>, SourceError> {
        let (sql, entity) = (&self.statements.books.address, &self.mapping.books.address);
        let decode = |reader: &mut Reader<'_>, row: &PgRow| self.decode_address(reader, row);
        self.along(sql, entity, after, &["account", "key"], decode).await
    }

    /// One page of products.
    ///
    /// # Errors
    /// The source's trouble.
    pub async fn products(&self, after: Option<&Cursor>) -> Result<Page<SourceProduct>, SourceError> {
        let (sql, entity) = (&self.statements.books.product, &self.mapping.books.product);
        self.along(sql, entity, after, &["key"], |reader, row| self.decode_product(reader, row)).await
    }

    async fn along<T>(
        &self,
        sql: &Option<Paged>,
        entity: &Option<Entity>,
        after: Option<&Cursor>,
        keys: &[&'static str],
        decode: impl Fn(&mut Reader<'_>, &PgRow) -> Decoded<T>,
    ) -> Result<Page<T>, SourceError> {
        let (Some(sql), Some(entity)) = (sql, entity) else { return Ok(Page::default()) };
        let limit = self.limit();
        let mut bind = vec![Bind::Number(i64::from(limit))];
        if let Some(after) = after {
            bind.extend(after.stamp.as_deref().map(Bind::Text));
            bind.push(Bind::Text(&after.key));
        }
        let rows =
            self.link.fetch(entity.name, if after.is_some() { &sql.next } else { &sql.first }, &bind).await;
        self.adapt(limit, rows.as_ref().err());
        let rows = rows?;
        let mut page = Page { statements: 1, ..Page::default() };
        let mut reader = Reader { entity, decoder: &self.decoder, warnings: &mut page.warnings };
        let mut decoded = BTreeMap::new();
        for row in &rows {
            let Some((key, value)) = decode(&mut reader, row) else { continue };
            page.keys.push(key.clone());
            // two keys that differ in padding alone are one to us
            decoded.extend(value.map(|value| (key, value)));
        }
        page.rows = decoded.into_values().collect();
        if rows.len() >= limit as usize {
            let place = rows.iter().rev().find_map(|row| place(entity, row, keys));
            let lost = || SourceError::Refused(format!("no key of a page of {} can be read", entity.name));
            page.next = Some(place.ok_or_else(lost)?);
        }
        Ok(page)
    }

    fn decode_credit(&self, reader: &mut Reader<'_>, row: &PgRow) -> Decoded<SourceCredit> {
        let account = readable(reader, row, "account")?;
        let credit = SourceCredit {
            limit: reader.amount(row, &account, "limit", self.mapping.decimals),
            used: reader.amount(row, &account, "used", self.mapping.decimals),
            currency: self.currency(reader, row),
            terms: reader.text(row, "terms"),
            on_hold: reader.text(row, "on_hold").is_some(),
            account: account.clone(),
        };
        Some((account, Some(credit)))
    }

    fn decode_address(&self, reader: &mut Reader<'_>, row: &PgRow) -> Decoded<SourceAddress> {
        let (account, key) = (readable(reader, row, "account")?, readable(reader, row, "key")?);
        let at = format!("{account}/{key}");
        let address = SourceAddress {
            kind: self.address_kind(reader, row, &at),
            label: reader.text(row, "label"),
            street: reader.lines(row, "street"),
            city: reader.text(row, "city"),
            region: reader.text(row, "region"),
            postal_code: reader.text(row, "postal_code"),
            country: self.country(reader, row, &at),
            is_default: reader.text(row, "default").is_some(),
            account: account.clone(),
            key: key.clone(),
        };
        Some((row_key(&account, &key), Some(address)))
    }

    fn address_kind(&self, reader: &mut Reader<'_>, row: &PgRow, at: &str) -> AddressKind {
        let Some(code) = reader.text(row, "kind") else { return AddressKind::ShipTo };
        self.mapping.books.address_kinds.get(&code).copied().unwrap_or_else(|| {
            reader.warn(at, "kinds", format!("the code {code:?} is not mapped; taken as ship_to"));
            AddressKind::ShipTo
        })
    }

    fn country(&self, reader: &mut Reader<'_>, row: &PgRow, at: &str) -> Option<String> {
        let word = reader.text(row, "country")?;
        if let Some(letters) = self.mapping.books.countries.get(&word) {
            return Some(letters.clone());
        }
        if is_country(&word) {
            return Some(word);
        }
        reader.warn(at, "countries", format!("the word {word:?} is not mapped; the country is left out"));
        None
    }

    fn decode_product(&self, reader: &mut Reader<'_>, row: &PgRow) -> Decoded<SourceProduct> {
        let sku = readable(reader, row, "key")?;
        let product = SourceProduct {
            description: reader.text(row, "description"),
            unit: reader.text(row, "unit"),
            price: reader.amount(row, &sku, "price", 4),
            currency: self.currency(reader, row),
            discontinued: reader.text(row, "discontinued").is_some(),
            replaced_by: reader.text(row, "replaced_by").filter(|other| *other != sku),
            available: reader.quantity(row, &sku, "available"),
            lead_days: reader.text(row, "lead_days").and_then(|text| text.parse().ok()),
            sku: sku.clone(),
        };
        Some((sku, Some(product)))
    }
}

/// A key without its padding; none, with a warning, when it is no text.
fn readable(reader: &mut Reader<'_>, row: &PgRow, field: &'static str) -> Option<String> {
    let key = reader.key(row, field)?;
    let trimmed = key.trim();
    if trimmed.is_empty() {
        reader.warn(&key, field, "the key is blank; the row is left out".into());
        return None;
    }
    Some(trimmed.to_owned())
}

/// Where a row stands by one or two keys, in the source's own words.
fn place(entity: &Entity, row: &PgRow, keys: &[&str]) -> Option<Cursor> {
    let raw = |field: &str| {
        let index = entity.fields.iter().position(|(name, _)| *name == field)?;
        let bytes: Option<&[u8]> = row.try_get(index).ok()?;
        String::from_utf8(bytes?.to_vec()).ok()
    };
    let (key, before) = keys.split_last()?;
    let stamp = before.first().map(|before| raw(before));
    // of two keys both must be text
    if stamp == Some(None) {
        return None;
    }
    Some(Cursor { key: raw(key)?, stamp: stamp.flatten() })
}
