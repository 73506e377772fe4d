//! How addresses are written where: which fields, which of them must be there, how a postal code looks. A small table for
//! the countries that tenants deliver to most, after the address data of libaddressinput (Google, CC-BY 4.0,
//! `chromium-i18n.appspot.com/ssl-address`) and the postal addressing guides of the Universal Postal Union; elsewhere
//! every field is offered and only street and city are asked for.

use std::borrow::Cow;

use platform_web::{Posted, Problems};
use serde::{Deserialize, Serialize};
use themes::Registry;

use super::store::AddressRow;

/// Longest text of a field.
const LONGEST: usize = 120;

/// How a country writes addresses.
#[derive(Debug, Clone, Copy)]
pub struct Habit {
    pub code: &'static str,
    /// Fields after the street, in their order: `P`ostal code, `C`ity, `R`egion.
    pub order: &'static str,
    /// Those of them that must be there.
    required: &'static str,
    /// Forms of the postal code: `N` is a digit, `A` a letter, anything else itself.
    postal: &'static [&'static str],
    /// What the region is called: a key below `account.region.`.
    pub region: &'static str,
}

const fn habit(
    code: &'static str,
    order: &'static str,
    required: &'static str,
    postal: &'static [&'static str],
    region: &'static str,
) -> Habit {
    Habit { code, order, required, postal, region }
}

/// By code.
pub const HABITS: &[Habit] = &[
    habit("AE", "CR", "R", &[], "emirate"),
    habit("AT", "PC", "PC", &["NNNN"], "region"),
    habit("AU", "CRP", "CRP", &["NNNN"], "state"),
    habit("BE", "PC", "PC", &["NNNN"], "region"),
    habit("BR", "CRP", "CRP", &["NNNNN-NNN", "NNNNNNNN"], "state"),
    habit("CA", "CRP", "CRP", &["ANA NAN", "ANANAN"], "province"),
    habit("CH", "PC", "PC", &["NNNN"], "region"),
    habit("CZ", "PC", "PC", &["NNN NN", "NNNNN"], "region"),
    habit("DE", "PC", "PC", &["NNNNN"], "region"),
    habit("DK", "PC", "PC", &["NNNN"], "region"),
    habit("EG", "CRP", "CR", &["NNNNN"], "province"),
    habit("ES", "PCR", "PCR", &["NNNNN"], "province"),
    habit("FI", "PC", "PC", &["NNNNN"], "region"),
    habit("FR", "PC", "PC", &["NNNNN"], "region"),
    habit("GB", "CP", "CP", &["AN NAA", "ANN NAA", "AAN NAA", "AANN NAA", "ANA NAA", "AANA NAA"], "region"),
    habit("IE", "CRP", "C", &["ANN AAAA", "ANA AAAA", "ANNAAAA"], "county"),
    habit("IN", "CPR", "CPR", &["NNNNNN", "NNN NNN"], "state"),
    habit("IT", "PCR", "PCR", &["NNNNN"], "province"),
    habit("JP", "PRC", "PRC", &["NNN-NNNN", "NNNNNNN"], "prefecture"),
    habit("MX", "PCR", "PCR", &["NNNNN"], "state"),
    habit("NL", "PC", "PC", &["NNNN AA", "NNNNAA"], "region"),
    habit("NO", "PC", "PC", &["NNNN"], "region"),
    habit("PL", "PC", "PC", &["NN-NNN"], "region"),
    habit("PT", "PC", "PC", &["NNNN-NNN"], "region"),
    habit("SA", "CP", "C", &["NNNNN", "NNNNN-NNNN"], "region"),
    habit("SE", "PC", "PC", &["NNN NN", "NNNNN"], "region"),
    habit("SG", "CP", "P", &["NNNNNN"], "region"),
    habit("US", "CRP", "CRP", &["NNNNN", "NNNNN-NNNN"], "state"),
    habit("ZA", "CP", "CP", &["NNNN"], "province"),
];

/// Anywhere else.
const ELSEWHERE: Habit = habit("", "CRP", "C", &[], "region");

/// How a country writes addresses.
#[must_use]
pub fn habit_of(country: &str) -> Habit {
    HABITS.iter().find(|habit| habit.code == country).copied().unwrap_or(ELSEWHERE)
}

impl Habit {
    /// Whether the postal code is one.
    #[must_use]
    pub fn fits(&self, postal: &str) -> bool {
        let letters: Vec<char> = postal.chars().collect();
        let fits = |form: &&str| {
            form.chars().count() == letters.len()
                && form.chars().zip(&letters).all(|(form, letter)| match form {
                    'N' => letter.is_ascii_digit(),
                    'A' => letter.is_ascii_alphabetic(),
                    other => other == *letter,
                })
        };
        self.postal.is_empty() || self.postal.iter().any(|form| fits(&form))
    }

    /// The first form with its digits and letters made up, as an example: `12345`, `AB1 2CD`.
    #[must_use]
    pub fn example(&self) -> Option<String> {
        let (mut digits, mut letters) = (('1'..='9').cycle(), ('A'..='Z').cycle());
        let form = self.postal.last()?;
        let made = form.chars().filter_map(|form| match form {
            'N' => digits.next(),
            'A' => letters.next(),
            other => Some(other),
        });
        Some(made.collect())
    }

    #[must_use]
    pub fn asks_for(&self, field: char) -> bool {
        self.required.contains(field)
    }
}

/// An address as a form holds it, and as a request carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub label: String,
    pub street: String,
    pub street_2: String,
    pub postal_code: String,
    pub city: String,
    pub region: String,
    pub country: String,
    pub is_default: bool,
}

