//! `portico domain`: hosts of a tenant's customers.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform_core::Scope;
use serde_json::json;
use tenant_router::Host;
use tenant_router::domains::{self, ClaimError, ClaimRules, Domain as Claimed};

use super::answer;
use super::people::tenant_id;
use super::serve::{base, checker};
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Domain {
    /// Claims a host for a tenant and says which DNS record its owner has to set. From then on the DNS is looked at by
    /// itself; once the record is there, the certificate is ordered and the portal is live.
    Claim(Claim),
    /// Looks at the DNS now and says what is expected and what is seen.
    Check(Claim),
    /// Lists a tenant's hosts and how far each has got.
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct Claim {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The host, such as success.customer.com.
    host: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Domain {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::Claim(claim) => claim.claim(stack).await,
            Self::Check(claim) => claim.check(stack).await,
            Self::List(list) => list.run(stack).await,
        }
    }
}

impl Claim {
    async fn claim(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let base = base(stack)?;
        let rules = ClaimRules { base: base.clone(), test_names: stack.config.platform.demo };
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let domain = match domains::claim(&mut tx, &rules, &self.host, &*stack.clock, &*stack.random).await {
            Ok(domain) => domain,
            // Claiming twice is asking for the records again.
            Err(ClaimError::Already(host)) => domains::find(&mut tx, &host)
                .await?
                .with_context(|| format!("{host} ended meanwhile; try again"))?,
            Err(error) => return Err(error.into()),
        };
        tx.commit().await?;
        let records = domain.records(&base)?;
        let value = json!({ "host": domain.host, "state": domain.state, "target": domain.target(&base)?.to_string(),
                            "records": records });
        let mut text = format!("{} is {}. Set one of these records:", domain.host, word(&domain));
        for record in &records {
            text += &format!(
                "\n  {:5} {}\n        {}\n        {}",
                record.kind, record.name, record.value, record.purpose
            );
        }
        answer(self.json, &value, &text);
        Ok(ExitCode::SUCCESS)
    }

    async fn check(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let host = Host::parse(&self.host)?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let domain = domains::find(&mut tx, &host).await?;
        drop(tx);
        let domain = domain.with_context(|| format!("{} has not claimed {host}", self.tenant))?;
        let domain =
            checker(stack)?.check_now(tenant, domain.id).await?.context("the domain ended meanwhile")?;
        let mut text = format!("{} is {}", domain.host, word(&domain));
        for check in &domain.checks {
            let mark = if check.ok { "ok" } else { "--" };
            text += &format!("\n  {mark} {:5} {}\n     expected {}", check.code, check.name, check.expected);
            text += &format!("\n     seen     {}", seen(check));
            if let Some(fix) = &check.fix {
                text += &format!("\n     to do    {fix}");
            }
        }
        let proven = domain.checks.iter().any(|check| check.ok);
        answer(self.json, &serde_json::to_value(&domain)?, &text);
        Ok(if proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl List {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let list = domains::list(&mut tx).await?;
        let mut lines = vec![format!("{:40} {:12} since", "host", "state")];
        for domain in &list {
            let since = domain.live_at.or(domain.verified_at).unwrap_or(domain.claimed_at);
            lines.push(format!(
                "{:40} {:12} {}",
                domain.host.to_string(),
                word(domain),
                since.format("%F %R")
            ));
        }
        answer(self.json, &serde_json::to_value(&list)?, &lines.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}

fn seen(check: &domains::Check) -> String {
    if check.seen.is_empty() {
        check.problem.clone().unwrap_or_else(|| "nothing".into())
    } else {
        check.seen.join(", ")
    }
}

/// The state as its row says it.
fn word(domain: &Claimed) -> String {
    serde_json::to_value(domain.state).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
