//! Writing invoices: only what changed, under the fence, one page a transaction.
//!
//! An invoice that moves to another account leaves its customer and comes to the other one as a new row with lines and
//! documents of its own: what one customer was shown never becomes the other's.

use std::collections::{BTreeSet, HashMap};

use platform_core::id::{self, CustomerId};
use platform_core::{Error, Scope, TenantTx};
use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

use super::super::mirror::{Mirror, WriteError};
use super::super::rows::{fingerprint, hex};
use super::statements::{CLEAR_INVOICE_LINES, REMOVE_INVOICES, WRITE_INVOICE_LINES, WRITE_INVOICES};
use super::{EDITION, Written};
use crate::books::SourceInvoice;

/// A stored invoice as the sync needs it. An external key has one row for each customer that had it.
#[derive(Debug, sqlx::FromRow)]
struct Stored {
    id: Uuid,
    customer_id: CustomerId,
    external_id: String,
    row_hash: Vec<u8>,
    deleted: bool,
}

/// A row to write: its id, whether it was there, its customer, what the source says.
type Change<'a> = (Uuid, bool, CustomerId, &'a SourceInvoice, [u8; 16]);

/// What has to be done with a page.
#[derive(Default)]
struct Work<'a> {
    changes: Vec<Change<'a>>,
    /// Rows of customers whose invoice it is no more.
    left: Vec<(CustomerId, Uuid)>,
    unknown: u64,
}

impl Mirror {
    pub(in crate::sync) async fn write_invoices(
        &self,
        invoices: &[SourceInvoice],
    ) -> Result<Written, WriteError> {
        if invoices.is_empty() {
            return Ok(Written::default());
        }
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let customers = self.customers_of(&mut tx, invoices.iter().map(|i| i.account.as_str())).await?;
        let stored = self.stored_invoices(&mut tx, invoices.iter().map(|i| i.key.clone()).collect()).await?;
        let work = self.compare(invoices, &customers, &stored);
        let written = Written { changed: work.changes.len() + work.left.len(), unknown: work.unknown };
        if written.changed == 0 {
            return Ok(written);
        }
        self.hold_fence(&mut tx).await?;
        let now = self.clock.now();
        self.remove_invoices(&mut tx, &work.left).await?;
        let rows: Vec<Value> = work.changes.iter().map(invoice_row).collect();
        let query = sqlx::query(WRITE_INVOICES).bind(self.tenant).bind(self.connector);
        query.bind(Json(rows)).bind(now).execute(tx.conn()).await?;
        self.write_invoice_lines(&mut tx, &work.changes).await?;
        let told = work.changes.iter().map(|(id, _, customer, ..)| (*customer, *id)).chain(work.left);
        self.tell_of(&mut tx, told.collect()).await?;
        tx.commit().await?;
        Ok(written)
    }

