//! Colours as 24-bit integers, OKLCH arithmetic and WCAG contrast. What a brand makes of them is in `palette`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An sRGB colour. Comes in as `#rgb` or `#rrggbb`, goes out as `#rrggbb` and as nothing else, so that no brand can
/// smuggle CSS through a colour field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rgb(u32);

/// The text was not `#rgb` or `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written #rrggbb")]
pub struct NotAColour;

impl Rgb {
    pub const WHITE: Rgb = Rgb(0xff_ff_ff);
    pub const BLACK: Rgb = Rgb(0);

    /// From `0xrrggbb`; higher bits are dropped.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value & 0xff_ff_ff)
    }

    /// Red, green and blue.
    #[must_use]
    pub const fn bytes(self) -> [u8; 3] {
        let [_, red, green, blue] = self.0.to_be_bytes();
        [red, green, blue]
    }

    fn channels(self) -> [f64; 3] {
        [16, 8, 0].map(|shift| f64::from((self.0 >> shift) & 0xff) / 255.0)
    }

    /// WCAG relative luminance, 0 to 1.
    #[must_use]
    pub fn luminance(self) -> f64 {
        let [r, g, b] = self.channels().map(to_linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// WCAG contrast ratio, 1 to 21.
    #[must_use]
    pub fn contrast(self, other: Rgb) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

impl fmt::Debug for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Rgb {
    type Err = NotAColour;

    fn from_str(text: &str) -> Result<Self, NotAColour> {
        let digits = text.strip_prefix('#').ok_or(NotAColour)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAColour);
        }
        let value = u32::from_str_radix(digits, 16).map_err(|_| NotAColour)?;
        match digits.len() {
            6 => Ok(Self(value)),
            3 => {
                let [r, g, b] = [value >> 8, (value >> 4) & 0xf, value & 0xf].map(|digit| digit * 0x11);
                Ok(Self((r << 16) | (g << 8) | b))
            }
            _ => Err(NotAColour),
        }
    }
}

impl TryFrom<String> for Rgb {
    type Error = NotAColour;

    fn try_from(text: String) -> Result<Self, NotAColour> {
        text.parse()
    }
}

impl From<Rgb> for String {
    fn from(colour: Rgb) -> Self {
        colour.to_string()
    }
}

/// Lightness 0 to 1, chroma 0 to about 0.37 inside sRGB, hue in radians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Oklch {
    pub l: f64,
    pub c: f64,
    pub h: f64,
}

impl From<Rgb> for Oklch {
    fn from(colour: Rgb) -> Self {
        let [r, g, b] = colour.channels().map(to_linear);
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        let a = 1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s;
        let b = 0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s;
        Self {
            l: 0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            c: a.hypot(b),
            h: b.atan2(a),
        }
    }
}

impl Oklch {
    #[must_use]
    pub fn new(l: f64, c: f64, h: f64) -> Self {
        Self { l, c, h }
    }

    /// Same hue and chroma at another lightness.
    #[must_use]
    pub fn at(self, l: f64) -> Self {
        Self { l: l.clamp(0.0, 1.0), ..self }
    }

    /// The nearest colour that a screen can show: chroma gives way, lightness and hue stay.
    #[must_use]
    pub fn to_rgb(self) -> Rgb {
        if let Some(colour) = self.exact() {
            return colour;
        }
        let (mut low, mut high) = (0.0, self.c);
        for _ in 0..12 {
            let middle = f64::midpoint(low, high);
            if (Self { c: middle, ..self }).exact().is_some() { low = middle } else { high = middle }
        }
        Self { c: low, ..self }.exact().unwrap_or(if self.l > 0.5 { Rgb::WHITE } else { Rgb::BLACK })
    }

    fn exact(self) -> Option<Rgb> {
        let (a, b) = (self.c * self.h.cos(), self.c * self.h.sin());
        let l = (self.l + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let m = (self.l - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let s = (self.l - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
        let linear = [
            4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
            -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
            -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
        ];
        let mut value = 0;
        for channel in linear {
            if !(-0.000_5..=1.000_5).contains(&channel) {
                return None;
            }
            value = (value << 8) | to_byte(channel);
        }
        Some(Rgb(value))
    }
}

fn to_linear(channel: f64) -> f64 {
    if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
}

fn to_byte(linear: f64) -> u32 {
    let linear = linear.clamp(0.0, 1.0);
    let channel = if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    // 0.0 ..= 255.0 by the clamp above
    (channel * 255.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_hex() {
        assert_eq!("#0f5c63".parse::<Rgb>().unwrap().to_string(), "#0f5c63");
        assert_eq!("#fA0".parse::<Rgb>().unwrap().to_string(), "#ffaa00");
        for bad in ["", "#", "red", "#12345", "#1234567", "0f5c63", "#+f5c63", "#0f5c6;", "url(x)", "#ééé"]
        {
            assert_eq!(bad.parse::<Rgb>(), Err(NotAColour), "{bad}");
        }
    }

    #[test]
    fn oklch_goes_there_and_back() {
        for value in (0..=0xff_ff_ff).step_by(4099) {
            let colour = Rgb::new(value);
            assert_eq!(Oklch::from(colour).to_rgb(), colour);
        }
    }

    #[test]
    fn contrast_is_wcag() {
        assert!((Rgb::WHITE.contrast(Rgb::BLACK) - 21.0).abs() < 0.01);
        let grey: Rgb = "#767676".parse().unwrap();
        assert!((grey.contrast(Rgb::WHITE) - 4.54).abs() < 0.01);
    }
}
