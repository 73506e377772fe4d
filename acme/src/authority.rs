//! The certificate authorities that orders may go to, in the order of preference. The second one is for faults of the first
//! (outage, 5xx, a limit that lasts beyond the order's deadline), never for a host's DNS or CAA: another authority would
//! find the same, and the customer would read two reasons instead of one.

use std::path::PathBuf;

use crate::budget::Limits;

/// One authority and our standing with it.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The directory URL.
    pub directory: String,
    /// A mail address for the authority's notices.
    pub contact: Option<String>,
    /// PEM roots to trust instead of the system's, for a private or test authority.
    pub ca_file: Option<PathBuf>,
    /// The external account that ours has to be bound to, where the authority asks for one.
    pub external: Option<ExternalAccount>,
    /// The kind of certificate to order, by the authority's own name for it (`meta.profiles` in its directory). One that
    /// it does not offer is left out of the order, and said in the log.
    pub profile: Option<String>,
    pub limits: Limits,
}

impl Authority {
    /// The usual settings for a directory.
    #[must_use]
    pub fn new(directory: impl Into<String>) -> Self {
        let directory = directory.into();
        let limits = Limits::of(&directory);
        Self { directory, contact: None, ca_file: None, external: None, profile: None, limits }
    }

    /// What people call it: the host of its directory.
    #[must_use]
    pub fn name(&self) -> &str {
        name(&self.directory)
    }
}

/// The host of a directory URL.
#[must_use]
pub fn name(directory: &str) -> &str {
    let rest = directory.split_once("://").map_or(directory, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or(rest)
}

/// An account that we have with the authority outside ACME (RFC 8555, section 7.3.4).
#[derive(Clone)]
pub struct ExternalAccount {
    /// The key's identifier.
    pub kid: String,
    /// The HMAC key, decoded.
    pub hmac: Vec<u8>,
}

impl std::fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalAccount").field("kid", &self.kid).finish_non_exhaustive()
    }
}