    fn compare<'a>(
        &self,
        invoices: &'a [SourceInvoice],
        customers: &HashMap<String, CustomerId>,
        stored: &HashMap<String, Vec<Stored>>,
    ) -> Work<'a> {
        let mut work = Work::default();
        for invoice in invoices {
            let known = stored.get(&invoice.key).map_or(&[][..], Vec::as_slice);
            let customer = customers.get(&invoice.account).copied();
            let others = known.iter().filter(|row| !row.deleted && Some(row.customer_id) != customer);
            work.left.extend(others.map(|row| (row.customer_id, row.id)));
            let Some(customer) = customer else {
                work.unknown += 1;
                continue;
            };
            let hash = fingerprint(&(EDITION, customer, invoice));
            let own = known.iter().find(|row| row.customer_id == customer);
            if own.is_some_and(|own| !own.deleted && own.row_hash == hash) {
                continue;
            }
            let id = own.map_or_else(|| id::uuid(&*self.clock, &*self.random), |own| own.id);
            work.changes.push((id, own.is_some(), customer, invoice, hash));
        }
        work
    }

    async fn stored_invoices(
        &self,
        tx: &mut TenantTx,
        keys: Vec<String>,
    ) -> Result<HashMap<String, Vec<Stored>>, Error> {
        let rows: Vec<Stored> = sqlx::query_as(
            "select id, customer_id, external_id, row_hash, deleted_at is not null as deleted
               from invoices where tenant_id = $1 and connector_id = $2 and external_id = any($3)",
        )
        .bind(self.tenant)
        .bind(self.connector)
        .bind(keys)
        .fetch_all(tx.conn())
        .await?;
        let mut stored: HashMap<String, Vec<Stored>> = HashMap::new();
        for row in rows {
            stored.entry(row.external_id.clone()).or_default().push(row);
        }
        Ok(stored)
    }

    async fn write_invoice_lines(&self, tx: &mut TenantTx, changes: &[Change<'_>]) -> Result<(), Error> {
        let stale: Vec<Uuid> = changes.iter().filter(|(_, known, ..)| *known).map(|(id, ..)| *id).collect();
        if !stale.is_empty() {
            sqlx::query(CLEAR_INVOICE_LINES).bind(self.tenant).bind(stale).execute(tx.conn()).await?;
        }
        let rows: Vec<Value> = changes.iter().flat_map(line_rows).collect();
        if !rows.is_empty() {
            let query = sqlx::query(WRITE_INVOICE_LINES).bind(self.tenant).bind(Json(rows));
            query.execute(tx.conn()).await?;
        }
        Ok(())
    }

    async fn remove_invoices(&self, tx: &mut TenantTx, gone: &[(CustomerId, Uuid)]) -> Result<(), Error> {
        if !gone.is_empty() {
            let ids: Vec<Uuid> = gone.iter().map(|(_, id)| *id).collect();
            let query = sqlx::query(REMOVE_INVOICES).bind(self.tenant).bind(ids).bind(self.clock.now());
            query.execute(tx.conn()).await?;
        }
        Ok(())
    }

    /// Takes invoices out that the source no longer has.
    pub(in crate::sync) async fn vanish_invoices(&self, keys: Vec<String>) -> Result<usize, WriteError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let stored = self.stored_invoices(&mut tx, keys).await?;
        let live = stored.values().flatten().filter(|row| !row.deleted);
        let gone: Vec<(CustomerId, Uuid)> = live.map(|row| (row.customer_id, row.id)).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        self.hold_fence(&mut tx).await?;
        self.remove_invoices(&mut tx, &gone).await?;
        let count = gone.len();
        self.tell_of(&mut tx, gone.into_iter().collect()).await?;
        tx.commit().await?;
        Ok(count)
    }

    /// Keys of invoices that we have, after `after`, in our own order; `open`: that were unpaid at our last sight.
    pub(in crate::sync) async fn invoice_keys(
        &self,
        open: bool,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let sql = if open {
            "select external_id from invoices where tenant_id = $1 and connector_id = $2 and external_id > $3
                and deleted_at is null and source_open order by external_id limit $4"
        } else {
            "select external_id from invoices where tenant_id = $1 and connector_id = $2 and external_id > $3
                and deleted_at is null order by external_id limit $4"
        };
        let query = sqlx::query_scalar(sql).bind(self.tenant).bind(self.connector).bind(after).bind(limit);
        Ok(query.fetch_all(tx.conn()).await?)
    }

    /// A hint for kept pages; its last part names the row, which no open order has.
    async fn tell_of(&self, tx: &mut TenantTx, rows: BTreeSet<(CustomerId, Uuid)>) -> Result<(), Error> {
        self.notify(tx, rows.into_iter().map(|(customer, row)| (customer, row.to_string())).collect()).await
    }
}

fn invoice_row((id, _, customer, invoice, hash): &Change<'_>) -> Value {
    json!({
        "id": id, "customer_id": customer, "external_id": invoice.key, "kind": invoice.kind, "number": invoice.number,
        "order_key": invoice.order, "corrects_key": invoice.corrects, "status": invoice.status,
        "issued_on": invoice.issued_on, "due_on": invoice.due_on, "total": invoice.total, "paid": invoice.paid,
        "currency": invoice.currency, "purchase_order": invoice.purchase_order, "bill_to": invoice.bill_to,
        "document_kept": invoice.document, "source_open": invoice.open, "row_hash": hex(hash),
    })
}

fn line_rows((id, _, customer, invoice, _): &Change<'_>) -> Vec<Value> {
    let row = |(index, line): (usize, &crate::books::SourceInvoiceLine)| {
        json!({
            "invoice_id": id, "customer_id": customer, "external_id": line.key,
            "position": line.position.unwrap_or(i32::try_from(index + 1).unwrap_or(i32::MAX)),
            "sku": line.sku, "description": line.description.as_deref().unwrap_or_default(), "unit": line.unit,
            "quantity": line.quantity, "unit_price": line.unit_price, "amount": line.amount,
        })
    };
    invoice.lines.iter().enumerate().map(row).collect()
}
