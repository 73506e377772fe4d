//! Orders: what they may replace, what they are counted as, and the certificates that come of them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::SimCa;
use super::book::{Book, Certificate, Counted, Order, Status};
use super::desk::{Answer, ok, problem};
use super::jose::decode;
use super::press::Request;
use super::proofs::proof;
use crate::budget::registered_domain;

/// A renewal of the same names is one while the last certificate is not older than this.
const SAME_NAMES: TimeDelta = TimeDelta::days(120);

pub(super) fn new_order(
    ca: &SimCa,
    book: &mut Book,
    account: usize,
    payload: &Value,
    now: DateTime<Utc>,
) -> Answer {
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

pub(super) fn order_body(ca: &SimCa, book: &Book, number: usize) -> Value {
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

pub(super) fn finalize(
    ca: &SimCa,
    book: &mut Book,
    number: usize,
    payload: &Value,
    now: DateTime<Utc>,
) -> Answer {
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

pub(super) fn revoke(book: &mut Book, account: usize, payload: &Value) -> Answer {
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
