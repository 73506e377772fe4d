//! Which names may be claimed. Every refusal says why, in words for the person who typed the name; nothing is stored then.

use platform_core::random::{Random, bytes};

use super::lookalike::{self, Likeness};
use crate::host::{Host, HostError};

/// Claims of one tenant that may wait for their DNS at the same time.
pub(crate) const PENDING_LIMIT: i64 = 20;

/// Ends of names that never reach a public DNS.
const PRIVATE: [&str; 9] =
    ["localhost", "local", "internal", "invalid", "onion", "arpa", "alt", "lan", "home"];
/// Ends of names for documentation and tests.
const TEST: [&str; 2] = ["example", "test"];
/// Labels below the base domain that mean something to the platform itself.
const RESERVED_SLUGS: [&str; 21] = [
    "acme",
    "admin",
    "api",
    "app",
    "assets",
    "autoconfig",
    "autodiscover",
    "console",
    "edge",
    "ftp",
    "help",
    "mail",
    "mta-sts",
    "ns1",
    "ns2",
    "operator",
    "smtp",
    "static",
    "status",
    "support",
    "www",
];

/// First labels that mail clients, browsers and authorities trust by their name alone.
const TRUSTED_LABELS: [&str; 7] =
    ["autoconfig", "autodiscover", "broadcasthost", "isatap", "mta-sts", "openpgpkey", "wpad"];

/// Whether a slug cannot be a tenant's.
#[must_use]
pub fn is_reserved_slug(slug: &str) -> bool {
    RESERVED_SLUGS.contains(&slug)
}

/// The platform's view on names.
#[derive(Debug, Clone)]
pub struct ClaimRules {
    /// The platform's own domain.
    pub base: Host,
    /// Whether `.example` and `.test` are fine: in the demo and in tests.
    pub test_names: bool,
}

/// Why a name cannot be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error("“{0}” is not a host name: {1}")]
    NotAHost(String, HostError),
    #[error("“{0}” has only one part; use a host of your domain, such as portal.your-company.com")]
    SingleLabel(Host),
    #[error("“{0}” is a place where others register their domains; use a domain of your own below it")]
    PublicSuffix(Host),
    #[error("“{0}” belongs to the platform itself")]
    Platform(Host),
    #[error("“.{0}” names are not reachable from the internet, so no certificate can be had for them")]
    Private(String),
    #[error("“{0}” repeats a part; certificate authorities refuse such names")]
    Repeats(Host),
    #[error("“{0}” mixes letters of different scripts, which look alike; use one script for each part")]
    MixedScripts(String),
    #[error("“{0}” looks like this platform's own name")]
    LooksLikePlatform(String),
    #[error(
        "“{0}.” hosts are trusted by mail programs and browsers for their name alone; use another first part"
    )]
    Trusted(String),
    #[error("a port does not belong to a domain; claim “{0}”")]
    Port(Host),
    #[error("“{0}” is claimed already; see its records with `domain list`")]
    Already(Host),
    #[error(
        "{PENDING_LIMIT} domains are waiting for their DNS records already; finish or release some first"
    )]
    TooMany,
    #[error(transparent)]
    Database(#[from] platform_core::db::Error),
}

impl ClaimRules {
    /// Reads a name as typed and applies every rule that needs no database.
    ///
    /// # Errors
    /// The rule that the name breaks.
    pub fn accept(&self, text: &str) -> Result<Host, ClaimError> {
        let typed = text.trim();
        let shown = || typed.chars().take(80).collect::<String>();
        let (host, port) =
            Host::parse_with_port(typed).map_err(|error| ClaimError::NotAHost(shown(), error))?;
        if port.is_some() {
            return Err(ClaimError::Port(host));
        }
        let labels: Vec<&str> = host.labels().collect();
        if host.is_within(&self.base) || self.base.is_within(&host) {
            return Err(ClaimError::Platform(host));
        }
        let last = labels.last().copied().unwrap_or_default();
        if PRIVATE.contains(&last) || (TEST.contains(&last) && !self.test_names) {
            return Err(ClaimError::Private(last.to_owned()));
        }
        if labels.len() < 2 {
            return Err(ClaimError::SingleLabel(host));
        }
        if psl::suffix_str(host.as_str()) == Some(host.as_str()) {
            return Err(ClaimError::PublicSuffix(host));
        }
        if labels.len() >= 4 && labels.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(ClaimError::Repeats(host));
        }
        let first = labels.first().copied().unwrap_or_default();
        if TRUSTED_LABELS.contains(&first) {
            return Err(ClaimError::Trusted(first.to_owned()));
        }
        match lookalike::of(&host, &self.base) {
            Some(Likeness::Mixed(label)) => Err(ClaimError::MixedScripts(label)),
            Some(Likeness::Platform(label)) => Err(ClaimError::LooksLikePlatform(label)),
            None => Ok(host),
        }
    }
}

/// 26 random characters of base32, a DNS label that cannot be guessed (130 bits).
pub(crate) fn label(random: &dyn Random) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    bytes::<26>(random).iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_core::random::SystemRandom;

    fn rules(test_names: bool) -> ClaimRules {
        ClaimRules { base: Host::parse("portico.localhost").unwrap(), test_names }
    }

    #[track_caller]
    fn refused(text: &str, words: &str) {
        let error = rules(false).accept(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }

    #[test]
    fn good_names_are_taken_as_hosts() {
        assert_eq!(rules(false).accept(" Success.Kunde-A.de. ").unwrap().as_str(), "success.kunde-a.de");
        assert_eq!(
            rules(true).accept("success.brightwater.example").unwrap().as_str(),
            "success.brightwater.example"
        );
    }

    #[test]
    fn nonsense_and_reserved_names_are_refused_with_the_reason() {
        refused("", "is not a host name: the name is empty");
        refused("https://a.de/", "is not a host name");
        refused("*.kunde.de", "must not have");
        refused("192.0.2.7", "IP address");
        refused("kunde", "only one part");
        refused("a.kunde.de:8443", "a port");
        refused("techflow.portico.localhost", "platform itself");
        refused("edge.portico.localhost", "platform itself");
        refused("portico.localhost", "platform itself");
        refused("localhost", "platform itself");
        refused("nas.local", "not reachable");
        refused("a.corp.internal", "not reachable");
        refused("success.brightwater.example", "not reachable");
        refused("www.www.kunde.de", "repeats");
        refused("mta-sts.kunde.de", "trusted by mail programs");
        refused("co.uk", "others register their domains");
        refused("github.io", "others register their domains");
        refused("wpad.kunde.de", "trusted by mail programs");
        refused("раураl.kunde.de", "different scripts");
        refused("pоrtico.kunde.de", "different scripts");
        refused("роrtiсо.de", "different scripts");
        refused("p0rtico.kunde.de", "looks like this platform");
        refused("techflow.p0rtico.localhost", "not reachable");
    }

    #[test]
    fn labels_are_long_and_differ() {
        let (one, two) = (label(&SystemRandom), label(&SystemRandom));
        assert_eq!(one.len(), 26);
        assert_ne!(one, two);
        assert!(Host::parse(&format!("{one}.edge.portico.localhost")).is_ok());
    }
}
