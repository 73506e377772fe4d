//! Every statement that writes or looks at our copy of orders for the sync. One page, one transaction.
//!
//! Only what changed is written, together with its history and its hint for open pages. A writer whose lease went to
//! another node is refused by its fence before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use platform_core::clock::Clock;
use platform_core::id::{self, ConnectorId, CustomerId, OrderId, TenantId};
use platform_core::jobs;
use platform_core::random::Random;
use platform_core::{Db, Error, Scope, TenantTx};
use sqlx::types::Json;
use uuid::Uuid;

use super::changes::{Known, Told, history};
use super::moved::{self, DatesMoved};
use super::rows::{ChildRows, OrderRow, Printed};
use super::statements::{
    CLEAR_CHILDREN, WRITE_EVENTS, WRITE_LINES, WRITE_ORDERS, WRITE_SEARCH_KEYS, WRITE_SHIPMENT_LINES,
    WRITE_SHIPMENTS,
};
use crate::orders::{EventKind, OrderStatus, SourceOrder};

/// Where one connector's orders are written.
#[derive(Debug, Clone)]
pub(super) struct Mirror {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) tenant: TenantId,
    pub(super) connector: ConnectorId,
    pub(super) fence: i64,
}

/// What writing a page did.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) changed: usize,
    /// Accounts that no customer has, and how many orders they have on the page.
    pub(super) unknown: BTreeMap<String, u64>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("the lease went to another node")]
    LeaseLost,
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A stored order as the sync needs it.
#[derive(Debug, sqlx::FromRow)]
struct Stored {
    id: OrderId,
    customer_id: CustomerId,
    external_id: String,
    row_hash: Vec<u8>,
    status: String,
    promised_on: Option<chrono::NaiveDate>,
    expected_on: Option<chrono::NaiveDate>,
    deleted: bool,
}

/// Bulk loads tell open pages once, not order by order.
const MANY: usize = 100;

impl Mirror {
    /// Writes what changed of these orders.
    pub(super) async fn write(&self, orders: &[Printed<'_>]) -> Result<Written, WriteError> {
        let mut written = Written::default();
        if orders.is_empty() {
            return Ok(written);
        }
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let customers = self.customers(&mut tx, orders).await?;
        let stored = self.stored(&mut tx, orders.iter().map(|o| o.order.key.clone()).collect()).await?;
        let now = self.clock.now();
        let (mut rows, mut changed, mut orphaned) = (Vec::new(), Vec::new(), Vec::new());
        for printed in orders {
            let order = printed.order;
            let known = stored.get(&order.key);
            let Some(customer) = customers.get(&order.account) else {
                *written.unknown.entry(order.account.clone()).or_default() += 1;
                orphaned.extend(known.filter(|known| !known.deleted));
                continue;
            };
            let hash = printed.row_hash(*customer);
            if known.is_some_and(|known| known.row_hash == hash && !known.deleted) {
                continue;
            }
            let id = known.map_or_else(|| OrderId::new(&*self.clock, &*self.random), |known| known.id);
            rows.push(OrderRow::new(id, *customer, order, known.is_none(), now, &hash));
            changed.push((id, *customer, order, known));
        }
        if rows.is_empty() && orphaned.is_empty() {
            return Ok(written);
        }
        self.hold_fence(&mut tx).await?;
        // an order that moved to an account of nobody's must vanish from its old customer
        let removed: Vec<OrderId> = orphaned.iter().map(|known| known.id).collect();
        self.remove(&mut tx, &removed).await?;
        self.write_orders(&mut tx, &rows).await?;
        self.write_history(&mut tx, &changed).await?;
        self.write_children(&mut tx, &changed).await?;
        written.changed = rows.len() + orphaned.len();
        // Those whom an order left are told too.
        let left = changed.iter().filter_map(|(.., known)| *known).chain(orphaned).map(Stored::place);
        let told = changed.iter().map(|(id, customer, ..)| (*customer, *id)).chain(left).collect();
        self.tell(&mut tx, told).await?;
        tx.commit().await?;
        Ok(written)
    }

    /// Takes orders out that the source no longer has. Returns how many were there.
    pub(super) async fn vanish(&self, keys: Vec<String>) -> Result<usize, WriteError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let stored = self.stored(&mut tx, keys).await?;
        let told: BTreeSet<_> = stored.values().filter(|s| !s.deleted).map(Stored::place).collect();
        if told.is_empty() {
            return Ok(0);
        }
        let gone: Vec<OrderId> = told.iter().map(|(_, order)| *order).collect();
        self.hold_fence(&mut tx).await?;
        self.remove(&mut tx, &gone).await?;
        self.tell(&mut tx, told).await?;
        tx.commit().await?;
        Ok(gone.len())
    }

    /// Keys of orders that were open at our last sight, after `after`, in our own order.
    pub(super) async fn open_keys(&self, after: &str, limit: i64) -> Result<Vec<String>, Error> {
        self.keys(
            "select external_id from orders where tenant_id = $1 and connector_id = $2 and external_id > $3
                and deleted_at is null and source_open order by external_id limit $4",
            after,
            limit,
        )
        .await
    }

