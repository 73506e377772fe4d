//! `GET /orders/list.csv`: every order of the list that the reader sees, as a file for a spreadsheet.
//!
//! UTF-8 with a mark, because spreadsheets guess otherwise; a text that a spreadsheet would take for a formula is made text.
//! Rows are read and sent piece by piece.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::Query as QueryString;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use chrono_tz::Tz;
use futures_util::stream;
use http::header;
use platform_core::Error as CoreError;
use platform_identity::{Allowed, need};
use platform_web::{Access, Capability, Error, Routes, Visit};
use serde::Serialize;
use themes::{Page, Registry, Sample, Shell, View};

use super::order::{self, From, Show, Summary};
use super::routes::{Asked, Orders, Reader, today};
use super::store::Query;
use super::store::export::{self, PIECE};

/// The route of this file.
pub(super) fn routes() -> Routes<Orders> {
    Routes::new().get("/orders/list.csv", Access::Contact(Capability::Orders), list)
}

/// Adds the words of the file.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.page::<Words>(include_str!("export.txt"))
}

/// The words of the file in the reader's language, a key and its word on each line.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Words {}

impl Page for Words {
    const TEMPLATE: &'static str = "orders/export.txt";

    fn samples() -> Vec<Sample<Self>> {
        vec![Sample::new("words", Words {})]
    }
}

/// In the order of the file.
const COLUMNS: [&str; 10] = [
    "number",
    "purchase_order",
    "summary",
    "status",
    "late",
    "promised",
    "expected",
    "delivered",
    "total",
    "currency",
];

async fn list(
    Reader { visit, person }: Reader,
    QueryString(asked): QueryString<Asked>,
) -> Result<Response, Error> {
    let words = words(&visit)?;
    let (zone, day) = (visit.look().zone, today(&visit));
    let head = format!("\u{feff}{}", line(COLUMNS.iter().map(|column| word(&words, column).to_owned())));
    let reading = Reading {
        show: order::show(&asked.show),
        search: order::searched(&asked.q),
        nothing: order::nothing_to_find(&asked.q),
        today: day,
        zone,
        words,
        from: Some(From::Newest),
        head: Some(head),
        visit,
        person,
    };
    let body = Body::from_stream(stream::try_unfold(reading, Reading::next));
    let name = format!("attachment; filename=\"orders-{day}.csv\"");
    Ok((
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)],
        body,
    )
        .into_response())
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
    words: HashMap<String, String>,
    /// None after the last piece.
    from: Option<From>,
    /// Before the first piece.
    head: Option<String>,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, CoreError> {
        if let Some(head) = self.head.take() {
            return Ok(Some((Bytes::from(head), self)));
        }
        let Some(from) = self.from.take().filter(|_| !self.nothing) else { return Ok(None) };
        let query = Query { show: self.show, search: &self.search, from, today: self.today };
        let mut tx = self.person.tx(self.visit.site().db()).await?;
        let rows = export::piece(&mut tx, &query).await?;
        drop(tx);
        let whole = i64::try_from(rows.len()).is_ok_and(|count| count == PIECE);
        self.from = rows.last().filter(|_| whole).map(|last| From::OlderThan(last.cursor()));
        let text: String = rows.iter().map(|row| self.line(row)).collect();
        Ok(if text.is_empty() { None } else { Some((Bytes::from(text), self)) })
    }

    fn state(&self, status: &str) -> String {
        word(&self.words, &format!("status.{status}")).to_owned()
    }

    fn line(&self, row: &Summary) -> String {
        let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        let delivered = row.delivered_at.map(|at| at.with_timezone(&self.zone).date_naive());
        let late = if row.late(self.today) { word(&self.words, "yes") } else { "" };
        line([
            row.number.clone(),
            row.purchase_order.clone().unwrap_or_default(),
            row.summary.clone(),
            self.state(&row.status),
            late.to_owned(),
            day(row.promised_on),
            day(row.expected_on),
            day(delivered),
            row.total.map(|total| total.normalize().to_string()).unwrap_or_default(),
            row.currency.clone().unwrap_or_default(),
        ])
    }
}

fn word<'a>(words: &'a HashMap<String, String>, key: &str) -> &'a str {
    words.get(key).map_or("", String::as_str)
}

fn words(visit: &Visit) -> Result<HashMap<String, String>, Error> {
    let (look, shell) = (visit.look(), Shell::default());
    let view =
        View { skin: &look.skin, locale: visit.locale(), zone: look.zone, now: visit.now(), shell: &shell };
    let text = visit.site().themes().render(&view, &Words {})?;
    let pairs = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(pairs.map(|(key, word)| (key.trim().to_owned(), word.trim().to_owned())).collect())
}

fn line(fields: impl IntoIterator<Item = String>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|text| field(&text)).collect();
    format!("{}\r\n", fields.join(","))
}

/// A field after RFC 4180. One that begins like a formula gets an apostrophe before it, which spreadsheets show as text;
/// plain numbers stay numbers.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && text.parse::<f64>().is_err();
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', ';', '"', '\n', '\r', '\t', '\'']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{field, line};

    #[test]
    fn no_field_is_a_formula_or_breaks_out() {
        assert_eq!(field("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
        for text in ["+1+2", "-2+3", "@SUM(A1)", "\t=1", "\r=1"] {
            assert!(field(text).starts_with("\"'"), "{text}");
        }
        assert_eq!((field("-12.5").as_str(), field("SO-1").as_str()), ("-12.5", "SO-1"));
        assert_eq!(line(["a,b".to_owned(), "c\r\nd".to_owned(), String::new()]), "\"a,b\",\"c\r\nd\",\r\n");
    }
}
