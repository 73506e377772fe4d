//! Signed requests as the authority reads them (RFC 7515, RFC 8555 section 6.2).

use aws_lc_rs::digest;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(super) struct Signed {
    protected: String,
    payload: String,
    signature: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Jwk {
    pub(super) x: String,
    pub(super) y: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) nonce: Option<String>,
    pub(super) url: String,
    pub(super) kid: Option<String>,
    pub(super) jwk: Option<Jwk>,
}

impl Signed {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    pub(super) fn header(&self) -> Option<Header> {
        serde_json::from_slice(&decode(&self.protected)?).ok()
    }

    /// Null for a request that only reads.
    pub(super) fn payload(&self) -> Option<Value> {
        match self.payload.is_empty() {
            true => Some(Value::Null),
            false => serde_json::from_slice(&decode(&self.payload)?).ok(),
        }
    }

    pub(super) fn is_signed_by(&self, key: &Jwk) -> bool {
        let verified = || {
            let point = [vec![4], decode(&key.x)?, decode(&key.y)?].concat();
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            key.verify(self.signed_text().as_bytes(), &decode(&self.signature)?).ok()
        };
        verified().is_some()
    }

    pub(super) fn is_sealed_by(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = decode(&self.signature).unwrap_or_default();
        hmac::verify(&key, self.signed_text().as_bytes(), &tag).is_ok()
    }

    fn signed_text(&self) -> String {
        format!("{}.{}", self.protected, self.payload)
    }
}

impl Jwk {
    /// The key's thumbprint (RFC 7638), which is half of every key authorization.
    pub(super) fn thumbprint(&self) -> String {
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }
}

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(super) fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}
