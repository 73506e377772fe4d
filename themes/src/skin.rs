//! A brand made ready to render: its stylesheet with a fingerprint, and the values templates see. Make one a tenant
//! and keep it; it is cheap to share and never changes.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _, sync::Arc};

use minijinja::{Value, context, value::Serde};

use crate::{
    assets::{Asset, Stored},
    brand::{Brand, Density, Radius},
    logo::Mark,
    pack::Pack,
    palette::{Palette, STEPS},
    typeface,
};

/// A brand with everything derived from it.
#[derive(Debug)]
pub struct Skin {
    brand: Brand,
    stylesheet: Stored,
    icon: Stored,
    pub(crate) value: Value,
    pub(crate) terms: Arc<BTreeMap<String, String>>,
}

impl Skin {
    /// Derives colours, shapes and type. Cannot fail: a [`Brand`] is checked when it is read.
    #[must_use]
    pub fn new(brand: Brand) -> Self {
        let palette = Palette::derive(brand.primary, brand.secondary);
        let stylesheet = Stored::new("brand.css", Cow::Owned(css(&brand, &palette).into_bytes()));
        let icon = Stored::new("brand.svg", Cow::Owned(icon(&brand).into_bytes()));
        let value = template_value(&brand, &palette, &stylesheet.path, &icon.path);
        let terms = Arc::new(brand.terms.clone());
        Self { brand, stylesheet, icon, value, terms }
    }

    /// Names nobody; see [`Brand::neutral`].
    #[must_use]
    pub fn neutral() -> Self {
        Self::new(Brand::neutral())
    }

    #[must_use]
    pub fn brand(&self) -> &Brand {
        &self.brand
    }

    /// Address of the brand's colours and shapes, `/assets/brand-<hash>.css`.
    #[must_use]
    pub fn stylesheet_path(&self) -> &str {
        &self.stylesheet.path
    }

    /// Address of the browser tab's icon, `/assets/brand-<hash>.svg`.
    #[must_use]
    pub fn icon_path(&self) -> &str {
        &self.icon.path
    }

    /// The stylesheet or the icon, if `path` is its address; an old fingerprint is not found.
    #[must_use]
    pub fn asset(&self, path: &str, accepts_gzip: bool) -> Option<Asset<'_>> {
        [&self.stylesheet, &self.icon]
            .into_iter()
            .find(|file| file.path == path)
            .map(|file| file.asset(accepts_gzip))
    }

    /// The custom-property block as text.
    #[must_use]
    pub fn css(&self) -> String {
        String::from_utf8_lossy(self.stylesheet.asset(false).bytes).into_owned()
    }
}

fn css(brand: &Brand, palette: &Palette) -> String {
    let mut out = String::with_capacity(4096);
    out.push_str(":root{");
    for (step, colour) in STEPS.iter().zip(palette.brand) {
        let _ = write!(out, "--brand-{step}:{colour};");
    }
    for (step, colour) in STEPS.iter().zip(palette.neutral) {
        let _ = write!(out, "--neutral-{step}:{colour};");
    }
    for (name, pair) in &palette.tokens {
        if pair.light == pair.dark {
            let _ = write!(out, "--color-{name}:{};", pair.light);
        } else {
            let _ = write!(out, "--color-{name}:light-dark({},{});", pair.light, pair.dark);
        }
    }
    let (text, headings) = typeface::stacks(brand.pack, brand.typeface);
    let _ = write!(out, "--font-text:{text};--font-heading:{headings};");
    let (small, medium, large, pill) = radii(brand.pack, brand.radius);
    let _ = write!(
        out,
        "--radius-s:{small}px;--radius-m:{medium}px;--radius-l:{large}px;--radius-pill:{pill}px;"
    );
    let _ = write!(out, "--space:{};", density(brand.pack, brand.density));
    out.push('}');
    out
}

fn radii(pack: Pack, choice: Radius) -> (u8, u8, u8, u16) {
    match (choice, pack) {
        (Radius::Sharp, _) | (Radius::Pack, Pack::Workshop) => (2, 3, 4, 3),
        (Radius::Soft, _) | (Radius::Pack, Pack::Quiet) => (5, 8, 12, 999),
        (Radius::Round, _) | (Radius::Pack, Pack::Bright) => (10, 16, 24, 999),
    }
}

/// The unit of the 4 px grid.
fn density(pack: Pack, choice: Density) -> &'static str {
    match (choice, pack) {
        (Density::Compact, _) | (Density::Pack, Pack::Workshop) => ".22rem",
        (Density::Regular, _) | (Density::Pack, Pack::Bright) => ".25rem",
        (Density::Airy, _) | (Density::Pack, Pack::Quiet) => ".275rem",
    }
}

/// The mark in the brand's own colours, or a plain square when there is none.
fn icon(brand: &Brand) -> String {
    let square = "<svg viewBox=\"0 0 40 40\"><rect class=\"mark-1\" x=\"4\" y=\"4\" width=\"32\" height=\"32\" rx=\"8\"/></svg>";
    let mark = brand.logo.mark.as_ref().map_or(square, Mark::as_str);
    mark.replacen("<svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"", 1)
        .replace("class=\"mark-1\"", &format!("fill=\"{}\"", brand.primary))
        .replace("class=\"mark-2\"", &format!("fill=\"{}\"", brand.secondary))
}

fn template_value(brand: &Brand, palette: &Palette, stylesheet: &str, icon: &str) -> Value {
    let mark = brand.logo.mark.as_ref().map(|mark| Value::from_safe_string(mark.as_str().to_owned()));
    let token = |name: &str| palette.token(name);
    let (page, band, action) = (token("page"), token("band"), token("action"));
    context! {
        name => brand.name.as_str(),
        pack => brand.pack.name(),
        stylesheet => stylesheet,
        icon => icon,
        fonts => Value::from(Serde(typeface::files(brand.pack, brand.typeface))),
        mark => mark,
        wordmark => brand.logo.wordmark.as_deref().unwrap_or(&brand.name),
        welcome => brand.welcome.as_deref(),
        footer => Value::from(Serde(&brand.footer)),
        chrome => context! { light => page.light.to_string(), dark => page.dark.to_string() },
        mail => context! {
            band => band.light.to_string(),
            on_band => token("on-band").light.to_string(),
            action => action.light.to_string(),
            on_action => token("on-action").light.to_string(),
            page => token("sunken").light.to_string(),
            card => "#ffffff",
            text => token("text").light.to_string(),
            muted => token("muted").light.to_string(),
            line => token("line").light.to_string(),
            link => token("link").light.to_string(),
            wash => token("wash").light.to_string(),
            dark_page => token("page").dark.to_string(),
            dark_card => token("raised").dark.to_string(),
            dark_text => token("text").dark.to_string(),
            dark_muted => token("muted").dark.to_string(),
            dark_line => token("line").dark.to_string(),
            dark_link => token("link").dark.to_string(),
            radius => radii(brand.pack, brand.radius).1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_brand_is_one_small_block() {
        let skin = Skin::new(samples::techflow());
        let css = skin.css();
        assert!(css.starts_with(":root{--brand-50:#") && css.ends_with('}'));
        assert!(skin.asset(skin.stylesheet_path(), true).unwrap().bytes.len() < 2000);
        assert!(skin.asset("/assets/brand-x.css", true).is_none());
        assert_ne!(skin.stylesheet_path(), Skin::new(samples::lumen()).stylesheet_path());
    }
}
