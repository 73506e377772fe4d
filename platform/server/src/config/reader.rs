//! Reads keys one by one and remembers everything that was wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

/// One thing wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) key: String,
    pub(crate) reason: String,
}

/// All that is wrong, for a person to read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub(crate) Vec<Fault>);

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.0.len() == 1 { "fault" } else { "faults" };
        writeln!(f, "the configuration has {} {plural}:", self.0.len())?;
        for fault in &self.0 {
            writeln!(f, "  {:24} {}", fault.key, fault.reason)?;
        }
        write!(f, "  (a key `section.key` is also read from PORTICO_SECTION_KEY)")
    }
}

impl std::error::Error for Faults {}

/// The file's values with the variables laid over them.
#[derive(Debug)]
pub(crate) struct Reader {
    values: BTreeMap<String, String>,
    asked: BTreeSet<&'static str>,
    faults: Vec<Fault>,
}

const PREFIX: &str = "PORTICO_";
/// Variables that are not keys: they say where the file is and what to log.
const NOT_KEYS: &[&str] = &["PORTICO_CONFIG", "PORTICO_LOG"];

impl Reader {
    /// Takes the text of the file, and the environment.
    pub(crate) fn new(text: &str, environment: impl Iterator<Item = (String, String)>) -> Self {
        let mut reader = Self { values: BTreeMap::new(), asked: BTreeSet::new(), faults: Vec::new() };
        match text.parse::<toml::Table>() {
            Ok(table) => reader.flatten(&table),
            Err(error) => reader.fault("(file)", first_lines(&error.to_string())),
        }
        for (name, value) in environment {
            if let Some(rest) = name.strip_prefix(PREFIX).filter(|_| !NOT_KEYS.contains(&name.as_str())) {
                // The first underscore parts section and key: PORTICO_ACME_CA_FILE is acme.ca_file.
                let key = rest.to_lowercase().replacen('_', ".", 1);
                reader.values.insert(key, value);
            }
        }
        reader
    }

    fn flatten(&mut self, table: &toml::Table) {
        for (section, value) in table {
            let Some(entries) = value.as_table() else {
                self.fault(section, "belongs into a [section]");
                continue;
            };
            for (key, value) in entries {
                let text = match value {
                    toml::Value::String(text) => text.clone(),
                    toml::Value::Array(items) => items
                        .iter()
                        .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
                        .collect::<Vec<_>>()
                        .join(","),
                    other => other.to_string(),
                };
                self.values.insert(format!("{section}.{key}"), text);
            }
        }
    }

    /// Remembers a fault found by the caller.
    pub(crate) fn fault(&mut self, key: &str, reason: impl Display) {
        self.faults.push(Fault { key: key.to_owned(), reason: reason.to_string() });
    }

    /// A value that may be absent.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.asked.insert(key);
        self.values.get(key).cloned().filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(crate) fn required(&mut self, key: &'static str, what: &str) -> String {
        let value = self.text(key);
        if value.is_none() {
            self.fault(key, format!("is missing: {what}"));
        }
        value.unwrap_or_default()
    }

    /// A value of some type, or `default`.
    pub(crate) fn parsed<T>(&mut self, key: &'static str, default: T, what: &str) -> T
    where
        T: FromStr,
    {
        match self.text(key).map(|text| text.parse::<T>().map_err(|_| text)) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(text)) => {
                self.fault(key, format!("{text:?} is not {what}"));
                default
            }
        }
    }

    /// Values parted by commas.
    pub(crate) fn list<T: FromStr>(&mut self, key: &'static str, what: &str) -> Vec<T> {
        let text = self.text(key).unwrap_or_default();
        let mut values = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.parse() {
                Ok(value) => values.push(value),
                Err(_) => self.fault(key, format!("{part:?} is not {what}")),
            }
        }
        values
    }

    /// A file that must be readable, when it is named.
    pub(crate) fn file(&mut self, key: &'static str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(key)?);
        if let Err(error) = std::fs::File::open(&path) {
            self.fault(key, format!("{}: {error}", path.display()));
        }
        Some(path)
    }

    /// All faults, with the keys that nobody asked for.
    pub(crate) fn finish(mut self) -> Vec<Fault> {
        let unknown: Vec<String> =
            self.values.keys().filter(|key| !self.asked.contains(key.as_str())).cloned().collect();
        for key in unknown {
            let near =
                self.asked.iter().min_by_key(|known| distance(known, &key)).copied().unwrap_or_default();
            self.fault(&key, format!("is not a key of ours; did you mean {near}?"));
        }
        self.faults
    }
}

fn first_lines(text: &str) -> String {
    text.lines().take(3).collect::<Vec<_>>().join(" ")
}

/// How many letters differ (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
