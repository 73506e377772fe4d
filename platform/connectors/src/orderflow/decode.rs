//! From the bytes of a foreign value's text to a value of ours, without ever stopping on a bad one.
//!
//! Seen in the wild: `infinity`, years 44 BC and 20226, `NaN`, forty digits, Windows-1252 in a database without an
//! encoding, `char(n)` padding, control characters, "no date" written as 1900-01-01, hours that a time change skips.

use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::mapping::{LegacyEncoding, Mapping};

/// What a value is decoded with.
#[derive(Debug, Clone)]
pub struct Decoder {
    pub time_zone: Tz,
    pub day_zone: Tz,
    pub encoding: LegacyEncoding,
    pub blank_dates: Vec<NaiveDate>,
}

/// Longer texts are cut: nothing on a page is longer.
const MAX_TEXT: usize = 4000;
/// Days outside are typing errors; a page that showed them would look broken.
const YEARS: std::ops::RangeInclusive<i32> = 1950..=2199;

impl Decoder {
    /// The settings of a mapping.
    #[must_use]
    pub fn new(mapping: &Mapping) -> Self {
        Self {
            time_zone: mapping.time_zone,
            day_zone: mapping.day_zone,
            encoding: mapping.encoding,
            blank_dates: mapping.blank_dates.clone(),
        }
    }

    /// Text without padding and control characters; none when nothing is left.
    #[must_use]
    pub fn text(&self, bytes: &[u8]) -> Option<String> {
        clean(&self.characters(bytes))
    }

    /// The same where lines mean something, as in an address: each is cleaned, empty ones are left out.
    #[must_use]
    pub fn lines(&self, bytes: &[u8]) -> Option<String> {
        let lines: Vec<String> = self.characters(bytes).lines().filter_map(clean).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn characters(&self, bytes: &[u8]) -> String {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| self.legacy(*byte)).collect(),
        }
    }

    fn legacy(&self, byte: u8) -> char {
        match (self.encoding, byte) {
            (LegacyEncoding::Windows1252, 0x80..=0x9f) => WINDOWS_1252[usize::from(byte - 0x80)],
            _ => char::from(byte),
        }
    }

    /// A day. Infinite and "blank" dates mean none.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn day(&self, text: &str) -> Result<Option<NaiveDate>, String> {
        if text.ends_with("infinity") {
            return Ok(None);
        }
        let day = match self.moment(text)? {
            Moment::Day(day) => day,
            Moment::Zoned(at) => at.with_timezone(&self.day_zone).date_naive(),
            Moment::Local(at) if self.time_zone == self.day_zone => at.date(),
            Moment::Local(at) => self.instant(at).with_timezone(&self.day_zone).date_naive(),
        };
        self.plausible(day, text).map(|fine| fine.then_some(day))
    }

    /// An instant. Stamps without a zone are in the mapping's.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn instant_of(&self, text: &str) -> Result<Option<DateTime<Utc>>, String> {
        if text.ends_with("infinity") {
            return Ok(None);
        }
        let (at, day) = match self.moment(text)? {
            Moment::Day(day) => (self.instant(day.and_time(chrono::NaiveTime::MIN)), day),
            Moment::Zoned(at) => (at, at.date_naive()),
            Moment::Local(at) => (self.instant(at), at.date()),
        };
        self.plausible(day, text).map(|fine| fine.then_some(at))
    }

    fn plausible(&self, day: NaiveDate, text: &str) -> Result<bool, String> {
        use chrono::Datelike;
        if self.blank_dates.contains(&day) {
            return Ok(false);
        }
        if YEARS.contains(&day.year()) { Ok(true) } else { Err(format!("{text:?} is no plausible date")) }
    }

    fn moment(&self, text: &str) -> Result<Moment, String> {
        let unreadable = || format!("{text:?} is no date");
        if text.ends_with("BC") {
            return Err(unreadable());
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Moment::Day(day));
        }
        // 24:00:00 is a time to PostgreSQL and to nobody else
        if let Some((day, rest)) = text.split_once([' ', 'T'])
            && let Some(zone) = rest.strip_prefix("24:00:00")
        {
            let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok();
            let next = day.and_then(|day| day.checked_add_days(Days::new(1))).ok_or_else(unreadable)?;
            return self.moment(&format!("{next} 00:00:00{zone}"));
        }
        if let Ok(at) = NaiveDateTime::parse_from_str(&text.replacen('T', " ", 1), "%Y-%m-%d %H:%M:%S%.f") {
            return Ok(Moment::Local(at));
        }
        DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z")
            .map(|at| Moment::Zoned(at.with_timezone(&Utc)))
            .map_err(|_| unreadable())
    }

    /// How far clocks went back in the last day: stamps of an hour that came twice are smaller the second time.
    #[must_use]
    pub fn hour_that_is_twice(&self, now: DateTime<Utc>) -> TimeDelta {
        let ahead = |at: DateTime<Utc>| at.with_timezone(&self.time_zone).naive_local() - at.naive_utc();
        (ahead(now - TimeDelta::days(1)) - ahead(now)).max(TimeDelta::zero())
    }

    /// The instant of a wall clock. The first of two when clocks went back; an hour on when they skipped it.
    fn instant(&self, at: NaiveDateTime) -> DateTime<Utc> {
        let zone = self.time_zone;
        zone.from_local_datetime(&at)
            .earliest()
            .or_else(|| zone.from_local_datetime(&(at + TimeDelta::hours(1))).earliest())
            .map_or_else(|| at.and_utc(), |at| at.with_timezone(&Utc))
    }
}

