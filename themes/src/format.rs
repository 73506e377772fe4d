//! Dates, times and amounts as a locale writes them. Pure; the template side is `filters`.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::locale::{Formats, Locale};

/// An amount with its currency: what pages carry, never a float.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub amount: Decimal,
    /// ISO 4217 code, e.g. `EUR`.
    pub currency: String,
}

impl Money {
    #[must_use]
    pub fn new(amount: Decimal, currency: impl Into<String>) -> Self {
        Self { amount, currency: currency.into() }
    }
}

/// A date, or a point in time seen in the tenant's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Day(NaiveDate),
    At(DateTime<Tz>),
}

impl When {
    /// Reads what serde made of a `NaiveDate` or a `DateTime`.
    pub(crate) fn read(text: &str, zone: Tz) -> Option<Self> {
        if text.len() == 10 {
            return text.parse().ok().map(When::Day);
        }
        let at: DateTime<Utc> = text.parse().ok()?;
        Some(When::At(at.with_timezone(&zone)))
    }

    pub(crate) fn date(self) -> NaiveDate {
        match self {
            When::Day(day) => day,
            When::At(at) => at.date_naive(),
        }
    }

    /// For the `datetime` attribute.
    pub(crate) fn machine(self) -> String {
        match self {
            When::Day(day) => day.to_string(),
            When::At(at) => at.format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        }
    }
}

impl Formats {
    /// "Thu 26 Nov", with the year when it is not this year's.
    pub(crate) fn day(&self, day: NaiveDate, today: NaiveDate) -> String {
        let pattern = if day.year() == today.year() { &self.day } else { &self.day_year };
        self.date(pattern, day, 1)
    }

    /// "Thu 26 Nov 2026".
    pub(crate) fn dated(&self, day: NaiveDate) -> String {
        self.date(&self.day_year, day, 1)
    }

    /// "Thursday 26 November 2026".
    pub(crate) fn long_day(&self, day: NaiveDate) -> String {
        self.date(&self.long_day, day, 0)
    }

    /// "Thu 26 Nov, 14:32".
    pub(crate) fn moment(&self, at: DateTime<Tz>, today: NaiveDate) -> String {
        let day = self.day(at.date_naive(), today);
        self.moment.replace("{day}", &day).replace("{time}", &clock(at))
    }

    /// The exact stamp: "Thursday 26 November 2026, 14:32 CET", or the long day alone.
    pub(crate) fn exact(&self, when: When) -> String {
        match when {
            When::Day(day) => self.long_day(day),
            When::At(at) => {
                let time = format!("{} {}", clock(at), at.format("%Z"));
                self.moment.replace("{day}", &self.long_day(at.date_naive())).replace("{time}", &time)
            }
        }
    }

