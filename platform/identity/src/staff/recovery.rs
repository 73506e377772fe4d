//! Recovery codes: ten, each good once, for whoever has lost their authenticator.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use platform_core::random::{Random, bytes};

/// How many are made at a time.
pub(super) const CODES: usize = 10;
const LETTERS: usize = 10;
/// Without I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new one, fifty bits, as it is compared.
pub(super) fn code(random: &dyn Random) -> String {
    bytes::<LETTERS>(random).iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

/// As it is shown: `7Q4MK-2XD9A`.
pub(super) fn shown(code: &str) -> String {
    let (left, right) = code.split_at(LETTERS / 2);
    format!("{left}-{right}")
}

/// As it is compared, however it was typed; none when it cannot be one.
pub(super) fn read(typed: &str) -> Option<String> {
    let written = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    let code: String = written
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let known = code.len() == LETTERS && code.bytes().all(|byte| ALPHABET.contains(&byte));
    known.then_some(code)
}

/// Its hash under the factor's secret, which is sealed beside it: a copy of the database cannot be searched for it.
pub(super) fn hash(secret: &[u8], code: &str) -> [u8; 32] {
    let tag = sign(&Key::new(HMAC_SHA256, secret), format!("recovery code {code}").as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(tag.as_ref());
    out
}

#[cfg(test)]
mod tests {
    use platform_core::random::SeededRandom;

    use super::*;

    #[test]
    fn codes_are_read_as_they_are_typed() {
        let code = code(&SeededRandom::new(3));
        assert_eq!(read(&shown(&code)), Some(code.clone()));
        assert_eq!(read(&format!("  {} ", code.to_lowercase())), Some(code));
        assert_eq!(read("o1l2i-34567").as_deref(), Some("0112134567"));
        for wrong in ["", "123456", "12345-6789", "12345-6789U", "12345-678901", "ÄÖÜÄÖ-ÜÄÖÜÄ"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_hash_depends_on_secret_and_code() {
        assert_ne!(hash(b"a", "0112134567"), hash(b"b", "0112134567"));
        assert_ne!(hash(b"a", "0112134567"), hash(b"a", "0112134568"));
    }
}
