//! The authority's desk: reads requests, answers them.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use http::{Method, Response};
use platform_core::clock::Clock;
use platform_core::db::System;
use serde_json::{Value, json};

use super::book::{Account, Book, Certificate, Counted, Order, Proof, Status};
use super::jose::{Jwk, Signed, decode, encode};
use super::press::Request;
use super::{SimCa, SimOptions};
use crate::budget::registered_domain;
use crate::challenges::Kind;

const KINDS: [(Kind, &str); 3] =
    [(Kind::Http01, "http-01"), (Kind::TlsAlpn01, "tls-alpn-01"), (Kind::Dns01, "dns-01")];
/// A renewal of the same names is one while the last certificate is not older than this.
const SAME_NAMES: TimeDelta = TimeDelta::days(120);

/// An answer before it is one of HTTP.
pub(super) struct Answer {
    status: u16,
    body: Value,
    pem: Option<String>,
    location: Option<String>,
    retry_after: Option<u64>,
}

fn ok(body: Value) -> Answer {
    Answer { status: 200, body, pem: None, location: None, retry_after: None }
}

fn problem(status: u16, kind: &str, detail: impl Into<String>) -> Answer {
    let body = problem_body(status, kind, &detail.into());
    Answer { status, body, pem: None, location: None, retry_after: None }
}

