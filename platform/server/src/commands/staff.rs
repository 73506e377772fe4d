//! `portico staff`: a tenant's own people, who work at its console.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use platform_core::id::StaffId;
use platform_core::{Scope, TenantTx, tenants};
use platform_identity::roster;
use serde_json::json;

use super::answer;
use super::people::tenant_id;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Staff {
    /// Adds a person, or changes the one with this address. They sign in at `https://<slug>.<base_domain>/console`.
    Add(Add),
    /// Lists everybody, with who has a second factor and when they came last.
    List(List),
    /// Takes away somebody's right to come. Their sessions end at once.
    Deactivate(Named),
    /// Forgets somebody's authenticator and recovery codes, when both are lost. Their sessions end at once; an admin sets
    /// up a new one at the next sign-in. Make sure first that it is they who ask.
    ResetSecondFactor(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The tenant's slug.
    tenant: String,
    /// The address that signs in.
    #[arg(long)]
    email: String,
    /// The person's name.
    #[arg(long)]
    name: String,
    /// What the person may do: cs_admin everything; csm customers, orders, requests and reports; agent customers and orders.
    #[arg(long, default_value = "agent", value_parser = ["cs_admin", "csm", "agent"])]
    role: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The tenant's slug.
    tenant: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The tenant's slug.
    tenant: String,
    /// The person's address.
    #[arg(long)]
    email: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Staff {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(new) => add(stack, new).await,
            Self::List(list) => show(stack, list).await,
            Self::Deactivate(named) => {
                let mut tx = open(stack, &named.tenant).await?;
                let found = roster::deactivate(&mut tx, &*stack.clock, &*stack.random, &named.email).await?;
                done(tx, named, found, "may no longer come").await
            }
            Self::ResetSecondFactor(named) => {
                let mut tx = open(stack, &named.tenant).await?;
                let found =
                    roster::reset_second_factor(&mut tx, &*stack.clock, &*stack.random, &named.email).await?;
                done(tx, named, found, "has no second factor now").await
            }
        }
    }
}

async fn open(stack: &Stack, slug: &str) -> anyhow::Result<TenantTx> {
    Ok(stack.db.tenant(Scope::tenant(tenant_id(stack, slug).await?)).await?)
}

async fn done(tx: TenantTx, named: &Named, found: bool, what: &str) -> anyhow::Result<ExitCode> {
    if !found {
        bail!("{} has nobody with the address {:?}", named.tenant, named.email);
    }
    tx.commit().await?;
    answer(named.json, &json!({ "email": named.email }), &format!("{} {what}", named.email));
    Ok(ExitCode::SUCCESS)
}

async fn add(stack: &Stack, new: &Add) -> anyhow::Result<ExitCode> {
    let mut tx = open(stack, &new.tenant).await?;
    let id = StaffId::new(&*stack.clock, &*stack.random);
    let id = tenants::upsert_staff(&mut tx, id, &new.email, &new.name, &new.role).await.map_err(|error| {
        match error.constraint() {
            Some("staff_email_shape") => anyhow::anyhow!("{:?} is not a mail address", new.email),
            _ => error.into(),
        }
    })?;
    tx.commit().await?;
    let console = format!("https://{}.{}/console", new.tenant, stack.config.platform.base_domain);
    let value = json!({ "id": id, "email": new.email, "role": new.role, "console": console });
    answer(new.json, &value, &format!("{} <{}> ({}) at {console}", new.name, new.email, new.role));
    Ok(ExitCode::SUCCESS)
}

async fn show(stack: &Stack, list: &List) -> anyhow::Result<ExitCode> {
    let people = roster::list(&mut open(stack, &list.tenant).await?).await?;
    let line = |who: &str, name: &str, role: &str, factor: &str, seen: &str| {
        format!("{who:36} {name:24} {role:10} {factor:12} {seen}")
    };
    let mut lines = vec![line("address", "name", "role", "second step", "last seen")];
    lines.extend(people.iter().map(|person| {
        let factor = if person.second_factor { "on" } else { "off" };
        let seen =
            person.last_seen_at.map_or_else(|| "never".to_owned(), |at| at.format("%F %R").to_string());
        let seen = if person.active { seen } else { format!("{seen} (deactivated)") };
        line(&person.email, &person.name, &person.role, factor, &seen)
    }));
    answer(list.json, &serde_json::to_value(&people)?, &lines.join("\n"));
    Ok(ExitCode::SUCCESS)
}
