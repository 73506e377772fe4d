//! The list of invoices, as a page and as a file.

use axum::body::Body;
use axum::extract::Query as QueryString;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::StatusCode;
use platform_connectors::sync::{SHORTEST, normalised};
use platform_core::audit::{self, Actor, Entry};
use platform_web::csv::{self, Field};
use platform_web::paging::{address, addresses};
use platform_web::{Download, Error, Posted, Problems};
use serde::Deserialize;
use themes::{Registry, Words};

use super::invoice::{self, From, Kind, Show};
use super::pages::{FilterLink, List};
use super::routes::{Reader, today};
use super::store::{self, InvoiceRow, Overview, PAGE, Query};
use super::tell;

const LIST: &str = "/invoices";
/// Invoices that are read at once for a file.
const CHUNK: usize = 500;

/// What the file says without a template.
const KEYS: [&str; 13] = [
    "invoices.file.name",
    "invoices.file.number",
    "invoices.file.kind",
    "invoices.file.status",
    "invoices.file.issued",
    "invoices.file.due",
    "invoices.file.days_overdue",
    "invoices.file.order",
    "invoices.file.po",
    "invoices.file.total",
    "invoices.file.paid",
    "invoices.file.owed",
    "invoices.file.currency",
];

/// Names the words of the file.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.keys(&KEYS)
}

/// `?show=&q=&before=&after=`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    show: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
}

impl Asked {
    /// What a form carried along.
    pub(super) fn posted(form: &Posted) -> Self {
        let text = |name| form.text(name).to_owned();
        Self { show: text("show"), q: text("q"), before: text("before"), after: text("after") }
    }

    fn from(&self) -> From {
        From::asked(&self.before, &self.after)
    }

    /// What was searched for, as stored keys are compared. Too short is no search.
    fn search(&self) -> String {
        let key = normalised(&self.q);
        if key.len() < SHORTEST { String::new() } else { key }
    }
}

pub(super) async fn list(reader: Reader, QueryString(asked): QueryString<Asked>) -> Result<Response, Error> {
    let place = reader.visit.place(reader.person.session, reader.person.contact.customer);
    if let Some(kept) = place.page(&reader.visit) {
        return Ok(kept);
    }
    let page = read(&reader, asked, Problems::default(), &[]).await?;
    reader.visit.render_kept(place, &page)
}

/// The list with what is wrong about a choice, and with what was chosen.
pub(super) async fn page(
    reader: &Reader,
    asked: Asked,
    problems: Problems,
    chosen: &[String],
) -> Result<Response, Error> {
    let page = read(reader, asked, problems, chosen).await?;
    let status = if page.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    reader.visit.render_as(status, &page)
}

async fn read(reader: &Reader, asked: Asked, problems: Problems, chosen: &[String]) -> Result<List, Error> {
    let visit = &reader.visit;
    let (show, search, today, from) = (Show::parse(&asked.show), asked.search(), today(visit), asked.from());
    let query = Query { show, search: &search, from, today, limit: PAGE + 1 };
    let mut tx = reader.person.tx(visit.site().db()).await?;
    let mut rows = store::list(&mut tx, &query).await?;
    let overview = store::overview(&mut tx, today).await?;
    drop(tx);
    let beside = from.cut(&mut rows, PAGE, InvoiceRow::cursor);
    let (newer, older) = addresses(beside, LIST, &shown(show, &asked.q));
    let orders = reader.opens_orders();
    let mut rows: Vec<_> = rows.iter().map(|row| tell::row(row, today, orders)).collect();
    rows.iter_mut().for_each(|row| row.chosen = chosen.contains(&row.id));
    Ok(List {
        show,
        filters: Show::ALL.into_iter().map(|show| filter(show, &asked.q, &overview)).collect(),
        rows,
        newer,
        older,
        csv: address("/invoices/list.csv", &shown(show, &asked.q)),
        any: overview.any,
        at_most: u32::try_from(super::archive::AT_MOST).unwrap_or(u32::MAX),
        query: asked.q,
        problems,
    })
}

fn filter(show: Show, typed: &str, overview: &Overview) -> FilterLink {
    let count = match show {
        Show::Open => Some(overview.open),
        Show::Overdue => Some(overview.overdue),
        Show::All | Show::Paid | Show::CreditNotes => None,
    };
    let href = address(LIST, &shown(show, typed));
    FilterLink { show, href, count: count.and_then(|count| u32::try_from(count).ok()) }
}

