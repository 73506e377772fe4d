//! Credit by our own rules: what is used, what open orders will use, what is left, and how old overdue money is. Sums are
//! kept a currency each and never added together. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use themes::Money;

/// How full a credit line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Calm,
    /// 80 % and more.
    High,
    /// 95 % and more.
    Nearly,
    /// 100 % and more.
    Full,
}

impl Level {
    /// By percent of the limit, rounded down, so that nobody is warned too early.
    #[must_use]
    pub fn of(percent: u32) -> Self {
        match percent {
            0..80 => Self::Calm,
            80..95 => Self::High,
            95..100 => Self::Nearly,
            _ => Self::Full,
        }
    }
}

/// One credit line, as the source says it and as we add it up.
#[derive(Debug, Clone, Serialize)]
pub struct Credit {
    pub limit: Option<Money>,
    pub used: Money,
    /// Totals of open orders, less what was invoiced of them.
    pub exposure: Money,
    /// None without a limit. Never below nothing: what is over it is `over`.
    pub available: Option<Money>,
    /// How much is used beyond the limit.
    pub over: Option<Money>,
    /// Of the limit, by invoices and by open orders; 100 at most together, for the bar.
    pub used_share: u32,
    pub exposure_share: u32,
    /// Of the limit, however much.
    pub percent: u32,
    pub level: Level,
    pub terms: Option<String>,
    pub on_hold: bool,
    pub as_of: DateTime<Utc>,
}

/// What the source says of one credit line.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Standing {
    pub credit_limit: Option<Decimal>,
    pub used: Option<Decimal>,
    pub currency: Option<String>,
    pub terms: Option<String>,
    pub on_hold: bool,
    pub as_of: DateTime<Utc>,
    /// Of its connector: unpaid invoices less unused credit notes, in its currency.
    pub unpaid: Decimal,
    /// Of its connector: open orders, less what was invoiced of them, in its currency.
    pub exposure: Decimal,
}

/// Adds a credit line up; none while the source names no currency, because no sum means anything then.
#[must_use]
pub fn credit(standing: Standing) -> Option<Credit> {
    let currency = standing.currency?;
    let money = |amount| Money::new(amount, &currency);
    let used = standing.used.unwrap_or(standing.unpaid);
    let exposure = standing.exposure.max(Decimal::ZERO);
    let limit = standing.credit_limit.filter(|limit| *limit > Decimal::ZERO);
    let left = limit.map(|limit| limit - used - exposure);
    let (used_share, exposure_share) = limit.map_or((0, 0), |limit| {
        let used = share(used, limit).min(100);
        (used, share(exposure, limit).min(100 - used))
    });
    let percent = limit.map_or(0, |limit| share(used + exposure, limit));
    Some(Credit {
        limit: standing.credit_limit.map(money),
        used: money(used),
        exposure: money(exposure),
        available: left.map(|left| money(left.max(Decimal::ZERO))),
        over: left.filter(|left| *left < Decimal::ZERO).map(|left| money(-left)),
        used_share,
        exposure_share,
        percent,
        level: Level::of(percent),
        terms: standing.terms,
        on_hold: standing.on_hold,
        as_of: standing.as_of,
    })
}

/// Whole percent, rounded down; nothing below nothing.
fn share(part: Decimal, whole: Decimal) -> u32 {
    let percent = (part.max(Decimal::ZERO) * Decimal::ONE_HUNDRED / whole).floor();
    u32::try_from(percent.min(Decimal::from(9999)).mantissa() / 10_i128.pow(percent.scale()))
        .unwrap_or_default()
}

/// How old unpaid money of one currency is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ageing {
    /// Not due yet, then 1-30, 31-60, 61-90 and more than 90 days overdue.
    pub buckets: [Money; 5],
    /// Of the last four.
    pub overdue: Money,
}

/// Unpaid money by age, a currency each. `unpaid` is `(currency, due, amount)`; without a due day nothing is overdue.
#[must_use]
pub fn ageing(unpaid: &[(String, Option<NaiveDate>, Decimal)], today: NaiveDate) -> Vec<Ageing> {
    let mut sums: BTreeMap<&str, [Decimal; 5]> = BTreeMap::new();
    for (currency, due, amount) in unpaid {
        sums.entry(currency).or_default()[bucket(*due, today)] += amount;
    }
    let told = |(currency, sums): (&str, [Decimal; 5])| Ageing {
        overdue: Money::new(sums[1..].iter().sum::<Decimal>(), currency),
        buckets: sums.map(|sum| Money::new(sum, currency)),
    };
    sums.into_iter().map(told).collect()
}

