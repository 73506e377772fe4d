//! Holds the rules of the house as tests: which room may know which, where SQL may stand, how long a file may be.
//!
//! Owns the reading of the repository (files, `cargo metadata`). The rules are in `tests/`, one file a subject. A rule
//! that hurts is changed there, with a reason, and never by an exception without one: lists of exceptions only shrink.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A text file of the repository.
#[derive(Debug)]
pub struct Source {
    /// From the repository's top, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    /// The text before the inline test module: what ships.
    #[must_use]
    pub fn shipped(&self) -> &str {
        match self.text.find("#[cfg(test)]\nmod ") {
            Some(at) if self.text[at..].contains('{') => &self.text[..at],
            _ => &self.text,
        }
    }

    /// Test code in files of its own.
    #[must_use]
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.contains("/tests/")
            || matches!(name, "tests.rs" | "testing.rs")
            || name.ends_with("_tests.rs")
    }

    /// Lines that are not comments, with their numbers from 1.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.shipped().lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with("//")
        })
    }
}

/// The top of the repository.
///
/// # Panics
/// When this package is not two folders below it any more.
#[must_use]
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository's top")
}

/// Every file with one of these endings, in the order of their paths. Build output and hidden folders are left out.
///
/// # Panics
/// When a file cannot be read: a rule that saw half of the house would mean nothing.
#[must_use]
pub fn sources(endings: &[&str]) -> Vec<Source> {
    let top = top();
    let mut found = Vec::new();
    walk(&top, &top, endings, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no files {endings:?} below {}", top.display());
    found
}

fn walk(top: &Path, dir: &Path, endings: &[&str], found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(dir).expect("a readable folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let skipped =
            name.starts_with('.') || name.starts_with("target") && dir == top || name == "node_modules";
        if skipped || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(top, &path, endings, found);
            continue;
        }
        let place = path.strip_prefix(top).expect("below the top").to_string_lossy().into_owned();
        if endings.iter().any(|ending| place.ends_with(ending)) {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{place}: {e}"));
            found.push(Source { path: place, text });
        }
    }
}

/// What `cargo metadata` says of the workspace's own packages.
///
/// # Panics
/// When cargo does not answer.
#[must_use]
pub fn packages() -> Vec<Value> {
    let out = cargo(&["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&out).expect("cargo metadata is JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// Runs cargo at the top and gives what it printed.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn cargo(arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO")).args(arguments).current_dir(top()).output().expect("cargo runs");
    assert!(out.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("cargo prints UTF-8")
}

/// Fails with every fault at once, one a line.
///
/// # Panics
/// When there is a fault.
pub fn demand(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}\n  {}", faults.join("\n  "));
}
