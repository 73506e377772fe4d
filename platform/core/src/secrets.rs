//! Secrets at rest: private keys and other systems' passwords, sealed before they reach the database.
//!
//! Envelope encryption with AES-256-GCM: each secret has a data key of its own, and the data key is wrapped by a key
//! encryption key that lives in a file outside the database. Both layers are bound to table, column, tenant and row,
//! so a sealed value moved elsewhere does not open. Rotation wraps data keys anew and leaves the secrets untouched.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use crate::id::TenantId;
use crate::random::{Random, bytes};

const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;
const VERSION: u8 = 1;
/// Marks a key that opens and does not seal yet.
pub const NEXT: char = '+';
const HEADER_LEN: usize = 1 + 4;
const WRAPPED_LEN: usize = NONCE_LEN + KEY_LEN + TAG_LEN;

/// Why a secret did not open. Never says what was inside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the key file: {0}")]
    KeyFile(String),
    #[error("a sealed value is damaged, or belongs to another row")]
    Damaged,
    #[error("a sealed value needs key {0}, which the key file does not hold")]
    UnknownKey(u32),
}

/// Where a secret lives. Opening with another place fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    pub table: &'static str,
    pub column: &'static str,
    /// None for secrets of the platform, such as certificate keys.
    pub tenant: Option<TenantId>,
    pub row: Uuid,
}

impl Binding {
    fn bytes(&self) -> Vec<u8> {
        let tenant = self.tenant.map_or(Uuid::nil(), |id| id.0);
        let mut out = Vec::with_capacity(self.table.len() + self.column.len() + 2 + 32);
        out.extend_from_slice(self.table.as_bytes());
        out.push(0);
        out.extend_from_slice(self.column.as_bytes());
        out.push(0);
        out.extend_from_slice(tenant.as_bytes());
        out.extend_from_slice(self.row.as_bytes());
        out
    }
}

/// Seals and opens. Cheap to clone; never prints its keys.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<BTreeMap<u32, LessSafeKey>>,
    current: u32,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("keys", &self.keys.len())
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// Reads a key file: one key a line, `NUMBER:BASE64-OF-32-BYTES`, `#` for remarks. The highest number seals, except
    /// those marked with a `+` in front: they only open, so that every node can read with a key before any seals with it.
    ///
    /// # Errors
    /// [`Error::KeyFile`] with the line at fault.
    pub fn from_key_file(text: &str, random: Arc<dyn Random>) -> Result<Self, Error> {
        let (mut keys, mut current) = (BTreeMap::new(), None);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (line, seals) = line.strip_prefix(NEXT).map_or((line, true), |line| (line, false));
            let (number, key) = parse_line(line)
                .ok_or_else(|| Error::KeyFile(format!("line {} is not NUMBER:BASE64", index + 1)))?;
            keys.insert(number, key);
            current = current.max(seals.then_some(number));
        }
        let current = current.ok_or_else(|| Error::KeyFile("it holds no key that seals".into()))?;
        Ok(Self { keys: Arc::new(keys), current, random })
    }

    /// A new line for a key file.
    #[must_use]
    pub fn new_key_line(number: u32, random: &dyn Random) -> String {
        format!("{number}:{}\n", STANDARD.encode(bytes::<KEY_LEN>(random)))
    }

    /// The number of the key that seals.
    #[must_use]
    pub fn current_key(&self) -> u32 {
        self.current
    }

    /// Seals a secret for one place.
    #[must_use]
    pub fn seal(&self, binding: &Binding, secret: &[u8]) -> Vec<u8> {
        let aad = binding.bytes();
        let data_key: [u8; KEY_LEN] = bytes(&*self.random);
        let mut out = self.header();
        let kek = &self.keys[&self.current];
        self.encrypt(kek, &aad, &data_key, &mut out);
        self.encrypt(&key(&data_key), &aad, secret, &mut out);
        out
    }

    /// Opens what [`Self::seal`] made for the same place.
    ///
    /// # Errors
    /// When the value is damaged, belongs elsewhere, or its key is gone.
    pub fn open(&self, binding: &Binding, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let aad = binding.bytes();
        let data_key = self.unwrap_data_key(&aad, sealed)?;
        decrypt(&key(&data_key), &aad, sealed.get(HEADER_LEN + WRAPPED_LEN..).ok_or(Error::Damaged)?)
    }

    /// The same secret under the current key, or none when it is under it already.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn rewrap(&self, binding: &Binding, sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if key_number(sealed)? == self.current {
            return Ok(None);
        }
        let aad = binding.bytes();
        let data_key = self.unwrap_data_key(&aad, sealed)?;
        let mut out = self.header();
        self.encrypt(&self.keys[&self.current], &aad, &data_key, &mut out);
        out.extend_from_slice(&sealed[HEADER_LEN + WRAPPED_LEN..]);
        Ok(Some(out))
    }

    fn header(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.current.to_be_bytes());
        out
    }

    fn unwrap_data_key(&self, aad: &[u8], sealed: &[u8]) -> Result<[u8; KEY_LEN], Error> {
        let number = key_number(sealed)?;
        let kek = self.keys.get(&number).ok_or(Error::UnknownKey(number))?;
        let wrapped = sealed.get(HEADER_LEN..HEADER_LEN + WRAPPED_LEN).ok_or(Error::Damaged)?;
        decrypt(kek, aad, wrapped)?.try_into().map_err(|_| Error::Damaged)
    }

    /// Appends nonce and ciphertext.
    fn encrypt(&self, key: &LessSafeKey, aad: &[u8], plain: &[u8], out: &mut Vec<u8>) {
        let nonce: [u8; NONCE_LEN] = bytes(&*self.random);
        let mut sealed = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
            .expect("AES-GCM seals anything below 64 GiB");
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
    }
}

