//! Whole lists, a piece at a time, each in a transaction of its own: no snapshot is held while somebody downloads.

use platform_core::{Error, TenantTx};

use super::{Query, asking, rows};
use crate::orders::order::Summary;

/// Orders of one piece.
pub const PIECE: i64 = 500;

/// The next piece of a list, newest first.
///
/// # Errors
/// The database's answer.
pub async fn piece(tx: &mut TenantTx, query: &Query<'_>) -> Result<Vec<Summary>, Error> {
    let mut sql = asking(tx, query.today, "")?;
    rows(&mut sql, query, PIECE);
    Ok(sql.build_query_as().fetch_all(tx.conn()).await?)
}
