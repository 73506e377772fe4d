//! What two brand colours become: ramps, surfaces, text, lines and statuses for light and dark, each checked for contrast.
//! Text passes 4.5:1 and controls 3:1 on every surface they may stand on, whatever the tenant typed.

use std::f64::consts::PI;

use crate::colour::{Oklch, Rgb};

/// Names of the eleven steps of a ramp.
pub(crate) const STEPS: [u16; 11] = [50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950];

const LIGHTNESS: [f64; 11] = [0.977, 0.948, 0.897, 0.826, 0.737, 0.648, 0.558, 0.477, 0.402, 0.337, 0.258];
/// Chroma relative to the brand's own: pale and very dark steps carry less.
const CHROMA: [f64; 11] = [0.14, 0.25, 0.44, 0.66, 0.87, 1.0, 1.0, 0.93, 0.82, 0.70, 0.54];

const TEXT: f64 = 4.5;
const CONTROL: f64 = 3.0;

/// A colour in the light and in the dark scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub light: Rgb,
    pub dark: Rgb,
}

/// The derived colours of a brand, by CSS name without `--color-`.
#[derive(Debug, Clone)]
pub struct Palette {
    pub brand: [Rgb; 11],
    pub neutral: [Rgb; 11],
    pub tokens: Vec<(&'static str, Pair)>,
}

impl Palette {
    /// Derives everything from the two colours a tenant gives.
    #[must_use]
    pub fn derive(primary: Rgb, secondary: Rgb) -> Self {
        let seed = Oklch::from(primary);
        let accent = Oklch::from(secondary);
        // A grey brand has no hue worth tinting with.
        let tint = Oklch { c: (seed.c * 0.11).min(0.014), ..seed };
        let light = Scheme::light(seed, accent, tint);
        let dark = Scheme::dark(seed, accent, tint);
        let tokens = light
            .tokens(primary)
            .into_iter()
            .zip(dark.tokens(primary))
            .map(|((name, light), (_, dark))| (name, Pair { light, dark }))
            .collect();
        Self { brand: ramp(seed), neutral: ramp(Oklch { c: tint.c * 1.3, ..tint }), tokens }
    }

    /// A token by name.
    ///
    /// # Panics
    /// When there is no such token; names are fixed in this file.
    #[must_use]
    pub fn token(&self, name: &str) -> Pair {
        self.tokens
            .iter()
            .find(|(known, _)| *known == name)
            .map_or_else(|| panic!("no token {name}"), |(_, pair)| *pair)
    }
}

fn ramp(seed: Oklch) -> [Rgb; 11] {
    std::array::from_fn(|step| Oklch::new(LIGHTNESS[step], seed.c * CHROMA[step], seed.h).to_rgb())
}

struct Scheme {
    dark: bool,
    seed: Oklch,
    accent: Oklch,
    tint: Oklch,
    page: Rgb,
    surface: Rgb,
    sunken: Rgb,
    raised: Rgb,
    wash: Rgb,
}

impl Scheme {
    fn light(seed: Oklch, accent: Oklch, tint: Oklch) -> Self {
        Self {
            dark: false,
            seed,
            accent,
            tint,
            page: Oklch { c: tint.c * 0.45, ..tint }.at(0.981).to_rgb(),
            surface: Rgb::WHITE,
            sunken: Oklch { c: tint.c * 0.7, ..tint }.at(0.962).to_rgb(),
            raised: Rgb::WHITE,
            wash: Oklch { c: (seed.c * 0.22).min(0.034), ..seed }.at(0.955).to_rgb(),
        }
    }

    fn dark(seed: Oklch, accent: Oklch, tint: Oklch) -> Self {
        let shade = |l: f64| Oklch { c: tint.c * 1.1, ..tint }.at(l).to_rgb();
        Self {
            dark: true,
            seed,
            accent,
            tint,
            page: shade(0.172),
            surface: shade(0.212),
            sunken: shade(0.148),
            raised: shade(0.252),
            wash: Oklch { c: (seed.c * 0.35).min(0.05), ..seed }.at(0.275).to_rgb(),
        }
    }

    fn grounds(&self) -> [Rgb; 5] {
        [self.page, self.surface, self.sunken, self.raised, self.wash]
    }

