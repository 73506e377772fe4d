//! What may be asked of an authority, kept below its own limits by token buckets in the database, so that all nodes
//! together stay below them. The algorithm is GCRA, the authority's own: a bucket is one moment, at which it is full again.
//!
//! Four lanes draw on the bucket of new orders, in this order: urgent, first issue, renewal without ARI, bulk; the last
//! only while a fifth of the burst remains, so that somebody who waits at a screen never waits behind an import. Renewals
//! inside the authority's window, and at Let's Encrypt of the same names, cost the authority nothing, so they take nothing.
//!
//! Every bucket is a minute less deep than the authority's: we take before the authority counts, so ours refills earlier
//! by the time that the request was under way.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::db::{Error, SystemTx};
use serde::{Deserialize, Serialize};

/// How much shallower than the authority's bucket ours is.
const MARGIN: TimeDelta = TimeDelta::seconds(60);
/// The part of the burst that bulk leaves to others.
const KEPT_FROM_BULK: i32 = 5;

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[repr(i16)]
pub enum Lane {
    /// A certificate that is about to expire or was revoked.
    Urgent = 0,
    /// A host that a person waits for.
    First = 1,
    Renewal = 2,
    /// An import, and hosts that have failed again and again.
    Bulk = 3,
}

/// So many at once, and after that one each `per / burst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub burst: u32,
    pub per: Duration,
}

impl Limit {
    /// A limit of `burst` in each stretch of `hours`.
    #[must_use]
    pub const fn hours(burst: u32, hours: u64) -> Self {
        Self { burst, per: Duration::from_secs(hours * 3600) }
    }

    fn price(self) -> TimeDelta {
        whole(delta(self.per) / i32::try_from(self.burst.max(1)).unwrap_or(i32::MAX))
    }

    /// How far ahead of now the bucket's moment may come.
    fn depth(self, lane: Lane, margin: TimeDelta) -> TimeDelta {
        let all = delta(self.per);
        let usable = if lane == Lane::Bulk { all - all / KEPT_FROM_BULK } else { all };
        whole(usable - margin).max(self.price())
    }

    /// When a token is there, of a bucket that is full at a moment (or now, when none is known).
    fn free_at(self, full: Option<DateTime<Utc>>, depth: TimeDelta, now: DateTime<Utc>) -> DateTime<Utc> {
        (full.unwrap_or(now).max(now) + self.price() - depth).max(now)
    }
}

/// An authority's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// New orders of our account.
    pub orders: Option<Limit>,
    /// Certificates of one registered domain, whoever asks.
    pub domain: Option<Limit>,
    /// Certificates of the very same names.
    pub set: Option<Limit>,
    /// Failed validations of one name.
    pub failures: Option<Limit>,
    /// Whether renewing the same names is free of the first two even without ARI.
    pub renewals_free: bool,
}

impl Limits {
    /// Let's Encrypt, as documented on 2026-08-05.
    #[must_use]
    pub const fn lets_encrypt() -> Self {
        Self {
            orders: Some(Limit::hours(300, 3)),
            domain: Some(Limit::hours(50, 7 * 24)),
            set: Some(Limit::hours(5, 7 * 24)),
            failures: Some(Limit::hours(5, 1)),
            renewals_free: true,
        }
    }

    /// An authority that names none. Its 429 is heard all the same.
    #[must_use]
    pub const fn none() -> Self {
        Self { orders: None, domain: None, set: None, failures: None, renewals_free: false }
    }

    /// The limits that are known for a directory.
    #[must_use]
    pub fn of(directory: &str) -> Self {
        let host = directory.split("://").nth(1).unwrap_or(directory).split(['/', ':']).next();
        match host {
            Some(host) if host == "letsencrypt.org" || host.ends_with(".letsencrypt.org") => {
                Self::lets_encrypt()
            }
            _ => Self::none(),
        }
    }
}

/// The answer of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    /// Nothing was taken; worth another look then.
    NotBefore(DateTime<Utc>),
}

/// One bucket of one authority.
#[derive(Debug, Clone)]
pub(crate) struct Bucket<'a> {
    pub(crate) directory: &'a str,
    pub(crate) name: String,
    pub(crate) limit: Limit,
    /// How much shallower it is than its limit.
    pub(crate) margin: TimeDelta,
}

pub(crate) const ORDERS: &str = "orders";

impl<'a> Bucket<'a> {
    pub(crate) fn orders(directory: &'a str, limit: Limit) -> Self {
        Self { directory, name: ORDERS.to_owned(), limit, margin: MARGIN }
    }

    pub(crate) fn domain(directory: &'a str, host: &str, limit: Limit) -> Self {
        Self { directory, name: format!("domain {}", registered_domain(host)), limit, margin: MARGIN }
    }

    pub(crate) fn set(directory: &'a str, host: &str, limit: Limit) -> Self {
        Self { directory, name: format!("set {host}"), limit, margin: MARGIN }
    }

