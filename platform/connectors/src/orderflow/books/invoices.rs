//! Invoices with their lines: a page by two statements.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::postgres::PgRow;

use super::super::link::Bind;
use super::super::rows::Reader;
use super::super::source::{SqlSource, cursor_of_row};
use crate::books::{InvoiceKind, InvoiceStatus, Page, SourceInvoice, SourceInvoiceLine};
use crate::mapping::Entity;
use crate::orders::{Cursor, Selection, SourceError};

impl SqlSource {
    /// One page of invoices; an empty one when they are not mapped.
    ///
    /// # Errors
    /// The source's trouble.
    pub async fn invoices(
        &self,
        selection: &Selection,
        after: Option<&Cursor>,
    ) -> Result<Page<SourceInvoice>, SourceError> {
        let limit = self.limit();
        let page = self.read_invoices(selection, after, limit).await;
        self.adapt(limit, page.as_ref().err());
        page
    }

    async fn read_invoices(
        &self,
        selection: &Selection,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<SourceInvoice>, SourceError> {
        let (Some(walks), Some(entity)) = (&self.statements.books.invoice, &self.mapping.books.invoice)
        else {
            return Ok(Page::default());
        };
        let rows = self.walk_rows(walks, selection, after, limit).await?;
        let mut page = Page { statements: 1, ..Page::default() };
        let mut invoices = self.decode_invoices(entity, &rows, &mut page);
        if rows.len() >= limit as usize && !matches!(selection, Selection::Keys(_)) {
            page.next = Some(last_place(entity, &rows)?);
        }
        if let Some(sql) = self.statements.books.line.as_ref().filter(|_| !page.keys.is_empty()) {
            page.statements += 1;
            let rows = self.link.fetch("invoice_line", sql, &[Bind::Texts(&page.keys)]).await?;
            self.attach_invoice_lines(&rows, &mut invoices, &mut page);
        }
        page.rows = invoices.into_values().collect();
        Ok(page)
    }

    /// Which of these invoices still exist.
    ///
    /// # Errors
    /// The source's trouble.
    pub async fn invoices_present(&self, keys: &[String]) -> Result<Vec<String>, SourceError> {
        match &self.statements.books.invoice {
            Some(walks) => self.present_of(walks, keys).await,
            None => Ok(Vec::new()),
        }
    }

    /// As of orders, [`crate::orders::OrderSource::changed_since`].
    #[must_use]
    pub fn invoices_changed_since(&self, watermark: &str, now: DateTime<Utc>) -> Option<String> {
        self.range_of(self.mapping.books.invoice.as_ref()?, watermark, now)
    }

    /// As of orders, [`crate::orders::OrderSource::advance`].
    #[must_use]
    pub fn invoices_advance(
        &self,
        watermark: Option<&str>,
        seen: Option<&str>,
        now: DateTime<Utc>,
    ) -> Option<String> {
        self.advance_of(self.mapping.books.invoice.as_ref()?, watermark, seen, now)
    }

    fn decode_invoices(
        &self,
        entity: &Entity,
        rows: &[PgRow],
        page: &mut Page<SourceInvoice>,
    ) -> BTreeMap<String, SourceInvoice> {
        let mut invoices = BTreeMap::new();
        let mut reader = Reader { entity, decoder: &self.decoder, warnings: &mut page.warnings };
        for row in rows {
            let Some(key) = reader.key(row, "key") else { continue };
            page.stamp = page.stamp.take().max(reader.text(row, "updated_at").filter(|s| s.len() < 40));
            page.keys.push(key.clone());
            let Some(invoice) = self.decode_invoice(&mut reader, row, &key) else { continue };
            if invoices.insert(key.clone(), invoice).is_some() {
                reader.warn(
                    &key,
                    "joins",
                    "a join gives more than one partner; the last one was taken".into(),
                );
            }
        }
        page.keys.dedup();
        invoices
    }

    fn decode_invoice(&self, reader: &mut Reader<'_>, row: &PgRow, key: &str) -> Option<SourceInvoice> {
        let (number, account) = (reader.text(row, "number"), reader.text(row, "account"));
        let issued_on = reader.day(row, key, "issued_on");
        let total = reader.amount(row, key, "total", self.mapping.decimals);
        let currency = self.currency(reader, row);
        let (Some(number), Some(account), Some(issued_on), Some(total), Some(currency)) =
            (number, account, issued_on, total, currency)
        else {
            let what = "without a number, an account, a day, a total or a currency; the invoice is left out";
            reader.warn(key, "total", what.into());
            return None;
        };
        let paid = reader.amount(row, key, "paid", self.mapping.decimals).unwrap_or_default();
        let kind = self.invoice_kind(reader, row, key, total);
        let credit = kind == InvoiceKind::CreditNote;
        let (total, paid) = if credit { (total.abs(), paid.abs()) } else { (total, paid) };
        let document = self.mapping.books.invoice_document.is_some();
        Some(SourceInvoice {
            key: key.to_owned(),
            account,
            kind,
            number,
            order: reader.text(row, "order"),
            corrects: reader.text(row, "corrects"),
            status: self.invoice_status(reader, row, key, (total, paid)),
            open: reader.text(row, "open").is_some(),
            issued_on,
            due_on: reader.day(row, key, "due_on"),
            total,
            paid,
            currency,
            purchase_order: reader.text(row, "purchase_order"),
            bill_to: reader.lines(row, "bill_to"),
            document: document && reader.text(row, "document").is_some(),
            document_version: reader.text(row, "document_version"),
            lines: Vec::new(),
        })
    }

    /// Three capitals, by the row or by the mapping.
    pub(super) fn currency(&self, reader: &Reader<'_>, row: &PgRow) -> Option<String> {
        let code = reader.text(row, "currency").or_else(|| self.mapping.currency.clone());
        code.filter(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
    }

    /// A sum below nothing is money that goes back, whatever the code says.
    fn invoice_kind(&self, reader: &mut Reader<'_>, row: &PgRow, key: &str, total: Decimal) -> InvoiceKind {
        let negative = total.is_sign_negative() && !total.is_zero();
        let guess = if negative { InvoiceKind::CreditNote } else { InvoiceKind::Invoice };
        let Some(code) = reader.text(row, "kind") else { return guess };
        match self.mapping.books.invoice_kinds.get(&code).copied() {
            Some(InvoiceKind::Invoice) if negative => {
                reader.warn(key, "total", "is negative; taken as a credit note".into());
                guess
            }
            Some(kind) => kind,
            None => {
                reader.warn(key, "kinds", format!("the code {code:?} is not mapped; taken as {guess}"));
                guess
            }
        }
    }

    /// The source's word, made exact by its sums: most systems know no "partly paid".
    fn invoice_status(
        &self,
        reader: &mut Reader<'_>,
        row: &PgRow,
        key: &str,
        (total, paid): (Decimal, Decimal),
    ) -> InvoiceStatus {
        let by_sums = if paid.is_zero() || paid.is_sign_negative() {
            InvoiceStatus::Open
        } else if paid < total {
            InvoiceStatus::PartlyPaid
        } else {
            InvoiceStatus::Paid
        };
        let Some(code) = reader.text(row, "status") else { return by_sums };
        match self.mapping.books.invoice_statuses.get(&code).copied() {
            Some(InvoiceStatus::Open) if by_sums == InvoiceStatus::PartlyPaid => by_sums,
            Some(status) => status,
            None => {
                reader.warn(key, "statuses", format!("the code {code:?} is not mapped; taken as {by_sums}"));
                by_sums
            }
        }
    }

    fn attach_invoice_lines(
        &self,
        rows: &[PgRow],
        invoices: &mut BTreeMap<String, SourceInvoice>,
        page: &mut Page<SourceInvoice>,
    ) {
        let Some(entity) = &self.mapping.books.invoice_line else { return };
        let mut reader = Reader { entity, decoder: &self.decoder, warnings: &mut page.warnings };
        let mut seen: HashMap<String, std::collections::HashSet<String>> = HashMap::new();
        for row in rows {
            let Some(of) = reader.key(row, "invoice") else { continue };
            let (Some(invoice), Some(key)) = (invoices.get_mut(&of), reader.key(row, "key")) else {
                continue;
            };
            if !seen.entry(of).or_default().insert(key.clone()) {
                continue;
            }
            let at = format!("{}/{key}", invoice.key);
            let back = invoice.kind == InvoiceKind::CreditNote;
            let amount = reader.amount(row, &at, "amount", self.mapping.decimals);
            invoice.lines.push(SourceInvoiceLine {
                position: reader.text(row, "position").and_then(|text| text.parse().ok()),
                sku: reader.text(row, "sku"),
                description: reader.text(row, "description"),
                unit: reader.text(row, "unit"),
                quantity: reader.quantity(row, &at, "quantity"),
                unit_price: reader.amount(row, &at, "unit_price", 4),
                amount: amount.map(|amount| if back { amount.abs() } else { amount }),
                key,
            });
        }
    }
}

/// The place of the last row whose key is text. The rows after it come again with the next page: a row that nobody can
/// name does not end a walk.
pub(super) fn last_place(entity: &Entity, rows: &[PgRow]) -> Result<Cursor, SourceError> {
    let place = rows.iter().rev().find_map(|row| cursor_of_row(entity, row));
    place.ok_or_else(|| SourceError::Refused(format!("no key of a page of {} can be read", entity.name)))
}
