//! What the passes noticed and staff should know: codes, accounts and values that did not fit. Bounded.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::orders::{Page, Warning};

const MANY: usize = 200;

/// Notes of one pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notes {
    unmapped: BTreeMap<String, u64>,
    unknown_accounts: BTreeMap<String, u64>,
    warnings: Vec<Warning>,
}

impl Notes {
    pub(super) fn of_page(&mut self, page: &mut Page) {
        add(&mut self.unmapped, std::mem::take(&mut page.unmapped));
        let room = MANY.saturating_sub(self.warnings.len());
        self.warnings.extend(std::mem::take(&mut page.warnings).into_iter().take(room));
    }

    pub(super) fn of_write(&mut self, unknown: BTreeMap<String, u64>) {
        add(&mut self.unknown_accounts, unknown);
    }

    /// The open set is part of a sweep: the larger count is the truer one. `books` brings warnings alone.
    pub(super) fn json<'a>(
        &'a self,
        other: &'a Self,
        books: impl Iterator<Item = &'a Warning>,
    ) -> [Value; 3] {
        let larger = |a: &BTreeMap<String, u64>, b: &BTreeMap<String, u64>| {
            let mut all = a.clone();
            for (key, count) in b {
                let most = all.entry(key.clone()).or_default();
                *most = (*most).max(*count);
            }
            json!(all)
        };
        let mut warnings: Vec<&Warning> = self.warnings.iter().chain(&other.warnings).chain(books).collect();
        warnings.sort();
        warnings.dedup();
        warnings.truncate(MANY);
        [
            larger(&self.unmapped, &other.unmapped),
            larger(&self.unknown_accounts, &other.unknown_accounts),
            json!(warnings),
        ]
    }
}

fn add(all: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (key, count) in more {
        if all.len() < MANY || all.contains_key(&key) {
            *all.entry(key).or_default() += count;
        }
    }
}
