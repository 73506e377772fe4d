//! A QR code as one path of an SVG, in units of one module.

use qrcodegen::{QrCode, QrCodeEcc};
use serde::Serialize;

/// Modules of white around it that readers need.
const QUIET: i32 = 4;

/// What a template draws: a square of `size` with the dark modules as `path`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Qr {
    pub size: i32,
    pub path: String,
}

impl Qr {
    /// None for a text that is too long for any QR code.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
                let run = i32::try_from(run).unwrap_or_default();
                if run > 0 {
                    path.push_str(&format!("M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET));
                }
                x += run.max(1);
            }
        }
        Some(Self { size: code.size() + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::Qr;

    #[test]
    fn it_has_its_three_corners() {
        let qr = Qr::of("otpauth://totp/x").expect("short enough");
        assert!(qr.path.starts_with("M4 4h7v1h-7z"), "{}", qr.path);
        assert!(qr.path.contains(&format!("M{} 4h7v1h-7z", qr.size - 11)));
        assert!(Qr::of(&"x".repeat(4000)).is_none());
    }
}
