//! Pages of requests by keyset, newest first, and what of them is alive.

use chrono::{DateTime, Utc};
use platform_core::TenantTx;
use platform_core::id::{ContactId, RequestId};

use super::request::{Kind, Request};
use super::{Error, row};

/// Requests that a page shows.
pub const PAGE: usize = 20;

/// A place in a list, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub at: DateTime<Utc>,
    pub id: RequestId,
}

impl Cursor {
    fn of(request: &Request) -> Self {
        Self { at: request.created_at, id: request.id }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at.timestamp_micros(), self.id.0.simple())
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.rsplit_once('-').ok_or(())?;
        let at = at.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or(())?;
        Ok(Self { at, id: RequestId(id.parse().map_err(|_| ())?) })
    }
}

/// Which way a page goes from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Newest,
    OlderThan(Cursor),
    NewerThan(Cursor),
}

impl Start {
    /// Of `before` and `after` in an address. A place that is not readable is no place: the list begins at its newest.
    #[must_use]
    pub fn parse(before: &str, after: &str) -> Self {
        match (before.parse(), after.parse()) {
            (Ok(place), _) => Self::OlderThan(place),
            (_, Ok(place)) => Self::NewerThan(place),
            _ => Self::Newest,
        }
    }
}

/// One page, newest first.
#[derive(Debug, Clone)]
pub struct Found {
    pub rows: Vec<Request>,
    /// Where the page of newer ones ends; none when there is none.
    pub newer: Option<Cursor>,
    /// Where the page of older ones begins.
    pub older: Option<Cursor>,
}

/// A page of the customer's requests of these kinds; of one contact's alone when one is named.
///
/// # Errors
/// The database's answer.
pub async fn page(
    tx: &mut TenantTx,
    kinds: &[Kind],
    contact: Option<ContactId>,
    from: Start,
) -> Result<Found, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
    let (statement, place) = match from {
        Start::Newest => (row::PAGE_NEWEST, None),
        Start::OlderThan(place) => (row::PAGE_OLDER, Some(place)),
        Start::NewerThan(place) => (row::PAGE_NEWER, Some(place)),
    };
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let rows = sqlx::query_as(statement).bind(tenant).bind(customer).bind(words).bind(contact).bind(limit);
    let rows = rows.bind(place.map(|place| place.at)).bind(place.map(|place| place.id));
    Ok(cut(rows.fetch_all(tx.conn()).await?, from))
}

/// Cuts the row that only says "there is more", and says where the neighbouring pages begin.
fn cut(mut rows: Vec<Request>, from: Start) -> Found {
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    if matches!(from, Start::NewerThan(_)) {
        rows.reverse();
    }
    let (first, last) = (rows.first().map(Cursor::of), rows.last().map(Cursor::of));
    let (newer, older) = match from {
        Start::Newest => (None, last.filter(|_| more)),
        Start::OlderThan(_) => (first, last.filter(|_| more)),
        Start::NewerThan(_) => (first.filter(|_| more), last),
    };
    Found { rows, newer, older }
}

/// The customer's requests that wait for somebody, and those that were rejected since, newest news first; the first
/// 200 of them.
///
/// # Errors
/// The database's answer.
pub async fn alive(tx: &mut TenantTx, since: DateTime<Utc>) -> Result<Vec<Request>, Error> {
    let (tenant, customer) = (tx.tenant(), tx.customer());
    let rows = sqlx::query_as(row::ALIVE).bind(tenant).bind(customer).bind(since);
    Ok(rows.fetch_all(tx.conn()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_an_address() {
        let at = DateTime::from_timestamp_micros(1_763_700_000_123_456).expect("a moment");
        let place = Cursor { at, id: RequestId(uuid::Uuid::from_u128(7)) };
        assert_eq!(place.to_string().parse(), Ok(place));
        assert_eq!(Start::parse(&place.to_string(), "x"), Start::OlderThan(place));
        assert_eq!(Start::parse("", &place.to_string()), Start::NewerThan(place));
        for bad in ["", "-", "x-y", "1763700000123456-"] {
            assert_eq!(Start::parse(bad, bad), Start::Newest, "{bad}");
        }
    }
}
