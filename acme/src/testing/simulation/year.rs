//! A year of a fleet of certificates, with an authority that is away for ten days and one that revokes a part of them.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::db::{Db, Error};

use super::super::{Outage, SimOptions};
use super::{World, peak_an_hour};

/// The fleet is built up evenly in a renewal's interval, as one that has grown is spread.
const GROWTH: TimeDelta = TimeDelta::days(30);
const WORKERS: usize = 8;

/// What is lived through.
#[derive(Debug, Clone, Copy)]
pub struct Year {
    pub certificates: usize,
    /// The length of it, after the fleet has grown.
    pub days: i64,
    /// How often the authority wants to be asked for renewal windows, in seconds. Let's Encrypt says 6 hours.
    pub ask_every: u32,
    /// The day on which the authority goes away, and for how many days.
    pub outage: (i64, i64),
    /// The day on which it announces to revoke, and how many percent of the certificates.
    pub revocation: (i64, u8),
    /// How often the driver looks; a node looks more often.
    pub tick: TimeDelta,
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct YearOutcome {
    /// Certificates that were in use after their end, for however short.
    pub expired: i64,
    /// The least time that any certificate had left when its successor came.
    pub least_left: TimeDelta,
    pub renewals: usize,
    /// Renewals by how the authority counted them.
    pub in_window: u64,
    pub of_same_names: u64,
    pub counted: u64,
    pub refused: u64,
    /// Renewals an hour, those of the announced revocation apart.
    pub mean: f64,
    pub peak: u32,
    pub announced: usize,
    /// From the announcement until the last one was replaced.
    pub replaced_within: TimeDelta,
    pub windows_asked: u64,
}

impl Year {
    /// Runs it in an empty database. `tell` hears about each month.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn run(self, db: Db, tell: impl Fn(String)) -> Result<YearOutcome, Error> {
        let options =
            SimOptions { renewal_info: Some(self.ask_every), verify: false, ..SimOptions::default() };
        let world = World::new(db, self.seed, options, WORKERS);
        let began = Instant::now();
        self.grow(&world).await?;
        let start = world.now();
        let day = |number: i64| start + TimeDelta::days(number);
        world.ca.away(day(self.outage.0), day(self.outage.0 + self.outage.1), Outage::Pages);
        let mut announced = None;
        let mut month = 0;
        let mut least_left = TimeDelta::MAX;
        while world.now() < day(self.days) {
            if announced.is_none() && world.now() >= day(self.revocation.0) {
                let percent = u64::from(self.revocation.1);
                announced = Some((world.now(), world.ca.announce_revocation(|host| part(host) < percent)));
            }
            self.look(&world).await?;
            if (world.now() - start).num_days() / 30 > month {
                month += 1;
                least_left = least_left.min(least(&world).await?);
                let issued = world.ca.issued();
                tell(format!("month {month}: {issued} certificates, {:.0?}", began.elapsed()));
            }
        }
        least_left = least_left.min(least(&world).await?);
        self.outcome(&world, start, announced, least_left).await
    }

    async fn grow(&self, world: &World) -> Result<(), Error> {
        let begin = world.now();
        let mut made = 0;
        while world.now() < begin + GROWTH {
            let passed = (world.now() - begin + self.tick).as_seconds_f64() / GROWTH.as_seconds_f64();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a part of a count of certificates"
            )]
            let due = ((self.certificates as f64 * passed) as usize).min(self.certificates);
            let hosts: Vec<String> =
                (made..due).map(|number| format!("success.customer-{number:05}.example")).collect();
            if !hosts.is_empty() {
                world.want(&hosts, false).await?;
            }
            made = due;
            self.look(world).await?;
        }
        Ok(())
    }

    /// One look of a node: works off what is due, then sleeps a tick.
    async fn look(&self, world: &World) -> Result<(), Error> {
        if world.now().timestamp() % 3600 < self.tick.num_seconds() {
            world.issuer.reconcile().await?;
        }
        while world.issuer.turn().await? > 0 {}
        let tick = self.tick.num_seconds();
        let next = (world.now().timestamp() / tick + 1) * tick;
        world.until(DateTime::from_timestamp(next, 0).expect("a moment of this century"));
        Ok(())
    }

    async fn outcome(
        &self,
        world: &World,
        start: DateTime<Utc>,
        announced: Option<(DateTime<Utc>, usize)>,
        least_left: TimeDelta,
    ) -> Result<YearOutcome, Error> {
        let stats = world.ca.stats();
        let since = start.timestamp();
        let steady =
            || stats.issued.iter().filter(|(at, hurried)| *at >= since && !hurried).map(|(at, _)| *at);
        let last = stats.issued.iter().filter(|(_, hurried)| *hurried).map(|(at, _)| *at).max();
        let replaced_within = match (announced, last) {
            (Some((at, _)), Some(last)) => TimeDelta::seconds(last - at.timestamp()),
            _ => TimeDelta::zero(),
        };
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let mean = steady().count() as f64 / (self.days * 24) as f64;
        let expired = "select count(*) from certificates
                        where coalesce(superseded_at, $1) > not_after";
        Ok(YearOutcome {
            expired: world.count(expired).await? + i64::from(least_left < TimeDelta::zero()),
            least_left,
            renewals: stats.issued.iter().filter(|(at, _)| *at >= since).count(),
            in_window: stats.renewals_in_window,
            of_same_names: stats.renewals_of_same_names,
            counted: stats.renewals_counted,
            refused: stats.refused,
            mean,
            peak: peak_an_hour(steady()),
            announced: announced.map_or(0, |(_, count)| count),
            replaced_within,
            windows_asked: stats.windows_asked,
        })
    }
}

/// The least time that a certificate had left when it was superseded, or has now. Those that expired long ago are swept,
/// so it is asked each month.
async fn least(world: &World) -> Result<TimeDelta, Error> {
    let seconds =
        "select coalesce(min(extract(epoch from not_after - coalesce(superseded_at, $1)))::bigint, 0)
                     from certificates";
    Ok(TimeDelta::seconds(world.count(seconds).await?))
}

/// A number below 100 that belongs to a host.
fn part(host: &str) -> u64 {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, host.as_bytes());
    u64::from(u16::from_be_bytes([digest.as_ref()[0], digest.as_ref()[1]])) % 100
}