    /// Keys of all orders that we have, after `after`, in our own order.
    pub(super) async fn all_keys(&self, after: &str, limit: i64) -> Result<Vec<String>, Error> {
        self.keys(
            "select external_id from orders where tenant_id = $1 and connector_id = $2 and external_id > $3
                and deleted_at is null order by external_id limit $4",
            after,
            limit,
        )
        .await
    }

    async fn keys(&self, sql: &'static str, after: &str, limit: i64) -> Result<Vec<String>, Error> {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let query = sqlx::query_scalar(sql).bind(self.tenant).bind(self.connector).bind(after).bind(limit);
        Ok(query.fetch_all(tx.conn()).await?)
    }

    /// Keys of orders that somebody looks at right now.
    pub(super) async fn watched_keys(&self) -> Result<Vec<String>, Error> {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let keys = sqlx::query_scalar(
            "select o.external_id from order_interest i
               join orders o on o.tenant_id = i.tenant_id and o.id = i.order_id
              where i.tenant_id = $1 and i.connector_id = $2 and i.until > now() limit 500",
        );
        Ok(keys.bind(self.tenant).bind(self.connector).fetch_all(tx.conn()).await?)
    }

    /// Forgets interest that ended.
    pub(super) async fn forget_interest(&self) -> Result<(), Error> {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        sqlx::query(
            "delete from order_interest where tenant_id = $1 and connector_id = $2 and until < now()",
        )
        .bind(self.tenant)
        .bind(self.connector)
        .execute(tx.conn())
        .await?;
        tx.commit().await
    }