fn parse_line(line: &str) -> Option<(u32, LessSafeKey)> {
    let (number, encoded) = line.split_once(':')?;
    let raw: [u8; KEY_LEN] = STANDARD.decode(encoded.trim()).ok()?.try_into().ok()?;
    Some((number.trim().parse().ok()?, key(&raw)))
}

fn key(raw: &[u8; KEY_LEN]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, raw).expect("the length is right by type"))
}

fn key_number(sealed: &[u8]) -> Result<u32, Error> {
    match sealed.split_first_chunk::<HEADER_LEN>() {
        Some(([VERSION, number @ ..], _)) => Ok(u32::from_be_bytes(*number)),
        _ => Err(Error::Damaged),
    }
}

fn decrypt(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Error::Damaged)?;
    let mut buffer = ciphertext.to_vec();
    let plain = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut buffer)
        .map_err(|_| Error::Damaged)?;
    Ok(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    fn sealer(lines: &str) -> Sealer {
        Sealer::from_key_file(lines, Arc::new(SeededRandom::new(1))).expect("the key file is well formed")
    }

    fn place(row: u128) -> Binding {
        Binding {
            table: "connectors",
            column: "url",
            tenant: Some(TenantId(Uuid::from_u128(7))),
            row: Uuid::from_u128(row),
        }
    }

    #[test]
    fn opens_only_in_its_own_place() {
        let sealer = sealer(&Sealer::new_key_line(1, &SeededRandom::new(2)));
        let sealed = sealer.seal(&place(1), b"postgres://secret");
        assert_eq!(sealer.open(&place(1), &sealed).expect("the place is right"), b"postgres://secret");
        assert!(matches!(sealer.open(&place(2), &sealed), Err(Error::Damaged)), "another row");
        let other = Binding { tenant: Some(TenantId(Uuid::from_u128(8))), ..place(1) };
        assert!(matches!(sealer.open(&other, &sealed), Err(Error::Damaged)), "another tenant");
        let column = Binding { column: "password", ..place(1) };
        assert!(matches!(sealer.open(&column, &sealed), Err(Error::Damaged)), "another column");
        assert!(!sealed.windows(6).any(|w| w == b"secret"), "nothing is left in clear");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealer = sealer(&Sealer::new_key_line(1, &SeededRandom::new(2)));
        let sealed = sealer.seal(&place(1), b"x");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(sealer.open(&place(1), &changed).is_err(), "byte {index}");
        }
        assert!(sealer.open(&place(1), &[]).is_err());
    }

    #[test]
    fn rotation_keeps_the_secret_and_drops_the_old_key() {
        let first = Sealer::new_key_line(1, &SeededRandom::new(2));
        let second = Sealer::new_key_line(2, &SeededRandom::new(3));
        let sealed = sealer(&first).seal(&place(1), b"kept");
        let both = sealer(&format!("{first}{second}"));
        let rewrapped =
            both.rewrap(&place(1), &sealed).expect("both keys are here").expect("it was under the old key");
        assert_eq!(
            both.rewrap(&place(1), &rewrapped).expect("it is readable"),
            None,
            "a second run changes nothing"
        );
        assert_eq!(sealer(&second).open(&place(1), &rewrapped).expect("the new key is enough"), b"kept");
        assert!(matches!(sealer(&second).open(&place(1), &sealed), Err(Error::UnknownKey(1))));
    }

    #[test]
    fn the_next_key_opens_and_does_not_seal_yet() {
        let first = Sealer::new_key_line(1, &SeededRandom::new(2));
        let second = Sealer::new_key_line(2, &SeededRandom::new(3));
        let waiting = sealer(&format!("{first}{NEXT}{second}"));
        assert_eq!(waiting.current_key(), 1);
        let sealed = sealer(&second).seal(&place(1), b"from a node that is ahead");
        assert!(waiting.open(&place(1), &sealed).is_ok());
    }

    #[test]
    fn a_bad_key_file_names_its_line() {
        let error = Sealer::from_key_file("# ours\n1:short\n", Arc::new(SeededRandom::new(1)))
            .expect_err("too short");
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(Sealer::from_key_file("", Arc::new(SeededRandom::new(1))).is_err());
    }
}
