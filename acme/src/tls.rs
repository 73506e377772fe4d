//! The TLS settings that every certificate shares: one crypto provider, TLS 1.2 and 1.3, ALPN, tickets. Each loaded
//! certificate gets a `ServerConfig` of its own, cloned from one base (346 octets), so that nothing is decided twice.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

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
    /// Fresh ticket keys; those of former processes stop working, which costs a full handshake and nothing else.
    ///
    /// # Errors
    /// The provider cannot make ticket keys.
    pub fn new() -> Result<Self, rustls::Error> {
        let mut base = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Nothing));
        base.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        base.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        base.session_storage = Arc::new(NoServerSessionStorage {});
        base.send_tls13_tickets = 1;
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
    /// rather show a neutral page than end the handshake.
    ///
    /// # Errors
    /// The provider cannot make a key.
    pub fn neutral(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let fault = |error: rcgen::Error| rustls::Error::General(error.to_string());
        let made = rcgen::generate_simple_self_signed(vec!["unknown.invalid".to_owned()]).map_err(fault)?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .map_err(|error| rustls::Error::General(error.to_owned()))?;
        self.serving(vec![made.cert.der().clone()], key)
    }

    /// A configuration without a certificate: a handshake with it ends in an alert before any key is computed.
    #[must_use]
    pub fn refusing(&self) -> Arc<ServerConfig> {
        self.base.clone()
    }
}

#[derive(Debug)]
struct Nothing;

impl ResolvesServerCert for Nothing {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}
