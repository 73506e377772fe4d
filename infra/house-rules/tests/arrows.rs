//! Which room may know which, and what the whole tree may contain.

use std::collections::BTreeSet;

use house_rules::{cargo, demand, packages, top};

/// house.md, "Rooms". A room that does not stand yet is left out of the comparison.
const ARROWS: &[(&str, &[&str])] = &[
    ("migrations", &[]),
    ("platform-core", &["migrations"]),
    ("acme", &["platform-core"]),
    // House.md would let it lean on core; it has no need to.
    ("themes", &[]),
    ("platform-connectors", &["platform-core"]),
    ("platform-billing", &["platform-core"]),
    ("tenant-router", &["platform-core", "acme"]),
    ("platform-web", &["platform-core", "themes"]),
    // A typed page is a trait of `themes`, and slices and sign-in own pages.
    ("platform-identity", &["platform-core", "platform-web", "themes"]),
    (
        "platform-portal",
        &["platform-core", "platform-web", "platform-identity", "platform-connectors", "themes"],
    ),
    (
        "admin",
        &[
            "platform-portal",
            "platform-identity",
            "platform-billing",
            "platform-connectors",
            "tenant-router",
            "acme",
            "themes",
            "platform-web",
            "platform-core",
        ],
    ),
];

/// Programs at the end of the street. `platform-server` may know everything, these know nobody.
const ALONE: &[&str] = &["house-rules", "load-hello"];
/// Programs that measure rooms; no room knows them.
const MEASURES: &[(&str, &[&str])] = &[("load-edge", &["platform-core", "acme", "tenant-router"])];

#[test]
fn rooms_know_whom_the_arrows_allow() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut faults = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        let allowed: BTreeSet<&str> = match ARROWS.iter().chain(MEASURES).find(|(room, _)| *room == name) {
            Some((_, arrows)) => arrows.iter().copied().filter(|room| ours.contains(room)).collect(),
            None if name == "platform-server" => {
                let outside =
                    |room: &&str| ALONE.contains(room) || MEASURES.iter().any(|(program, _)| program == room);
                ours.iter().copied().filter(|room| *room != name && !outside(room)).collect()
            }
            None if ALONE.contains(&name) => BTreeSet::new(),
            None => {
                faults.push(format!("{name} has no arrows: add it to house.md and to this list"));
                continue;
            }
        };
        let known = edges(package, &ours, false);
        for other in known.difference(&allowed) {
            faults.push(format!("{name} -> {other} is not in house.md"));
        }
        for other in allowed.difference(&known) {
            faults.push(format!("{name} -> {other} is in house.md and not in its Cargo.toml"));
        }
        // Tests may reach for throw-away databases; every other arrow holds for them too.
        for other in edges(package, &ours, true).difference(&allowed) {
            if *other != "migrations" {
                faults.push(format!("{name} -> {other} (in tests) is not in house.md"));
            }
        }
    }
    demand("an arrow between rooms is forbidden or missing:", &faults);
}

fn edges<'a>(package: &'a serde_json::Value, ours: &BTreeSet<&str>, tests: bool) -> BTreeSet<&'a str> {
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    dependencies
        .iter()
        .filter(|d| (d["kind"] == "dev") == tests)
        .filter_map(|d| d["name"].as_str())
        .filter(|name| ours.contains(name))
        .collect()
}

#[test]
fn one_crypto_provider_and_one_tls_stack() {
    let tree =
        cargo(&["tree", "--offline", "--workspace", "--all-features", "--prefix", "none", "--format", "{p}"]);
    let banned = ["ring ", "openssl ", "openssl-sys ", "native-tls ", "boring "];
    let mut faults: Vec<String> =
        tree.lines().filter(|line| banned.iter().any(|b| line.starts_with(b))).map(str::to_owned).collect();
    faults.dedup();
    demand("the tree is built on rustls with aws-lc-rs alone:", &faults);
}

#[test]
fn every_room_takes_the_shared_lints_and_versions() {
    let mut faults = Vec::new();
    for package in packages() {
        let manifest = package["manifest_path"].as_str().expect("a path");
        let text = std::fs::read_to_string(manifest).expect("a manifest");
        let place = manifest.strip_prefix(&*top().to_string_lossy()).unwrap_or(manifest);
        if !text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{place}: no `[lints] workspace = true`"));
        }
        for field in ["edition", "rust-version", "version", "publish", "license"] {
            if !text.contains(&format!("{field}.workspace = true")) {
                faults.push(format!("{place}: `{field}` is not the workspace's"));
            }
        }
        for line in dependency_lines(&text) {
            // `testing` is our own and touches no shared crate.
            let features = line.contains("features") && !line.contains("features = [\"testing\"]");
            if !line.contains("workspace = true") || features {
                faults.push(format!("{place}: {line} (versions and features are chosen in the root)"));
            }
        }
    }
    demand("a manifest goes its own way:", &faults);
}

fn dependency_lines(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().map(str::trim).filter(move |line| {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
            return false;
        }
        inside && !line.is_empty() && !line.starts_with('#')
    })
}
