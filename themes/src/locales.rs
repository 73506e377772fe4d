//! The set of locales a program has, and which one a reader gets.

use std::{collections::BTreeMap, sync::Arc};

use crate::locale::{Locale, LocaleFault};

/// Every locale by tag; English is the last resort.
#[derive(Debug, Clone)]
pub struct Locales {
    default: Arc<Locale>,
    all: BTreeMap<String, Arc<Locale>>,
}

impl Locales {
    /// The locales that ship with the program, and the pseudo-locale `en-XA`.
    ///
    /// # Errors
    /// The first fault in a shipped file; a test holds this at none.
    pub fn built_in() -> Result<Self, LocaleFault> {
        let default = Arc::new(Locale::parse("en", include_str!("../locales/en.toml"))?);
        let arabic = Arc::new(Locale::parse("ar", include_str!("../locales/ar.toml"))?);
        let pseudo = Arc::new(Locale::pseudo(&default));
        let all =
            [&default, &arabic, &pseudo].map(|locale| (locale.tag().to_owned(), Arc::clone(locale))).into();
        Ok(Self { default, all })
    }

    /// The locale of this tag or of its language; English when there is none.
    #[must_use]
    pub fn get(&self, tag: &str) -> &Arc<Locale> {
        self.find(tag).unwrap_or(&self.default)
    }

    /// Every locale.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Locale>> {
        self.all.values()
    }

    /// First match of the person's choice, the tenant's default, then an `Accept-Language` value in its order.
    #[must_use]
    pub fn negotiate(
        &self,
        person: Option<&str>,
        tenant: Option<&str>,
        accept_language: Option<&str>,
    ) -> &Arc<Locale> {
        let accepted = accept_language.unwrap_or_default().split(',').take(16);
        let mut ranked: Vec<(u16, &str)> = accepted.filter_map(weighted).collect();
        ranked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let chosen = person.into_iter().chain(tenant).chain(ranked.into_iter().map(|(_, tag)| tag));
        chosen.filter_map(|tag| self.find(tag)).next().unwrap_or(&self.default)
    }

    fn find(&self, tag: &str) -> Option<&Arc<Locale>> {
        let language = tag.split(['-', '_']).next().unwrap_or(tag);
        self.all.get(tag).or_else(|| self.all.get(&language.to_ascii_lowercase()))
    }
}

/// `fr;q=0.8` as (800, "fr"); nothing for `*` and for q=0.
fn weighted(part: &str) -> Option<(u16, &str)> {
    let (tag, parameter) = part.split_once(';').unwrap_or((part, "q=1"));
    let quality: f32 = parameter.trim().strip_prefix("q=")?.parse().ok()?;
    let weight = (quality.clamp(0.0, 1.0) * 1000.0) as u16;
    (weight > 0 && tag.trim() != "*").then(|| (weight, tag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_have_the_same_keys_and_holes() {
        let locales = Locales::built_in().unwrap();
        let english = locales.get("en");
        for locale in locales.iter() {
            let (a, b): (Vec<_>, Vec<_>) = (english.keys().collect(), locale.keys().collect());
            assert_eq!(a, b, "keys of {}", locale.tag());
            for key in english.keys() {
                // A translation may leave out a renameable term or, in a plural, the count; it may not invent a hole.
                let known = english.holes(key).unwrap();
                let unknown: Vec<_> =
                    locale.holes(key).unwrap().into_iter().filter(|hole| !known.contains(hole)).collect();
                assert!(unknown.is_empty(), "{}: {key} has {unknown:?}", locale.tag());
            }
        }
    }

    #[test]
    fn the_readers_language_wins_in_order() {
        let locales = Locales::built_in().unwrap();
        let tag = |person, tenant, accept| locales.negotiate(person, tenant, accept).tag().to_owned();
        assert_eq!(tag(None, None, Some("fr, ar-EG;q=0.9, en;q=0.8")), "ar");
        assert_eq!(tag(None, None, Some("en;q=0, *")), "en");
        assert_eq!(tag(Some("en"), Some("ar"), Some("ar")), "en");
        assert_eq!(tag(None, Some("xx"), Some("%%%;;q=nan")), "en");
    }
}