    /// Two fewer than the authority allows, and one each of its stretches: so that never more than four fall into one
    /// hour where it locks a name out after five.
    pub(crate) fn failures(directory: &'a str, host: &str, limit: Limit) -> Self {
        let burst = limit.burst.saturating_sub(2).max(1);
        let limit = Limit { burst, per: limit.per * burst };
        Self { directory, name: format!("failures {host}"), limit, margin: TimeDelta::zero() }
    }

    /// So many an hour in even steps, ten minutes' at once.
    pub(crate) fn paced(name: &str, hourly: f64) -> Bucket<'static> {
        let burst = (hourly / 6.0).clamp(1.0, 10_000.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 10,000")]
        let burst = burst as u32;
        let per = Duration::from_secs_f64(3600.0 * f64::from(burst) / hourly);
        let limit = Limit { burst, per };
        Bucket { directory: "", name: name.to_owned(), limit, margin: TimeDelta::zero() }
    }

    fn depth(&self, lane: Lane) -> TimeDelta {
        self.limit.depth(lane, self.margin)
    }

    /// Takes a token: one statement, whoever else takes at the same time.
    pub(crate) async fn take(
        &self,
        tx: &mut SystemTx,
        lane: Lane,
        now: DateTime<Utc>,
    ) -> Result<Taken, Error> {
        let taken: Option<DateTime<Utc>> = sqlx::query_scalar(
            "insert into acme_budgets as b (directory, bucket, tat) values ($1, $2, $3 + $4)
             on conflict (directory, bucket) do update set tat = greatest(b.tat, $3) + $4
                   where greatest(b.tat, $3) + $4 <= $3 + $5
             returning tat",
        )
        .bind(self.directory)
        .bind(&self.name)
        .bind(now)
        .bind(self.limit.price())
        .bind(self.depth(lane))
        .fetch_optional(tx.conn())
        .await?;
        match taken {
            Some(_) => Ok(Taken::Yes),
            None => Ok(Taken::NotBefore(self.free_at(tx, lane, now).await?)),
        }
    }

    /// Puts a token back.
    pub(crate) async fn give_back(&self, tx: &mut SystemTx) -> Result<(), Error> {
        sqlx::query("update acme_budgets set tat = tat - $3 where directory = $1 and bucket = $2")
            .bind(self.directory)
            .bind(&self.name)
            .bind(self.limit.price())
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// When a token of this lane is there; not later than `now` when there is one.
    pub(crate) async fn free_at(
        &self,
        tx: &mut SystemTx,
        lane: Lane,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, Error> {
        Ok(self.limit.free_at(self.full_at(tx).await?, self.depth(lane), now))
    }

    /// Empties the bucket until the authority's own word: it has counted what we have not.
    pub(crate) async fn drain(
        &self,
        tx: &mut SystemTx,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let full = until + self.depth(Lane::Urgent) - self.limit.price();
        sqlx::query(
            "insert into acme_budgets as b (directory, bucket, tat) values ($1, $2, $3)
             on conflict (directory, bucket) do update set tat = greatest(b.tat, $3, $4)",
        )
        .bind(self.directory)
        .bind(&self.name)
        .bind(full)
        .bind(now)
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    async fn full_at(&self, tx: &mut SystemTx) -> Result<Option<DateTime<Utc>>, Error> {
        let tat = sqlx::query_scalar("select tat from acme_budgets where directory = $1 and bucket = $2")
            .bind(self.directory)
            .bind(&self.name)
            .fetch_optional(tx.conn())
            .await?;
        Ok(tat)
    }
}

/// The bucket of new orders as it was read, to reckon with without asking again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    limit: Limit,
    full: Option<DateTime<Utc>>,
}

impl Level {
    pub(crate) fn new(limit: Limit, full: Option<DateTime<Utc>>) -> Self {
        Self { limit, full }
    }

    /// When a token of this lane is there; not later than `now` when there is one.
    pub(crate) fn free_at(&self, lane: Lane, now: DateTime<Utc>) -> DateTime<Utc> {
        self.limit.free_at(self.full, self.limit.depth(lane, MARGIN), now)
    }

    /// Reckons with one token less. It is taken in the database later, when the order gets that far.
    pub(crate) fn expect_one(&mut self, now: DateTime<Utc>) {
        self.full = Some(self.full.unwrap_or(now).max(now) + self.limit.price());
    }
}

/// Forgets buckets that are full.
pub(crate) async fn sweep(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query("delete from acme_budgets where tat < $1").bind(now).execute(tx.conn()).await?;
    Ok(())
}

/// The name under a public suffix that a host belongs to: what the authority counts certificates of.
#[must_use]
pub fn registered_domain(host: &str) -> String {
    let host = host.strip_prefix("*.").unwrap_or(host);
    psl::domain_str(host).unwrap_or(host).to_owned()
}

/// In whole microseconds, never less than before: the database takes nothing finer.
fn whole(span: TimeDelta) -> TimeDelta {
    let finer = span.subsec_nanos().rem_euclid(1000);
    if finer == 0 { span } else { span + TimeDelta::nanoseconds(i64::from(1000 - finer)) }
}

/// A duration as the calendar's type; far beyond any wait used here it saturates.
pub(crate) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use migrations::testing::TestDatabase;
    use platform_core::db::{Db, DbConfig, System};

    #[test]
    fn a_registered_domain_is_one_below_a_public_suffix() {
        assert_eq!(registered_domain("success.brightwater.example"), "brightwater.example");
        assert_eq!(registered_domain("*.portal.shop.co.uk"), "shop.co.uk");
        assert_eq!(registered_domain("shop.co.uk"), "shop.co.uk");
        assert_eq!(registered_domain("co.uk"), "co.uk");
    }

    #[test]
    fn limits_are_known_by_the_directory() {
        assert!(Limits::of("https://acme-v02.api.letsencrypt.org/directory").orders.is_some());
        assert!(Limits::of("https://notletsencrypt.org/directory").orders.is_none());
        assert!(Limits::of("https://localhost:14000/dir").orders.is_none());
    }

    async fn db() -> (TestDatabase, Db) {
        let test = TestDatabase::new().await;
        let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 8 };
        let db = Db::connect(config).await.unwrap();
        (test, db)
    }