impl Address {
    /// What somebody typed: single spaces, postal codes in capitals.
    #[must_use]
    pub fn posted(form: &Posted) -> Self {
        let text = |name: &str| form.text(name).split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            label: text("label"),
            street: text("street"),
            street_2: text("street_2"),
            postal_code: text("postal_code").to_uppercase(),
            city: text("city"),
            region: text("region"),
            country: text("country").to_uppercase(),
            is_default: form.ticked("is_default"),
        }
    }

    /// A stored one. The street's first line is the street; whatever follows is the second.
    #[must_use]
    pub fn stored(row: &AddressRow) -> Self {
        let mut lines = row.street.lines().map(str::trim).filter(|line| !line.is_empty());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            label: text(&row.label),
            street: lines.next().unwrap_or_default().to_owned(),
            street_2: lines.collect::<Vec<_>>().join(", "),
            postal_code: text(&row.postal_code),
            city: text(&row.city),
            region: text(&row.region),
            country: text(&row.country),
            is_default: row.is_default,
        }
    }

    /// What is wrong with it, field by field.
    #[must_use]
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let habit = habit_of(&self.country);
        if self.country.is_empty() {
            problems.add("country", "form.required");
        }
        if self.street.is_empty() {
            problems.add("street", "form.required");
        }
        let fields = [
            ('P', "postal_code", &self.postal_code),
            ('C', "city", &self.city),
            ('R', "region", &self.region),
        ];
        for (letter, field, text) in fields {
            if habit.asks_for(letter) && text.is_empty() {
                problems.add(field, "form.required");
            }
        }
        if !self.postal_code.is_empty() && habit.order.contains('P') && !habit.fits(&self.postal_code) {
            problems.add("postal_code", "account.address.bad_postal");
        }
        let all = [
            ("label", &self.label),
            ("street", &self.street),
            ("street_2", &self.street_2),
            ("postal_code", &self.postal_code),
            ("city", &self.city),
            ("region", &self.region),
        ];
        for (field, text) in all {
            if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
                problems.add(field, "account.address.too_long");
            }
        }
        if !self.country.is_empty() && !known(&self.country) {
            problems.add("country", "account.address.country_unknown");
        }
        problems
    }

    /// Its lines, in the order of its country.
    #[must_use]
    pub fn lines(&self, country: Cow<str>) -> Vec<String> {
        let habit = habit_of(&self.country);
        let place: Vec<&str> = habit
            .order
            .chars()
            .map(|field| match field {
                'P' => self.postal_code.as_str(),
                'C' => self.city.as_str(),
                _ => self.region.as_str(),
            })
            .chain((!habit.order.contains('P')).then_some(self.postal_code.as_str()))
            .chain((!habit.order.contains('R')).then_some(self.region.as_str()))
            .filter(|text| !text.is_empty())
            .collect();
        let lines = [self.street.clone(), self.street_2.clone(), place.join(" "), country.into_owned()];
        lines.into_iter().filter(|line| !line.is_empty()).collect()
    }
}

/// A code, of the table or not: a stored address may be anywhere.
fn known(country: &str) -> bool {
    country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Names the words of countries and regions.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.keys(&[
        "account.address.bad_postal",
        "account.address.too_long",
        "account.address.country_unknown",
        "account.address.postal_code",
        "account.address.city",
        "account.region.region",
        "account.region.state",
        "account.region.province",
        "account.region.county",
        "account.region.prefecture",
        "account.region.emirate",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postal_codes_are_those_of_their_country() {
        for (country, good, bad) in [
            ("NO", "5003", "500"),
            ("GB", "SW1A 1AA", "SW1A1AAA"),
            ("US", "60601-1234", "6060"),
            ("CA", "K1A 0B1", "K1A 0BB"),
            ("NL", "1012 AB", "101 AB"),
            ("PT", "1000-001", "1000001"),
        ] {
            assert!(habit_of(country).fits(good), "{country} {good}");
            assert!(!habit_of(country).fits(bad), "{country} {bad}");
        }
        assert!(habit_of("KE").fits("anything"), "elsewhere nothing is known");
        for habit in HABITS {
            assert!(habit.example().is_none_or(|example| habit.fits(&example)), "{}", habit.code);
            assert!(
                habit.required.chars().all(|field| habit.order.contains(field)),
                "{} asks for what it offers",
                habit.code
            );
        }
        assert!(HABITS.is_sorted_by(|one, next| one.code < next.code));
    }

    #[test]
    fn every_fault_is_beside_its_field() {
        let address =
            Address { country: "US".to_owned(), postal_code: "6060".to_owned(), ..Address::default() };
        let problems = address.problems();
        for (field, message) in [
            ("street", "form.required"),
            ("city", "form.required"),
            ("region", "form.required"),
            ("postal_code", "account.address.bad_postal"),
        ] {
            assert_eq!(problems.of(field), Some(message), "{field}");
        }
        let whole = Address {
            street: "1 Main St".to_owned(),
            city: "Chicago".to_owned(),
            region: "IL".to_owned(),
            postal_code: "60601".to_owned(),
            country: "US".to_owned(),
            ..Address::default()
        };
        assert!(whole.problems().is_empty());
        assert_eq!(whole.lines("United States".into()), ["1 Main St", "Chicago IL 60601", "United States"]);
        let singapore = Address {
            city: String::new(),
            country: "SG".to_owned(),
            postal_code: "123456".to_owned(),
            ..whole
        };
        assert!(singapore.problems().is_empty(), "a city state needs no city");
    }
}
