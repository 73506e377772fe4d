//! `GET /orders/list.csv`: every order of the list that the reader sees, as a file for a spreadsheet.
//!
//! Rows are read and sent piece by piece.

use axum::body::{Body, Bytes};
use axum::extract::Query as QueryString;
use axum::response::Response;
use chrono::NaiveDate;
use chrono_tz::Tz;
use futures_util::stream::try_unfold;
use platform_core::Error as CoreError;
use platform_identity::{Allowed, need};
use platform_web::csv::{self, Field};
use platform_web::{Access, Capability, Download, Error, Routes, Visit};
use themes::{Registry, Words};

use super::order::{self, From, Show, Status, Summary};
use super::routes::{Asked, Orders, Reader, today};
use super::store::Query;
use super::store::export::{self, PIECE};

/// The route of this file.
pub(super) fn routes() -> Routes<Orders> {
    Routes::new().get("/orders/list.csv", Access::Contact(Capability::Orders), list)
}

/// The head of the file, in its order, and the word for what is late.
const KEYS: [&str; 10] = [
    "orders.csv.number",
    "orders.csv.purchase_order",
    "orders.csv.summary",
    "orders.csv.status",
    "status.late",
    "orders.csv.promised",
    "orders.csv.expected",
    "orders.csv.delivered",
    "orders.csv.total",
    "orders.csv.currency",
];
const YES: &str = "orders.csv.yes";

/// Names the words of the file.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.keys(&KEYS).keys(&[YES])
}

async fn list(
    Reader { visit, person }: Reader,
    QueryString(asked): QueryString<Asked>,
) -> Result<Response, Error> {
    let (words, zone, day) = (visit.words(), visit.look().zone, today(&visit));
    let name = format!("{} {day}", words.say("nav.orders", &[]));
    let reading = Reading {
        show: order::show(&asked.show),
        search: order::searched(&asked.q),
        nothing: order::nothing_to_find(&asked.q),
        today: day,
        zone,
        head: Some(Bytes::from([csv::MARK, &head(&words)].concat())),
        words,
        from: Some(From::Newest),
        visit,
        person,
    };
    let body = Body::from_stream(try_unfold(reading, |reading| async move {
        reading.next().await.inspect_err(|error| tracing::warn!(?error, "a list of orders broke off"))
    }));
    Ok(Download::new(&name, "csv", "text/csv; charset=utf-8").response(body))
}

/// A file under way.
struct Reading {
    visit: Visit,
    person: Allowed<need::Orders>,
    show: Show,
    search: String,
    /// Something was searched that nothing can match.
    nothing: bool,
    today: NaiveDate,
    zone: Tz,
    words: Words,
    /// None after the last piece.
    from: Option<From>,
    /// Before the first piece.
    head: Option<Bytes>,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, CoreError> {
        if let Some(head) = self.head.take() {
            return Ok(Some((head, self)));
        }
        let Some(from) = self.from.take().filter(|_| !self.nothing) else { return Ok(None) };
        // Who lost the right meanwhile gets no more.
        if !self.person.still().await {
            return Ok(None);
        }
        let query = Query { show: self.show, search: &self.search, from, today: self.today };
        let mut tx = self.person.tx(self.visit.site().db()).await?;
        let rows = export::piece(&mut tx, &query).await?;
        drop(tx);
        let whole = i64::try_from(rows.len()).is_ok_and(|count| count == PIECE);
        self.from = rows.last().filter(|_| whole).map(|last| From::OlderThan(last.cursor()));
        let text: String = rows.iter().map(|row| self.line(row)).collect();
        Ok(if text.is_empty() { None } else { Some((Bytes::from(text), self)) })
    }

    fn line(&self, row: &Summary) -> String {
        let say = |key: &str| self.words.say(key, &[]);
        let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        let delivered = row.delivered_at.map(|at| at.with_timezone(&self.zone).date_naive());
        let late = if row.late(self.today) { say(YES) } else { String::new() };
        // What a newer version may have stored reads as "in progress", as on the page.
        let state = if row.status() == Status::InProgress { "in_progress" } else { row.status.as_str() };
        csv::line(&[
            Field::Text(&row.number),
            Field::Text(row.purchase_order.as_deref().unwrap_or_default()),
            Field::Text(&row.summary),
            Field::Text(&say(&format!("status.{state}"))),
            Field::Text(&late),
            Field::Plain(&day(row.promised_on)),
            Field::Plain(&day(row.expected_on)),
            Field::Plain(&day(delivered)),
            Field::Plain(&row.total.map(|total| total.normalize().to_string()).unwrap_or_default()),
            Field::Text(row.currency.as_deref().unwrap_or_default()),
        ])
    }
}

fn head(words: &Words) -> String {
    let names = KEYS.map(|key| words.say(key, &[]));
    csv::line(&names.each_ref().map(|name| Field::Text(name)))
}
