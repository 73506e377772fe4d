//! What is wrong with a mapping's text, each fault with its key and its line. Pure.

use serde::Serialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::mapping::{Fault, Mapping};

/// A fault, or a piece of advice, with the line where somebody would mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Located {
    /// The key in the mapping, such as `order.promised_on`.
    pub key: String,
    pub what: String,
    /// From 1; none where the fault is in no line, such as a right that the role has.
    pub line: Option<u32>,
}

impl std::fmt::Display for Located {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {} {}", self.key, self.what),
            None => write!(f, "{} {}", self.key, self.what),
        }
    }
}

/// Every fault that the text has in itself, by line. What the source lacks, the dry run finds.
#[must_use]
pub fn check(text: &str) -> Vec<Located> {
    Mapping::parse(text).map_or_else(|faults| located(text, faults), |_| Vec::new())
}

/// Finds the lines of these faults.
#[must_use]
pub fn located(text: &str, faults: Vec<Fault>) -> Vec<Located> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let broken = errors.first().and_then(toml::de::Error::span).map(|span| span.start);
    let find = |fault: Fault| {
        let at = match fault.key.as_str() {
            "(file)" => broken,
            key if key.starts_with('(') => None,
            key => place(table.get_ref(), key),
        };
        Located { line: at.map(|at| line_of(text, at)), key: fault.key, what: fault.what }
    };
    let mut found: Vec<Located> = faults.into_iter().map(find).collect();
    found.sort_by_key(|fault| fault.line);
    found
}

fn line_of(text: &str, at: usize) -> u32 {
    let breaks = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

/// Where a key stands; where it is missing, its section. A missing section stands nowhere: the first line.
fn place(root: &DeTable<'_>, key: &str) -> Option<usize> {
    let mut at = 0;
    let mut table = root;
    let mut rest = key;
    loop {
        let Some((name, value, left)) = step(table, rest) else { return Some(at) };
        at = name;
        rest = left;
        match value {
            _ if rest.is_empty() => return Some(at),
            DeValue::Table(inner) => table = inner,
            DeValue::Array(joins) => return Some(join(joins.iter(), rest).unwrap_or(at)),
            _ => return Some(at),
        }
    }
}

/// One key down. A code may have dots in it, so the whole rest is tried first.
fn step<'a, 'i, 'k>(table: &'a DeTable<'i>, rest: &'k str) -> Option<(usize, &'a DeValue<'i>, &'k str)> {
    let cut = rest.split_once('.').unwrap_or((rest, ""));
    [(rest, ""), cut].into_iter().find_map(|(name, left)| {
        let (key, value) = table.iter().find(|(key, _)| key.get_ref().trim() == name)?;
        Some((key.span().start, value.get_ref(), left))
    })
}

/// A join, by its alias.
fn join<'a, 'i: 'a>(mut joins: impl Iterator<Item = &'a Spanned<DeValue<'i>>>, alias: &str) -> Option<usize> {
    let is_it = |join: &&Spanned<DeValue<'i>>| {
        join.get_ref().get("as").and_then(|name| name.get_ref().as_str()) == Some(alias)
    };
    joins.find(is_it).map(|join| join.span().start)
}

#[cfg(test)]
mod tests {
    use super::{check, located};
    use crate::mapping::Fault;

    const TEXT: &str = r#"version = 1
time_zone = "Europe/Berlin"

[order]
table = "orders"
joins = [
    { table = "shippers", as = "shipper", on = "shipper.id = ship_via" },
    { table = "people", as = "person", on = "person.id = person_id" },
]
key = "order_id"
number = "order_id"
account = "customer_id"
status = "state"
open = "shipped is nul"

[order.statuses]
"A.1" = "confirmed"
B = "sent"
"#;

    #[test]
    fn every_fault_has_its_line() {
        let found = check(TEXT);
        let lines: Vec<(&str, Option<u32>)> = found.iter().map(|f| (f.key.as_str(), f.line)).collect();
        assert_eq!(lines, [("order.open", Some(14)), ("order.statuses.B", Some(18))], "{found:?}");
        assert!(found[0].to_string().starts_with("line 14: order.open "));
        assert!(check(&TEXT.replace("is nul", "is null").replace("\"sent\"", "\"shipped\"")).is_empty());
    }

    #[test]
    fn faults_of_the_source_are_found_too() {
        let keys = ["order.joins.person", "order.statuses.A.1", "order.promised_on", "line.table", "(role)"];
        let faults = keys.map(|key| Fault { key: key.into(), what: "is wrong".into() }).to_vec();
        let found = located(TEXT, faults);
        let line = |key: &str| found.iter().find(|fault| fault.key == key).expect("kept").line;
        assert_eq!(keys.map(line), [Some(8), Some(17), Some(4), Some(1), None]);
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let found = check("version = 1\n[order\ntable = 1\n");
        assert_eq!((found.len(), found[0].key.as_str(), found[0].line), (1, "(file)", Some(2)), "{found:?}");
    }
}
