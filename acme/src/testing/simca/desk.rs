//! The authority's desk: reads requests, answers them.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{Method, Response};
use platform_core::clock::Clock;
use serde_json::{Value, json};

use super::accounts::{change_account, change_key, register};
use super::jose::Signed;
use super::orders::{finalize, new_order, order_body, revoke};
use super::proofs::{challenge, proof_body};
use super::{SimCa, SimOptions};

/// An answer before it is one of HTTP.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) pem: Option<String>,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<u64>,
}

pub(super) fn ok(body: Value) -> Answer {
    Answer { status: 200, body, pem: None, location: None, retry_after: None }
}

pub(super) fn problem(status: u16, kind: &str, detail: impl Into<String>) -> Answer {
    let body = problem_body(status, kind, &detail.into());
    Answer { status, body, pem: None, location: None, retry_after: None }
}

pub(super) fn problem_body(status: u16, kind: &str, detail: &str) -> Value {
    json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail, "status": status })
}

pub(super) async fn answer(ca: &SimCa, parts: &Parts, body: &[u8]) -> Response<Bytes> {
    let answer = match parts.method {
        Method::POST => signed(ca, parts.uri.path(), body).await,
        _ => unsigned(ca, parts.uri.path()),
    };
    let mut book = ca.book();
    book.stats.requests += 1;
    book.stats.refused += u64::from(answer.status == 429);
    let kind = match (&answer.pem, answer.status >= 400) {
        (Some(_), _) => "application/pem-certificate-chain",
        (None, true) => "application/problem+json",
        (None, false) => "application/json",
    };
    let mut response = Response::builder().status(answer.status).header("content-type", kind);
    if parts.method != Method::GET {
        response = response.header("replay-nonce", book.fresh_nonce());
    }
    if let Some(location) = answer.location {
        response = response.header("location", location);
    }
    if let Some(seconds) = answer.retry_after {
        response = response.header("retry-after", seconds);
    }
    let body = answer.pem.unwrap_or_else(|| answer.body.to_string());
    response.body(Bytes::from(body)).expect("these headers are fine")
}

fn unsigned(ca: &SimCa, path: &str) -> Answer {
    match path {
        "/dir" => ok(directory(&ca.options)),
        "/nonce" => ok(Value::Null),
        _ => match (path.strip_prefix("/renewal/"), ca.options.renewal_info) {
            (Some(id), Some(again)) => renewal_info(ca, id, again),
            _ => problem(404, "malformed", "no such page"),
        },
    }
}

fn directory(options: &SimOptions) -> Value {
    let at = |path: &str| format!("https://{}/{path}", options.name);
    let profiles: serde_json::Map<_, _> =
        options.profiles.iter().map(|(name, _)| (name.clone(), json!("simulated"))).collect();
    let mut directory = json!({
        "newNonce": at("nonce"), "newAccount": at("account"), "newOrder": at("order"), "revokeCert": at("revoke"),
        "keyChange": at("key"),
        "meta": { "profiles": profiles, "externalAccountRequired": options.external.is_some() },
    });
    if options.renewal_info.is_some() {
        directory["renewalInfo"] = json!(at("renewal"));
    }
    directory
}

fn renewal_info(ca: &SimCa, id: &str, again: u32) -> Answer {
    let mut book = ca.book();
    book.stats.windows_asked += 1;
    let Some(number) = book.by_ari.get(id).copied() else {
        return problem(404, "malformed", "no such certificate");
    };
    let (start, end) = book.window(number, ca.clock.now());
    let stamp = |at: DateTime<Utc>| at.format("%FT%TZ").to_string();
    let mut body = json!({ "suggestedWindow": { "start": stamp(start), "end": stamp(end) } });
    if book.certificates[number].announced {
        body["explanationURL"] = json!("https://ca.sim/incident");
    }
    Answer { retry_after: Some(u64::from(again)), ..ok(body) }
}

async fn signed(ca: &SimCa, path: &str, body: &[u8]) -> Answer {
    let (account, payload) = match read(ca, path, body) {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let now = ca.clock.now();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let number = parts.get(1).and_then(|text| text.parse::<usize>().ok());
    if let (["challenge", _, kind], Some(number)) = (parts.as_slice(), number) {
        return challenge(ca, number, kind).await;
    }
    let mut book = ca.book();
    match (parts.as_slice(), number) {
        (["account", _], _) => change_account(&mut book, account, &payload),
        (["order"], _) => new_order(ca, &mut book, account, &payload, now),
        (["order", _], Some(number)) if number < book.orders.len() => ok(order_body(ca, &book, number)),
        (["order", _, "finalize"], Some(number)) if number < book.orders.len() => {
            finalize(ca, &mut book, number, &payload, now)
        }
        (["authz", _], Some(number)) if number < book.proofs.len() => ok(proof_body(ca, &book, number)),
        (["cert", _], Some(number)) => match book.chains.iter().find(|(known, _)| *known == number) {
            Some((_, chain)) => Answer { pem: Some(chain.clone()), ..ok(Value::Null) },
            None => problem(404, "malformed", "no such certificate"),
        },
        (["revoke"], _) => revoke(&mut book, account, &payload),
        (["key"], _) => change_key(ca, &mut book, account, &payload),
        _ => problem(404, "malformed", "no such page"),
    }
}

/// Checks nonce and signature. Gives the account and the payload; registering has been answered already.
fn read(ca: &SimCa, path: &str, body: &[u8]) -> Result<(usize, Value), Answer> {
    let malformed = |text: &str| problem(400, "malformed", text);
    let signed = Signed::read(body).ok_or_else(|| malformed("no signed request"))?;
    let header = signed.header().ok_or_else(|| malformed("no header"))?;
    let payload = signed.payload().ok_or_else(|| malformed("no payload"))?;
    let mut book = ca.book();
    let good = header.nonce.as_deref().is_some_and(|nonce| book.use_nonce(nonce));
    let unlucky = book.next_nonce.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    if !good || unlucky % 100 < u64::from(ca.options.bad_nonces) {
        return Err(problem(400, "badNonce", "an unacceptable nonce"));
    }
    if !header.url.ends_with(path) {
        return Err(malformed("the header names another address"));
    }
    if let Some(key) = header.jwk {
        if !signed.is_signed_by(&key) {
            return Err(malformed("JWS verification error"));
        }
        return Err(register(ca, &mut book, key, &payload));
    }
    let number = header.kid.as_deref().and_then(|kid| kid.rsplit('/').next()?.parse::<usize>().ok());
    let Some((number, account)) = number.and_then(|n| Some((n, book.accounts.get(&n)?))) else {
        return Err(problem(400, "accountDoesNotExist", "no such account"));
    };
    if (ca.options.verify || path == "/key") && !signed.is_signed_by(&account.key) {
        return Err(malformed("JWS verification error"));
    }
    Ok((number, payload))
}
