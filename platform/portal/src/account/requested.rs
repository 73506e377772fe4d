//! Change requests as the account page tells them: what was, what is asked for, who asked, how far it has got. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use platform_connectors::requests::{Kind, Request, State};
use serde::Serialize;
use serde_json::{Value, json};

use super::address::Address;
pub use crate::shell::telling::Change;

/// Decided requests are shown for so long.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Requested {
    pub kind: Kind,
    pub state: State,
    pub who: String,
    pub at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// Only what is to change.
    pub changes: Vec<Change>,
    /// The address that it is about.
    pub address: Option<String>,
}

/// Fields that are shown, in the order of their forms.
const FIELDS: [&str; 10] = [
    "label",
    "street",
    "street_2",
    "postal_code",
    "city",
    "region",
    "country",
    "is_default",
    "name",
    "email",
];

/// Of these, those that are pending and those that were decided lately.
pub(super) fn lately(requests: Vec<Request>, now: DateTime<Utc>) -> Vec<Requested> {
    let shown = |request: &Request| !request.state.is_final() || now - request.changed_at < REMEMBERED;
    requests.into_iter().filter(shown).map(one).collect()
}

/// All of these.
pub(super) fn told(requests: Vec<Request>) -> Vec<Requested> {
    requests.into_iter().map(one).collect()
}

fn one(request: Request) -> Requested {
    let address = request.payload.get("address").and_then(|address| address.get("id"));
    Requested {
        kind: request.kind,
        state: request.state,
        who: request.contact_name,
        at: request.created_at,
        decided_at: request.state.is_final().then_some(request.changed_at),
        reason: request.reason,
        changes: changes(&request.payload),
        address: address.and_then(Value::as_str).map(str::to_owned),
    }
}

/// What differs between `before` and `after`.
pub fn changes(payload: &Value) -> Vec<Change> {
    let text = |side: &str, field: &str| match payload.get(side).and_then(|side| side.get(field)) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        _ => String::new(),
    };
    let change = |field: &&str| {
        let (before, after) = (text("before", field), text("after", field));
        (before != after).then(|| Change { field: (*field).to_owned(), before, after })
    };
    FIELDS.iter().filter_map(change).collect()
}

/// What a request about an address carries. Keys of the tenant's own system go along, so that its people find the row.
pub(super) fn address_payload(
    known: Option<(&str, &str)>,
    before: Option<&Address>,
    after: &Address,
) -> Value {
    let address = known.map(|(id, key)| json!({ "id": id, "key": key }));
    json!({ "address": address, "before": before, "after": after })
}
