//! Writes every page x sample x brand x locale x scheme into a folder, to be served as `/` and looked at:
//! `cargo run -p admin --example gallery -- <folder>`.

use std::path::PathBuf;

use themes::Themes;

#[expect(clippy::print_stdout, reason = "an example that reports to the person who runs it")]
fn main() -> std::process::ExitCode {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target/gallery"), PathBuf::from);
    let report = match Themes::build(admin::registry()) {
        Ok(themes) => themes.check(Some(&folder)),
        Err(faults) => themes::Report { rendered: 0, faults },
    };
    for fault in &report.faults {
        println!("{fault}");
    }
    println!("{} rendered into {}, {} faults", report.rendered, folder.display(), report.faults.len());
    if report.faults.is_empty() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
