//! The same orders read by two mappings: what customers would see otherwise.

use serde::Serialize;
use serde_json::Value;

use crate::orders::SourceOrder;

/// One order, as it is shown now and as it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    pub number: String,
    /// The source's own status code.
    pub code: String,
    pub status: String,
    /// Empty when nothing would change. None when the active mapping does not show the order at all.
    pub changes: Option<Vec<Changed>>,
}

/// One field of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    pub field: String,
    pub before: String,
    pub after: String,
}

/// Compares orders with the same keys.
pub(super) fn compared(before: &[SourceOrder], after: &[SourceOrder]) -> Vec<Compared> {
    let one = |order: &SourceOrder| Compared {
        number: order.number.clone(),
        code: order.status_code.clone(),
        status: order.status.word().to_owned(),
        changes: before.iter().find(|old| old.key == order.key).map(|old| changes(old, order)),
    };
    after.iter().map(one).collect()
}

fn changes(before: &SourceOrder, after: &SourceOrder) -> Vec<Changed> {
    let fields = |order: &SourceOrder| match serde_json::to_value(order) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (fields(before), fields(after));
    let differing = new.iter().filter(|(field, value)| old.get(*field) != Some(value));
    differing
        .map(|(field, value)| {
            let before = old.get(field).unwrap_or(&Value::Null);
            Changed { field: field.clone(), before: told(before, value), after: told(value, before) }
        })
        .collect()
}

/// A value for a person. Of lists only what is not in the other one, and not more than a line.
fn told(value: &Value, other: &Value) -> String {
    let text = match (value, other) {
        (Value::Null, _) => String::new(),
        (Value::String(text), _) => text.clone(),
        (Value::Array(rows), Value::Array(others)) => {
            let own: Vec<&Value> = rows.iter().filter(|row| !others.contains(row)).collect();
            let first = own.first().map(|row| format!(": {row}")).unwrap_or_default();
            format!("{} of {} otherwise{first}", own.len(), rows.len())
        }
        (value, _) => value.to_string(),
    };
    if text.chars().count() > LONGEST { text.chars().take(LONGEST).chain(['…']).collect() } else { text }
}

const LONGEST: usize = 200;
