//! What is handed over: the same words through every door.

use chrono::{DateTime, Utc};
use platform_core::id::RequestId;
use serde::Serialize;
use serde_json::Value;

use crate::requests::{Kind, Request};

/// One request for the other side.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// Stays the same however often it is handed over.
    pub id: RequestId,
    pub kind: Kind,
    /// The account number in the tenant's own system.
    pub customer: Option<String>,
    pub customer_name: String,
    pub person: Person,
    pub submitted_at: DateTime<Utc>,
    pub summary: String,
    pub payload: Value,
}

/// Who asked.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    pub name: String,
    pub email: String,
}

impl Message {
    /// From our row.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        Self {
            id: request.id,
            kind: request.kind,
            customer: request.customer_key.clone(),
            customer_name: request.customer_name.clone(),
            person: Person { name: request.contact_name.clone(), email: request.contact_email.clone() },
            submitted_at: request.created_at,
            summary: request.summary.clone(),
            payload: request.payload.clone(),
        }
    }

    /// As JSON, the form in which it leaves.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// A text of the payload, when it has it.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&str> {
        self.payload.get(name).and_then(Value::as_str).filter(|word| !word.is_empty())
    }

    /// The lines of a reorder; none of other kinds.
    #[must_use]
    pub fn lines(&self) -> &[Value] {
        self.payload.get("lines").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}
