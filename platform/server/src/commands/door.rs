//! `portico door`: how a tenant's requests are handed over.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use platform_connectors::doors::{self, Attached, Settings};
use platform_connectors::requests::{self, Kind, State};
use platform_core::Scope;
use serde_json::json;

use super::answer;
use super::people::tenant_id;
use crate::compose;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Door {
    /// Sets up the door of a kind of request, in the place of the one before it. See infra/docs/doors.md; `door test` next.
    Set(Set),
    /// Shows one door, without its secret.
    Show(Named),
    /// Looks whether a door would open. Changes nothing on the other side. Exits with 1 when it would not.
    Test(Named),
    /// Lists a tenant's doors, how they fare, and how many requests wait.
    List(List),
    /// Shuts a door; requests wait until it is set up again.
    Shut(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    named: Named,
    /// What the door is.
    #[arg(long, value_enum)]
    form: Form,
    /// Inbox: postgres://portico_inbox:password@host/database, sealed before it is stored. Webhook: https://...
    #[arg(long, env = "PORTICO_DOOR_URL", hide_env_values = true)]
    url: Option<String>,
    /// Inbox: the table.
    #[arg(long, default_value = "portico_inbox")]
    table: String,
    /// Webhook: the key that signs, whsec_...; without it a new one is made and printed once.
    #[arg(long, env = "PORTICO_DOOR_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Webhook: the address may be inside a private network.
    #[arg(long)]
    allow_private: bool,
    /// Webhook: PEM file of the authority that signed the other side's certificate.
    #[arg(long)]
    ca_file: Option<String>,
    /// Mail: who gets the requests.
    #[arg(long)]
    to: Option<String>,
    /// Mail: what is attached.
    #[arg(long, value_enum, default_value_t = Attach::Json)]
    attach: Attach,
    /// File: the folder, from / on.
    #[arg(long)]
    folder: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Inbox,
    Webhook,
    Mail,
    File,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Attach {
    Json,
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// What is handed over: reorder, contact_change or address_change.
    #[arg(long, default_value = "reorder")]
    kind: Kind,
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

impl Door {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::Set(set) => set.run(stack).await,
            Self::Show(named) => named.show(stack).await,
            Self::Test(named) => named.test(stack).await,
            Self::List(list) => list.run(stack).await,
            Self::Shut(named) => named.shut(stack).await,
        }
    }
}

impl Set {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (settings, secret) = self.settings()?;
        let tenant = tenant_id(stack, &self.named.tenant).await?;
        let doors = compose::doors(stack);
        let key = doors
            .set(tenant, self.named.kind, &settings, secret.as_deref())
            .await
            .map_err(anyhow::Error::msg)?;
        let mut text =
            format!("the door for {} is {}; try it with `door test`", self.named.kind, settings.form());
        if let Some(key) = &key {
            text += &format!("\nthe other side checks our signature with this key, shown once: {key}");
        }
        answer(
            self.named.json,
            &json!({ "kind": self.named.kind, "form": settings.form(), "secret": key }),
            &text,
        );
        Ok(ExitCode::SUCCESS)
    }

    fn settings(&self) -> anyhow::Result<(Settings, Option<String>)> {
        Ok(match self.form {
            Form::Inbox => {
                let url =
                    self.url.clone().context("--url is missing: the address of the inbox's database")?;
                (Settings::Inbox { table: self.table.clone() }, Some(url))
            }
            Form::Webhook => {
                let url = self.url.clone().context("--url is missing: where to call")?;
                let (allow_private, ca_file) = (self.allow_private, self.ca_file.clone());
                (Settings::Webhook { url, allow_private, ca_file }, self.secret.clone())
            }
            Form::Mail => {
                let to = self.to.clone().context("--to is missing: who gets the mails")?;
                let attach = match self.attach {
                    Attach::Json => Attached::Json,
                    Attach::Csv => Attached::Csv,
                };
                (Settings::Mail { to, attach }, None)
            }
            Form::File => {
                let folder = self.folder.clone().context("--folder is missing")?;
                (Settings::File { folder }, None)
            }
        })
    }
}

impl Named {
    async fn show(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        let found = doors::list(&mut tx).await?.into_iter().find(|door| door.request_kind == self.kind);
        let door = found.with_context(|| format!("{} has no door for {}", self.tenant, self.kind))?;
        let value = serde_json::to_value(&door)?;
        answer(self.json, &value, &serde_json::to_string_pretty(&value)?);
        Ok(ExitCode::SUCCESS)
    }

    async fn test(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let outcome = compose::doors(stack).test(tenant, self.kind).await;
        let (well, text) = match outcome {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        answer(self.json, &json!({ "ok": well, "text": text }), &text);
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn shut(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        anyhow::ensure!(
            doors::set_enabled(&mut tx, self.kind, false).await?,
            "{} has no door for {}",
            self.tenant,
            self.kind
        );
        tx.commit().await?;
        answer(self.json, &json!({ "kind": self.kind, "enabled": false }), "shut; requests wait");
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        let doors = doors::list(&mut tx).await?;
        let mut lines = vec![format!(
            "{:16} {:8} {:8} {:>7} {:>7}  last error",
            "kind", "form", "state", "waiting", "theirs"
        )];
        let mut values = Vec::new();
        for kind in Kind::ALL {
            let waiting = requests::open_in(&mut tx, *kind, State::Submitted, 10_000).await?.len();
            let theirs = requests::handed_over(&mut tx, *kind).await?.len();
            let door = doors.iter().find(|door| door.request_kind == *kind);
            let state = match door {
                None => "none",
                Some(door) if !door.enabled => "shut",
                Some(door) if door.failed_since.is_some() => "failing",
                Some(_) => "open",
            };
            let form = door.map_or("-", |door| &door.form);
            let error = door.and_then(|door| door.last_error.as_deref()).unwrap_or_default();
            lines.push(format!("{kind:16} {form:8} {state:8} {waiting:>7} {theirs:>7}  {error}"));
            values.push(
                json!({ "kind": kind, "state": state, "waiting": waiting, "theirs": theirs, "door": door }),
            );
        }
        answer(self.json, &values.into(), &lines.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}