    #[tokio::test]
    async fn bulk_leaves_a_fifth_and_others_take_all() {
        let (_test, db) = db().await;
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let orders = Bucket::orders("d", Limit::hours(300, 3));
        let mut tx = db.system(System::Certificates).await.unwrap();
        let mut bulk = 0;
        while orders.take(&mut tx, Lane::Bulk, start).await.unwrap() == Taken::Yes {
            bulk += 1;
        }
        assert_eq!(bulk, 238, "four fifths of 300, and a minute less");
        assert!(orders.free_at(&mut tx, Lane::Bulk, start).await.unwrap() > start);
        let mut first = 0;
        let later = loop {
            match orders.take(&mut tx, Lane::First, start).await.unwrap() {
                Taken::Yes => first += 1,
                Taken::NotBefore(at) => break at,
            }
        };
        assert_eq!(first, 60);
        assert!((later - start).num_seconds() <= 36, "one each 36 s");
        let moment = later - TimeDelta::milliseconds(1);
        assert_ne!(orders.take(&mut tx, Lane::First, moment).await.unwrap(), Taken::Yes);
        assert_eq!(orders.take(&mut tx, Lane::First, later).await.unwrap(), Taken::Yes);

        let hour = start + TimeDelta::hours(1);
        orders.drain(&mut tx, hour, start).await.unwrap();
        assert_eq!(orders.free_at(&mut tx, Lane::Urgent, start).await.unwrap(), hour);
        sweep(&mut tx, hour + TimeDelta::hours(3)).await.unwrap();
        assert_eq!(orders.full_at(&mut tx).await.unwrap(), None, "a full bucket is no row");
        let mut level = Level::new(orders.limit, None);
        let mut count = 0;
        while level.free_at(Lane::Urgent, start) <= start {
            level.expect_one(start);
            count += 1;
        }
        assert_eq!(count, 298);
    }

    #[tokio::test]
    async fn a_pace_of_any_fraction_can_be_taken_and_given_back() {
        let (_test, db) = db().await;
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut tx = db.system(System::Certificates).await.unwrap();
        for hourly in [20.0, 23.456_789, 100.0 / 3.0, 1e4 / 7.0] {
            let pace = Bucket::paced(&format!("renewals {hourly}"), hourly);
            assert_eq!(pace.take(&mut tx, Lane::Renewal, now).await.unwrap(), Taken::Yes);
            assert_eq!(pace.take(&mut tx, Lane::Bulk, now).await.unwrap(), Taken::Yes);
            pace.give_back(&mut tx).await.unwrap();
            assert_eq!(pace.free_at(&mut tx, Lane::Renewal, now).await.unwrap(), now);
        }
        assert_eq!(whole(TimeDelta::nanoseconds(-1500)), TimeDelta::microseconds(-1));
    }

    #[tokio::test]
    async fn nodes_that_take_at_once_never_take_too_many() {
        let (_test, db) = db().await;
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let db = db.clone();
            tasks.spawn(async move {
                let failures = Bucket::failures("d", "a.example", Limit::hours(5, 1));
                let mut taken = 0;
                for _ in 0..5 {
                    let mut tx = db.system(System::Certificates).await.unwrap();
                    taken +=
                        usize::from(failures.take(&mut tx, Lane::First, now).await.unwrap() == Taken::Yes);
                    tx.commit().await.unwrap();
                }
                taken
            });
        }
        let taken: usize = tasks.join_all().await.into_iter().sum();
        assert_eq!(taken, 3, "the authority locks a name out after five");
    }
}
