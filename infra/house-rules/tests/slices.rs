//! Slices of the portal never import each other; they meet in `shell`.

use std::collections::BTreeSet;

use house_rules::{Source, demand, sources};

const PORTAL: &str = "platform/portal/src/";
/// Where slices meet: not slices themselves. Everything else directly below `src` is one.
const MEETING: &[&str] = &["shell", "lib", "pages"];

#[test]
fn slices_know_no_sibling() {
    let files: Vec<Source> = sources(&[".rs"]).into_iter().filter(|f| f.path.starts_with(PORTAL)).collect();
    let modules: BTreeSet<String> = files.iter().map(module).collect();
    let mut faults = Vec::new();
    for file in &files {
        let own = module(file);
        if own == "lib" {
            continue;
        }
        for (at, line) in file.code_lines() {
            for other in named(file, line) {
                let sibling = modules.contains(&other) && !MEETING.contains(&other.as_str());
                if sibling && other != own {
                    faults.push(format!("{}:{at}: {own} knows {other}: {}", file.path, line.trim()));
                }
            }
        }
    }
    demand("a slice imports its sibling:", &faults);
}

/// The slice that a file belongs to: its folder or its own name.
fn module(file: &Source) -> String {
    let rest = &file.path[PORTAL.len()..];
    rest.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// Top-level modules of the crate that a line names.
fn named(file: &Source, line: &str) -> Vec<String> {
    let depth = file.path[PORTAL.len()..].matches('/').count();
    let above = if file.path.ends_with("/mod.rs") { depth } else { depth + 1 };
    let mut names = Vec::new();
    for prefix in ["crate::".to_owned(), "super::".repeat(above)] {
        for (at, _) in line.match_indices(prefix.as_str()) {
            // `super::super::x` contains `super::x`, which means something else.
            if prefix.starts_with("super") && line[..at].ends_with("super::") {
                continue;
            }
            names.extend(first_names(&line[at + prefix.len()..]));
        }
    }
    names
}

/// `orders::store` gives `orders`; `{orders, shell::Nav}` gives both.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names.push(name(&group[start..]));
    names
}

#[test]
fn reads_imports_as_the_compiler_does() {
    let file = |path: &str| Source { path: format!("{PORTAL}{path}"), text: String::new() };
    assert_eq!(named(&file("a/routes.rs"), "use crate::orders::store;"), ["orders"]);
    assert_eq!(
        named(&file("a/routes.rs"), "use crate::{orders::{self, x}, shell};"),
        ["orders", "shell", ""]
    );
    assert_eq!(named(&file("a/routes.rs"), "use super::super::orders;"), ["orders"]);
    assert!(named(&file("a/routes.rs"), "use super::store;").is_empty());
    assert_eq!(named(&file("a.rs"), "use super::orders;"), ["orders"]);
    assert_eq!(named(&file("a/mod.rs"), "use super::orders;"), ["orders"]);
}
