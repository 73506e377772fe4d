//! A certificate from elsewhere, such as a wildcard for the platform's own domain, installed as if it had been ordered.
//! Nobody renews it here: hosts that it covers are ordered for as soon as it has expired.

use platform_core::clock::Clock;
use platform_core::db::{Error as DbError, SystemTx};
use platform_core::id;
use platform_core::random::Random;
use platform_core::secrets::Sealer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::certificate::{self, ChainError};
use crate::tls::Configs;
use crate::{installed, key};

/// Why a certificate is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("the private key is not readable; it must be PKCS#8 in PEM (BEGIN PRIVATE KEY)")]
    Key,
    #[error("key and certificate do not fit: {0}")]
    Mismatch(#[from] rustls::Error),
    #[error("the certificate names no host")]
    NoName,
    #[error("the certificate has expired")]
    Expired,
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Installs a chain and its key, both PEM, for each name of the leaf. Gives the names.
///
/// # Errors
/// What is wrong with the two, or the database's answer.
pub async fn import(
    tx: &mut SystemTx,
    sealer: &Sealer,
    (clock, random): (&dyn Clock, &dyn Random),
    chain_pem: &str,
    key_pem: &str,
) -> Result<Vec<String>, ImportError> {
    let chain = certificate::chain(chain_pem)?;
    let facts = certificate::facts(&chain)?;
    let Ok(PrivateKeyDer::Pkcs8(private)) = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()) else {
        return Err(ImportError::Key);
    };
    let pkcs8 = private.secret_pkcs8_der();
    Configs::new()?.serving(chain, key::for_tls(pkcs8.to_vec()))?;
    let now = clock.now();
    if facts.not_after <= now {
        return Err(ImportError::Expired);
    }
    if facts.names.is_empty() {
        return Err(ImportError::NoName);
    }
    for host in &facts.names {
        let id = id::uuid(clock, random);
        let key_sealed = sealer.seal(&installed::binding(id), pkcs8);
        let new = installed::New {
            id,
            host,
            chain: chain_pem,
            key_sealed: &key_sealed,
            directory: "imported",
            facts: &facts,
            ari_next: None,
        };
        installed::install(tx, &new, now).await?;
    }
    Ok(facts.names)
}
