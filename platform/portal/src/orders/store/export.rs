//! Whole lists, a piece at a time, each in a transaction of its own: no snapshot is held while somebody downloads.

use platform_core::{Error, TenantTx};

use super::{MATCHES, Query, SUMMARIES, asking, beside, filter};
use crate::orders::order::{From, Summary};

/// Orders of one piece.
pub const PIECE: i64 = 500;

/// The next piece of a list, newest first.
///
/// # Errors
/// The database's answer.
pub async fn piece(tx: &mut TenantTx, query: &Query<'_>) -> Result<Vec<Summary>, Error> {
    let mut sql = asking(tx, query.today, SUMMARIES)?;
    sql.push(filter(query.show));
    if !query.search.is_empty() {
        sql.push(" and id in (select order_id from search_orders($1, $2, ").push_bind(query.search);
        sql.push(", ").push_bind(MATCHES).push("))");
    }
    let order = match query.from {
        From::OlderThan(place) => beside(&mut sql, "<", place, " order by sort_at desc, id desc"),
        _ => " order by sort_at desc, id desc",
    };
    sql.push(order).push(" limit ").push_bind(PIECE);
    Ok(sql.build_query_as().fetch_all(tx.conn()).await?)
}