    fn tokens(&self, primary: Rgb) -> Vec<(&'static str, Rgb)> {
        let grounds = self.grounds();
        let grey = |l: f64, ratio: f64| {
            self.reach(Oklch { c: self.tint.c * 1.6, ..self.tint }.at(l), &grounds, ratio)
        };
        let action = self.reach(self.vivid(0.7), &[self.page, self.surface, self.wash], CONTROL);
        let over = self.reach(
            Oklch::from(action).at(Oklch::from(action).l + self.away(0.055)),
            &[self.surface],
            CONTROL,
        );
        let accent = self.reach(self.accent, &[self.page, self.surface, self.wash], CONTROL);
        let band = self.band();
        let mut tokens = vec![
            ("page", self.page),
            ("surface", self.surface),
            ("sunken", self.sunken),
            ("raised", self.raised),
            ("wash", self.wash),
            ("text", grey(if self.dark { 0.95 } else { 0.235 }, 7.0)),
            ("muted", grey(if self.dark { 0.745 } else { 0.475 }, TEXT + 0.2)),
            ("line", Oklch { c: self.tint.c, ..self.tint }.at(if self.dark { 0.31 } else { 0.905 }).to_rgb()),
            ("control", grey(if self.dark { 0.56 } else { 0.62 }, CONTROL + 0.1)),
            ("brand", primary),
            ("on-brand", on(primary)),
            ("action", action),
            ("action-over", over),
            ("on-action", on(action)),
            ("on-action-over", on(over)),
            ("link", self.reach(self.vivid(0.78), &grounds, TEXT + 0.1)),
            ("accent", accent),
            ("on-accent", on(accent)),
            ("accent-text", self.reach(self.accent, &grounds, TEXT + 0.1)),
            ("focus", self.reach(Oklch { c: self.seed.c.max(0.09), ..self.seed }, &grounds, CONTROL + 0.5)),
            ("band", band),
            ("on-band", on(band)),
            ("on-band-muted", muted_on(band)),
        ];
        for (names, hue, chroma) in STATUSES {
            tokens.extend(names.into_iter().zip(self.status(near(self.seed, hue.to_radians()), chroma)));
        }
        tokens
    }

    /// The brand's own colour; a deep one is lifted to `l` in the dark, where its nearest passing shade would look disabled.
    fn vivid(&self, l: f64) -> Oklch {
        if self.dark && self.seed.l < 0.5 {
            Oklch { c: self.seed.c * 1.15, ..self.seed }.at(l)
        } else {
            self.seed
        }
    }

    /// The deep strip behind a header: brand hue, dark in both schemes.
    fn band(&self) -> Rgb {
        let l = if self.dark { 0.225 } else { self.seed.l.clamp(0.24, 0.36) };
        Oklch { c: self.seed.c.min(0.11), ..self.seed }.at(l).to_rgb()
    }

    /// `[text, tint, line, solid, on-solid]` of a status.
    fn status(&self, hue: f64, chroma: f64) -> [Rgb; 5] {
        let tint = Oklch::new(
            if self.dark { 0.27 } else { 0.958 },
            chroma * if self.dark { 0.34 } else { 0.2 },
            hue,
        )
        .to_rgb();
        let [page, surface, sunken, raised, wash] = self.grounds();
        let grounds = [page, surface, sunken, raised, wash, tint];
        let text =
            self.reach(Oklch::new(if self.dark { 0.82 } else { 0.46 }, chroma, hue), &grounds, TEXT + 0.1);
        let line = Oklch::new(if self.dark { 0.42 } else { 0.86 }, chroma * 0.55, hue).to_rgb();
        let solid = self.reach(
            Oklch::new(if self.dark { 0.66 } else { 0.57 }, chroma * 1.15, hue),
            &grounds,
            CONTROL,
        );
        [text, tint, line, solid, on(solid)]
    }

    fn away(&self, amount: f64) -> f64 {
        if self.dark { amount } else { -amount }
    }