    fn date(&self, pattern: &str, day: NaiveDate, short: usize) -> String {
        let weekday = day.weekday().num_days_from_monday() as usize;
        let mut out = String::with_capacity(32);
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            match name {
                "weekday" => out.push_str(&self.days[short][weekday]),
                "day" => out.push_str(&day.day().to_string()),
                "month" => out.push_str(&self.months[short][day.month0() as usize]),
                _ => out.push_str(&day.year().to_string()),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// "1,234.50": digits grouped in threes, `decimals` after the point.
    pub(crate) fn number(&self, value: Decimal, decimals: u32) -> String {
        let rounded = value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
        let text = format!("{:.*}", decimals as usize, rounded.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut out = String::with_capacity(text.len() + 8);
        if rounded.is_sign_negative() && !rounded.is_zero() {
            out.push('\u{2212}');
        }
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                out.push_str(&self.group);
            }
            out.push(digit);
        }
        if decimals > 0 {
            out.push_str(&self.decimal);
            out.push_str(fraction);
        }
        out
    }

    /// "€1,234.50"; `exact` keeps up to four decimals of a unit price.
    pub(crate) fn money(&self, amount: Decimal, currency: &str, exact: bool) -> String {
        let (symbol, minor) = currency_habits(currency);
        let decimals = if exact { amount.normalize().scale().clamp(minor, minor.max(4)) } else { minor };
        let number = self.number(amount, decimals);
        let symbol = symbol.map_or_else(|| format!("{currency}\u{a0}"), str::to_owned);
        let (sign, digits) =
            number.strip_prefix('\u{2212}').map_or(("", number.as_str()), |rest| ("\u{2212}", rest));
        let money = self.money.replace("{symbol}", &symbol).replace("{amount}", digits);
        format!("{sign}{money}")
    }
}

/// "14:32".
pub(crate) fn clock(at: DateTime<Tz>) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// Symbol and decimals of a currency; `None` writes the code.
fn currency_habits(code: &str) -> (Option<&'static str>, u32) {
    match code {
        "EUR" => (Some("€"), 2),
        "USD" => (Some("$"), 2),
        "GBP" => (Some("£"), 2),
        "JPY" => (Some("¥"), 0),
        "KRW" | "VND" | "CLP" | "ISK" => (None, 0),
        "KWD" | "BHD" | "OMR" | "JOD" | "TND" => (None, 3),
        _ => (None, 2),
    }
}

/// A distance in time, as a message key below `time.` and a count.
pub(crate) fn distance(from: DateTime<Utc>, to: DateTime<Utc>) -> (&'static str, u64) {
    let seconds = (to - from).num_seconds();
    let size = seconds.unsigned_abs();
    let past = seconds < 0;
    match size {
        0..45 => ("time.now", 0),
        45..3600 => (if past { "time.minutes_ago" } else { "time.in_minutes" }, size.div_ceil(60).min(59)),
        3600..86_400 => (if past { "time.hours_ago" } else { "time.in_hours" }, size / 3600),
        _ => (if past { "time.days_ago" } else { "time.in_days" }, size / 86_400),
    }
}

/// A distance in days, as a message key below `time.` and a count.
pub(crate) fn days(today: NaiveDate, day: NaiveDate) -> (&'static str, u64) {
    let days = (day - today).num_days();
    match days {
        0 => ("time.today", 0),
        1 => ("time.tomorrow", 1),
        -1 => ("time.yesterday", 1),
        2.. => ("time.in_days", days.unsigned_abs()),
        _ => ("time.days_ago", days.unsigned_abs()),
    }
}

impl Locale {
    /// Text of a day for callers outside templates, e.g. a mail's subject argument: "Thu 26 Nov".
    #[must_use]
    pub fn day(&self, day: NaiveDate, today: NaiveDate) -> String {
        self.formats.day(day, today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locales::Locales;

    fn formats() -> Formats {
        Locales::built_in().unwrap().get("en").formats.clone()
    }

    #[test]
    fn days_carry_a_year_only_when_it_helps() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 11, 26).unwrap();
        let next = NaiveDate::from_ymd_opt(2027, 1, 4).unwrap();
        assert_eq!(formats().day(day, today), "Thu 26 Nov");
        assert_eq!(formats().day(next, today), "Mon 4 Jan 2027");
        assert_eq!(formats().long_day(day), "Thursday 26 November 2026");
    }

    #[test]
    fn times_are_the_tenants() {
        let when = When::read("2026-11-21T23:32:00Z", chrono_tz::Europe::Oslo).unwrap();
        assert_eq!(formats().exact(when), "Sunday 22 November 2026, 00:32 CET");
        assert_eq!(when.machine(), "2026-11-22T00:32:00+01:00");
        assert_eq!(When::read("yesterday", chrono_tz::UTC), None);
    }

    #[test]
    fn money_is_grouped_and_rounded() {
        let money = |text: &str, code: &str| formats().money(text.parse().unwrap(), code, false);
        assert_eq!(money("1234567.5", "EUR"), "€1,234,567.50");
        assert_eq!(money("-0.004", "USD"), "$0.00");
        assert_eq!(money("-12", "USD"), "\u{2212}$12.00");
        assert_eq!(money("1200", "JPY"), "¥1,200");
        assert_eq!(money("99.995", "NOK"), "NOK\u{a0}100.00");
        assert_eq!(formats().money("0.0375".parse().unwrap(), "EUR", true), "€0.0375");
    }

    #[test]
    fn distances_have_the_right_word() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-11-21T12:00:00Z");
        assert_eq!(distance(now, at("2026-11-21T11:59:30Z")), ("time.now", 0));
        assert_eq!(distance(now, at("2026-11-21T11:57:00Z")), ("time.minutes_ago", 3));
        assert_eq!(distance(now, at("2026-11-21T15:10:00Z")), ("time.in_hours", 3));
        assert_eq!(
            days(now.date_naive(), NaiveDate::from_ymd_opt(2026, 11, 22).unwrap()),
            ("time.tomorrow", 1)
        );
    }
}
