//! One invoice's document: the stored one byte for byte, a printed copy, or the page that says it is not there yet. Each
//! time the right is asked for again, and the audit line stands in the transaction that read.

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use platform_core::TenantTx;
use platform_core::audit::{self, Actor, Entry};
use platform_web::{Download, Error};
use themes::paper::{self, Size};
use uuid::Uuid;

use super::copy::{self, Original};
use super::pages::Pending;
use super::routes::{Reader, id};
use super::store::{self, DocumentRow, InvoiceRow, LineRow};

/// What there is to give for an invoice.
pub(super) enum Found {
    Stored(DocumentRow),
    /// Printed from these, with the country that says how large the paper is.
    Copy {
        lines: Vec<LineRow>,
        country: Option<String>,
    },
    /// The tenant's system keeps one that has not reached us; nothing stands in for it.
    Pending,
}

/// A document, ready to leave.
pub(super) struct Ready {
    pub(super) name: String,
    pub(super) extension: &'static str,
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: Option<Vec<u8>>,
}

pub(super) async fn document(reader: Reader, Path(id): Path<String>) -> Result<Response, Error> {
    let id = self::id(&id)?;
    let mut tx = reader.person.tx(reader.visit.site().db()).await?;
    let invoice = store::invoice(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let found = find(&mut tx, &reader, &invoice, false).await?;
    tx.commit().await?;
    let Some(ready) = ready(&reader, &invoice, found).await? else {
        let page = Pending { id: id.to_string(), kind: invoice.kind(), number: invoice.number };
        return reader.visit.render_as(StatusCode::NOT_FOUND, &page);
    };
    let etag = ready.sha256.as_deref().map(|digest| format!("\"{}\"", hex(digest)));
    let length = ready.bytes.len();
    let download = Download::new(&ready.name, ready.extension, ready.media_type);
    let mut response = download.response(Body::from(ready.bytes));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// Reads what there is, and writes down that it was given. What is not there is not written down.
pub(super) async fn find(
    tx: &mut TenantTx,
    reader: &Reader,
    invoice: &InvoiceRow,
    in_archive: bool,
) -> Result<Found, Error> {
    let found = match store::document(tx, invoice.id).await? {
        Some(document) if document.intact => Found::Stored(document),
        Some(document) => {
            let which =
                format!("document {} of invoice {} is not what was stored", document.version, invoice.id);
            return Err(Error::internal(which));
        }
        None if invoice.document_kept => return Ok(Found::Pending),
        None => {
            Found::Copy { lines: store::lines(tx, invoice.id).await?, country: store::country(tx).await? }
        }
    };
    let detail = match &found {
        Found::Stored(document) => serde_json::json!({
            "version": document.version, "sha256": hex(&document.sha256), "archive": in_archive,
        }),
        _ => serde_json::json!({ "copy": true, "archive": in_archive }),
    };
    let (site, person) = (reader.visit.site(), &reader.person);
    let entry = Entry {
        actor: Actor::Contact(person.contact.id),
        customer: Some(person.contact.customer),
        action: "downloaded",
        object_kind: "invoice",
        object_id: &invoice.id.to_string(),
        detail,
    };
    audit::record(tx, site.clock(), site.random(), &entry).await?;
    Ok(found)
}

/// The document as bytes; none when it is not there yet. Printing takes a core for a moment and does so elsewhere.
pub(super) async fn ready(
    reader: &Reader,
    invoice: &InvoiceRow,
    found: Found,
) -> Result<Option<Ready>, Error> {
    let name = invoice.number.clone();
    match found {
        Found::Pending => Ok(None),
        Found::Stored(document) => {
            let (extension, media_type) = kind(&document.media_type);
            let DocumentRow { bytes, sha256, .. } = document;
            Ok(Some(Ready { name, extension, media_type, bytes, sha256: Some(sha256) }))
        }
        Found::Copy { lines, country } => {
            let (visit, invoice, company) =
                (reader.visit.clone(), invoice.clone(), reader.person.customer_name.clone());
            let printed = tokio::task::spawn_blocking(move || {
                let (words, look, made_at) = (visit.words(), visit.look(), visit.now());
                let size = country.as_deref().map_or_else(|| Size::of_zone(look.zone), Size::of_country);
                let original = Original { invoice: &invoice, lines, company: &company, size, made_at };
                let sheet = copy::sheet(original, &look.skin.brand().name, &words);
                paper::print(&sheet, &words, &look.skin, made_at)
            });
            let bytes = printed.await.map_err(Error::internal)?.map_err(Error::internal)?;
            let name = format!("{name}-{}", reader.visit.words().say("invoices.copy.stamp", &[]));
            Ok(Some(Ready { name, extension: "pdf", media_type: "application/pdf", bytes, sha256: None }))
        }
    }
}

/// Kinds of document that we name; any other leaves as bytes that nothing opens by itself.
fn kind(media_type: &str) -> (&'static str, &'static str) {
    match media_type.split(';').next().unwrap_or_default().trim() {
        "application/pdf" => ("pdf", "application/pdf"),
        "application/xml" | "text/xml" => ("xml", "application/xml"),
        "image/tiff" => ("tif", "image/tiff"),
        "image/png" => ("png", "image/png"),
        "image/jpeg" => ("jpg", "image/jpeg"),
        _ => ("bin", "application/octet-stream"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a form named; anything that is no id is nobody's.
pub(super) fn ids<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<Uuid>, Error> {
    texts.map(id).collect()
}
