//! What a tenant chooses about its look. Stored by the tenant as json; turned into something that renders by `skin`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{colour::Rgb, logo::Mark, pack::Pack};

/// A tenant's look. Every field is checked on the way in, so a stored brand can be rendered without asking again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brand {
    /// The name customers know, e.g. "TechFlow Industries".
    pub name: String,
    pub pack: Pack,
    pub primary: Rgb,
    pub secondary: Rgb,
    #[serde(default)]
    pub typeface: Typeface,
    #[serde(default)]
    pub radius: Radius,
    #[serde(default)]
    pub density: Density,
    #[serde(default)]
    pub logo: Logo,
    /// One sentence under the greeting and on the sign-in page.
    #[serde(default)]
    pub welcome: Option<String>,
    #[serde(default)]
    pub footer: Vec<FooterLink>,
    /// Renamed terms: `order`, `orders` and their capitalised forms, as locale files name them in `[term]`.
    #[serde(default)]
    pub terms: BTreeMap<String, String>,
}

impl Brand {
    /// A brand with the pack's own type, radius and density.
    #[must_use]
    pub fn new(name: impl Into<String>, pack: Pack, primary: Rgb, secondary: Rgb) -> Self {
        Self {
            name: name.into(),
            pack,
            primary,
            secondary,
            typeface: Typeface::default(),
            radius: Radius::default(),
            density: Density::default(),
            logo: Logo::default(),
            welcome: None,
            footer: Vec::new(),
            terms: BTreeMap::new(),
        }
    }

    /// The look of a page that belongs to nobody: unknown hosts, and errors before a tenant is known. Names nobody.
    #[must_use]
    pub fn neutral() -> Self {
        Self::new("", Pack::Quiet, Rgb::new(0x3f_47_52), Rgb::new(0x5b_64_70))
    }
}

/// Which of the self-hosted families a brand uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Typeface {
    /// What the pack was drawn with.
    #[default]
    Pack,
    /// Archivo: industrial, firm numerals.
    Grotesk,
    /// Figtree: geometric, friendly.
    Round,
    /// Instrument Sans: neutral.
    Sans,
    /// Newsreader for headings, Instrument Sans for text.
    Serif,
    /// Whatever the device has; no font is loaded.
    System,
}

/// How round corners are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Radius {
    #[default]
    Pack,
    Sharp,
    Soft,
    Round,
}

/// How much air there is between things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Density {
    #[default]
    Pack,
    Compact,
    Regular,
    Airy,
}

/// A mark, a wordmark, or both. Without either the brand's name stands in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Logo {
    #[serde(default)]
    pub mark: Option<Mark>,
    /// Text set beside the mark, when it is not the full name.
    #[serde(default)]
    pub wordmark: Option<String>,
}

/// A link in the footer of every page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FooterLink {
    pub label: String,
    pub href: Href,
}

/// An address that can do no harm as a link: `https:`, `http:`, `mailto:`, `tel:` or a path of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Href(String);

/// The address was neither http(s), mailto, tel nor a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a link starts with https://, http://, mailto:, tel: or /")]
pub struct UnsafeHref;

impl TryFrom<String> for Href {
    type Error = UnsafeHref;

    fn try_from(text: String) -> Result<Self, UnsafeHref> {
        let plain = text.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'\\');
        let lower = text.to_ascii_lowercase();
        let known = ["https://", "http://", "mailto:", "tel:"].iter().any(|scheme| lower.starts_with(scheme));
        let own = text.starts_with('/') && !text.starts_with("//");
        if plain && (known || own) { Ok(Self(text)) } else { Err(UnsafeHref) }
    }
}

impl From<Href> for String {
    fn from(href: Href) -> Self {
        href.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_cannot_run_script() {
        for bad in [
            "javascript:alert(1)",
            "//evil.example",
            "data:text/html,x",
            " https://a",
            "/\\evil.example",
            "https://a\n",
            "",
        ] {
            assert_eq!(Href::try_from(bad.to_owned()), Err(UnsafeHref), "{bad:?}");
        }
        for good in ["https://a.example/x", "mailto:help@a.example", "tel:+4712345678", "/orders"] {
            assert!(Href::try_from(good.to_owned()).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_stored_brand_cannot_carry_css() {
        let json = r##"{"name":"X","pack":"quiet","primary":"red;}body{","secondary":"#ffffff"}"##;
        assert!(serde_json::from_str::<Brand>(json).is_err());
        let brand = Brand::neutral();
        let again: Brand = serde_json::from_str(&serde_json::to_string(&brand).unwrap()).unwrap();
        assert_eq!(again, brand);
    }
}
