//! `portico certificate`: certificates that were not ordered by us.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use acme::import::import;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform_core::System;
use serde_json::json;

use super::answer;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Certificate {
    /// Installs a certificate, such as a wildcard for the platform's own domain: then no tenant needs one of its own.
    /// It is served at once by running nodes. Nobody renews it here: import its successor before it ends.
    Import(Import),
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The chain, leaf first, PEM.
    #[arg(long)]
    chain: PathBuf,
    /// The private key, PKCS#8 in PEM. It is stored sealed.
    #[arg(long)]
    key: PathBuf,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Certificate {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let Self::Import(command) = self;
        let (chain, key) = (read(&command.chain)?, read(&command.key)?);
        let mut tx = stack.db.system(System::Certificates).await?;
        let by = (&*stack.clock, &*stack.random);
        let names = import(&mut tx, &stack.sealer, by, &chain, &key).await?;
        tx.commit().await?;
        answer(command.json, &json!({ "names": names }), &format!("installed for {}", names.join(", ")));
        Ok(ExitCode::SUCCESS)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
