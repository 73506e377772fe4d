//! Writes every page x sample x brand x locale x scheme into a folder, to be served as `/` and looked at:
//! `cargo run -p admin --example gallery -- <folder>`.

use std::path::PathBuf;

use themes::{Registry, Themes};

#[expect(clippy::print_stdout, reason = "an example that reports to the person who runs it")]
fn main() -> std::process::ExitCode {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target/gallery"), PathBuf::from);
    let registry = Registry::new()
        .with(platform_web::pages::register)
        .with(platform_identity::pages::register)
        .with(platform_portal::shell::register)
        .with(platform_portal::orders::register)
        .with(platform_portal::invoices::register)
        .with(platform_portal::account::register)
        .with(admin::operator::outbox::pages::register);
    let report = match Themes::build(registry) {
        Ok(themes) => themes.check(Some(&folder)),
        Err(faults) => themes::Report { rendered: 0, faults },
    };
    for fault in &report.faults {
        println!("{fault}");
    }
    println!("{} rendered into {}, {} faults", report.rendered, folder.display(), report.faults.len());
    if report.faults.is_empty() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
