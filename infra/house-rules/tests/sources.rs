//! How a file looks: its first words, its name, its length, and what it may not contain.

use house_rules::{Source, demand, sources};

const LINES: usize = 400;
const TEMPLATE_LINES: usize = 150;

/// Files that are longer, with the length they had. May only shrink: a fault is told when one is shorter, too.
const LONG: &[(&str, usize)] = &[];

/// Rooms that may hold SQL outside of a `store.rs`: they are made of it.
const SQL_ROOMS: &[&str] =
    &["migrations/", "platform/core/", "acme/", "tenant-router/", "platform/connectors/"];

const SQL: &[&str] =
    &["sqlx::query", "query_as::<", "query_as(", "query_scalar", "raw_sql(", "AssertSqlSafe"];

const VAGUE: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "service", "services"];

fn rust() -> Vec<Source> {
    sources(&[".rs"])
}

#[test]
fn every_file_says_what_it_owns() {
    let mut faults = Vec::new();
    for file in rust() {
        let begins = |line: &str| line.starts_with("//! ") || line.starts_with("#![doc = include_str!(");
        if !file.text.trim_start_matches("//!\n").lines().next().is_some_and(begins) {
            faults.push(file.path);
        }
    }
    for file in sources(&[".py", "/demo", "/test", "/packages"]) {
        let mut lines = file.text.lines().skip_while(|line| line.starts_with("#!"));
        if !lines.next().is_some_and(|line| line.starts_with('#') || line.starts_with("\"\"\"")) {
            faults.push(file.path);
        }
    }
    demand("a file does not begin with what it owns (`//!`, in scripts a comment or docstring):", &faults);
}

#[test]
fn names_say_what_is_inside() {
    let mut faults = Vec::new();
    for file in rust() {
        if file.path.split(['/', '.']).any(|part| VAGUE.contains(&part)) {
            faults.push(file.path.clone());
        }
        for (at, line) in file.code_lines() {
            let module = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            let name = module.strip_prefix("mod ").map(|rest| rest.trim_end_matches([';', '{', ' ']));
            if name.is_some_and(|name| VAGUE.contains(&name)) {
                faults.push(format!("{}:{at}: {line}", file.path));
            }
        }
    }
    demand("a module is named after nothing in particular:", &faults);
}

#[test]
fn files_stay_short() {
    let mut faults = Vec::new();
    for file in sources(&[".rs", ".py", ".html", ".js", ".css"]) {
        if file.path.contains("/vendor/") || file.is_test() {
            continue;
        }
        let bound = if file.path.ends_with(".html") { TEMPLATE_LINES } else { LINES };
        let lines = file.shipped().lines().count();
        match LONG.iter().find(|(path, _)| *path == file.path) {
            Some((path, was)) if lines > *was => faults.push(format!("{path}: {lines} lines, was {was}")),
            Some((path, _)) if lines <= bound => {
                faults.push(format!("{path} is short now: take it off the list"));
            }
            None if lines > bound => faults.push(format!("{}: {lines} lines, bound {bound}", file.path)),
            _ => {}
        }
    }
    for (path, _) in LONG {
        if !house_rules::top().join(path).exists() {
            faults.push(format!("{path} is gone: take it off the list"));
        }
    }
    demand("a file is too long:", &faults);
}

#[test]
fn sql_stands_in_stores() {
    let mut faults = Vec::new();
    for file in rust().iter().filter(|file| !file.is_test() && !file.path.starts_with("infra/house-rules/")) {
        let store = file.path.ends_with("/store.rs") || file.path.contains("/store/");
        if store || SQL_ROOMS.iter().any(|room| file.path.starts_with(room)) {
            continue;
        }
        for (at, line) in file.code_lines() {
            if SQL.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{at}: {}", file.path, line.trim()));
            }
        }
    }
    demand("SQL outside of a store.rs:", &faults);
}

#[test]
fn the_environment_is_read_in_one_place() {
    let mut faults = Vec::new();
    for file in rust().iter().filter(|file| !file.is_test() && !file.path.starts_with("infra/house-rules/")) {
        if file.path.starts_with("platform/server/src/config") {
            continue;
        }
        for (at, line) in file.code_lines() {
            if ["env::var", "env::vars", "option_env!"].iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{at}: {}", file.path, line.trim()));
            }
        }
    }
    demand("the environment is read outside of platform/server/src/config:", &faults);
}

#[test]
fn every_sealed_column_is_rotated() {
    const LIST: &str = "platform/server/src/commands/keys.rs";
    let files = rust();
    let list = files.iter().find(|file| file.path == LIST).expect("the list of sealed columns");
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| !file.is_test() && file.path != LIST) {
        for (at, line) in file.code_lines() {
            let Some(place) = line.split("Binding { table: \"").nth(1) else { continue };
            let end = place.find(", tenant").or_else(|| place.find(", row")).unwrap_or(place.len());
            if !list.text.contains(&format!("Sealed {{ table: \"{}, tenant", &place[..end])) {
                faults.push(format!("{}:{at}: {}", file.path, line.trim()));
            }
        }
    }
    demand(
        "a sealed column is not in platform/server/src/commands/keys.rs, and would be lost with an old key:",
        &faults,
    );
}

#[test]
fn lints_are_expected_with_a_reason_and_work_is_finished() {
    let mut faults = Vec::new();
    for file in rust().iter().filter(|file| !file.path.starts_with("infra/house-rules/")) {
        for (at, line) in file.text.lines().enumerate() {
            let bare = line.contains("#[allow(") || line.contains("#![allow(");
            if bare || line.contains("TODO") || line.contains("FIXME") {
                faults.push(format!("{}:{}: {}", file.path, at + 1, line.trim()));
            }
        }
    }
    demand(
        "`#[expect(.., reason)]` instead of `#[allow]`, and an issue instead of a note to oneself:",
        &faults,
    );
}

#[test]
fn no_path_of_somebodys_machine() {
    // Put together here, or this file would be the first fault.
    let banned = [concat!("/wo", "rk/"), concat!("/ho", "me/")];
    let mut faults = Vec::new();
    for file in sources(&[".rs", ".py", ".toml", ".sql", ".html", ".md", "/demo", "/test", "/packages"]) {
        for (at, line) in file.text.lines().enumerate() {
            if banned.iter().any(|path| line.contains(path)) {
                faults.push(format!("{}:{}: {}", file.path, at + 1, line.trim()));
            }
        }
    }
    demand("a path of one machine:", &faults);
}
