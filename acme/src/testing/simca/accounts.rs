//! Accounts: registering, contacts, a new key.

use serde_json::{Value, json};

use super::SimCa;
use super::book::{Account, Book};
use super::desk::{Answer, ok, problem};
use super::jose::{Jwk, Signed};

pub(super) fn register(ca: &SimCa, book: &mut Book, key: Jwk, payload: &Value) -> Answer {
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

pub(super) fn change_account(book: &mut Book, account: usize, payload: &Value) -> Answer {
    let contact = payload["contact"].as_array().cloned().unwrap_or_default();
    if let Some(account) = book.accounts.get_mut(&account) {
        account.contact = contact.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
    }
    let contact = book.accounts.get(&account).map(|account| account.contact.clone()).unwrap_or_default();
    ok(json!({ "status": "valid", "contact": contact }))
}

pub(super) fn change_key(ca: &SimCa, book: &mut Book, account: usize, payload: &Value) -> Answer {
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
