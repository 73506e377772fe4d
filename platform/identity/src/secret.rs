//! Secrets that browsers hold and the database does not: only hashes of them are stored.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use platform_core::id::AuthTokenId;
use platform_core::random::{self, Random};

/// SHA-256 of something unguessable. For secrets of 112 bits and more a plain hash is enough (ASVS 6.5.2).
pub(crate) type Hash = [u8; 32];

/// Length of the text of 256 bits in base64url.
const LENGTH: usize = 43;

/// Hashes a secret for one use; a hash of one use means nothing in another.
pub(crate) fn hash(purpose: &str, secret: &str) -> Hash {
    digest(&[purpose.as_bytes(), secret.as_bytes()])
}

/// Whether a text could be one of our secrets, so that noise is not looked up.
pub(crate) fn is_secret(text: &str) -> bool {
    text.len() == LENGTH
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Six digits, every one as likely as another.
pub(crate) fn code(random: &dyn Random) -> String {
    format!("{:06}", random::below(random, 1_000_000))
}

/// Hash of a code. Six digits alone could be found from their hash in a second, so the secret of the browser that
/// asked is hashed with them: only that browser can type the code, and only it brings the secret.
pub(crate) fn code_hash(token: AuthTokenId, browser: &str, code: &str) -> Hash {
    digest(&[b"code", token.0.as_bytes(), browser.as_bytes(), code.as_bytes()])
}

pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

/// Each part with its length before it, so that no two lists of parts give the same input.
fn digest(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        context.update(part);
    }
    let mut out = Hash::default();
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use platform_core::random::{SeededRandom, token};

    use super::*;

    #[test]
    fn hashes_depend_on_every_part() {
        let id = |n: u128| AuthTokenId(uuid::Uuid::from_u128(n));
        let one = code_hash(id(1), "browser", "123456");
        assert_ne!(one, code_hash(id(2), "browser", "123456"));
        assert_ne!(one, code_hash(id(1), "browse", "r123456"));
        assert_ne!(one, code_hash(id(1), "browser", "123457"));
        assert_ne!(hash("session", "x"), hash("link", "x"));
    }

    #[test]
    fn secrets_and_codes_have_their_shape() {
        let random = SeededRandom::new(1);
        assert!(is_secret(&token(&random)) && !is_secret("short") && !is_secret(&"é".repeat(43)));
        assert!(
            (0..100)
                .map(|_| code(&random))
                .all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()))
        );
    }
}
