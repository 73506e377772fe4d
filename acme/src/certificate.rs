//! What a chain says about itself: names, validity, serial, issuer; and when it should be renewed.

use chrono::{DateTime, Utc};
use instant_acme::CertificateIdentifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The facts of a chain's leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The DNS names it is valid for, lower case, wildcards as `*.name`.
    pub names: Vec<String>,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    /// Hexadecimal, no separators.
    pub serial: String,
    pub issuer: String,
    /// The authority's name for it (RFC 9773, section 4.1); none when the leaf does not say who signed it.
    pub ari_id: Option<String>,
}

/// A chain that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificate chain is not readable: {0}")]
pub struct ChainError(String);

/// The certificates of a PEM chain, leaf first.
///
/// # Errors
/// The text is not PEM or holds no certificate.
pub fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, ChainError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let all = all.map_err(|error| ChainError(error.to_string()))?;
    if all.is_empty() {
        return Err(ChainError("no certificate in it".to_owned()));
    }
    Ok(all)
}

/// Reads the leaf of a chain.
///
/// # Errors
/// The leaf is not an X.509 certificate.
pub fn facts(chain: &[CertificateDer<'_>]) -> Result<Facts, ChainError> {
    let fault = |text: &str| ChainError(text.to_owned());
    let leaf_der = chain.first().ok_or_else(|| fault("no certificate in it"))?;
    let (_, leaf) = X509Certificate::from_der(leaf_der).map_err(|error| ChainError(error.to_string()))?;
    let ari_id = CertificateIdentifier::try_from(leaf_der).ok().map(|id| id.to_string());
    let time = |at: i64| DateTime::from_timestamp(at, 0).ok_or_else(|| fault("a date out of range"));
    let names = leaf.subject_alternative_name().map_err(|error| ChainError(error.to_string()))?;
    let names = names.map_or_else(Vec::new, |extension| {
        let dns = extension.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        dns.collect()
    });
    Ok(Facts {
        names,
        not_before: time(leaf.validity().not_before.timestamp())?,
        not_after: time(leaf.validity().not_after.timestamp())?,
        serial: leaf.raw_serial().iter().map(|octet| format!("{octet:02x}")).collect(),
        issuer: leaf.issuer().to_string(),
        ari_id,
    })
}

/// Whether one of the names of a certificate covers a host: itself, or a wildcard of exactly one label.
#[must_use]
pub fn covers(names: &[String], host: &str) -> bool {
    let parent = host.split_once('.').map(|(_, rest)| rest);
    names.iter().any(|name| match name.strip_prefix("*.") {
        Some(base) => parent == Some(base),
        None => name == host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_one_label() {
        let names = ["*.portico.localhost".to_owned(), "a.example".to_owned()];
        assert!(covers(&names, "techflow.portico.localhost"));
        assert!(covers(&names, "a.example"));
        assert!(!covers(&names, "portico.localhost"));
        assert!(!covers(&names, "a.techflow.portico.localhost"));
        assert!(!covers(&names, "b.example"));
    }

    #[test]
    fn facts_are_read_from_a_chain() {
        let key = rcgen::generate_simple_self_signed(vec!["A.example".to_owned(), "*.b.example".to_owned()])
            .unwrap();
        let chain = chain(&key.cert.pem()).unwrap();
        let facts = facts(&chain).unwrap();
        assert_eq!(facts.names, ["a.example", "*.b.example"]);
        assert!(facts.not_before < facts.not_after && !facts.serial.is_empty());
        assert!(super::chain("nothing here").is_err());
    }
}