    /// Walks lightness away from the grounds until `ratio` holds on all of them. Black and white are the ends of the
    /// walk and pass, because grounds are near white in light and near black in dark.
    fn reach(&self, from: Oklch, grounds: &[Rgb], ratio: f64) -> Rgb {
        let passes = |colour: Rgb| grounds.iter().all(|ground| colour.contrast(*ground) >= ratio);
        let mut at = from;
        loop {
            let colour = at.to_rgb();
            if passes(colour) {
                return colour;
            }
            let l = at.l + self.away(0.0125);
            if !(0.0..=1.0).contains(&l) {
                return if self.dark { Rgb::WHITE } else { Rgb::BLACK };
            }
            at = at.at(l);
        }
    }
}

type Status = ([&'static str; 5], f64, f64);
const STATUSES: [Status; 4] = [
    (["success", "success-tint", "success-line", "success-solid", "on-success"], 152.0, 0.125),
    (["warning", "warning-tint", "warning-line", "warning-solid", "on-warning"], 70.0, 0.125),
    (["danger", "danger-tint", "danger-line", "danger-solid", "on-danger"], 25.0, 0.165),
    (["info", "info-tint", "info-line", "info-solid", "on-info"], 245.0, 0.12),
];

/// Leans a status hue a little toward the brand so that they look like one family; never far enough to change its name.
fn near(seed: Oklch, hue: f64) -> f64 {
    if seed.c < 0.02 {
        return hue;
    }
    let turn = (seed.h - hue + PI).rem_euclid(2.0 * PI) - PI;
    hue + turn.clamp(-1.0, 1.0) * 0.08
}

/// Text on a ground of any colour: white if it passes, else near-black, else black. One of them always passes 4.5:1.
#[must_use]
pub(crate) fn on(ground: Rgb) -> Rgb {
    let ink = Oklch { c: 0.02, ..Oklch::from(ground) }.at(0.19).to_rgb();
    [Rgb::WHITE, ink].into_iter().find(|text| text.contrast(ground) >= TEXT).unwrap_or(Rgb::BLACK)
}

fn muted_on(ground: Rgb) -> Rgb {
    let strong = on(ground);
    let hue = Oklch::from(ground);
    let soft = Oklch { c: hue.c.min(0.03), ..hue }.at(if strong == Rgb::WHITE { 0.84 } else { 0.4 }).to_rgb();
    if soft.contrast(ground) >= TEXT { soft } else { strong }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUNDS: [&str; 5] = ["page", "surface", "sunken", "raised", "wash"];

    fn check(primary: Rgb, secondary: Rgb) {
        let palette = Palette::derive(primary, secondary);
        let demand = |text: &str, ground: &str, ratio: f64| {
            let (text_pair, ground_pair) = (palette.token(text), palette.token(ground));
            for (a, b, scheme) in
                [(text_pair.light, ground_pair.light, "light"), (text_pair.dark, ground_pair.dark, "dark")]
            {
                let got = a.contrast(b);
                assert!(got >= ratio, "{text} on {ground}, {scheme}: {got:.2} for {primary} and {secondary}");
            }
        };
        for ground in GROUNDS {
            for text in ["text", "muted", "link", "accent-text", "success", "warning", "danger", "info"] {
                demand(text, ground, TEXT);
            }
            for control in
                ["control", "focus", "success-solid", "warning-solid", "danger-solid", "info-solid"]
            {
                demand(control, ground, CONTROL);
            }
        }
        for ground in ["page", "surface", "wash"] {
            demand("action", ground, CONTROL);
            demand("accent", ground, CONTROL);
        }
        for (text, ground) in [
            ("on-brand", "brand"),
            ("on-action", "action"),
            ("on-action-over", "action-over"),
            ("on-accent", "accent"),
            ("on-band", "band"),
            ("on-band-muted", "band"),
        ] {
            demand(text, ground, TEXT);
        }
        for (names, ..) in STATUSES {
            demand(names[0], names[1], TEXT);
            demand(names[4], names[3], TEXT);
        }
    }

    #[test]
    fn every_colour_passes() {
        // A fixed walk over the cube: repeatable, and it touches greys, extremes and 6000 others.
        let mut state = 0x2545_f491_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Rgb::new(state >> 8)
        };
        for edge in [0, 0xff_ff_ff, 0x80_80_80, 0xff_ff_00, 0x00_ff_00, 0x00_00_ff, 0xff_00_00, 0x00_ff_ff] {
            check(Rgb::new(edge), Rgb::new(0xff_ff_ff - edge));
        }
        for _ in 0..3000 {
            check(next(), next());
        }
    }

    #[test]
    fn a_strong_brand_keeps_its_own_colour() {
        let petrol = Rgb::new(0x0b_5c_63);
        assert_eq!(Palette::derive(petrol, petrol).token("action").light, petrol);
    }
}
