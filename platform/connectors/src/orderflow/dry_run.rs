//! What a mapping would show, before anything is stored: sample orders and books, codes nobody mapped, what is missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::Row;

use super::catalogue::{Catalogue, Server};
use super::link::{Bind, Link};
use super::source::SqlSource;
use super::statements;
use crate::books::{
    Content, SourceAddress, SourceCredit, SourceDocument, SourceInvoice, SourceProduct, media_type,
};
use crate::mapping::{Entity, Fault, Mapping};
use crate::orders::{OrderSource, Page, Selection, SourceError, SourceOrder, Warning};

/// The report. Serialises to what the command line and the console print.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    pub server: Option<Server>,
    /// With any of these the sync does not start.
    pub faults: Vec<Fault>,
    /// It works, but the source will feel it, or somebody should know.
    pub advice: Vec<Fault>,
    /// Table and the planner's estimate of its rows.
    pub estimated_rows: BTreeMap<String, i64>,
    /// Status codes without a word of ours, and how many orders bear them.
    pub unmapped: BTreeMap<String, i64>,
    /// Values of the sample that could not be read.
    pub warnings: Vec<Warning>,
    /// Orders as they would be stored: the newest and some open ones.
    pub sample: Vec<SourceOrder>,
    /// Some accounts of the source with their names, when customers are mapped.
    pub accounts: Vec<(String, String)>,
    pub books: BooksSample,
}

/// Some rows of the books as they would be stored.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct BooksSample {
    /// The newest and some unpaid ones.
    pub invoices: Vec<SourceInvoice>,
    /// What was found for the first of them that has a document, such as `application/pdf, 1744 bytes`.
    pub document: Option<String>,
    pub credits: Vec<SourceCredit>,
    pub addresses: Vec<SourceAddress>,
    pub products: Vec<SourceProduct>,
}

impl Report {
    /// Whether the sync would start.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.faults.is_empty()
    }
}

const SAMPLE: usize = 5;
const ACCOUNTS: i64 = 200;

/// Looks at everything the sync would rely on. Writes nothing, here or there.
///
/// # Errors
/// Only when the source cannot be reached; what is wrong with the mapping is in the report.
pub async fn dry_run(link: Arc<Link>, mapping_text: &str) -> Result<Report, SourceError> {
    let mapping = match Mapping::parse(mapping_text) {
        Ok(mapping) => mapping,
        Err(faults) => return Ok(Report { faults, ..Report::default() }),
    };
    let catalogue = Catalogue::read(&link, &mapping).await?;
    let mut report = Report {
        server: Some(catalogue.server.clone()),
        faults: catalogue.faults(&mapping),
        advice: catalogue.missing_indexes(&mapping),
        ..Report::default()
    };
    for (table, facts) in &catalogue.tables {
        if let Some(rows) = facts.estimated_rows {
            report.estimated_rows.insert(table.clone(), rows);
        }
    }
    report.advice.extend(rights(&catalogue));
    report.advice.extend(habits(&mapping, &catalogue));
    if report.is_ready() {
        try_entities(&link, &mapping, &catalogue, &mut report).await?;
    }
    if report.is_ready() {
        sample(link, mapping, &catalogue, &mut report).await?;
    }
    Ok(report)
}

/// A reader that can write is one mistake away from harm.
fn rights(catalogue: &Catalogue) -> Vec<Fault> {
    let server = &catalogue.server;
    let role = &server.role;
    let mut advice = Vec::new();
    let mut add = |what: String| advice.push(Fault { key: "(role)".into(), what });
    if server.superuser {
        add(format!("{role} is a superuser: give Portico a role that may only read"));
    }
    for (table, facts) in catalogue.tables.iter().filter(|(_, facts)| !facts.writable.is_empty()) {
        add(format!("{role} may {} {table}: revoke it", facts.writable.join(", ")));
    }
    if server.may_create && !server.superuser {
        add(format!("{role} may create objects in the database: revoke it"));
    }
    advice
}

