//! Signs certificates.

use chrono::{DateTime, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

/// The issuing key of an authority.
pub(super) struct Press {
    issuer: CertifiedIssuer<'static, KeyPair>,
    printed: u64,
}

/// What a signing request asks for.
pub(super) struct Request {
    pub(super) names: Vec<String>,
    point: Vec<u8>,
}

impl PublicKeyData for Request {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl Request {
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, request) = X509CertificationRequest::from_der(der).ok()?;
        let mut names = Vec::new();
        for extension in request.requested_extensions()? {
            if let ParsedExtension::SubjectAlternativeName(alternative) = extension {
                names.extend(alternative.general_names.iter().filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                }));
            }
        }
        names.sort();
        let point = request.certification_request_info.subject_pki.subject_public_key.data.to_vec();
        Some(Self { names, point })
    }
}

/// A certificate, fresh from the press.
pub(super) struct Printed {
    pub(super) chain: String,
    pub(super) leaf: rcgen::Certificate,
}

impl Press {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Simulated Authority");
        let key = KeyPair::generate().expect("the provider makes keys");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a root can sign itself"),
            printed: 0,
        }
    }

    pub(super) fn print(&mut self, request: &Request, from: DateTime<Utc>, until: DateTime<Utc>) -> Printed {
        self.printed += 1;
        let epoch = date_time_ymd(1970, 1, 1);
        let moment = |at: DateTime<Utc>| {
            epoch + std::time::Duration::from_secs(u64::try_from(at.timestamp()).expect("after 1970"))
        };
        let mut params =
            CertificateParams::new(request.names.clone()).expect("they were names in the request");
        params.distinguished_name = DistinguishedName::new();
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (moment(from), moment(until));
        let serial = [&[0x2c, 0xa0][..], &self.printed.to_be_bytes()].concat();
        params.serial_number = Some(SerialNumber::from(serial));
        let leaf = params.signed_by(request, &self.issuer).expect("the authority signs");
        Printed { chain: format!("{}{}", leaf.pem(), self.issuer.pem()), leaf }
    }
}
