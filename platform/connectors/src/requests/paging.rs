//! Pages of requests by keyset, newest first, and what of them is alive.

use chrono::{DateTime, Utc};
use platform_core::id::ContactId;
use platform_core::{TenantTx, paging};

use super::request::{Kind, Request};
use super::{Error, row};

/// Requests that a page shows.
pub const PAGE: usize = 20;

/// A place in a list.
pub type Cursor = paging::Cursor<DateTime<Utc>>;

/// Which way a page goes from a place.
pub type Start = paging::From<DateTime<Utc>>;

/// A page of the customer's requests of these kinds with the places of those beside it, newest first; of one contact's alone when one is named.
///
/// # Errors
/// The database's answer.
pub async fn page(
    tx: &mut TenantTx,
    kinds: &[Kind],
    contact: Option<ContactId>,
    from: Start,
) -> Result<(Vec<Request>, paging::Beside<DateTime<Utc>>), Error> {
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
    let mut rows: Vec<Request> = rows.fetch_all(tx.conn()).await?;
    if matches!(from, Start::NewerThan(_)) {
        rows.reverse();
    }
    let beside = from.cut(&mut rows, PAGE, |row| Cursor { at: row.created_at, id: row.id.0 });
    Ok((rows, beside))
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