fn clean(text: &str) -> Option<String> {
    let printable: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect();
    let trimmed = printable.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

enum Moment {
    Day(NaiveDate),
    Local(NaiveDateTime),
    Zoned(DateTime<Utc>),
}

/// A decimal, rounded to `places` and below `limit_digits` digits before the point.
///
/// # Errors
/// What is wrong with the text: not a number, or too large to be one of a customer's.
pub fn decimal(text: &str, places: u32, limit_digits: u32) -> Result<Option<Decimal>, String> {
    let shown: String = text.chars().take(50).collect();
    if text == "NaN" || text.ends_with("Infinity") {
        return Err(format!("{shown} is no number"));
    }
    let parsed =
        if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { Decimal::from_str(text) };
    let value = parsed.map_err(|_| format!("{shown} has more digits than an amount can"))?.round_dp(places);
    let digits = value.abs().trunc().to_string().len();
    if digits > limit_digits as usize {
        return Err(format!("{shown} has more digits than an amount can"));
    }
    Ok(Some(value))
}

/// A link that a browser may follow.
///
/// # Errors
/// Anything but `http` and `https`.
pub fn link(text: &str) -> Result<Option<String>, String> {
    let web = text.starts_with("https://") || text.starts_with("http://");
    if !web || text.len() > 500 || text.contains(|c: char| c.is_whitespace() || "<>\"'`{}".contains(c)) {
        return Err("is no link to a web page".into());
    }
    Ok(Some(text.to_owned()))
}

/// Bytes 0x80 to 0x9f; the five that Windows left free stay what they are in Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder() -> Decoder {
        Decoder {
            time_zone: chrono_tz::America::Chicago,
            day_zone: chrono_tz::America::Chicago,
            encoding: LegacyEncoding::Windows1252,
            blank_dates: vec![NaiveDate::from_ymd_opt(1900, 1, 1).unwrap()],
        }
    }

    #[test]
    fn text_of_any_bytes() {
        let d = decoder();
        assert_eq!(d.text(b"  BRW-1042    ").as_deref(), Some("BRW-1042"));
        assert_eq!(d.text("Grüße".as_bytes()).as_deref(), Some("Grüße"));
        assert_eq!(d.text(b"\x93Pr\xfcfzeugnis\x94 \x96").as_deref(), Some("“Prüfzeugnis” –"));
        assert_eq!(d.text(b"PO\x07 4711\tB\n").as_deref(), Some("PO  4711 B"));
        assert_eq!(d.text(b"   "), None);
        assert_eq!(d.lines(b" Dock 2 \r\n\n Plant Road\x07").as_deref(), Some("Dock 2\nPlant Road"));
        assert_eq!(d.text(&vec![b'x'; 100_000]).map(|t| t.len()), Some(MAX_TEXT));
    }

    #[test]
    fn dates_of_any_calendar() {
        let d = decoder();
        let day = |text: &str| d.day(text).map(|day| day.map(|day| day.to_string()));
        assert_eq!(day("2026-11-21"), Ok(Some("2026-11-21".into())));
        assert_eq!(day("2026-11-21 23:59:59.5"), Ok(Some("2026-11-21".into())));
        assert_eq!(day("2026-11-21 02:00:00+00"), Ok(Some("2026-11-20".into())));
        assert_eq!(day("infinity"), Ok(None));
        assert_eq!(day("-infinity"), Ok(None));
        assert_eq!(day("1900-01-01 00:00:00"), Ok(None));
        for bad in
            ["20226-03-01 00:00:00", "0044-03-15 BC", "1066-10-14", "294276-12-31", "soon", "", "2026-02-30"]
        {
            assert!(day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn stamps_in_the_plants_own_zone() {
        let d = decoder();
        let at = |text: &str| d.instant_of(text).unwrap().map(|at| at.to_rfc3339());
        assert_eq!(at("2026-07-01 08:00:00").as_deref(), Some("2026-07-01T13:00:00+00:00"));
        assert_eq!(at("2026-07-01 08:00:00+05:30").as_deref(), Some("2026-07-01T02:30:00+00:00"));
        assert_eq!(at("2026-07-01 08:00:00-05").as_deref(), Some("2026-07-01T13:00:00+00:00"));
        assert_eq!(
            at("2026-03-08 02:30:00").as_deref(),
            Some("2026-03-08T08:30:00+00:00"),
            "an hour that never was"
        );
        assert_eq!(
            at("2026-11-01 01:30:00").as_deref(),
            Some("2026-11-01T06:30:00+00:00"),
            "an hour that was twice"
        );
        assert_eq!(at("2026-07-01 24:00:00").as_deref(), Some("2026-07-02T05:00:00+00:00"));
        assert_eq!(at("2026-07-01").as_deref(), Some("2026-07-01T05:00:00+00:00"));
    }

    #[test]
    fn clocks_that_went_back_cost_an_hour_of_looking_back() {
        let back = |text: &str| decoder().hour_that_is_twice(text.parse().unwrap()).num_minutes();
        assert_eq!(back("2026-11-01T07:30:00Z"), 60, "half past one, for the second time");
        assert_eq!(back("2026-11-01T06:30:00Z"), 0, "for the first time");
        assert_eq!(back("2026-11-03T06:30:00Z"), 0);
        assert_eq!(back("2026-03-08T12:00:00Z"), 0, "going forward costs nothing");
    }

    #[test]
    fn numbers_of_any_length() {
        let read = |text: &str| decimal(text, 2, 20).ok().flatten().map(|d| d.to_string());
        assert_eq!(read("12.5").as_deref(), Some("12.5"));
        assert_eq!(read("14.8000002").as_deref(), Some("14.80"));
        assert_eq!(read("1.5e3").as_deref(), Some("1500"));
        assert_eq!(read("-0.005").as_deref(), Some("0.00"));
        for bad in [
            "NaN",
            "Infinity",
            "-Infinity",
            "1234567890123456789012345678901234567890.12",
            "123456789012345678901",
            "x",
            "",
        ] {
            assert!(decimal(bad, 2, 20).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_that_a_browser_may_follow() {
        assert!(link("https://www.ups.com/track?tracknum=1Z999").is_ok());
        for bad in ["javascript:alert(1)", "//evil", "https://x/\" onload=", "ftp://x", "https://x y"] {
            assert!(link(bad).is_err(), "{bad}");
        }
    }
}
