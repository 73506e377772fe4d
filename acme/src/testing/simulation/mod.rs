//! Long stretches of the queue's life against a simulated authority: an import, and a year. The queue's own code and a real
//! database do the work; only the authority and the clock are simulated. The driver looks as a node does: whenever
//! something is due, and at its own rhythm; between two looks the clock jumps.

mod import;
mod year;

pub use import::{Import, ImportOutcome};
pub use year::{Year, YearOutcome};

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::clock::{Clock, MockClock};
use platform_core::db::{Db, Error, System};
use platform_core::random::{SeededRandom, SystemRandom};
use platform_core::secrets::Sealer;

use super::{SimCa, SimOptions};
use crate::issuer::Issuer;
use crate::settings::IssuerConfig;
use crate::wanted;

/// The beginning of every simulation: 2027-01-15 08:00 UTC.
const BEGIN: i64 = 1_800_000_000;

/// One issuer, one authority, one clock.
struct World {
    db: Db,
    clock: Arc<MockClock>,
    ca: SimCa,
    issuer: Issuer,
}

impl World {
    fn new(db: Db, seed: u64, options: SimOptions, workers: usize) -> Self {
        let begin = DateTime::from_timestamp(BEGIN, 0).expect("a moment of this century");
        let clock = Arc::new(MockClock::at(begin));
        let ca = SimCa::new(options, clock.clone());
        let line = Sealer::new_key_line(1, &SeededRandom::new(seed));
        let sealer = Sealer::from_key_file(&line, Arc::new(SystemRandom)).expect("a fresh key file is one");
        let config = IssuerConfig { workers, ..IssuerConfig::of(vec![ca.authority()]) };
        let sources = (clock.clone() as Arc<dyn Clock>, Arc::new(SeededRandom::new(seed)) as _);
        let issuer = Issuer::over(SimCa::wires(&[&ca]), config, db.clone(), sealer, sources)
            .expect("the provider makes ticket keys");
        Self { db, clock, ca, issuer }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves the clock, never back.
    fn until(&self, moment: DateTime<Utc>) {
        if let Ok(step) = (moment - self.now()).to_std() {
            self.clock.advance(step);
        }
    }

    async fn want(&self, hosts: &[String], bulk: bool) -> Result<(), Error> {
        let mut tx = self.db.system(System::Certificates).await?;
        match bulk {
            true => wanted::want_in_bulk(&mut tx, hosts, self.now()).await?,
            false => wanted::want(&mut tx, hosts, self.now()).await?,
        };
        tx.commit().await?;
        self.issuer.reconcile().await
    }

    async fn count(&self, query: &'static str) -> Result<i64, Error> {
        let mut tx = self.db.system(System::Certificates).await?;
        let query = sqlx::query_scalar(query).bind(self.now());
        Ok(query.fetch_one(tx.conn()).await?)
    }
}

/// The most that falls into one whole hour.
fn peak_an_hour(moments: impl Iterator<Item = i64>) -> u32 {
    let mut hours: HashMap<i64, u32> = HashMap::new();
    for moment in moments {
        *hours.entry(moment.div_euclid(3600)).or_default() += 1;
    }
    hours.into_values().max().unwrap_or(0)
}

/// The value below which so many percent of the values lie.
fn percentile(values: &mut [TimeDelta], percent: usize) -> TimeDelta {
    values.sort();
    let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_peaks() {
        let mut values: Vec<_> = (1..=100).rev().map(TimeDelta::seconds).collect();
        assert_eq!(percentile(&mut values, 99), TimeDelta::seconds(99));
        assert_eq!(percentile(&mut [TimeDelta::seconds(7)], 99), TimeDelta::seconds(7));
        assert_eq!(percentile(&mut [], 99), TimeDelta::zero());
        assert_eq!(peak_an_hour([0, 3599, 3600].into_iter()), 2);
    }
}