/// Which of the five a due day belongs to.
#[must_use]
pub fn bucket(due: Option<NaiveDate>, today: NaiveDate) -> usize {
    match due.map_or(0, |due| (today - due).num_days()) {
        ..=0 => 0,
        1..=30 => 1,
        31..=60 => 2,
        61..=90 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(limit: Option<i64>, used: Option<i64>, unpaid: i64, exposure: i64) -> Standing {
        Standing {
            credit_limit: limit.map(Decimal::from),
            used: used.map(Decimal::from),
            currency: Some("EUR".to_owned()),
            terms: None,
            on_hold: false,
            as_of: DateTime::UNIX_EPOCH,
            unpaid: Decimal::from(unpaid),
            exposure: Decimal::from(exposure),
        }
    }

    fn told(standing: Standing) -> (Level, u32, Option<Decimal>, Option<Decimal>) {
        let credit = credit(standing).expect("there is a currency");
        (credit.level, credit.percent, credit.available.map(|m| m.amount), credit.over.map(|m| m.amount))
    }

    #[test]
    fn warnings_begin_at_80_95_and_100_percent() {
        for (used, exposure, level) in [
            (799, 0, Level::Calm),
            (700, 100, Level::High),
            (949, 0, Level::High),
            (0, 950, Level::Nearly),
            (999, 0, Level::Nearly),
            (600, 400, Level::Full),
            (1500, 0, Level::Full),
        ] {
            assert_eq!(told(standing(Some(1000), Some(used), 0, exposure)).0, level, "{used} and {exposure}");
        }
    }

    #[test]
    fn what_is_left_counts_open_orders_and_shows_what_is_over() {
        let money = |amount: i64| Some(Decimal::from(amount));
        assert_eq!(told(standing(Some(1000), Some(300), 9, 200)), (Level::Calm, 50, money(500), None));
        assert_eq!(
            told(standing(Some(1000), None, 400, 0)).2,
            money(600),
            "the source keeps no sum: ours stands in"
        );
        assert_eq!(told(standing(Some(1000), Some(900), 0, 300)), (Level::Full, 120, money(0), money(200)));
        assert_eq!(
            told(standing(None, Some(900), 0, 300)),
            (Level::Calm, 0, None, None),
            "no limit, no warning"
        );
        assert_eq!(told(standing(Some(1000), Some(-50), 0, 0)).1, 0, "in credit");
        let bar = credit(standing(Some(100), Some(80), 0, 90)).expect("a line");
        assert_eq!((bar.used_share, bar.exposure_share), (80, 20), "the bar ends at its end");
        assert!(credit(Standing { currency: None, ..standing(Some(1), None, 0, 0) }).is_none());
    }

    #[test]
    fn ages_are_kept_a_currency_each() {
        let today: NaiveDate = "2026-11-21".parse().expect("a day");
        let unpaid: Vec<_> = [
            ("EUR", Some(0), 1),
            ("EUR", Some(1), 2),
            ("EUR", Some(30), 4),
            ("EUR", Some(31), 8),
            ("EUR", Some(61), 16),
            ("EUR", Some(91), 32),
            ("USD", Some(400), 64),
            ("EUR", None, 128),
        ]
        .into_iter()
        .map(|(currency, days, amount)| {
            (
                currency.to_owned(),
                days.map(|days| today - chrono::TimeDelta::days(days)),
                Decimal::from(amount),
            )
        })
        .collect();
        let ages = ageing(&unpaid, today);
        let sums = |at: usize| ages[at].buckets.iter().map(|money| money.amount).collect::<Vec<_>>();
        assert_eq!(sums(0), [129, 6, 8, 16, 32].map(Decimal::from));
        assert_eq!((ages[0].overdue.amount, ages[1].overdue.amount), (Decimal::from(62), Decimal::from(64)));
        assert_eq!(ages[1].buckets[4].currency, "USD");
    }
}
