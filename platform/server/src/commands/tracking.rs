//! `portico tracking`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use platform_connectors::carriers::{self, NewAccount, aftership};
use platform_core::{Scope, id};
use serde_json::json;

use super::answer;
use super::people::tenant_id;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Tracking {
    /// Adds a tenant's account at a tracking provider, or changes the one of this name. Then give the provider the webhook
    /// address https://HOST/webhooks/tracking/NAME, with any of the tenant's hosts.
    Set(Set),
    /// Shows a tenant's accounts and how they fare. Secrets are never shown.
    Show(Show),
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// Stands in the webhook's address: small letters, digits and dashes.
    #[arg(long, default_value = "aftership")]
    name: String,
    /// Who it is.
    #[arg(long, default_value = "aftership", value_parser = ["aftership"])]
    kind: String,
    /// What the provider signs its messages with. Sealed before it is stored.
    #[arg(long, env = "PORTICO_TRACKING_SECRET", hide_env_values = true)]
    webhook_secret: String,
    /// With a key the provider is asked, too, for parcels that it tells nothing about. Sealed before it is stored.
    #[arg(long, env = "PORTICO_TRACKING_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Where it is asked.
    #[arg(long, default_value = aftership::API)]
    api_url: String,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Tracking {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::Set(set) => set.run(stack).await,
            Self::Show(show) => show.run(stack).await,
        }
    }
}

impl Set {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(
            self.webhook_secret.len() >= 8,
            "a webhook secret of fewer than eight characters can be guessed"
        );
        let tenant = tenant_id(stack, &self.tenant).await?;
        let new = NewAccount {
            id: id::uuid(&*stack.clock, &*stack.random),
            kind: &self.kind,
            name: &self.name,
            webhook_secret: &self.webhook_secret,
            api_key: self.api_key.as_deref(),
            api_url: &self.api_url,
        };
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        carriers::put(&mut tx, &stack.sealer, &new).await?;
        tx.commit().await?;
        let told = format!("tracking by {}; its webhook is /webhooks/tracking/{}", self.kind, self.name);
        answer(false, &json!({}), &told);
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let list = carriers::show(&mut tx).await?;
        let mut lines = vec![format!(
            "{:16} {:10} {:20} {:>8} {:>8} last error",
            "name", "kind", "last news", "unknown", "refused"
        )];
        for account in &list {
            let news = account.last_event_at.map(|at| at.format("%F %T").to_string()).unwrap_or_default();
            let error = account.last_error.as_deref().unwrap_or_default();
            lines.push(format!(
                "{:16} {:10} {news:20} {:>8} {:>8} {error}",
                account.name, account.kind, account.unknown_count, account.refused_count
            ));
        }
        answer(self.json, &serde_json::to_value(&list)?, &lines.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}
