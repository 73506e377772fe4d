//! Writing credit, addresses and products: only what changed, under the fence, one page a transaction; and taking out what
//! a whole walk did not meet.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::id::{self, CustomerId};
use platform_core::{Error, Scope, TenantTx};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

use super::super::mirror::{Mirror, WriteError};
use super::super::rows::{fingerprint, hex};
use super::statements::{WRITE_ADDRESSES, WRITE_CREDITS, WRITE_PRODUCTS};
use super::{EDITION, Written};
use crate::books::{SourceAddress, SourceCredit, SourceProduct, row_key};

/// A moment of reading that is older than this is written anew although nothing else changed.
const STALE: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug, sqlx::FromRow)]
struct Standing {
    customer_id: CustomerId,
    credit_limit: Option<Decimal>,
    used: Option<Decimal>,
    currency: Option<String>,
    terms: Option<String>,
    on_hold: bool,
    as_of: DateTime<Utc>,
}

impl Mirror {
    /// `read_at` is when the page was asked for.
    pub(in crate::sync) async fn write_credits(
        &self,
        credits: &[SourceCredit],
        read_at: DateTime<Utc>,
    ) -> Result<Written, WriteError> {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let customers = self.customers_of(&mut tx, credits.iter().map(|c| c.account.as_str())).await?;
        let unknown = credits.iter().filter(|c| !customers.contains_key(&c.account)).count() as u64;
        let stored: Vec<Standing> = sqlx::query_as(
            "select customer_id, credit_limit, used, currency, terms, on_hold, as_of from account_standing
              where tenant_id = $1 and connector_id = $2 and customer_id = any($3)",
        )
        .bind(self.tenant)
        .bind(self.connector)
        .bind(customers.values().copied().collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await?;
        let stored: HashMap<CustomerId, Standing> =
            stored.into_iter().map(|row| (row.customer_id, row)).collect();
        let rows: Vec<Value> = credits
            .iter()
            .filter_map(|credit| Some((customers.get(&credit.account)?, credit)))
            .filter(|(customer, credit)| {
                stored.get(customer).is_none_or(|s| s.as_of < read_at - STALE || !s.says(credit))
            })
            .map(|(customer, credit)| credit_row(*customer, credit))
            .collect();
        self.write_rows(tx, WRITE_CREDITS, rows, read_at, unknown).await
    }

    pub(in crate::sync) async fn write_addresses(
        &self,
        addresses: &[SourceAddress],
    ) -> Result<Written, WriteError> {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let customers = self.customers_of(&mut tx, addresses.iter().map(|a| a.account.as_str())).await?;
        let unknown = addresses.iter().filter(|a| !customers.contains_key(&a.account)).count() as u64;
        let stored: Vec<(CustomerId, String, Vec<u8>)> = sqlx::query_as(
            "select customer_id, external_id, row_hash from addresses
              where tenant_id = $1 and connector_id = $2 and customer_id = any($3) and deleted_at is null",
        )
        .bind(self.tenant)
        .bind(self.connector)
        .bind(customers.values().copied().collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await?;
        let stored: HashMap<_, _> = stored.into_iter().map(|(c, key, hash)| ((c, key), hash)).collect();
        let mut rows = Vec::new();
        for address in addresses {
            let Some(customer) = customers.get(&address.account).copied() else { continue };
            let hash = fingerprint(&(EDITION, customer, address));
            if stored.get(&(customer, address.key.clone())).is_none_or(|known| *known != hash) {
                let id = id::uuid(&*self.clock, &*self.random);
                rows.push(address_row(id, customer, address, &hash));
            }
        }
        self.write_rows(tx, WRITE_ADDRESSES, rows, self.clock.now(), unknown).await
    }

    pub(in crate::sync) async fn write_products(
        &self,
        products: &[SourceProduct],
    ) -> Result<Written, WriteError> {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let stored: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "select sku, row_hash from products
              where tenant_id = $1 and connector_id = $2 and sku = any($3) and deleted_at is null",
        )
        .bind(self.tenant)
        .bind(self.connector)
        .bind(products.iter().map(|product| product.sku.as_str()).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await?;
        let stored: HashMap<String, Vec<u8>> = stored.into_iter().collect();
        let rows = products
            .iter()
            .map(|product| (product, fingerprint(&(EDITION, product))))
            .filter(|(product, hash)| stored.get(&product.sku).is_none_or(|known| known != hash))
            .map(|(product, hash)| product_row(product, &hash))
            .collect();
        self.write_rows(tx, WRITE_PRODUCTS, rows, self.clock.now(), 0).await
    }

    async fn write_rows(
        &self,
        mut tx: TenantTx,
        sql: &'static str,
        rows: Vec<Value>,
        at: DateTime<Utc>,
        unknown: u64,
    ) -> Result<Written, WriteError> {
        let changed = rows.len();
        if changed > 0 {
            self.hold_fence(&mut tx).await?;
            let query = sqlx::query(sql).bind(self.tenant).bind(self.connector).bind(Json(rows)).bind(at);
            query.execute(tx.conn()).await?;
            tx.commit().await?;
        }
        Ok(Written { changed, unknown })
    }

    /// Forgets the credit of accounts that the source has no more.
    pub(in crate::sync) async fn vanish_credits(&self, seen: &HashSet<String>) -> Result<usize, WriteError> {
        let rows: Vec<(CustomerId, Option<String>)> = self
            .ours(
                "select s.customer_id, c.external_key from account_standing s
                   join customers c on c.tenant_id = s.tenant_id and c.id = s.customer_id
                  where s.tenant_id = $1 and s.connector_id = $2",
            )
            .await?;
        let is_gone = |key: &Option<String>| key.as_ref().is_none_or(|key| !seen.contains(key));
        let gone: Vec<Uuid> =
            rows.into_iter().filter(|(_, key)| is_gone(key)).map(|(customer, _)| customer.0).collect();
        self.take_out(
            "delete from account_standing where tenant_id = $1 and connector_id = $2 and customer_id = any($3) and $4 is not null",
            gone,
        )
        .await
    }

    /// Marks addresses that the source has no more, or has for another account.
    pub(in crate::sync) async fn vanish_addresses(
        &self,
        seen: &HashSet<String>,
    ) -> Result<usize, WriteError> {
        let rows: Vec<(Uuid, String, Option<String>)> = self
            .ours(
                "select a.id, a.external_id, c.external_key from addresses a
                   join customers c on c.tenant_id = a.tenant_id and c.id = a.customer_id
                  where a.tenant_id = $1 and a.connector_id = $2 and a.deleted_at is null",
            )
            .await?;
        let there = |key: &str, account: &Option<String>| {
            account.as_ref().is_some_and(|account| seen.contains(&row_key(account, key)))
        };
        let gone =
            rows.into_iter().filter(|(_, key, account)| !there(key, account)).map(|(id, ..)| id).collect();
        self.take_out(
            "update addresses set deleted_at = $4, changed_at = $4
              where tenant_id = $1 and connector_id = $2 and id = any($3) and deleted_at is null",
            gone,
        )
        .await
    }

    /// Marks products that the source has no more.
    pub(in crate::sync) async fn vanish_products(&self, seen: &HashSet<String>) -> Result<usize, WriteError> {
        let rows: Vec<(String,)> = self
            .ours(
                "select sku from products where tenant_id = $1 and connector_id = $2 and deleted_at is null",
            )
            .await?;
        let gone: Vec<String> =
            rows.into_iter().map(|(sku,)| sku).filter(|sku| !seen.contains(sku)).collect();
        self.take_out(
            "update products set deleted_at = $4, changed_at = $4
              where tenant_id = $1 and connector_id = $2 and sku = any($3) and deleted_at is null",
            gone,
        )
        .await
    }

    async fn ours<T>(&self, sql: &'static str) -> Result<Vec<T>, Error>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        Ok(sqlx::query_as(sql).bind(self.tenant).bind(self.connector).fetch_all(tx.conn()).await?)
    }

    async fn take_out<K>(&self, sql: &'static str, gone: Vec<K>) -> Result<usize, WriteError>
    where
        Vec<K>: for<'q> sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send,
        K: Send,
    {
        if gone.is_empty() {
            return Ok(0);
        }
        let count = gone.len();
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        self.hold_fence(&mut tx).await?;
        let query = sqlx::query(sql).bind(self.tenant).bind(self.connector).bind(gone);
        query.bind(self.clock.now()).execute(tx.conn()).await?;
        tx.commit().await?;
        Ok(count)
    }
}

impl Standing {
    fn says(&self, credit: &SourceCredit) -> bool {
        self.credit_limit == credit.limit
            && self.used == credit.used
            && self.currency == credit.currency
            && self.terms == credit.terms
            && self.on_hold == credit.on_hold
    }
}

fn credit_row(customer: CustomerId, credit: &SourceCredit) -> Value {
    json!({
        "customer_id": customer, "credit_limit": credit.limit, "used": credit.used, "currency": credit.currency,
        "terms": credit.terms, "on_hold": credit.on_hold,
    })
}

fn address_row(id: Uuid, customer: CustomerId, address: &SourceAddress, hash: &[u8]) -> Value {
    json!({
        "id": id, "customer_id": customer, "external_id": address.key, "kind": address.kind, "label": address.label,
        "street": address.street.as_deref().unwrap_or_default(), "city": address.city, "region": address.region,
        "postal_code": address.postal_code, "country": address.country, "is_default": address.is_default,
        "row_hash": hex(hash),
    })
}

fn product_row(product: &SourceProduct, hash: &[u8]) -> Value {
    json!({
        "sku": product.sku, "description": product.description.as_deref().unwrap_or_default(), "unit": product.unit,
        "price": product.price, "currency": product.currency,
        "state": if product.discontinued { "discontinued" } else { "active" }, "replaced_by": product.replaced_by,
        "available": product.available, "lead_days": product.lead_days, "row_hash": hex(hash),
    })
}
