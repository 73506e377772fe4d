//! Documents: which are to be looked for, and storing what was found. What is stored is never replaced: a document that
//! differs is another version beside it.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use platform_core::id::CustomerId;
use platform_core::{Error, Scope};
use uuid::Uuid;

use super::super::mirror::{Mirror, WriteError};
use crate::books::media_type;

/// An invoice whose document is to be looked for.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::sync) struct Due {
    pub(super) id: Uuid,
    pub(super) customer_id: CustomerId,
    pub(super) external_id: String,
    changed_at: DateTime<Utc>,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Kept {
    Stored,
    Known,
    /// It belongs to an account that is not this customer's; the invoice itself will be read anew.
    Elsewhere,
}

impl Mirror {
    pub(in crate::sync) async fn documents_due(&self, limit: i64) -> Result<Vec<Due>, Error> {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        let due = sqlx::query_as(
            "select id, customer_id, external_id, changed_at from invoices
              where tenant_id = $1 and connector_id = $2 and deleted_at is null and document_due_at <= $3
              order by document_due_at limit $4",
        );
        let due = due.bind(self.tenant).bind(self.connector).bind(self.clock.now()).bind(limit);
        Ok(due.fetch_all(tx.conn()).await?)
    }

    /// Stores a document that the source gives for this account.
    pub(in crate::sync) async fn keep_document(
        &self,
        due: &Due,
        account: &str,
        bytes: &[u8],
    ) -> Result<Kept, WriteError> {
        let sum = digest(&SHA256, bytes);
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        self.hold_fence(&mut tx).await?;
        let owner = sqlx::query_scalar::<_, bool>(
            "select exists (select from invoices i join customers c on c.tenant_id = i.tenant_id and c.id = i.customer_id
              where i.tenant_id = $1 and i.id = $2 and i.customer_id = $3 and i.deleted_at is null and c.external_key = $4)",
        );
        let owner = owner.bind(self.tenant).bind(due.id).bind(due.customer_id).bind(account);
        if !owner.fetch_one(tx.conn()).await? {
            return Ok(Kept::Elsewhere);
        }
        let last: Option<(i32, Vec<u8>)> = sqlx::query_as(
            "select version, sha256 from invoice_documents where tenant_id = $1 and invoice_id = $2
              order by version desc limit 1",
        )
        .bind(self.tenant)
        .bind(due.id)
        .fetch_optional(tx.conn())
        .await?;
        let known = last.as_ref().is_some_and(|(_, stored)| stored == sum.as_ref());
        if !known {
            sqlx::query(
                "insert into invoice_documents (tenant_id, invoice_id, version, customer_id, media_type, bytes, sha256, fetched_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(self.tenant)
            .bind(due.id)
            .bind(last.map_or(1, |(version, _)| version + 1))
            .bind(due.customer_id)
            .bind(media_type(bytes))
            .bind(bytes)
            .bind(sum.as_ref())
            .bind(self.clock.now())
            .execute(tx.conn())
            .await?;
        }
        sqlx::query(
            "update invoices set document_due_at = null, document_kept = true where tenant_id = $1 and id = $2",
        )
        .bind(self.tenant)
        .bind(due.id)
        .execute(tx.conn())
        .await?;
        tx.commit().await?;
        Ok(if known { Kept::Known } else { Kept::Stored })
    }

    /// Looks again later: the longer it was in vain, the later, from a minute to a day.
    pub(in crate::sync) async fn postpone_document(&self, due: &Due) -> Result<(), WriteError> {
        let now = self.clock.now();
        let waited = ((now - due.changed_at) / 4).clamp(TimeDelta::minutes(1), TimeDelta::days(1));
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        self.hold_fence(&mut tx).await?;
        sqlx::query("update invoices set document_due_at = $3 where tenant_id = $1 and id = $2 and deleted_at is null")
            .bind(self.tenant)
            .bind(due.id)
            .bind(now + waited)
            .execute(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