fn problem_body(status: u16, kind: &str, detail: &str) -> Value {
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

fn register(ca: &SimCa, book: &mut Book, key: Jwk, payload: &Value) -> Answer {
    let at = |number: usize| Some(format!("https://{}/account/{number}", ca.options.name));
    let valid = json!({ "status": "valid" });
    if let Some(number) = book.account_by_key(&key) {
        return Answer { location: at(number), ..ok(valid) };
    }
    if payload["onlyReturnExisting"].as_bool() == Some(true) {
        return problem(400, "accountDoesNotExist", "no account with this key");
    }
    if let Some((kid, secret)) = &ca.options.external {
        let binding = serde_json::from_value::<Signed>(payload["externalAccountBinding"].clone()).ok();
        let fits = binding.is_some_and(|binding| {
            binding.header().is_some_and(|header| header.kid.as_ref() == Some(kid))
                && binding.is_sealed_by(secret)
                && binding.payload().and_then(|inner| serde_json::from_value::<Jwk>(inner).ok()).as_ref()
                    == Some(&key)
        });
        if !fits {
            return problem(
                403,
                "externalAccountRequired",
                "the request must be bound to an external account",
            );
        }
    }
    let number = book.next_account;
    book.next_account += 1;
    book.accounts.insert(number, Account { key, contact: Vec::new() });
    Answer { status: 201, location: at(number), ..ok(valid) }
}

fn change_account(book: &mut Book, account: usize, payload: &Value) -> Answer {
    let contact = payload["contact"].as_array().cloned().unwrap_or_default();
    if let Some(account) = book.accounts.get_mut(&account) {
        account.contact = contact.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
    }
    let contact = book.accounts.get(&account).map(|account| account.contact.clone()).unwrap_or_default();
    ok(json!({ "status": "valid", "contact": contact }))
}

fn change_key(ca: &SimCa, book: &mut Book, account: usize, payload: &Value) -> Answer {
    let malformed = |text: &str| problem(400, "malformed", text);
    let Ok(inner) = serde_json::from_value::<Signed>(payload.clone()) else {
        return malformed("no inner request");
    };
    let (Some(header), Some(change)) = (inner.header(), inner.payload()) else {
        return malformed("no inner header");
    };
    let Some(key) = header.jwk else { return malformed("no new key") };
    let old = serde_json::from_value::<Jwk>(change["oldKey"].clone()).ok();
    let url = format!("https://{}/account/{account}", ca.options.name);
    let known = book.accounts.get(&account).map(|account| account.key.clone());
    if !inner.is_signed_by(&key) || old != known || change["account"] != json!(url) {
        return malformed("the inner request does not fit");
    }
    if let Some(other) = book.account_by_key(&key) {
        let location = Some(format!("https://{}/account/{other}", ca.options.name));
        return Answer { location, ..problem(409, "malformed", "the key is in use") };
    }
    if let Some(account) = book.accounts.get_mut(&account) {
        account.key = key;
    }
    ok(json!({ "status": "valid" }))
}

fn new_order(ca: &SimCa, book: &mut Book, account: usize, payload: &Value, now: DateTime<Utc>) -> Answer {
    let names = payload["identifiers"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> =
        names.iter().filter_map(|one| one["value"].as_str().map(str::to_owned)).collect();
    names.sort();
    let default = ca.options.profiles[0].0.as_str();
    let profile = payload["profile"].as_str();
    if profile.is_some_and(|wished| !ca.options.profiles.iter().any(|(name, _)| name == wished)) {
        return problem(400, "invalidProfile", "no such profile");
    }
    let replaces = payload["replaces"].as_str();
    let in_window = match replaces.map(|id| replaced(book, account, &names, id, now)) {
        None => false,
        Some(Ok(in_window)) => in_window,
        Some(Err(answer)) => return answer,
    };
    let set = names.join(",");
    let before = book.sets.get(&set).copied();
    let counted = match before {
        _ if in_window => Counted::Nowhere,
        Some(last) if now - last <= SAME_NAMES => Counted::BySet,
        _ => Counted::Fully,
    };
    if let Some(answer) = refusal(ca, book, account, &names, counted, now) {
        return answer;
    }
    if before.is_some() {
        match counted {
            Counted::Nowhere => book.stats.renewals_in_window += 1,
            Counted::BySet => book.stats.renewals_of_same_names += 1,
            Counted::Fully => book.stats.renewals_counted += 1,
        }
    }
    if let (Counted::Fully, Some(limit)) = (counted, ca.options.limits.orders) {
        book.buckets.spend(&format!("orders {account}"), limit, now);
    }
    book.stats.orders += 1;
    let proofs: Vec<usize> = names.iter().map(|name| proof(book, account, name, now)).collect();
    let ready = proofs.iter().all(|proof| book.proofs[*proof].status == Status::Valid);
    let number = book.orders.len();
    if let Some(old) = replaces.and_then(|id| book.by_ari.get(id).copied()) {
        book.certificates[old].replaced_by = Some(number);
    }
    book.orders.push(Order {
        account,
        names,
        proofs,
        status: if ready { Status::Ready } else { Status::Pending },
        counted,
        profile: profile.unwrap_or(default).to_owned(),
        said_profile: profile.is_some(),
        replaces: replaces.map(str::to_owned),
        certificate: None,
    });
    let location = Some(format!("https://{}/order/{number}", ca.options.name));
    Answer { status: 201, location, ..ok(order_body(ca, book, number)) }
}

/// Whether an order that replaces a certificate is inside its window; or why it may not replace it.
fn replaced(
    book: &mut Book,
    account: usize,
    names: &[String],
    id: &str,
    now: DateTime<Utc>,
) -> Result<bool, Answer> {
    let number = book.by_ari.get(id).copied();
    let number = number.ok_or_else(|| problem(404, "malformed", "no certificate that could be replaced"))?;
    let old = &book.certificates[number];
    if old.account != account {
        return Err(problem(403, "unauthorized", "the certificate to be replaced is another account's"));
    }
    if !old.names.iter().any(|name| names.contains(name)) {
        return Err(problem(400, "malformed", "the certificate to be replaced shares no name"));
    }
    if old.replaced_by.is_some_and(|order| book.orders[order].status != Status::Invalid) {
        book.stats.already_replaced += 1;
        return Err(problem(409, "alreadyReplaced", "the certificate has a successor already"));
    }
    let (start, end) = book.window(number, now);
    Ok(start <= now && now <= end)
}

fn refusal(
    ca: &SimCa,
    book: &Book,
    account: usize,
    names: &[String],
    counted: Counted,
    now: DateTime<Utc>,
) -> Option<Answer> {
    let limits = &ca.options.limits;
    let limited =
        |text: String, wait: u64| Answer { retry_after: Some(wait), ..problem(429, "rateLimited", text) };
    for name in names {
        let failed = book.failures_in_a_row.get(name).copied().unwrap_or(0);
        if failed >= ca.options.pause_after {
            let text = format!(
                "Your account is temporarily prevented from requesting certificates for {name} and possibly others: paused"
            );
            return Some(problem(429, "rateLimited", text));
        }
    }
    if counted == Counted::Nowhere {
        return None;
    }
    let checks = [
        (
            limits.orders.filter(|_| counted == Counted::Fully),
            format!("orders {account}"),
            "too many new orders (300) from this account in the last 3h0m0s".to_owned(),
        ),
        (
            limits.set,
            format!("set {}", names.join(",")),
            "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s"
                .to_owned(),
        ),
    ];
    for (limit, key, text) in checks {
        if let Some(wait) = limit.and_then(|limit| book.buckets.wait(&key, limit, now)) {
            return Some(limited(text, wait));
        }
    }
    for name in names {
        let domain = registered_domain(name);
        let per_domain = limits.domain.filter(|_| counted == Counted::Fully);
        if let Some(wait) =
            per_domain.and_then(|limit| book.buckets.wait(&format!("domain {domain}"), limit, now))
        {
            return Some(limited(
                format!("too many certificates (50) already issued for {domain:?} in the last 168h0m0s"),
                wait,
            ));
        }
        let key = format!("failures {account} {name}");
        if let Some(wait) = limits.failures.and_then(|limit| book.buckets.wait(&key, limit, now)) {
            return Some(limited(
                format!("too many failed authorizations (5) for {name:?} in the last 1h0m0s"),
                wait,
            ));
        }
    }
    None
}

fn proof(book: &mut Book, account: usize, name: &str, now: DateTime<Utc>) -> usize {
    let key = (account, name.to_owned());
    if let Some((number, until)) = book.kept_proofs.get(&key).copied()
        && until > now
    {
        return number;
    }
    let number = book.proofs.len();
    book.proofs.push(Proof {
        account,
        name: name.trim_start_matches("*.").to_owned(),
        wildcard: name.starts_with("*."),
        status: Status::Pending,
        token: format!("token-of-a-simulated-authority-{number:08}"),
        tried: None,
    });
    number
}

fn order_body(ca: &SimCa, book: &Book, number: usize) -> Value {
    let order = &book.orders[number];
    let at = |path: String| format!("https://{}/{path}", ca.options.name);
    let identifiers: Vec<Value> =
        order.names.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
    let proofs: Vec<String> = order.proofs.iter().map(|proof| at(format!("authz/{proof}"))).collect();
    let mut body = json!({
        "status": order.status.name(), "identifiers": identifiers, "authorizations": proofs,
        "finalize": at(format!("order/{number}/finalize")),
    });
    if order.said_profile {
        body["profile"] = json!(order.profile);
    }
    if let Some(replaces) = &order.replaces {
        body["replaces"] = json!(replaces);
    }
    if let Some(certificate) = order.certificate {
        body["certificate"] = json!(at(format!("cert/{certificate}")));
    }
    body
}

fn proof_body(ca: &SimCa, book: &Book, number: usize) -> Value {
    let proof = &book.proofs[number];
    let offered = KINDS.iter().filter(|(kind, _)| !proof.wildcard || *kind == Kind::Dns01);
    let challenges: Vec<Value> = offered
        .map(|(kind, name)| {
            let mut body = json!({
                "type": name, "token": proof.token, "status": "pending",
                "url": format!("https://{}/challenge/{number}/{name}", ca.options.name),
            });
            if let Some((tried, failed)) = &proof.tried
                && tried == kind
            {
                body["status"] = json!(if failed.is_some() { "invalid" } else { "valid" });
                if let Some((kind, text)) = failed {
                    body["error"] = problem_body(400, kind, text);
                }
            }
            body
        })
        .collect();
    json!({
        "status": proof.status.name(), "wildcard": proof.wildcard, "challenges": challenges,
        "identifier": { "type": "dns", "value": proof.name },
    })
}

async fn challenge(ca: &SimCa, number: usize, kind: &str) -> Answer {
    let Some((kind, _)) = KINDS.iter().copied().find(|(_, name)| *name == kind) else {
        return problem(404, "malformed", "no such challenge");
    };
    let (host, expected, token) = {
        let book = ca.book();
        let Some(proof) = book.proofs.get(number) else {
            return problem(404, "malformed", "no such challenge");
        };
        let Some(account) = book.accounts.get(&proof.account) else {
            return problem(400, "accountDoesNotExist", "no such account");
        };
        let authorization = format!("{}.{}", proof.token, account.key.thumbprint());
        (proof.name.clone(), expected(kind, &authorization), proof.token.clone())
    };
    let judge = ca.conduct().judge.clone();
    let mut failed = judge.and_then(|judge| judge(&host, kind));
    if failed.is_none() && !lies_ready(ca, &host, kind, &token, &expected).await {
        failed = Some(("unauthorized", format!("{host}: the answer is not there")));
    }
    let now = ca.clock.now();
    let mut book = ca.book();
    decide(ca, &mut book, number, kind, failed, now);
    let body = proof_body(ca, &book, number);
    let challenges = body["challenges"].as_array().cloned().unwrap_or_default();
    let name = KINDS.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name);
    let mut body = challenges.into_iter().find(|one| one["type"].as_str() == name).unwrap_or_default();
    // A real authority looks later: the answer to the invitation tells nothing yet.
    body["status"] = json!("processing");
    if let Some(body) = body.as_object_mut() {
        body.remove("error");
    }
    ok(body)
}

fn expected(kind: Kind, authorization: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, authorization.as_bytes());
    match kind {
        Kind::Http01 => authorization.to_owned(),
        Kind::TlsAlpn01 => digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect(),
        Kind::Dns01 => encode(digest.as_ref()),
    }
}