    async fn customers(
        &self,
        tx: &mut TenantTx,
        orders: &[Printed<'_>],
    ) -> Result<HashMap<String, CustomerId>, Error> {
        self.customers_of(tx, orders.iter().map(|printed| printed.order.account.as_str())).await
    }

    /// The customers that have these accounts.
    pub(super) async fn customers_of(
        &self,
        tx: &mut TenantTx,
        accounts: impl Iterator<Item = &str>,
    ) -> Result<HashMap<String, CustomerId>, Error> {
        let mut accounts: Vec<&str> = accounts.collect();
        accounts.sort_unstable();
        accounts.dedup();
        let rows: Vec<(String, CustomerId)> = sqlx::query_as(
            "select external_key, id from customers where tenant_id = $1 and external_key = any($2)",
        )
        .bind(self.tenant)
        .bind(&accounts)
        .fetch_all(tx.conn())
        .await?;
        Ok(rows.into_iter().collect())
    }

    async fn stored(&self, tx: &mut TenantTx, keys: Vec<String>) -> Result<HashMap<String, Stored>, Error> {
        let rows: Vec<Stored> = sqlx::query_as(
            "select id, customer_id, external_id, row_hash, status, promised_on, expected_on,
                    deleted_at is not null as deleted
               from orders where tenant_id = $1 and connector_id = $2 and external_id = any($3)",
        )
        .bind(self.tenant)
        .bind(self.connector)
        .bind(keys)
        .fetch_all(tx.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.external_id.clone(), row)).collect())
    }

    /// The lock lasts to the end of the transaction, so that the lease cannot move between the look and the write.
    pub(super) async fn hold_fence(&self, tx: &mut TenantTx) -> Result<(), WriteError> {
        let held: Option<i32> = sqlx::query_scalar(
            "select 1 from connectors where tenant_id = $1 and id = $2 and fence = $3 and lease_until > now() for share",
        )
        .bind(self.tenant)
        .bind(self.connector)
        .bind(self.fence)
        .fetch_optional(tx.conn())
        .await?;
        held.map(|_| ()).ok_or(WriteError::LeaseLost)
    }

    async fn write_orders(&self, tx: &mut TenantTx, rows: &[OrderRow<'_>]) -> Result<(), Error> {
        if !rows.is_empty() {
            let query = sqlx::query(WRITE_ORDERS).bind(self.tenant).bind(self.connector).bind(Json(rows));
            query.bind(self.clock.now()).execute(tx.conn()).await?;
        }
        Ok(())
    }

    async fn write_history(&self, tx: &mut TenantTx, changed: &[Change<'_>]) -> Result<(), Error> {
        let known: Vec<OrderId> = changed.iter().filter_map(|(id, _, _, known)| known.map(|_| *id)).collect();
        let told = self.told(tx, &known).await?;
        let none = Vec::new();
        let (mut rows, mut later) = (Vec::new(), Vec::new());
        for (id, customer, order, known) in changed {
            let known = known.map(Stored::known);
            for event in history(known.as_ref(), told.get(id).unwrap_or(&none), order) {
                let own = id::uuid(&*self.clock, &*self.random);
                // At a first sight nothing moved that anybody was told otherwise.
                later.extend(known.as_ref().and_then(|_| moved::later(*id, &event)));
                rows.push(super::rows::EventRow::new(own, *id, *customer, event));
            }
        }
        if !rows.is_empty() {
            let query = sqlx::query(WRITE_EVENTS).bind(self.tenant).bind(Json(&rows)).bind(self.clock.now());
            query.execute(tx.conn()).await?;
        }
        for moves in later.chunks(moved::AT_ONCE) {
            let job = DatesMoved { moves: moves.to_vec() };
            jobs::enqueue(tx, &*self.clock, &*self.random, &job, None).await?;
        }
        Ok(())
    }

    async fn told(
        &self,
        tx: &mut TenantTx,
        orders: &[OrderId],
    ) -> Result<HashMap<OrderId, Vec<Told>>, Error> {
        let mut told: HashMap<OrderId, Vec<Told>> = HashMap::new();
        if orders.is_empty() {
            return Ok(told);
        }
        let rows: Vec<(OrderId, String, Option<String>, Option<String>)> = sqlx::query_as(
            "select order_id, kind, new, external_id from order_events
              where tenant_id = $1 and order_id = any($2) order by coalesce(source_at, seen_at), id",
        )
        .bind(self.tenant)
        .bind(orders)
        .fetch_all(tx.conn())
        .await?;
        for (order, kind, new, external_id) in rows {
            let Some(kind) = EventKind::from_word(&kind) else { continue };
            told.entry(order).or_default().push(Told { kind, new, external_id });
        }
        Ok(told)
    }

    async fn write_children(&self, tx: &mut TenantTx, changed: &[Change<'_>]) -> Result<(), Error> {
        let stale: Vec<OrderId> = changed.iter().filter_map(|(id, _, _, known)| known.map(|_| *id)).collect();
        if !stale.is_empty() {
            for sql in CLEAR_CHILDREN {
                sqlx::query(sql).bind(self.tenant).bind(&stale).execute(tx.conn()).await?;
            }
        }
        let rows = ChildRows::new(changed.iter().map(|(id, customer, order, _)| (*id, *customer, *order)));
        let mut write = async |sql: &'static str, rows: serde_json::Value| -> Result<(), Error> {
            if rows.as_array().is_some_and(|rows| !rows.is_empty()) {
                sqlx::query(sql).bind(self.tenant).bind(Json(rows)).execute(tx.conn()).await?;
            }
            Ok(())
        };
        write(WRITE_LINES, rows.lines).await?;
        write(WRITE_SHIPMENTS, rows.shipments).await?;
        write(WRITE_SHIPMENT_LINES, rows.shipment_lines).await?;
        write(WRITE_SEARCH_KEYS, rows.search_keys).await
    }

    async fn remove(&self, tx: &mut TenantTx, orders: &[OrderId]) -> Result<(), Error> {
        if orders.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let events: Vec<Uuid> = orders.iter().map(|_| id::uuid(&*self.clock, &*self.random)).collect();
        sqlx::query(
            "with gone as (
                 update orders set deleted_at = $4, changed_at = $4, source_open = false
                  where tenant_id = $1 and id = any($2) and deleted_at is null returning tenant_id, id, customer_id)
             insert into order_events (tenant_id, id, order_id, customer_id, kind, seen_at)
             select g.tenant_id, e.event, g.id, g.customer_id, 'removed', $4
               from gone g join unnest($2::uuid[], $3::uuid[]) as e(id, event) on e.id = g.id",
        )
        .bind(self.tenant)
        .bind(orders)
        .bind(&events)
        .bind(now)
        .execute(tx.conn())
        .await?;
        sqlx::query("delete from order_search_keys where tenant_id = $1 and order_id = any($2)")
            .bind(self.tenant)
            .bind(orders)
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    async fn tell(&self, tx: &mut TenantTx, orders: BTreeSet<(CustomerId, OrderId)>) -> Result<(), Error> {
        self.notify(tx, orders.into_iter().map(|(customer, order)| (customer, order.to_string())).collect())
            .await
    }

    /// A hint for open and for kept pages, sent when the transaction commits.
    pub(super) async fn notify(
        &self,
        tx: &mut TenantTx,
        changed: Vec<(CustomerId, String)>,
    ) -> Result<(), Error> {
        let hints: Vec<String> = if changed.len() > MANY {
            vec![format!("{}:*", self.tenant)]
        } else {
            let hint = |(customer, row)| format!("{}:{customer}:{row}", self.tenant);
            changed.into_iter().map(hint).collect()
        };
        sqlx::query("select pg_notify('orders', hint) from unnest($1::text[]) hint")
            .bind(hints)
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}

/// An order to write: its id, its customer, what the source says, what we had.
type Change<'a> = (OrderId, CustomerId, &'a SourceOrder, Option<&'a Stored>);

impl Stored {
    fn place(&self) -> (CustomerId, OrderId) {
        (self.customer_id, self.id)
    }

    fn known(&self) -> Known {
        Known {
            status: OrderStatus::from_word(&self.status).unwrap_or(OrderStatus::InProgress),
            promised_on: self.promised_on,
            expected_on: self.expected_on,
            deleted: self.deleted,
        }
    }
}
