//! One row of a mapped entity: its fields by name, each decoded on its own, each failure a warning and no more.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::decode::{self, Decoder};
use crate::mapping::Entity;
use crate::orders::Warning;

/// The rows of one statement.
pub(super) struct Reader<'a> {
    pub(super) entity: &'a Entity,
    pub(super) decoder: &'a Decoder,
    pub(super) warnings: &'a mut Vec<Warning>,
}

impl Reader<'_> {
    /// The text of a field; none when it is null, blank or not mapped.
    pub(super) fn text(&self, row: &PgRow, field: &str) -> Option<String> {
        let index = self.entity.fields.iter().position(|(name, _)| *name == field)?;
        let bytes: Option<&[u8]> = row.try_get(index).ok()?;
        self.decoder.text(bytes?)
    }

    /// The text of a field that may have several lines.
    pub(super) fn lines(&self, row: &PgRow, field: &str) -> Option<String> {
        let index = self.entity.fields.iter().position(|(name, _)| *name == field)?;
        let bytes: Option<&[u8]> = row.try_get(index).ok()?;
        self.decoder.lines(bytes?)
    }

    /// A key: its bytes must be text, because we send it back.
    pub(super) fn key(&mut self, row: &PgRow, field: &'static str) -> Option<String> {
        let index = self.entity.fields.iter().position(|(name, _)| *name == field)?;
        let bytes: Option<&[u8]> = row.try_get(index).ok()?;
        let bytes = bytes?;
        match std::str::from_utf8(bytes) {
            Ok(key) if !key.is_empty() => Some(key.to_owned()),
            _ => {
                let shown = self.decoder.text(bytes).unwrap_or_default();
                self.warn(&shown, field, "the key is empty or no text; the row is left out".into());
                None
            }
        }
    }

    pub(super) fn day(&mut self, row: &PgRow, key: &str, field: &'static str) -> Option<NaiveDate> {
        let text = self.text(row, field)?;
        let day = self.decoder.day(&text);
        self.or_warn(key, field, day)
    }

    pub(super) fn instant(&mut self, row: &PgRow, key: &str, field: &'static str) -> Option<DateTime<Utc>> {
        let text = self.text(row, field)?;
        let at = self.decoder.instant_of(&text);
        self.or_warn(key, field, at)
    }

    /// An amount of money or a price.
    pub(super) fn amount(
        &mut self,
        row: &PgRow,
        key: &str,
        field: &'static str,
        places: u32,
    ) -> Option<Decimal> {
        let text = self.text(row, field)?;
        self.or_warn(key, field, decode::decimal(&text, places, 20))
    }

    pub(super) fn quantity(&mut self, row: &PgRow, key: &str, field: &'static str) -> Option<Decimal> {
        let text = self.text(row, field)?;
        self.or_warn(key, field, decode::decimal(&text, 4, 14).map(|q| q.map(|q| q.normalize())))
    }

    pub(super) fn link(&mut self, row: &PgRow, key: &str, field: &'static str) -> Option<String> {
        let text = self.text(row, field)?;
        self.or_warn(key, field, decode::link(&text))
    }

    pub(super) fn warn(&mut self, key: &str, field: &str, what: String) {
        self.warnings.push(Warning {
            row: format!("{} {key}", self.entity.name),
            field: format!("{}.{field}", self.entity.name),
            what,
        });
    }

    fn or_warn<T>(&mut self, key: &str, field: &str, value: Result<Option<T>, String>) -> Option<T> {
        value.unwrap_or_else(|what| {
            self.warn(key, field, what);
            None
        })
    }
}
