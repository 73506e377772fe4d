//! What a list of orders and one order tell, whoever reads it: the customer's own people on their pages, and the tenant's
//! people at the console, who see the same in a transaction of that customer.

use platform_core::TenantTx;
use platform_web::pages::Freshness;
use platform_web::{Error, Visit, paging};
use uuid::Uuid;

use super::order::{self, Show, Summary};
use super::pages::{FilterLink, Order, Row};
use super::routes::{Asked, freshness, shown, today};
use super::store::{self, Overview};
use super::tell;

/// A page of a list.
#[derive(Debug)]
pub struct Listed {
    pub show: Show,
    pub filters: Vec<FilterLink>,
    pub rows: Vec<Row>,
    /// Address of the page of newer orders.
    pub newer: Option<String>,
    pub older: Option<String>,
    /// False when this customer never had an order.
    pub any: bool,
    pub freshness: Freshness,
}

/// The list that was asked for, at `path`.
///
/// # Errors
/// The database's answer.
pub async fn list(tx: &mut TenantTx, visit: &Visit, asked: &Asked, path: &str) -> Result<Listed, Error> {
    let (show, typed, today) = (order::show(&asked.show), order::searched(&asked.q), today(visit));
    let query = store::Query { show, search: &typed, from: asked.from(), today };
    let (mut rows, overview) = store::list(tx, &query).await?;
    let beside = query.from.cut(&mut rows, store::PAGE, Summary::cursor);
    let (newer, older) = paging::addresses(beside, path, &shown(show, &asked.q));
    Ok(Listed {
        show,
        filters: Show::ALL.into_iter().map(|show| filter(path, show, &asked.q, &overview)).collect(),
        rows: rows.iter().map(|row| tell::row(row, today)).collect(),
        newer,
        older,
        any: overview.any_order,
        freshness: freshness(visit, &overview),
    })
}

fn filter(path: &str, show: Show, typed: &str, overview: &Overview) -> FilterLink {
    let count = match show {
        Show::Open => Some(overview.open),
        Show::Late => Some(overview.late),
        Show::Arriving => Some(overview.arriving),
        Show::OnHold => Some(overview.on_hold),
        Show::All | Show::Delivered => None,
    };
    let href = paging::address(path, &shown(show, typed));
    FilterLink { show, href, count: count.and_then(|count| u32::try_from(count).ok()) }
}

/// One order as it was read last, and how old that is; none when this transaction sees no such order.
///
/// # Errors
/// The database's answer.
pub async fn order(tx: &mut TenantTx, visit: &Visit, id: Uuid) -> Result<Option<(Order, Freshness)>, Error> {
    let Some(row) = store::order(tx, id).await? else { return Ok(None) };
    let parts = tell::Parts {
        lines: store::lines(tx, id).await?,
        shipments: store::shipments(tx, id).await?,
        contents: store::contents(tx, id).await?,
        events: store::events(tx, id).await?,
        stops: store::tracking::stops(tx, id).await?,
    };
    let overview = store::overview(tx, today(visit)).await?;
    let order = tell::order(row, parts, today(visit), visit.look().zone);
    Ok(Some((order, freshness(visit, &overview))))
}
