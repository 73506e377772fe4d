//! `portico certificate`: certificates that were not ordered by us, revocation, and the account's key.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use acme::import::import;
use acme::revoke::{Reason, revoke};
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use platform_core::System;
use serde_json::json;

use super::{answer, serve};
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Certificate {
    /// Installs a certificate, such as a wildcard for the platform's own domain: then no tenant needs one of its own.
    /// It is served at once by running nodes. Nobody renews it here: import its successor before it ends.
    Import(Import),
    /// Takes the certificate of a host out of service, erases its key and has the authority revoke it. A host that is
    /// still wanted gets a new one with a new key at once.
    Revoke(Revoke),
    /// Gives the account at each authority a new key. The account stays the same. A run that was cut off is finished by
    /// the next one.
    RollAccount(RollAccount),
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    host: String,
    /// Why. The authority publishes it.
    #[arg(long, value_enum, default_value_t = Why::KeyCompromise)]
    reason: Why,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Why {
    /// Somebody else may have the private key.
    KeyCompromise,
    /// Another certificate serves the host.
    Superseded,
    /// The host is not ours any more.
    CessationOfOperation,
}

#[derive(Debug, Args)]
pub(crate) struct RollAccount {
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
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
        match self {
            Self::Import(command) => command.run(stack).await,
            Self::Revoke(command) => command.run(stack).await,
            Self::RollAccount(command) => command.run(stack).await,
        }
    }
}

impl Import {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (chain, key) = (read(&self.chain)?, read(&self.key)?);
        let mut tx = stack.db.system(System::Certificates).await?;
        let by = (&*stack.clock, &*stack.random);
        let names = import(&mut tx, &stack.sealer, by, &chain, &key).await?;
        tx.commit().await?;
        answer(self.json, &json!({ "names": names }), &format!("installed for {}", names.join(", ")));
        Ok(ExitCode::SUCCESS)
    }
}

impl Revoke {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let reason = match self.reason {
            Why::KeyCompromise => Reason::KeyCompromise,
            Why::Superseded => Reason::Superseded,
            Why::CessationOfOperation => Reason::CessationOfOperation,
        };
        let host = self.host.trim().trim_end_matches('.').to_ascii_lowercase();
        let mut tx = stack.db.system(System::Certificates).await?;
        let found = revoke(&mut tx, (&*stack.clock, &*stack.random), &host, reason).await?;
        tx.commit().await?;
        let text = match found {
            true => format!("{host}: out of service; the authority is told at once"),
            false => format!("{host} has no certificate of its own from an authority"),
        };
        answer(self.json, &json!({ "host": host, "revoked": found }), &text);
        Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl RollAccount {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let issuer = serve::issuer(stack)?;
        for authority in &stack.config.acme.authorities {
            issuer
                .roll_account_key(&authority.directory)
                .await
                .with_context(|| authority.name().to_owned())?;
            let value = json!({ "authority": authority.directory });
            answer(self.json, &value, &format!("{}: the account has a new key", authority.name()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
