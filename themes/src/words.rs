//! A reader's words for what no template makes: papers, CSV files, messages with their arguments.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{format::Money, format::When, lens::Lens, locale::Direction, view::View};

/// A language with a brand's renamed terms, the tenant's zone and the moment of asking.
#[derive(Debug, Clone)]
pub struct Words(Lens);

impl Words {
    /// The words that a page of this view would use.
    #[must_use]
    pub fn new(view: &View) -> Self {
        Self(Lens::new(view))
    }

    /// BCP 47 tag of the language.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.0.locale.tag()
    }

    #[must_use]
    pub fn direction(&self) -> Direction {
        self.0.locale.direction()
    }

    /// A message with its arguments. Keys that Rust says are named with `Registry::keys`, so that a check finds missing
    /// ones; what is missing all the same says its key.
    #[must_use]
    pub fn say(&self, key: &str, arguments: &[(&str, &str)]) -> String {
        self.spoken(key, None, arguments)
    }

    /// A message that depends on a number, `{count}`.
    #[must_use]
    pub fn counted(&self, key: &str, count: u64, arguments: &[(&str, &str)]) -> String {
        self.spoken(key, Some(count), arguments)
    }

    fn spoken(&self, key: &str, count: Option<u64>, arguments: &[(&str, &str)]) -> String {
        let said = self.0.say(key, count, false, |out, name| {
            let given = arguments.iter().find(|(known, _)| *known == name);
            match (given, count) {
                (Some((_, text)), _) => out.push_str(text),
                (None, Some(count)) if name == "count" => {
                    out.push_str(&self.0.locale.formats.number(count.into(), 0));
                }
                _ => return false,
            }
            true
        });
        said.unwrap_or_else(|error| {
            tracing::error!(%error, key, "a message could not be said");
            key.to_owned()
        })
    }

    /// "Thu 26 Nov 2026": with the year, because what is printed is read in other years.
    #[must_use]
    pub fn day(&self, day: NaiveDate) -> String {
        self.0.locale.formats.dated(day)
    }

    /// "Thursday 26 November 2026, 14:32 CET", in the reader's zone.
    #[must_use]
    pub fn exact(&self, at: DateTime<Utc>) -> String {
        self.0.locale.formats.exact(When::At(at.with_timezone(&self.0.zone)))
    }

    /// "€1,234.50".
    #[must_use]
    pub fn money(&self, money: &Money) -> String {
        self.0.locale.formats.money(money.amount, &money.currency, false)
    }

    /// A unit price: up to four decimals.
    #[must_use]
    pub fn price(&self, money: &Money) -> String {
        self.0.locale.formats.money(money.amount, &money.currency, true)
    }

    /// A quantity with the decimals that it has.
    #[must_use]
    pub fn number(&self, number: rust_decimal::Decimal) -> String {
        let number = number.normalize();
        self.0.locale.formats.number(number, number.scale())
    }
}
