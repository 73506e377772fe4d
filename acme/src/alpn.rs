//! Serves TLS-ALPN-01: while an order of that kind is open for a host, and only to a client that offers `acme-tls/1` and
//! nothing else. Any node answers, because the digest lies in the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use platform_core::db::{Db, Error};
use rustls::ServerConfig;
use tokio::sync::Semaphore;

use crate::challenges;
use crate::tls::{ACME_TLS, Configs};

/// Look-ups at the same time; more would let a stranger take the database's connections.
const LOOKUPS: usize = 8;
/// Certificates kept: an authority looks from five places, and each of them gets the same one.
const KEPT: usize = 64;

/// The answering side of one process.
#[derive(Debug)]
pub struct AlpnChallenges {
    db: Db,
    configs: Configs,
    lookups: Semaphore,
    made: Mutex<HashMap<String, Made>>,
}

#[derive(Debug)]
struct Made {
    digest: [u8; 32],
    config: Arc<ServerConfig>,
}

impl AlpnChallenges {
    /// Nothing is kept yet.
    #[must_use]
    pub fn new(db: Db, configs: Configs) -> Self {
        Self { db, configs, lookups: Semaphore::new(LOOKUPS), made: Mutex::default() }
    }

    /// Whether a client asks for a challenge: it offers that one protocol, and no other.
    pub fn asked<'a>(offered: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let mut offered = offered.into_iter();
        offered.next() == Some(ACME_TLS) && offered.next().is_none()
    }

    /// The configuration that answers for a host, or `None` when no such order is open. Ask for known hosts only. Absence
    /// is not remembered: a stranger who asks early must not spoil the authority's question a moment later.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn answer(&self, host: &str) -> Result<Option<Arc<ServerConfig>>, Error> {
        let _turn = self.lookups.acquire().await.expect("never closed");
        let answer = challenges::digest(&self.db, host).await?;
        let Some(digest) = answer.as_deref().and_then(from_hexadecimal) else { return Ok(None) };
        let mut made = self.made.lock().expect("no holder panics");
        if let Some(known) = made.get(host).filter(|known| known.digest == digest) {
            return Ok(Some(known.config.clone()));
        }
        let config = match self.configs.challenge(host, &digest) {
            Ok(config) => config,
            Err(error) => {
                tracing::error!(host, %error, "a challenge certificate cannot be made");
                return Ok(None);
            }
        };
        if made.len() >= KEPT {
            made.clear();
        }
        made.insert(host.to_owned(), Made { digest, config: config.clone() });
        Ok(Some(config))
    }
}

fn from_hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (octet, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_protocol_asks_for_a_challenge() {
        let asked = |offered: &[&[u8]]| AlpnChallenges::asked(offered.iter().copied());
        assert!(asked(&[b"acme-tls/1"]));
        assert!(!asked(&[]));
        assert!(!asked(&[b"h2"]));
        assert!(!asked(&[b"acme-tls/1", b"h2"]));
        assert!(!asked(&[b"h2", b"acme-tls/1"]));
        assert!(!asked(&[b"acme-tls/1", b"acme-tls/1"]));
    }

    #[test]
    fn digests_are_64_digits() {
        assert_eq!(from_hexadecimal(&"0a".repeat(32)), Some([10; 32]));
        for text in ["", "0a", &"0g".repeat(32), &"0a".repeat(33), &"+1".repeat(32), &"\u{e9}".repeat(32)] {
            assert_eq!(from_hexadecimal(text), None, "{text}");
        }
    }
}
