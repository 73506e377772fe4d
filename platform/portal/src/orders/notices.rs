//! Tells customers that a date moved to a later day: once a move, to whoever watches the order and to the company's
//! administrators, unless they stopped it.
//!
//! The job comes from the transaction in which the sync writes the move. The mails, and the row that says which day is
//! known now, are one transaction, so a job that runs twice tells once; and a move that the source's log tells again after
//! our own eyes saw it leads to a day that is known already.

use std::sync::Arc;
use std::time::Duration;

use platform_connectors::sync::{DateMoved, DatesMoved};
use platform_core::clock::Clock;
use platform_core::id::TenantId;
use platform_core::jobs::{Failure, Worker};
use platform_core::mail::Outbox;
use platform_core::random::{self, Random};
use platform_core::{Db, Error, Scope, TenantTx, id};
use platform_web::{Addressee, Letters, Look};

use super::mails::Delay;
use super::order;
use super::routes::MODULE;
use super::store::watches::{self, Notice, Reader};

/// There is no secret in these mails but the link that stops them.
const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Tells. Cheap to clone.
#[derive(Clone)]
pub struct Notices {
    pub db: Db,
    pub letters: Letters,
    pub outbox: Outbox,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl std::fmt::Debug for Notices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notices")
    }
}

impl Notices {
    /// Teaches a worker to tell.
    #[must_use]
    pub fn register(self, worker: Worker) -> Worker {
        worker.on(move |tenant, job: DatesMoved, _| {
            let notices = self.clone();
            async move { notices.tell(tenant, &job).await }
        })
    }

    /// Tells the moves of one job that still hold.
    ///
    /// # Errors
    /// [`Failure::Retry`] with the database's answer; what was told until then stays told.
    pub async fn tell(&self, tenant: TenantId, job: &DatesMoved) -> Result<(), Failure> {
        let Some(look) =
            self.letters.look(tenant).await?.filter(|look| look.active && look.has_module(MODULE))
        else {
            return Ok(());
        };
        for moved in &job.moves {
            self.tell_one(&look, moved).await?;
        }
        Ok(())
    }

    async fn tell_one(&self, look: &Look, moved: &DateMoved) -> Result<(), Failure> {
        let mut tx = self.db.tenant(Scope::tenant(look.tenant)).await?;
        let Some(known) = watches::delayed(&mut tx, moved.order).await? else { return Ok(()) };
        let was = known.told.unwrap_or(moved.was);
        // Moved on since, or told already, or not later than what its readers know.
        let stale = known.day != Some(moved.now) || known.told == Some(moved.now) || moved.now <= was;
        if stale || order::ended(order::status(&known.status)) {
            return Ok(());
        }
        let readers = watches::readers(&mut tx, known.customer_id, moved.order).await?;
        for reader in &readers {
            let host = self.host(look, reader);
            let token = self.token(&mut tx, known.customer_id, reader).await?;
            let origin = self.letters.origin(&host);
            let page = Delay {
                number: known.number.clone(),
                summary: known.summary.clone(),
                was,
                now: moved.now,
                days: (moved.now - was).num_days(),
                reason: moved.reason.clone(),
                link: format!("{origin}/orders/{}", moved.order),
                stop: format!("{origin}/mail/delays/{token}"),
                watching: reader.watching,
                host,
            };
            self.mail(&mut tx, look, reader, &page).await?;
        }
        let notice = Notice {
            id: id::uuid(&*self.clock, &*self.random),
            order: moved.order,
            customer: known.customer_id,
            was,
            now: moved.now,
            reason: moved.reason.as_deref(),
            told: i32::try_from(readers.len()).unwrap_or(i32::MAX),
            at: self.clock.now(),
        };
        watches::told(&mut tx, &notice).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Where this reader last came in, else the tenant's own host.
    fn host(&self, look: &Look, reader: &Reader) -> String {
        reader.host.clone().unwrap_or_else(|| self.letters.host(look))
    }

    async fn token(
        &self,
        tx: &mut TenantTx,
        customer: platform_core::id::CustomerId,
        reader: &Reader,
    ) -> Result<String, Error> {
        if let Some(token) = &reader.token {
            return Ok(token.clone());
        }
        let token = random::token(&*self.random);
        watches::keep_token(tx, customer, reader.id, &token, self.clock.now()).await?;
        Ok(token)
    }

    async fn mail(
        &self,
        tx: &mut TenantTx,
        look: &Look,
        reader: &Reader,
        page: &Delay,
    ) -> Result<(), Failure> {
        let to = Addressee { email: &reader.email, name: &reader.name, locale: reader.locale.as_deref() };
        let mail =
            self.letters.write(look, to, page, KEEP).map_err(|error| Failure::Fail(error.to_string()))?;
        let sent = self.outbox.enqueue(tx, &mail).await?;
        self.outbox.stopped_by(tx, sent, &page.stop).await?;
        Ok(())
    }
}
