//! A month of reading, for the owner of the source: what we read, how often, how long it took, what stood in the way.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, Utc};
use platform_core::id::ConnectorId;
use platform_core::{Error, TenantTx};
use serde::Serialize;

use super::{Hour, Used, seconds, store};
use crate::mapping::Mapping;
use crate::registry;
use crate::stops::{self, Stop};

/// A month of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(NaiveDate);

impl Month {
    /// The one that a moment lies in.
    #[must_use]
    pub fn of(at: DateTime<Utc>) -> Self {
        Self(at.date_naive().with_day(1).unwrap_or_default())
    }

    /// The one before, for links.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.checked_sub_months(Months::new(1)).unwrap_or(self.0))
    }

    /// The one after, for links.
    #[must_use]
    pub fn after(self) -> Self {
        Self(self.0.checked_add_months(Months::new(1)).unwrap_or(self.0))
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> NaiveDate {
        self.0
    }

    fn span(self) -> (DateTime<Utc>, DateTime<Utc>) {
        let begin = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        (begin(self.0), begin(self.after().0))
    }
}

impl std::str::FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = format!("{text}-01").parse().ok().filter(|_| text.len() == 7);
        day.map(Self).ok_or_else(|| format!("{text:?} is no month; write it as 2026-11"))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

/// What was read of one kind of row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// A section of the mapping, `catalogue`, `session` or `dry_run`.
    pub entity: String,
    /// The tables behind it, as the active mapping has them.
    pub tables: Vec<String>,
    pub used: Used,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MonthReport {
    pub name: String,
    /// `2026-11`; its days are those of UTC.
    pub month: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// The first hour that is still kept, if the month began before it.
    pub kept_from: Option<DateTime<Utc>>,
    pub total: Used,
    /// Hours in which anything was read.
    pub hours: usize,
    /// The busiest hour by statements.
    pub busiest: Option<(DateTime<Utc>, i64)>,
    /// What took longest, and in which hour.
    pub longest: Option<(String, DateTime<Utc>, f64)>,
    /// The most rows first.
    pub readings: Vec<Reading>,
    /// Every day with any reading.
    pub days: Vec<(NaiveDate, Vec<Reading>)>,
    pub stops: Vec<Stop>,
    /// Statements a second that the sync allows itself; 0 is no limit.
    pub allowed_per_second: u32,
    /// The shares of a column chart, by day of the month, from 0 to 100.
    pub shares: Vec<(NaiveDate, i64, u32)>,
}

/// Reads the report; none when there is no such connector.
///
/// # Errors
/// The database's answer.
pub async fn month(
    tx: &mut TenantTx,
    connector: ConnectorId,
    month: Month,
    now: DateTime<Utc>,
) -> Result<Option<MonthReport>, Error> {
    let list = registry::list(tx).await?;
    let Some(known) = list.into_iter().find(|known| known.id == connector) else { return Ok(None) };
    let (from, to) = month.span();
    let hours = store::hours(tx, connector, from, to).await?;
    let stops = stops::within(tx, connector, from, to).await?;
    let mapping = Mapping::parse(&known.mapping).ok();
    let tables = mapping.as_ref().map(tables).unwrap_or_default();
    let kept = super::hour_of(now) - super::KEPT;
    Ok(Some(MonthReport {
        name: known.name,
        month: month.to_string(),
        from,
        to,
        kept_from: (from < kept).then_some(kept),
        total: Used::of(from, hours.iter()),
        hours: hours.iter().map(|hour| hour.hour).collect::<BTreeSet<_>>().len(),
        busiest: busiest(&hours),
        longest: longest(&hours),
        readings: readings(from, &hours, &tables),
        days: days(&hours, &tables),
        stops,
        allowed_per_second: mapping.map(|mapping| mapping.pace.statements_per_second).unwrap_or_default(),
        shares: shares(month, &hours),
    }))
}

type Tables = BTreeMap<&'static str, Vec<String>>;

fn tables(mapping: &Mapping) -> Tables {
    let of = |entity: &crate::mapping::Entity| {
        let joined = entity.joins.iter().map(|join| join.table.to_string());
        let mut names: Vec<String> = std::iter::once(entity.table.to_string()).chain(joined).collect();
        names.dedup();
        (entity.name, names)
    };
    mapping.entities().map(of).collect()
}

fn busiest(hours: &[Hour]) -> Option<(DateTime<Utc>, i64)> {
    let mut sums: BTreeMap<DateTime<Utc>, i64> = BTreeMap::new();
    hours.iter().for_each(|hour| *sums.entry(hour.hour).or_default() += hour.statements);
    sums.into_iter().max_by_key(|(_, statements)| *statements)
}

fn longest(hours: &[Hour]) -> Option<(String, DateTime<Utc>, f64)> {
    let longest = hours.iter().max_by_key(|hour| hour.longest_micros)?;
    Some((longest.entity.clone(), longest.hour, seconds(longest.longest_micros)))
}

fn readings(since: DateTime<Utc>, hours: &[Hour], tables: &Tables) -> Vec<Reading> {
    let kinds: BTreeSet<&str> = hours.iter().map(|hour| hour.entity.as_str()).collect();
    let reading = |entity: &str| Reading {
        entity: entity.to_owned(),
        tables: tables.get(entity).cloned().unwrap_or_default(),
        used: Used::of(since, hours.iter().filter(|hour| hour.entity == entity)),
    };
    let mut readings: Vec<Reading> = kinds.into_iter().map(reading).collect();
    readings.sort_by_key(|reading| std::cmp::Reverse((reading.used.rows, reading.used.statements)));
    readings
}

fn days(hours: &[Hour], tables: &Tables) -> Vec<(NaiveDate, Vec<Reading>)> {
    let days = hours.chunk_by(|a, b| a.hour.date_naive() == b.hour.date_naive());
    days.filter_map(|day| Some((day.first()?.hour, day)))
        .map(|(first, day)| {
            (first.date_naive(), readings(first.date_naive().and_time(NaiveTime::MIN).and_utc(), day, tables))
        })
        .collect()
}

fn shares(month: Month, hours: &[Hour]) -> Vec<(NaiveDate, i64, u32)> {
    let mut sums: BTreeMap<NaiveDate, i64> = BTreeMap::new();
    hours.iter().for_each(|hour| *sums.entry(hour.hour.date_naive()).or_default() += hour.statements);
    let most = sums.values().copied().max().unwrap_or_default().max(1);
    let end = month.after().first_day();
    let all = std::iter::successors(Some(month.first_day()), |day| day.checked_add_days(Days::new(1)));
    all.take_while(|day| *day < end)
        .map(|day| {
            let statements = sums.get(&day).copied().unwrap_or_default();
            (day, statements, u32::try_from(statements * 100 / most).unwrap_or_default())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Month;

    #[test]
    fn months_are_read_and_walked() {
        let month: Month = "2026-12".parse().expect("a month");
        assert_eq!(
            (month.before().to_string(), month.after().to_string()),
            ("2026-11".into(), "2027-01".into())
        );
        for bad in ["2026-13", "2026-1", "2026-11-01", "November", ""] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
