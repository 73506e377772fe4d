//! An import of thousands of domains inside the authority's limits, while people add hosts and wait for them.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::db::{Db, Error, System};
use platform_core::random::{Random, SeededRandom, below};

use super::super::{SimOptions, When};
use super::{World, percentile};
use crate::installed;

/// What each request to the authority takes, so that an order takes about a second.
const LATENCY: Duration = Duration::from_millis(100);
/// Orders driven at the same time.
const WORKERS: usize = 4;
/// It ends at the latest after this, done or not.
const PATIENCE: TimeDelta = TimeDelta::days(10);

/// What is imported.
#[derive(Debug, Clone, Copy)]
pub struct Import {
    pub domains: usize,
    /// Percent of the domains that the authority refuses whenever it looks.
    pub failing: u32,
    /// Hosts that people add meanwhile, at random moments, and wait for.
    pub people: usize,
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct ImportOutcome {
    /// Until the last domain that can have a certificate has one.
    pub span: TimeDelta,
    pub certificates: usize,
    /// 429s of the authority.
    pub refused: u64,
    /// How long people waited, 99 of 100.
    pub wait: TimeDelta,
    pub longest_wait: TimeDelta,
    /// The most failures of one name in any sixty minutes.
    pub failures_in_an_hour: usize,
    pub failed_orders: usize,
}

struct Person {
    host: String,
    at: DateTime<Utc>,
}

impl Import {
    /// Runs it in an empty database.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn run(self, db: Db) -> Result<ImportOutcome, Error> {
        let options = SimOptions { latency: LATENCY, verify: false, ..SimOptions::default() };
        let world = World::new(db, self.seed, options, WORKERS);
        let random = SeededRandom::new(self.seed);
        let domains = self.domains(&random);
        let good = domains.iter().filter(|domain| !domain.contains("broken")).count();
        world
            .ca
            .fail(|host, _| host.contains("broken").then(|| ("unauthorized", format!("{host} answers 404"))));
        let begin = world.now();
        let mut people = self.people(begin, &random);
        world.want(&domains, true).await?;
        let mut waiting: Vec<Person> = Vec::new();
        let mut waits = Vec::new();
        let mut done = None;
        while (done.is_none() || !waiting.is_empty()) && world.now() - begin < PATIENCE {
            let arrived = people.iter().filter(|person| person.at <= world.now()).count();
            if arrived > 0 {
                let new: Vec<Person> = people.drain(..arrived).collect();
                let hosts: Vec<String> = new.iter().map(|person| person.host.clone()).collect();
                world.want(&hosts, false).await?;
                waiting.extend(new);
            }
            let driven = world.issuer.turn().await?;
            served(&world, &mut waiting, &mut waits).await?;
            if done.is_none() && good_ones(&world) >= good + waits.len() {
                done = Some(world.now());
            }
            if driven == 0 {
                let look = world.now() + TimeDelta::minutes(10);
                let next = world.issuer.next_look().await?.unwrap_or(look).min(look);
                let next = people.first().map_or(next, |person| person.at.min(next));
                world.until(next.max(world.now() + TimeDelta::milliseconds(100)));
            }
        }
        let stats = world.ca.stats();
        let failures = failures_in_an_hour(&stats.failures);
        Ok(ImportOutcome {
            span: done.unwrap_or_else(|| world.now()) - begin,
            certificates: stats.issued.len(),
            refused: stats.refused,
            longest_wait: waits.iter().copied().max().unwrap_or_default(),
            wait: percentile(&mut waits, 99),
            failures_in_an_hour: failures,
            failed_orders: stats.failures.len(),
        })
    }

    /// Each customer has a registered domain of its own; those that fail are anywhere among the others.
    fn domains(&self, random: &dyn Random) -> Vec<String> {
        let name = |number: usize| {
            let kind = if below(random, 100) < self.failing { "broken" } else { "customer" };
            format!("portal.n{number:05}-{kind}.example")
        };
        (0..self.domains).map(name).collect()
    }

    /// People come at any moment of the time that the import takes at best.
    fn people(&self, begin: DateTime<Utc>, random: &dyn Random) -> Vec<Person> {
        let span = u32::try_from(self.domains.saturating_sub(240) * 36).unwrap_or(u32::MAX).max(600);
        let person = |number: usize| Person {
            host: format!("success.person-{number}.example"),
            at: begin + TimeDelta::seconds(i64::from(below(random, span))),
        };
        let mut people: Vec<_> = (0..self.people).map(person).collect();
        people.sort_by_key(|person| person.at);
        people
    }
}

fn good_ones(world: &World) -> usize {
    world.ca.issued()
}

/// Moves those who have their certificate from the waiting to the waits.
async fn served(world: &World, waiting: &mut Vec<Person>, waits: &mut Vec<TimeDelta>) -> Result<(), Error> {
    if waiting.is_empty() {
        return Ok(());
    }
    let hosts: Vec<String> = waiting.iter().map(|person| person.host.clone()).collect();
    let now = world.now();
    let mut tx = world.db.system(System::Certificates).await?;
    let covered = installed::covered(&mut tx, &hosts, now).await?;
    waiting.retain(|person| {
        let has = covered.contains(&person.host);
        if has {
            waits.push(now - person.at);
        }
        !has
    });
    Ok(())
}

fn failures_in_an_hour(failures: &[(String, When)]) -> usize {
    let mut names: HashMap<&str, Vec<When>> = HashMap::new();
    for (name, at) in failures {
        names.entry(name).or_default().push(*at);
    }
    let most = |moments: &Vec<When>| {
        let within = |from: &When| moments.iter().filter(|at| (*from..*from + 3600).contains(at)).count();
        moments.iter().map(within).max().unwrap_or(0)
    };
    names.values().map(most).max().unwrap_or(0)
}