fn habits(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Fault> {
    let mut advice = Vec::new();
    let mut add = |key: &str, what: String| advice.push(Fault { key: key.into(), what });
    if mapping.order.field("updated_at").is_none() {
        add(
            "order.updated_at",
            "is not mapped: a change of a closed order is found by the next full sweep only".into(),
        );
    }
    if mapping.books.invoice.as_ref().is_some_and(|invoice| invoice.field("updated_at").is_none()) {
        add(
            "invoice.updated_at",
            "is not mapped: a change of a paid invoice is found by the next full sweep only".into(),
        );
    }
    if catalogue.server.encoding == "SQL_ASCII" {
        let encoding = mapping.encoding;
        add(
            "encoding",
            format!("the database knows no encoding; bytes that are not UTF-8 are read as {encoding:?}"),
        );
    }
    if catalogue.server.standby {
        add(
            "(server)",
            "this is a standby: queries may be cancelled by its replay and are tried again".into(),
        );
    }
    advice
}

/// Runs each entity's statement for no rows; when one fails, tries its fields one by one to name the culprit.
async fn try_entities(
    link: &Link,
    mapping: &Mapping,
    catalogue: &Catalogue,
    report: &mut Report,
) -> Result<(), SourceError> {
    for entity in mapping.entities() {
        let all = format!("{} limit 0", statements::select(entity, catalogue.wire_encoding(), None));
        match link.fetch(entity.name, &all, &[]).await {
            Ok(_) => {}
            Err(SourceError::Refused(reason)) => report.faults.extend(culprits(link, entity, &reason).await?),
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(())
}

async fn culprits(link: &Link, entity: &Entity, reason: &str) -> Result<Vec<Fault>, SourceError> {
    let mut faults = Vec::new();
    let mut bare = entity.clone();
    bare.filter = None;
    for (field, expression) in &entity.fields {
        let sql = format!("select {} from {} limit 0", expression.sql(), statements::from(&bare));
        match link.fetch(entity.name, &sql, &[]).await {
            Ok(_) => {}
            Err(SourceError::Refused(what)) => {
                faults.push(Fault { key: format!("{}.{field}", entity.name), what });
            }
            Err(trouble) => return Err(trouble),
        }
    }
    if faults.is_empty() {
        let key = format!("{}.where", entity.name);
        faults.push(Fault { key, what: reason.to_owned() });
    }
    Ok(faults)
}

async fn sample(
    link: Arc<Link>,
    mapping: Mapping,
    catalogue: &Catalogue,
    report: &mut Report,
) -> Result<(), SourceError> {
    report.unmapped = unmapped(&link, &mapping, catalogue).await?;
    report.accounts = accounts(&link, &mapping, catalogue).await?;
    let mut narrow = mapping;
    narrow.pace.page = 50;
    let source = SqlSource::with_catalogue(link, narrow, catalogue)?;
    for selection in [Selection::All, Selection::Open] {
        let Page { orders, warnings, .. } = source.read(&selection, None).await?;
        report.warnings.extend(warnings);
        report.sample.extend(orders.into_iter().rev().take(SAMPLE));
    }
    report.sample.dedup_by(|a, b| a.key == b.key);
    sample_books(&source, report).await
}

async fn sample_books(source: &SqlSource, report: &mut Report) -> Result<(), SourceError> {
    let books = &mut report.books;
    for selection in [Selection::All, Selection::Open] {
        let page = source.invoices(&selection, None).await?;
        report.warnings.extend(page.warnings);
        books.invoices.extend(page.rows.into_iter().rev().take(SAMPLE));
    }
    if let Some(invoice) = books.invoices.iter().find(|invoice| invoice.document) {
        let found = source.document(&invoice.key).await?;
        books.document = Some(format!("of {}: {}", invoice.number, told(found)));
    }
    let credits = source.credits(None).await?;
    let addresses = source.addresses(None).await?;
    let products = source.products(None).await?;
    let warnings = credits.warnings.into_iter().chain(addresses.warnings).chain(products.warnings);
    report.warnings.extend(warnings);
    books.credits.extend(credits.rows.into_iter().take(SAMPLE));
    books.addresses.extend(addresses.rows.into_iter().take(SAMPLE));
    books.products.extend(products.rows.into_iter().take(SAMPLE));
    Ok(())
}

fn told(document: Option<SourceDocument>) -> String {
    match document.map(|document| document.content) {
        Some(Content::Bytes(bytes)) => format!("{}, {} bytes", media_type(&bytes), bytes.len()),
        Some(Content::Path(path)) => format!("the file {path:?} below the folder of documents"),
        Some(Content::TooLarge(size)) => format!("{size} bytes, more than are kept"),
        Some(Content::Nothing) => "the source's row is empty".into(),
        None => "the source has no row for it".into(),
    }
}

/// Counts over all orders may take longer than the source grants; then over the open ones.
async fn unmapped(
    link: &Link,
    mapping: &Mapping,
    catalogue: &Catalogue,
) -> Result<BTreeMap<String, i64>, SourceError> {
    let order = &mapping.order;
    let (Some(status), Some(open)) = (order.field("status"), order.field("open")) else {
        return Ok(BTreeMap::new());
    };
    let encoding = catalogue.wire_encoding();
    let count = |extra: &str| {
        format!(
            "select convert_to(({})::text, {encoding}), count(*) from {}{extra} group by 1",
            status.sql(),
            statements::from(order)
        )
    };
    let rows = match link.fetch(order.name, &count(""), &[]).await {
        Err(SourceError::Slow(_)) => {
            link.fetch(order.name, &count(&format!(" and ({})", open.sql())), &[]).await?
        }
        other => other?,
    };
    let decoder = super::decode::Decoder::new(mapping);
    let counted = rows.iter().filter_map(|row| {
        let code: Option<Vec<u8>> = row.try_get(0).ok()?;
        let code = code.and_then(|bytes| decoder.text(&bytes)).unwrap_or_default();
        Some((code, row.try_get::<i64, _>(1).ok()?))
    });
    Ok(counted.filter(|(code, _)| !mapping.statuses.contains_key(code)).collect())
}

async fn accounts(
    link: &Link,
    mapping: &Mapping,
    catalogue: &Catalogue,
) -> Result<Vec<(String, String)>, SourceError> {
    let Some(customer) = &mapping.customer else { return Ok(Vec::new()) };
    let key = statements::column(customer, "key").sql();
    let sql =
        format!("{} order by {key} limit $1", statements::select(customer, catalogue.wire_encoding(), None));
    let rows = link.fetch(customer.name, &sql, &[Bind::Number(ACCOUNTS)]).await?;
    let decoder = super::decode::Decoder::new(mapping);
    let text = |row: &sqlx::postgres::PgRow, index: usize| {
        row.try_get::<Option<Vec<u8>>, _>(index).ok().flatten().and_then(|bytes| decoder.text(&bytes))
    };
    Ok(rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?))).collect())
}
