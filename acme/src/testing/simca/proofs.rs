//! Proofs of names: authorizations and their challenges.

use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use platform_core::db::System;
use serde_json::{Value, json};

use super::SimCa;
use super::book::{Book, Proof, Status};
use super::desk::{Answer, ok, problem, problem_body};
use super::jose::encode;
use crate::challenges::Kind;

const KINDS: [(Kind, &str); 3] =
    [(Kind::Http01, "http-01"), (Kind::TlsAlpn01, "tls-alpn-01"), (Kind::Dns01, "dns-01")];

pub(super) fn proof(book: &mut Book, account: usize, name: &str, now: DateTime<Utc>) -> usize {
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

pub(super) fn proof_body(ca: &SimCa, book: &Book, number: usize) -> Value {
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

pub(super) async fn challenge(ca: &SimCa, number: usize, kind: &str) -> Answer {
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