/// Whether the answer lies where every node finds it.
async fn lies_ready(ca: &SimCa, host: &str, kind: Kind, token: &str, expected: &str) -> bool {
    let db = ca.conduct().answers.clone();
    let Some(db) = db else { return true };
    let Ok(mut tx) = db.system(System::Certificates).await else { return false };
    let answer: Result<Option<String>, _> =
        sqlx::query_scalar("select answer from acme_challenges where host = $1 and kind = $2 and token = $3")
            .bind(host)
            .bind(kind)
            .bind(token)
            .fetch_optional(tx.conn())
            .await;
    answer.ok().flatten().as_deref() == Some(expected)
}

fn decide(
    ca: &SimCa,
    book: &mut Book,
    number: usize,
    kind: Kind,
    failed: Option<(&'static str, String)>,
    now: DateTime<Utc>,
) {
    let proof = &mut book.proofs[number];
    if proof.status != Status::Pending {
        return;
    }
    let (account, name) = (proof.account, proof.name.clone());
    proof.status = if failed.is_some() { Status::Invalid } else { Status::Valid };
    let full_name = if proof.wildcard { format!("*.{name}") } else { name.clone() };
    let lost = failed.is_some();
    proof.tried = Some((kind, failed));
    if lost {
        book.stats.failures.push((full_name.clone(), now.timestamp()));
        *book.failures_in_a_row.entry(full_name.clone()).or_default() += 1;
        if let Some(limit) = ca.options.limits.failures {
            book.buckets.spend(&format!("failures {account} {full_name}"), limit, now);
        }
    } else {
        book.failures_in_a_row.remove(&full_name);
        book.kept_proofs.insert((account, full_name), (number, now + ca.options.proof_kept));
    }
    // Orders are asked for soon after: the newest ones hold this proof.
    for order in book.orders.iter_mut().rev().take(200).filter(|order| order.proofs.contains(&number)) {
        if order.status == Status::Pending {
            order.status = if lost { Status::Invalid } else { Status::Ready };
        }
    }
}

fn finalize(ca: &SimCa, book: &mut Book, number: usize, payload: &Value, now: DateTime<Utc>) -> Answer {
    if book.orders[number].status != Status::Ready {
        return problem(403, "orderNotReady", "the order is not ready");
    }
    let request = payload["csr"].as_str().and_then(decode).and_then(|der| Request::read(&der));
    let Some(request) = request else { return problem(400, "badCSR", "no signing request") };
    if request.names != book.orders[number].names {
        return problem(400, "badCSR", "the signing request is for other names");
    }
    let profile = &book.orders[number].profile;
    let life = ca.options.profiles.iter().find(|(name, _)| name == profile).map(|(_, life)| *life);
    let until = now + life.unwrap_or(TimeDelta::days(45));
    let printed = book.press.print(&request, now, until);
    charge(ca, book, number, now);
    let order = &book.orders[number];
    let hurried = order
        .replaces
        .as_ref()
        .and_then(|id| book.by_ari.get(id))
        .is_some_and(|old| book.certificates[*old].announced);
    let certificate = Certificate {
        account: order.account,
        names: request.names.clone(),
        serial: serial_of(printed.leaf.der()),
        from: now,
        until,
        announced: false,
        revoked: None,
        replaced_by: None,
    };
    let certificate = book.keep(certificate, printed.chain, &printed.leaf);
    let order = &mut book.orders[number];
    (order.status, order.certificate) = (Status::Valid, Some(certificate));
    book.stats.issued.push((now.timestamp(), hurried));
    ok(order_body(ca, book, number))
}

fn charge(ca: &SimCa, book: &mut Book, number: usize, now: DateTime<Utc>) {
    let (counted, names) = (book.orders[number].counted, book.orders[number].names.clone());
    let set = names.join(",");
    if let (false, Some(limit)) = (counted == Counted::Nowhere, ca.options.limits.set) {
        book.buckets.spend(&format!("set {set}"), limit, now);
    }
    if let (Counted::Fully, Some(limit)) = (counted, ca.options.limits.domain) {
        for name in &names {
            book.buckets.spend(&format!("domain {}", registered_domain(name)), limit, now);
        }
    }
    book.sets.insert(set, now);
}

fn serial_of(der: &[u8]) -> String {
    let chain = [rustls::pki_types::CertificateDer::from(der.to_vec())];
    crate::certificate::facts(&chain).map(|facts| facts.serial).unwrap_or_default()
}

fn revoke(book: &mut Book, account: usize, payload: &Value) -> Answer {
    let der = payload["certificate"].as_str().and_then(decode).unwrap_or_default();
    let serial = serial_of(&der);
    let Some(known) = book.certificates.iter_mut().find(|known| known.serial == serial) else {
        return problem(404, "malformed", "no such certificate");
    };
    if known.account != account {
        return problem(403, "unauthorized", "the certificate is another account's");
    }
    if known.revoked.is_some() {
        return problem(400, "alreadyRevoked", "the certificate is revoked already");
    }
    known.revoked = Some(payload["reason"].as_u64().unwrap_or(0));
    ok(Value::Null)
}