/// What the addresses of the list keep.
fn shown(show: Show, typed: &str) -> [(&'static str, &str); 2] {
    [("show", if show == Show::All { "" } else { show.word() }), ("q", typed.trim())]
}

/// The current filter as a file, read and sent in parts.
pub(super) async fn csv(reader: Reader, QueryString(asked): QueryString<Asked>) -> Result<Response, Error> {
    let words = reader.visit.words();
    let name = format!("{} {}", words.say("invoices.file.name", &[]), today(&reader.visit));
    let (show, search) = (Show::parse(&asked.show), asked.search());
    note(&reader, show).await?;
    let head = [csv::MARK, &head(&words)].concat();
    let first = Bytes::from(head);
    let start = Progress { reader, show, search, words, from: Some(From::Newest), head: Some(first) };
    let body = Body::from_stream(try_unfold(start, |progress| async move {
        progress.next().await.inspect_err(|error| tracing::warn!(?error, "a list of invoices broke off"))
    }));
    Ok(Download::new(&name, "csv", "text/csv; charset=utf-8").response(body))
}

async fn note(reader: &Reader, show: Show) -> Result<(), Error> {
    let (site, person) = (reader.visit.site(), &reader.person);
    let mut tx = person.tx(site.db()).await?;
    let entry = Entry {
        actor: Actor::Contact(person.contact.id),
        customer: Some(person.contact.customer),
        action: "exported",
        object_kind: "invoices",
        object_id: "list",
        detail: serde_json::json!({ "show": show.word() }),
    };
    audit::record(&mut tx, site.clock(), site.random(), &entry).await?;
    Ok(tx.commit().await?)
}

/// How far a file has got.
struct Progress {
    reader: Reader,
    show: Show,
    search: String,
    words: Words,
    /// Where to read on; none at the end.
    from: Option<From>,
    head: Option<Bytes>,
}

impl Progress {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, std::io::Error> {
        if let Some(head) = self.head.take() {
            return Ok(Some((head, self)));
        }
        let Some(from) = self.from else { return Ok(None) };
        let rows = self.read(from).await.map_err(|error| std::io::Error::other(format!("{error:?}")))?;
        self.from = rows.last().filter(|_| rows.len() == CHUNK).map(|row| From::OlderThan(row.cursor()));
        let today = today(&self.reader.visit);
        let text: String = rows.iter().map(|row| line(&self.words, row, today)).collect();
        Ok(Some((Bytes::from(text), self)))
    }

    /// Who lost the right meanwhile gets no more.
    async fn read(&self, from: From) -> Result<Vec<InvoiceRow>, Error> {
        if !self.reader.person.still().await {
            return Err(Error::not_found());
        }
        let today = today(&self.reader.visit);
        let query = Query { show: self.show, search: &self.search, from, today, limit: CHUNK };
        let mut tx = self.reader.person.tx(self.reader.visit.site().db()).await?;
        Ok(store::list(&mut tx, &query).await?)
    }
}

fn head(words: &Words) -> String {
    let names: Vec<String> = KEYS[1..].iter().map(|key| words.say(key, &[])).collect();
    csv::line(&names.iter().map(|name| Field::Text(name)).collect::<Vec<_>>())
}

fn line(words: &Words, row: &InvoiceRow, today: chrono::NaiveDate) -> String {
    let (kind, status) = (row.kind(), row.status());
    let said = |area: &str, word: &str| words.say(&format!("{area}.{word}"), &[]);
    let sign =
        if kind == Kind::CreditNote { -rust_decimal::Decimal::ONE } else { rust_decimal::Decimal::ONE };
    let amount = |amount: rust_decimal::Decimal| (amount * sign).round_dp(4).normalize().to_string();
    let overdue = invoice::days_overdue(kind, status, row.due_on, today).unwrap_or_default();
    csv::line(&[
        Field::Text(&row.number),
        Field::Text(&said("invoices.kind", kind.word())),
        Field::Text(&said("invoices.status", status.word())),
        Field::Plain(&row.issued_on.to_string()),
        Field::Plain(&row.due_on.map(|day| day.to_string()).unwrap_or_default()),
        Field::Plain(&overdue.to_string()),
        Field::Text(row.order_number.as_deref().unwrap_or_default()),
        Field::Text(row.purchase_order.as_deref().unwrap_or_default()),
        Field::Plain(&amount(row.total)),
        Field::Plain(&amount(row.paid)),
        Field::Plain(&amount(invoice::owed(status, row.total, row.paid))),
        Field::Text(&row.currency),
    ])
}
