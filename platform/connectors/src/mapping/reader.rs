//! Reading a TOML table while keeping every fault with the key it belongs to.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::expression::Expression;

/// One thing that is wrong with a mapping, and where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The key in the mapping, such as `order.promised_on`.
    pub key: String,
    /// What is wrong, as the end of a sentence that begins with the key.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

/// One table of the file. Keys that nobody asked for are faults when it is finished.
pub(super) struct Section<'a> {
    path: String,
    table: &'a Table,
    asked: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl<'a> Section<'a> {
    pub(super) fn new(path: &str, table: &'a Table) -> Self {
        Self { path: path.to_owned(), table, asked: BTreeSet::new(), faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, key: &str, what: impl Into<String>) {
        let key = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.faults.push(Fault { key, what: what.into() });
    }

    pub(super) fn value(&mut self, key: &str) -> Option<&'a Value> {
        self.asked.insert(key.to_owned());
        self.table.get(key)
    }

    pub(super) fn text(&mut self, key: &str) -> Option<&'a str> {
        let value = self.value(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.fault(key, format!("must be text, not {}", value.type_str()));
        }
        text
    }

    pub(super) fn required_text(&mut self, key: &str) -> Option<&'a str> {
        if !self.table.contains_key(key) {
            self.fault(key, "is missing");
        }
        self.text(key)
    }

    pub(super) fn number(&mut self, key: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> u32 {
        let Some(value) = self.value(key) else { return default };
        match value.as_integer().and_then(|number| u32::try_from(number).ok()) {
            Some(number) if range.contains(&number) => number,
            _ => {
                self.fault(key, format!("must be a whole number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    pub(super) fn expression(&mut self, key: &str) -> Option<Expression> {
        let text = self.text(key)?;
        Expression::parse(text).map_err(|what| self.fault(key, what)).ok()
    }

    pub(super) fn sub_table(&mut self, key: &str) -> Option<&'a Table> {
        let value = self.value(key)?;
        let table = value.as_table();
        if table.is_none() {
            self.fault(key, format!("must be a table, not {}", value.type_str()));
        }
        table
    }

    /// A table of codes and the words they stand for.
    pub(super) fn codes<T>(
        &mut self,
        key: &str,
        read: impl Fn(&str) -> Option<T>,
        words: &str,
    ) -> Vec<(String, T)> {
        let Some(table) = self.sub_table(key) else { return Vec::new() };
        let mut codes = Vec::new();
        for (code, word) in table {
            match word.as_str().and_then(&read) {
                Some(meaning) => codes.push((code.trim().to_owned(), meaning)),
                None => self.fault(&format!("{key}.{code}"), format!("must be one of {words}")),
            }
        }
        codes
    }

    pub(super) fn finish(mut self) -> Vec<Fault> {
        let unknown: Vec<_> = self.table.keys().filter(|key| !self.asked.contains(*key)).cloned().collect();
        for key in unknown {
            let near = nearest(&key, self.asked.iter().map(String::as_str));
            let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            self.fault(&key, format!("is not a key of a mapping{hint}"));
        }
        self.faults
    }
}

/// The known word that differs least, when it differs little.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
