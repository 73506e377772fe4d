//! Codes of authenticators: RFC 6238 with what every authenticator can do, SHA-1, six digits, thirty seconds.
//!
//! HMAC is aws-lc-rs's, as all cryptography here: a crate for this would bring a second provider for twenty lines.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use chrono::{DateTime, Utc};

/// Octets of a secret, as RFC 4226 recommends.
pub(super) const SECRET: usize = 20;
const PERIOD: i64 = 30;
/// Clocks of telephones are off by this many steps at most, either way.
const DRIFT: i64 = 1;

/// The step of thirty seconds whose code was typed, if it is a recent one and newer than `last`: a code that was used
/// once, or is older than one that was, is refused.
pub(super) fn step(secret: &[u8], now: DateTime<Utc>, last: i64, typed: &str) -> Option<i64> {
    let current = now.timestamp().div_euclid(PERIOD);
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let steps = (current - DRIFT..=current + DRIFT).filter(|step| *step > last);
    // All are compared, so that the time it takes does not tell which one it was.
    let mut found = None;
    for step in steps {
        if verify_slices_are_equal(code(&key, step).as_bytes(), typed.as_bytes()).is_ok() {
            found = Some(step);
        }
    }
    found
}

/// RFC 4226, 5.3: four octets from where the last one points, without the sign, as six digits.
fn code(key: &Key, step: i64) -> String {
    let tag = sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0x0f);
    let word = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    format!("{:06}", word % 1_000_000)
}

/// RFC 4648 base32 without padding, as authenticators read secrets.
pub(super) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut five = [0; 5];
        five[..chunk.len()].copy_from_slice(chunk);
        let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let letters = (chunk.len() * 8).div_ceil(5);
        for at in 0..letters {
            let index = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET[index]));
        }
    }
    text
}

/// What the QR code says: the key URI that authenticators know.
pub(super) fn uri(issuer: &str, account: &str, secret: &[u8]) -> String {
    let (issuer, account) = (escaped(issuer), escaped(account));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={PERIOD}",
        base32(secret)
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'@' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of eight digits.
        let known = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, code) in known {
            assert_eq!(step(SEED, at(seconds), 0, code), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_once_and_only_near_its_time() {
        let code = "050471";
        assert_eq!(step(SEED, at(1_111_111_111 + 30), 0, code), Some(37_037_037));
        assert_eq!(step(SEED, at(1_111_111_111 - 30), 0, code), Some(37_037_037));
        assert_eq!(step(SEED, at(1_111_111_111 + 61), 0, code), None, "too old");
        assert_eq!(step(SEED, at(1_111_111_111 - 61), 0, code), None, "too early");
        assert_eq!(step(SEED, at(1_111_111_111), 37_037_037, code), None, "used before");
        assert_eq!(step(SEED, at(1_111_111_111), 37_037_038, code), None, "older than one that was used");
        for wrong in ["", "05047", "0504711", "٠٥٠٤٧١", "050472"] {
            assert_eq!(step(SEED, at(1_111_111_111), 0, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_are_written_as_authenticators_read_them() {
        // RFC 4648, 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(
            uri("Harrow & Vale", "a+b@x.example", SEED),
            "otpauth://totp/Harrow%20%26%20Vale:a%2Bb@x.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Harrow%20%26%20Vale\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
