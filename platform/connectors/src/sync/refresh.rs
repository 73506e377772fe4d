//! Freshness on demand: reading one order when somebody opens it, and telling the runner which orders are looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use platform_core::id::{ConnectorId, OrderId, TenantId};
use platform_core::{Db, Error, Scope, TenantTx};

use super::{Live, workers};
use crate::orderflow::Attempt;

/// What a page may say of an order that it is about to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// Our copy is what the source said a moment ago.
    Now,
    /// Show our copy with its age; if there is news it comes as a hint.
    Later,
}

/// Longer than this a page does not wait for a system that is not ours.
const BUDGET: Duration = Duration::from_millis(300);

/// A handle for pages. Cheap to clone.
#[derive(Clone)]
pub struct Refresher {
    db: Db,
    live: Live,
}

impl Refresher {
    pub(super) fn new(db: Db, live: Live) -> Self {
        Self { db, live }
    }

    /// For a process that runs no connectors: every order is refreshed by the process that does.
    #[must_use]
    pub fn elsewhere(db: Db) -> Self {
        Self { db, live: Live::default() }
    }

    /// Reads one order from its source, 300 ms at most; the reading goes on behind a page that stopped waiting.
    /// While the source is in trouble it is not even tried. Never fails: a page has its copy in any case.
    ///
    /// Call it without a transaction open.
    pub async fn refresh(&self, tenant: TenantId, order: OrderId) -> Refreshed {
        let asked = Instant::now();
        let Ok(Some((connector, key))) = self.source_of(tenant, order).await else { return Refreshed::Later };
        let Some(worker) = workers(&self.live).get(&connector).cloned() else { return Refreshed::Later };
        let (link, attempt) = (Arc::clone(&worker.link), worker.link.attempt());
        if attempt == Attempt::Skip {
            return Refreshed::Later;
        }
        let reading = tokio::spawn(async move {
            let read = worker.refresh_since(key, asked).await;
            if let Err(error) = &read {
                tracing::debug!(%order, %error, "an order was not refreshed");
            }
            read.is_ok()
        });
        if attempt == Attempt::Probe {
            return Refreshed::Later;
        }
        match tokio::time::timeout(BUDGET.saturating_sub(asked.elapsed()), reading).await {
            Ok(Ok(true)) => Refreshed::Now,
            Ok(_) => Refreshed::Later,
            Err(_) => {
                link.waited_in_vain();
                Refreshed::Later
            }
        }
    }

    async fn source_of(
        &self,
        tenant: TenantId,
        order: OrderId,
    ) -> Result<Option<(ConnectorId, String)>, Error> {
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        let found =
            sqlx::query_as("select connector_id, external_id from orders where tenant_id = $1 and id = $2")
                .bind(tenant)
                .bind(order)
                .fetch_optional(tx.conn())
                .await?;
        Ok(found)
    }
}

impl std::fmt::Debug for Refresher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refresher").field("live", &Arc::strong_count(&self.live)).finish_non_exhaustive()
    }
}

/// Notes that somebody looks at an order for the next `seconds`; an open page says so again before they end.
/// Under the customer wall: one can only look at what one may see. False when there is no such order.
///
/// # Errors
/// The database's answer.
pub async fn watch(tx: &mut TenantTx, order: OrderId, seconds: u32) -> Result<bool, Error> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "insert into order_interest (tenant_id, order_id, customer_id, connector_id, until)
         select tenant_id, id, customer_id, connector_id, now() + $3 * interval '1 second'
           from orders where tenant_id = $1 and id = $2
         on conflict (tenant_id, order_id) do update set until = greatest(order_interest.until, excluded.until)",
    )
    .bind(tenant)
    .bind(order)
    .bind(f64::from(seconds))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
