//! The TLS settings that every certificate shares: one crypto provider, TLS 1.2 and 1.3, ALPN, tickets. Each loaded
//! certificate gets a `ServerConfig` of its own, cloned from one base (346 octets), so that nothing is decided twice.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// The protocol of TLS-ALPN-01 challenges.
pub const ACME_TLS: &[u8] = b"acme-tls/1";

/// The one provider of the process: aws-lc-rs, with the X25519MLKEM768 group.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Makes a server configuration for each certificate. Tickets are shared by all of them; rustls binds each ticket to its
/// SNI, so no session resumes under another host.
#[derive(Debug, Clone)]
pub struct Configs {
    base: Arc<ServerConfig>,
}

impl Configs {
    /// Ticket keys of this process alone; those of former ones stop working, which costs a full handshake and nothing
    /// else.
    ///
    /// # Errors
    /// The provider cannot make ticket keys.
    pub fn new() -> Result<Self, rustls::Error> {
        Self::with_tickets(rustls::crypto::aws_lc_rs::Ticketer::new()?)
    }

    /// Tickets from elsewhere, such as those that all nodes share.
    ///
    /// # Errors
    /// The provider has no usable protocol version.
    pub fn with_tickets(tickets: Arc<dyn ProducesTickets>) -> Result<Self, rustls::Error> {
        let mut base = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Nothing));
        base.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        base.ticketer = tickets;
        base.session_storage = Arc::new(NoServerSessionStorage {});
        base.send_tls13_tickets = 1;
        // No 0-RTT: a stranger could send a recorded request again. rustls refuses it besides, as tickets have no state.
        base.max_early_data_size = 0;
        base.send_half_rtt_data = false;
        Ok(Self { base: Arc::new(base) })
    }

    /// The configuration that serves this certificate to everybody.
    ///
    /// # Errors
    /// The key is not usable or does not belong to the certificate.
    pub fn serving(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let key = self.base.crypto_provider().key_provider.load_private_key(key)?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match()?;
        let mut config = ServerConfig::clone(&self.base);
        config.cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        Ok(Arc::new(config))
    }

    /// A configuration with a self-signed certificate for `unknown.invalid`, which names nobody: for an edge that would
    /// rather show a neutral page than end the handshake. Nothing is resumed under it: a ticket of a host that was served
    /// once would stand in for the certificate that it has no more.
    ///
    /// # Errors
    /// The provider cannot make a key.
    pub fn neutral(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let made = rcgen::generate_simple_self_signed(vec!["unknown.invalid".to_owned()])
            .map_err(|error| fault(&error))?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .map_err(|error| rustls::Error::General(error.to_owned()))?;
        let serving = self.serving(vec![made.cert.der().clone()], key)?;
        let mut config = ServerConfig::clone(&serving);
        config.ticketer = Arc::new(NoTickets);
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// The answer to a TLS-ALPN-01 challenge (RFC 8737): a self-signed certificate for exactly this host that carries the
    /// digest of the key authorization, under the protocol `acme-tls/1` and no other.
    ///
    /// # Errors
    /// The provider cannot make a key, or the host is not a DNS name.
    pub fn challenge(&self, host: &str, digest: &[u8; 32]) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(|error| fault(&error))?;
        params.distinguished_name = DistinguishedName::new();
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| fault(&error))?;
        let certificate = params.self_signed(&key).map_err(|error| fault(&error))?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let key = self.base.crypto_provider().key_provider.load_private_key(key)?;
        // Not `from_der`, nor `keys_match`: both read the certificate, and refuse the critical extension.
        let certified = CertifiedKey::new(vec![certificate.der().clone()], key);
        let mut config = ServerConfig::clone(&self.base);
        config.cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        config.alpn_protocols = vec![ACME_TLS.to_vec()];
        config.ticketer = Arc::new(NoTickets);
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn fault(error: &rcgen::Error) -> rustls::Error {
    rustls::Error::General(error.to_string())
}

#[derive(Debug)]
struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

#[derive(Debug)]
struct Nothing;

impl ResolvesServerCert for Nothing {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::NamedGroup;

    #[test]
    fn the_hybrid_group_is_preferred() {
        let groups: Vec<NamedGroup> = provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups[..2], [NamedGroup::X25519MLKEM768, NamedGroup::X25519]);
    }

    #[test]
    fn a_challenge_names_one_host_and_one_protocol() {
        let configs = Configs::new().unwrap();
        let config = configs.challenge("a.example", &[7; 32]).unwrap();
        assert_eq!(config.alpn_protocols, [b"acme-tls/1".to_vec()]);
        assert!(!config.ticketer.enabled());
        assert!(configs.challenge("not a name\u{e9}", &[7; 32]).is_err());
    }
}
