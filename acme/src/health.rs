//! Whether the authorities work. What one node finds counts for all: an authority that is away is left alone by everybody
//! until somebody tries again, so that ten thousand orders do not each find it out for themselves.

use std::time::Duration;

use chrono::{DateTime, Utc};
use instant_acme::Account;
use platform_core::db::{Error as DbError, System, SystemTx};

use crate::authority::{self, Authority};
use crate::budget::delta;
use crate::certificate::Facts;
use crate::issuer::Issuer;
use crate::store::{self, OrderRow};
use crate::verdict::{Failure, StepError, Who};
use crate::wire::Wire;

impl Issuer {
    pub(crate) fn authority(&self, directory: &str) -> Result<&Authority, StepError> {
        let found = self.config.authorities.iter().find(|known| known.directory == directory);
        found.ok_or_else(|| StepError::ours(format!("{directory} is not configured any more")))
    }

    pub(crate) fn wire(&self, directory: &str) -> Result<Wire, StepError> {
        let found = self.wires.get(directory).cloned();
        found.ok_or_else(|| StepError::ours(format!("{directory} is not configured any more")))
    }

    pub(crate) fn directories(&self) -> Vec<String> {
        self.config.authorities.iter().map(|known| known.directory.clone()).collect()
    }

    /// The authorities that are to be left alone now.
    pub(crate) async fn away(&self, tx: &mut SystemTx, now: DateTime<Utc>) -> Result<Vec<String>, DbError> {
        let faulty = store::faulty(tx).await?;
        self.remember_faulty(faulty.iter().map(|health| health.directory.clone()));
        let away = faulty.into_iter().filter(|health| health.down_until.is_some_and(|until| until > now));
        Ok(away.map(|health| health.directory).collect())
    }

    pub(crate) fn remember_faulty(&self, directories: impl Iterator<Item = String>) {
        let mut known = self.faulty.lock().expect("no holder panics");
        known.clear();
        known.extend(directories);
    }

    /// When somebody may try an authority again that is left alone now.
    pub(crate) async fn next_try(
        &self,
        tx: &mut SystemTx,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, DbError> {
        let faulty = store::faulty(tx).await?;
        Ok(faulty.into_iter().filter_map(|health| health.down_until).filter(|until| *until > now).min())
    }

    /// The authority has answered.
    pub(crate) async fn heard_from(&self, directory: &str) {
        if !self.faulty.lock().expect("no holder panics").remove(directory) {
            return;
        }
        let up = async {
            let mut tx = self.db.system(System::Certificates).await?;
            store::up(&mut tx, directory).await?;
            tx.commit().await
        };
        match up.await {
            Ok(()) => tracing::info!(authority = directory, "the authority answers again"),
            Err(error) => tracing::warn!(%error, "an authority's return could not be written down"),
        }
    }

    /// The authority does not work. Gives when somebody may try again.
    pub(crate) async fn not_heard_from(
        &self,
        directory: &str,
        text: &str,
        heard: Option<Duration>,
    ) -> Result<DateTime<Utc>, DbError> {
        let backoff = &self.config.backoff;
        let first = delta(backoff.fault.max(heard.unwrap_or_default()));
        let max = delta(backoff.fault_max).max(first);
        let mut tx = self.db.system(System::Certificates).await?;
        let until = store::down(&mut tx, directory, text, (first, max), self.clock.now()).await?;
        tx.commit().await?;
        self.faulty.lock().expect("no holder panics").insert(directory.to_owned());
        tracing::warn!(authority = directory, reason = text, %until, "the authority does not work");
        Ok(until)
    }

    /// Gives the orders of authorities that stay away, and whose patience is at its end, to the first one that works.
    pub(crate) async fn move_on(&self, tx: &mut SystemTx, now: DateTime<Utc>) -> Result<(), DbError> {
        let faulty = store::faulty(tx).await?;
        let works = |known: &&Authority| !faulty.iter().any(|health| health.directory == known.directory);
        let Some(other) = self.config.authorities.iter().find(works) else { return Ok(()) };
        for health in &faulty {
            let reason = health.down_reason.as_deref().unwrap_or("it does not answer");
            let since = health.down_since.unwrap_or(now);
            let failure = Failure {
                at: now,
                step: crate::order::Step::New,
                who: Who::Authority,
                authority: authority::name(&health.directory).to_owned(),
                text: format!("{reason} (since {})", since.format("%F %T UTC")),
            };
            let patience = delta(self.config.patience);
            let moved =
                store::move_on(tx, &health.directory, &other.directory, (failure, patience), now).await?;
            if moved > 0 {
                tracing::warn!(
                    moved,
                    from = health.directory,
                    to = other.directory,
                    "orders go to another authority"
                );
            }
        }
        Ok(())
    }

    /// The profile to order, if the authority offers it.
    pub(crate) fn profile(&self, account: &Account, directory: &str) -> Result<Option<&str>, StepError> {
        let Some(wished) = self.authority(directory)?.profile.as_deref() else { return Ok(None) };
        if account.profiles().any(|offered| offered.name == wished) {
            return Ok(Some(wished));
        }
        let offered: Vec<_> = account.profiles().map(|offered| offered.name.to_owned()).collect();
        tracing::warn!(authority = directory, wished, ?offered, "the authority does not offer this profile");
        Ok(None)
    }

    /// Says when a certificate lives longer than the profile that was wished allows: some authorities ignore the field.
    pub(crate) fn compare_profile(&self, row: &OrderRow, facts: &Facts) {
        let Ok(authority) = self.authority(&row.directory) else { return };
        let wished = authority.profile.as_deref();
        let Some(longest) = wished.and_then(longest_life) else { return };
        let life = facts.not_after - facts.not_before;
        if life > longest {
            tracing::warn!(
                host = row.host,
                wished,
                days = life.num_days(),
                "the certificate lives longer than its profile says"
            );
        }
    }
}

/// The longest life that Let's Encrypt's profiles give, with a day to spare.
fn longest_life(profile: &str) -> Option<chrono::TimeDelta> {
    match profile {
        "tlsserver" => Some(chrono::TimeDelta::days(46)),
        "shortlived" => Some(chrono::TimeDelta::days(8)),
        "classic" => Some(chrono::TimeDelta::days(91)),
        _ => None,
    }
}
