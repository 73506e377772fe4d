//! An invoice's legal document: one row a statement, and nothing that is too large.

use std::fmt::Write as _;

use sqlx::Row;

use super::super::catalogue::Catalogue;
use super::super::link::Bind;
use super::super::source::SqlSource;
use super::super::statements::{column, from};
use crate::books::{Content, LARGEST_DOCUMENT, SourceDocument};
use crate::mapping::Entity;
use crate::mapping::expression::Expression;
use crate::orders::SourceError;

/// The account of the invoice, the size, the bytes and the path, in one statement: they belong together, whatever happens
/// to the invoice meanwhile. A size is known without reading the bytes.
pub(super) fn statement(invoice: &Entity, document: &Entity, catalogue: &Catalogue) -> String {
    let encoding = catalogue.wire_encoding();
    let (key, of) = (column(invoice, "key"), column(document, "invoice"));
    let account = invoice.field("account").map_or("null", Expression::sql);
    let mut sql = format!(
        "select convert_to((select ({account})::text from {} and {} = $1::text::{} limit 1), {encoding}), ",
        from(invoice),
        key.sql(),
        catalogue.type_of(invoice, &key),
    );
    let _ = match document.field("bytes").map(Expression::sql) {
        Some(bytes) => write!(
            sql,
            "octet_length({bytes})::bigint, case when octet_length({bytes}) <= {LARGEST_DOCUMENT} then {bytes} end, "
        ),
        None => write!(sql, "null::bigint, null::bytea, "),
    };
    let path = document.field("path").map_or("null", Expression::sql);
    let _ = write!(
        sql,
        "convert_to(({path})::text, {encoding}) from {} and {} = $1::text::{} limit 1",
        from(document),
        of.sql(),
        catalogue.type_of(document, &of),
    );
    sql
}

impl SqlSource {
    /// The document of one invoice; none when there is no row, or when the invoice itself is gone.
    ///
    /// # Errors
    /// The source's trouble.
    pub async fn document(&self, invoice: &str) -> Result<Option<SourceDocument>, SourceError> {
        let Some(sql) = &self.statements.books.document else { return Ok(None) };
        let rows = self.link.fetch("invoice_document", sql, &[Bind::Text(invoice)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let unreadable = |error: sqlx::Error| SourceError::Refused(format!("a document: {error}"));
        let account: Option<Vec<u8>> = row.try_get(0).map_err(unreadable)?;
        let size: Option<i64> = row.try_get(1).map_err(unreadable)?;
        let bytes: Option<Vec<u8>> = row.try_get(2).map_err(unreadable)?;
        let path: Option<Vec<u8>> = row.try_get(3).map_err(unreadable)?;
        let Some(account) = account.and_then(|account| self.decoder.text(&account)) else { return Ok(None) };
        let path = path.and_then(|path| self.decoder.text(&path));
        let content = match (bytes.filter(|bytes| !bytes.is_empty()), size, path) {
            (Some(bytes), ..) => Content::Bytes(bytes),
            (None, Some(size), _) if size > 0 => Content::TooLarge(size),
            (None, _, Some(path)) => Content::Path(path),
            (None, _, None) => Content::Nothing,
        };
        Ok(Some(SourceDocument { account, content }))
    }
}
