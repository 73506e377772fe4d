//! Private keys of certificates and their signing requests: ECDSA P-256, made before the order and stored sealed, so that
//! a crash after the authority signed never wastes the certificate.

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A key that cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[error("private key: {0}")]
pub(crate) struct KeyError(#[from] rcgen::Error);

/// A new key as PKCS#8 DER. Its randomness is the provider's own: this is a secret, never a value to replay.
///
/// # Errors
/// The provider refuses.
pub(crate) fn generate() -> Result<Vec<u8>, KeyError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_der())
}

/// The signing request for one name and a stored key, as DER. No subject: a name belongs into the SAN alone.
///
/// # Errors
/// The stored key is not readable or the name is not a DNS name.
pub(crate) fn signing_request(host: &str, pkcs8: &[u8]) -> Result<Vec<u8>, KeyError> {
    let key =
        KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), &PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(vec![host.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(&key)?.der().to_vec())
}

/// The stored key in the form that TLS takes.
#[must_use]
pub(crate) fn for_tls(pkcs8: Vec<u8>) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8))
}
