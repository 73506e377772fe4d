//! The queue's simulations at full scale, as figures: an import of 10,000 domains inside Let's Encrypt's limits, and a year
//! of 10,000 certificates with an outage of ten days and a mass revocation. Needs PostgreSQL's programs and nothing else.
//!
//! `simulate [--quick] [--seed N] [--certificates N] [import|year]`; `--certificates` is the year's fleet, for a shorter look.

use std::process::ExitCode;

use acme::testing::simulation::{Import, ImportOutcome, Year, YearOutcome};
use chrono::TimeDelta;
use migrations::testing::TestDatabase;
use platform_core::db::{Db, DbConfig, Error};

/// One figure with its goal, which it must not exceed, as every benchmark of the house prints it.
fn figure(name: &str, value: f64, unit: &str, goal: f64) {
    let word = if value <= goal { "met" } else { "short" };
    say(&format!(
        "figure {name} {value:.2} {unit} goal <= {goal:.2} {word} ({value:.2} .. {value:.2} over 1 rounds)"
    ));
}

#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
fn say(line: &str) {
    println!("{line}");
}

async fn empty() -> Result<Db, Error> {
    let test = TestDatabase::new().await;
    // A day passes in seconds here; a database that tidies up once a minute would drown in what a month leaves behind.
    let mut owner = test.owner().await;
    for setting in [
        "alter system set autovacuum_naptime = '8s'",
        "alter system set autovacuum_vacuum_cost_delay = 0",
        "select pg_reload_conf()",
    ] {
        sqlx::query(setting).execute(&mut owner).await?;
    }
    Db::connect(DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 16 })
        .await
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds are far below 2^52")]
fn number(value: impl TryInto<i64>) -> f64 {
    value.try_into().map_or(f64::INFINITY, |value: i64| value as f64)
}

fn days(span: TimeDelta) -> f64 {
    number(span.num_milliseconds()) / 86_400_000.0
}

fn seconds(span: TimeDelta) -> f64 {
    number(span.num_milliseconds()) / 1000.0
}

async fn import(quick: bool, seed: u64) -> Result<(), Error> {
    let domains = if quick { 400 } else { 10_000 };
    let people = if quick { 5 } else { 50 };
    let plain = Import { domains, failing: 0, people, seed }.run(empty().await?).await?;
    tell_import("all good", &plain);
    // At best 300 at once and then one each 36 s; the people's orders are orders too.
    let best = TimeDelta::seconds(36 * i64::try_from(domains + people - 300).unwrap_or(0));
    say(&format!("# the authority's limit allows {:.3} days at best", days(best)));
    let goal = if quick { days(best) + 0.05 } else { 4.1 };
    figure("import.span", days(plain.span), "days", goal);
    figure("import.refused", number(plain.refused), "answers", 0.0);
    figure("import.person_waits_p99", seconds(plain.wait), "s", 5.0);
    let failing = Import { domains, failing: 30, people, seed }.run(empty().await?).await?;
    tell_import("30 % of the domains fail at the authority", &failing);
    let delay = (days(failing.span) / days(plain.span) - 1.0) * 100.0;
    figure("import.delay_by_failures", delay, "%", 2.0);
    figure("import.failures_refused", number(failing.refused), "answers", 0.0);
    figure("import.failures_person_waits_p99", seconds(failing.wait), "s", 5.0);
    figure("import.failures_a_name_an_hour", number(failing.failures_in_an_hour), "failures", 4.0);
    Ok(())
}

fn tell_import(what: &str, outcome: &ImportOutcome) {
    say(&format!(
        "# import, {what}: {} certificates in {:.3} days, {} failed orders, the longest wait of a person {:.1} s",
        outcome.certificates,
        days(outcome.span),
        outcome.failed_orders,
        seconds(outcome.longest_wait)
    ));
}

async fn year(quick: bool, seed: u64, certificates: usize) -> Result<(), Error> {
    let year = Year {
        certificates: if quick { 300 } else { certificates },
        days: if quick { 60 } else { 365 },
        ask_every: 6 * 3600,
        outage: if quick { (20, 5) } else { (100, 10) },
        revocation: (if quick { 45 } else { 200 }, 10),
        // A node looks whenever something is due. The pace of renewals gives ten minutes' worth at once and keeps no more:
        // who looked more rarely would renew more slowly than any node does.
        tick: TimeDelta::minutes(10),
        seed,
    };
    let outcome = year.run(empty().await?, |line| say(&format!("# {line}"))).await?;
    tell_year(&year, &outcome);
    figure("year.expired", number(outcome.expired), "certificates", 0.0);
    figure("year.counted_renewals", number(outcome.counted), "orders", 0.0);
    figure("year.refused", number(outcome.refused), "answers", 0.0);
    if quick {
        say("# a fleet this small is below the least pace: its peak says nothing");
        return Ok(());
    }
    figure("year.peak_by_mean", f64::from(outcome.peak) / outcome.mean, "times", 2.0);
    Ok(())
}

fn tell_year(year: &Year, outcome: &YearOutcome) {
    say(&format!(
        "# {} certificates, {} days: {} renewals ({} inside their window, {} as the same names), {:.1} an hour, {} at most",
        year.certificates,
        year.days,
        outcome.renewals,
        outcome.in_window,
        outcome.of_same_names,
        outcome.mean,
        outcome.peak
    ));
    say(&format!(
        "# {} were announced to be revoked and replaced within {:.1} h; the least life left at a renewal was {:.1} days; {} \
         windows asked for",
        outcome.announced,
        seconds(outcome.replaced_within) / 3600.0,
        days(outcome.least_left),
        outcome.windows_asked
    ));
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|word| word == "--quick");
    let number = |name: &str| -> Option<u64> {
        arguments.iter().skip_while(|word| *word != name).nth(1).and_then(|word| word.parse().ok())
    };
    let seed = number("--seed").unwrap_or(2027);
    let certificates = number("--certificates").and_then(|number| number.try_into().ok()).unwrap_or(10_000);
    let only = |name: &str| arguments.iter().any(|word| word == name);
    say(&format!("# seed {seed}"));
    let mut outcome = Ok(());
    if !only("year") {
        outcome = import(quick, seed).await;
    }
    if outcome.is_ok() && !only("import") {
        outcome = year(quick, seed, certificates).await;
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("# it could not be measured: {error}"));
            ExitCode::FAILURE
        }
    }
}
