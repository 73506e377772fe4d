//! Signed requests that the ACME library cannot make with a key that was stored beforehand: registering under an external
//! account, and the roll-over of the account's key. Both have to survive a crash between the request and its answer, so
//! the key must lie in the database before the authority hears of it.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response};
use instant_acme::{BodyWrapper, Problem};
use serde_json::{Value, json};

use crate::authority::ExternalAccount;
use crate::verdict::{StepError, judge};
use crate::wire::Wire;

/// Requests of one kind are repeated this often for a refused nonce.
const NONCE_REPEATS: u32 = 30;

/// A P-256 key that signs as ES256.
pub(crate) struct Signer(EcdsaKeyPair);

impl Signer {
    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, StepError> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
        Ok(Self(key.map_err(|_| StepError::ours("the account's stored key is not readable"))?))
    }

    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        json!({ "crv": "P-256", "kty": "EC", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) })
    }

    fn sign(&self, protected: &Value, payload: &str) -> Result<Value, StepError> {
        #[expect(clippy::disallowed_types, reason = "the signature's own randomness; nothing to replay")]
        let random = aws_lc_rs::rand::SystemRandom::new();
        let protected = encode(protected);
        let signature = self.0.sign(&random, format!("{protected}.{payload}").as_bytes());
        let signature = signature.map_err(|_| StepError::ours("the account's key does not sign"))?;
        Ok(flat(&protected, payload, signature.as_ref()))
    }
}

/// The addresses of an authority that these requests need.
pub(crate) struct Directory {
    nonce: String,
    account: String,
    key_change: Option<String>,
}

impl Directory {
    pub(crate) async fn read(wire: &Wire, url: &str) -> Result<Self, StepError> {
        let answer = wire.clone().send(request(Method::GET, url, Vec::new())?).await?;
        let body: Value = read(&answer)?;
        let field = |name: &str| body[name].as_str().map(str::to_owned);
        let missing = || StepError::Away("the authority's directory is not one".to_owned());
        Ok(Self {
            nonce: field("newNonce").ok_or_else(missing)?,
            account: field("newAccount").ok_or_else(missing)?,
            key_change: field("keyChange"),
        })
    }

    /// Registers the key under an external account. Gives the account's address; the same for a key that is known already.
    pub(crate) async fn register(
        &self,
        wire: &Wire,
        key: &Signer,
        external: Option<&ExternalAccount>,
        only_existing: bool,
    ) -> Result<String, StepError> {
        let mut payload = json!({ "termsOfServiceAgreed": true });
        if only_existing {
            payload = json!({ "onlyReturnExisting": true });
        }
        if let Some(external) = external {
            payload["externalAccountBinding"] = self.bind(key, external);
        }
        let answer = self.post(wire, key, json!({ "jwk": key.jwk() }), &self.account, &payload).await?;
        let address = answer.headers().get(http::header::LOCATION).and_then(|value| value.to_str().ok());
        address
            .map(str::to_owned)
            .ok_or_else(|| StepError::ours("the authority does not say where our account is"))
    }

    fn bind(&self, key: &Signer, external: &ExternalAccount) -> Value {
        let protected = encode(&json!({ "alg": "HS256", "kid": external.kid, "url": self.account }));
        let payload = encode(&key.jwk());
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &external.hmac);
        let tag = hmac::sign(&secret, format!("{protected}.{payload}").as_bytes());
        flat(&protected, &payload, tag.as_ref())
    }

    /// Puts `new` in the place of `old` (RFC 8555, section 7.3.5).
    pub(crate) async fn change_key(
        &self,
        wire: &Wire,
        account: &str,
        old: &Signer,
        new: &Signer,
    ) -> Result<(), StepError> {
        let url = self.key_change.as_deref();
        let url = url.ok_or_else(|| StepError::ours("the authority offers no roll-over of account keys"))?;
        let payload = encode(&json!({ "account": account, "oldKey": old.jwk() }));
        let inner = new.sign(&json!({ "alg": "ES256", "jwk": new.jwk(), "url": url }), &payload)?;
        self.post(wire, old, json!({ "kid": account }), url, &inner).await?;
        Ok(())
    }

    async fn post(
        &self,
        wire: &Wire,
        key: &Signer,
        identity: Value,
        url: &str,
        payload: &Value,
    ) -> Result<Response<Bytes>, StepError> {
        let payload = encode(payload);
        let mut repeats = 0;
        loop {
            let mut protected = identity.clone();
            protected["alg"] = json!("ES256");
            protected["nonce"] = json!(self.fresh_nonce(wire).await?);
            protected["url"] = json!(url);
            let body = key.sign(&protected, &payload)?.to_string().into_bytes();
            let answer = wire.clone().send(request(Method::POST, url, body)?).await?;
            if answer.status().is_success() {
                return Ok(answer);
            }
            match judge(&read::<Problem>(&answer)?) {
                StepError::BadNonce if repeats < NONCE_REPEATS => repeats += 1,
                error => return Err(error),
            }
        }
    }

    async fn fresh_nonce(&self, wire: &Wire) -> Result<String, StepError> {
        let answer = wire.clone().send(request(Method::HEAD, &self.nonce, Vec::new())?).await?;
        let nonce = answer.headers().get("replay-nonce").and_then(|value| value.to_str().ok());
        nonce.map(str::to_owned).ok_or_else(|| StepError::Away("the authority gives no nonce".to_owned()))
    }
}

fn request(method: Method, url: &str, body: Vec<u8>) -> Result<Request<BodyWrapper<Bytes>>, StepError> {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header(http::header::USER_AGENT, "portico")
        .header(http::header::CONTENT_TYPE, "application/jose+json")
        .body(BodyWrapper::from(body));
    request.map_err(|error| StepError::ours(format!("{url} cannot be asked: {error}")))
}

fn read<T: serde::de::DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, StepError> {
    serde_json::from_slice(answer.body())
        .map_err(|error| StepError::Away(format!("the authority's answer is not ACME: {error}")))
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn flat(protected: &str, payload: &str, signature: &[u8]) -> Value {
    let signature = URL_SAFE_NO_PAD.encode(signature);
    json!({ "protected": protected, "payload": payload, "signature": signature })
}
