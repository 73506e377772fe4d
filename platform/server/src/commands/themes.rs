//! `portico themes`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::answer;
use crate::compose;

#[derive(Debug, Subcommand)]
pub(crate) enum Themes {
    /// Renders every page with every sample in every pack, locale and scheme, strictly, and reports what is wrong.
    Check(Check),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Writes the pages there, to look at.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Themes {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let Self::Check(check) = self;
        let report = compose::themes()?.check(check.out.as_deref());
        let mut text = format!("{} pages rendered", report.rendered);
        for fault in &report.faults {
            text += &format!("\n  {fault}");
        }
        let value = json!({ "rendered": report.rendered, "faults": report.faults.len() });
        answer(false, &value, &text);
        Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
