//! Signatures as Standard Webhooks makes them: HMAC-SHA256 over `id.timestamp.body`.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use platform_core::random::{Random, bytes};

/// How far the two clocks may be apart; an older message is a repetition by somebody else.
const TOLERANCE_SECONDS: i64 = 300;
const PREFIX: &str = "whsec_";

/// The three headers of a signed message.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since 1970
    pub timestamp: &'a str,
    /// `webhook-signature`: `v1,BASE64`, several with blanks between while a key is changed
    pub signature: &'a str,
}

/// A new key, as both sides write it.
pub(super) fn new_secret(random: &dyn Random) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes::<32>(random)))
}

/// Whether a text is a key.
pub(super) fn is_secret(text: &str) -> bool {
    key(text).is_some_and(|key| (24..=64).contains(&key.len()))
}

fn key(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()
}

/// The value of `webhook-signature`; empty when `secret` is none.
#[must_use]
pub fn sign(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    let Some(key) = key(secret) else { return String::new() };
    let code = mac(&key, &[id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(code))
}

/// Whether one of the signatures is ours and the message is fresh.
#[must_use]
pub fn verify(secret: &str, now: DateTime<Utc>, signed: &Signed<'_>, body: &[u8]) -> bool {
    let Ok(timestamp) = signed.timestamp.parse::<i64>() else { return false };
    if now.timestamp().abs_diff(timestamp) > TOLERANCE_SECONDS.unsigned_abs() {
        return false;
    }
    let ours = sign(secret, signed.id, timestamp, body);
    !ours.is_empty() && signed.signature.split(' ').any(|theirs| same(ours.as_bytes(), theirs.as_bytes()))
}

pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}

pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{Signed, sign, verify};

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn signs_as_the_specification_does() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, timestamp, body) =
            ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let ours = sign(secret, id, timestamp, body);
        assert_eq!(ours, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let now = DateTime::from_timestamp(timestamp + 200, 0).expect("a moment");
        let two = format!("v1,AAAA {ours}");
        let signed = Signed { id, timestamp: "1614265330", signature: &two };
        assert!(verify(secret, now, &signed, body));
        assert!(!verify(secret, now, &signed, b"{}"), "another body");
        assert!(!verify("whsec_AAAA", now, &signed, body), "another key");
        assert!(!verify("no key", now, &Signed { signature: "", ..signed }, body));
        let late = DateTime::from_timestamp(timestamp + 301, 0).expect("a moment");
        assert!(!verify(secret, late, &signed, body), "sent again by somebody later");
        assert!(!verify(secret, now, &Signed { id: "msg_other", ..signed }, body), "another message's");
    }
}
