//! Asking a provider for parcels that it tells nothing about: the fallback for webhooks that do not come.
//!
//! Input-less: every round looks for accounts that are due and for parcels under way that were silent for long. An account
//! that refuses is left alone for longer and longer, or as long as it says itself.

use std::sync::Arc;
use std::time::Duration;

use platform_core::clock::Clock;
use platform_core::random::Random;
use platform_core::secrets::Sealer;
use platform_core::{Db, Error, Scope, System, TenantTx};
use tokio_util::sync::CancellationToken;

use super::accounts::{self, Account};
use super::asking::Asking;
use super::inbox;
use super::provider::{AskError, provider};

/// Between two looks for due accounts.
const LOOK: Duration = Duration::from_secs(30);
/// Between two questions of an account that has nothing against it, in seconds.
const USUAL: f64 = 600.0;
const LONGEST: f64 = 6.0 * 60.0 * 60.0;
/// Numbers in one question.
const AT_ONCE: i64 = 40;

/// Asks for all tenants.
#[derive(Clone)]
pub struct Poller {
    db: Db,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    loopback: bool,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Poller")
    }
}

impl Poller {
    /// Asks nothing before [`Poller::run`]. `loopback`: providers on this very machine are asked too, in the demo and in
    /// tests.
    #[must_use]
    pub fn new(
        db: Db,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        loopback: bool,
    ) -> Self {
        Self { db, sealer, clock, random, loopback }
    }

    /// Asks until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "parcels could not be asked for");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Asks every account that is due, once. Returns how many were asked.
    ///
    /// # Errors
    /// The database's answer. A provider's fault is written to its account.
    pub async fn round(&self) -> Result<usize, Error> {
        let mut tx = self.db.system(System::Sync).await?;
        let due = accounts::claim(&mut tx).await?;
        tx.commit().await?;
        for account in &due {
            let outcome = self.ask(account).await?;
            let (pause, error) = match &outcome {
                Ok(()) => (USUAL, None),
                Err(error) => (pause(error, account.failures), Some(error.to_string())),
            };
            let mut tx = self.db.tenant(Scope::tenant(account.tenant_id)).await?;
            accounts::asked(&mut tx, account.id, pause, error.as_deref()).await?;
            tx.commit().await?;
        }
        Ok(due.len())
    }

    async fn ask(&self, account: &Account) -> Result<Result<(), AskError>, Error> {
        let (Some(key), Some(provider)) = (account.key(&self.sealer)?, provider(&account.kind)) else {
            return Ok(Ok(()));
        };
        let mut tx = self.db.tenant(Scope::tenant(account.tenant_id)).await?;
        let numbers = silent(&mut tx).await?;
        drop(tx);
        if numbers.is_empty() {
            return Ok(Ok(()));
        }
        // No transaction is open while somebody else is waited for.
        let asked = async { provider.ask(&Asking::new(self.loopback)?, account, &key, &numbers).await };
        let parcels = match asked.await {
            Ok(parcels) => parcels,
            Err(error) => return Ok(Err(error)),
        };
        let mut tx = self.db.tenant(Scope::tenant(account.tenant_id)).await?;
        for parcel in &parcels {
            inbox::store(&mut tx, (&*self.clock, &*self.random), account.id, parcel).await?;
        }
        accounts::count_news(&mut tx, account.id, 0, self.clock.now()).await?;
        tx.commit().await?;
        Ok(Ok(()))
    }
}

/// Seconds until an account is asked again.
fn pause(error: &AskError, failures: i32) -> f64 {
    match error {
        #[expect(clippy::cast_precision_loss, reason = "a few hours in seconds")]
        AskError::TooOften(seconds) => (*seconds as f64).min(LONGEST),
        _ => (60.0 * 2_f64.powi(failures.clamp(0, 12))).min(LONGEST),
    }
}

/// Numbers of parcels under way of which nothing was heard for three hours, chosen anew by chance each time, so that
/// one that the provider does not know keeps no other away.
async fn silent(tx: &mut TenantTx) -> Result<Vec<String>, Error> {
    let tenant = tx.tenant();
    let numbers = sqlx::query_scalar(
        "select tracking_key from (
             select distinct s.tracking_key from orders o
               join shipments s on s.tenant_id = o.tenant_id and s.order_id = o.id
              where o.tenant_id = $1 and o.source_open and o.deleted_at is null and s.status = 'in_transit'
                and s.tracking_key <> '' and s.shipped_at > now() - interval '60 days'
                and not exists (select from shipment_events e
                     where e.tenant_id = s.tenant_id and e.order_id = s.order_id and e.shipment_id = s.external_id
                       and (e.kind = 'delivered' or e.seen_at > now() - interval '3 hours'))) silent
          order by random() limit $2",
    );
    Ok(numbers.bind(tenant).bind(AT_ONCE).fetch_all(tx.conn()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let away = AskError::Unreachable(String::new());
        assert!((pause(&away, 0) - 60.0).abs() < 1.0 && (pause(&away, 3) - 480.0).abs() < 1.0);
        assert!((pause(&away, 99) - LONGEST).abs() < 1.0);
        assert!((pause(&AskError::TooOften(90), 9) - 90.0).abs() < 1.0, "it said so itself");
    }
}
