//! `portico connector mapping`: versions of a mapping, and what a new one would change.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform_connectors::editing::{self, Activated, Located};
use platform_connectors::{Author, registry};
use platform_core::{Scope, TenantTx};
use serde_json::json;

use super::{By, Named, dry_run, read};
use crate::commands::answer;
use crate::commands::people::tenant_id;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Mapping {
    /// Prints a version; without a number the active one.
    Show(Show),
    /// Says every fault of a text with its key and line. Asks no system and stores nothing.
    Check(Check),
    /// Keeps a text as the newest version, a draft. Nothing is read with it yet.
    Save(Save),
    /// Tries a version, or a file, against the system: sample orders before and after, codes without a word. Writes nothing.
    DryRun(Try),
    /// Reads by a version from now on; an older one as well.
    Activate(Activate),
    /// Lists the versions: who wrote them, when, why, and which one is active.
    History(History),
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    named: Named,
    /// Which version; without it the active one.
    #[arg(long)]
    number: Option<i32>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The text to check.
    #[arg(long)]
    mapping: PathBuf,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Save {
    #[command(flatten)]
    named: Named,
    /// The text to keep.
    #[arg(long)]
    mapping: PathBuf,
    /// Why it was written.
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Try {
    #[command(flatten)]
    named: Named,
    /// Which version; without it the active one.
    #[arg(long)]
    number: Option<i32>,
    /// A text that was not kept.
    #[arg(long, conflicts_with = "number")]
    mapping: Option<PathBuf>,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Activate {
    #[command(flatten)]
    named: Named,
    /// Which version.
    #[arg(long)]
    number: i32,
    /// Only while this version is the active one; without it, whichever is.
    #[arg(long)]
    instead_of: Option<i32>,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    named: Named,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Mapping {
    pub(super) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(show) => show.run(stack).await,
            Self::Check(check) => check.run(),
            Self::Save(save) => save.run(stack).await,
            Self::DryRun(this) => this.run(stack).await,
            Self::Activate(activate) => activate.run(stack).await,
            Self::History(history) => history.run(stack).await,
        }
    }
}

async fn begin(stack: &Stack, named: &Named) -> anyhow::Result<(registry::Connector, TenantTx)> {
    let (connector, _) = named.find(stack).await?;
    let tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &named.tenant).await?)).await?;
    Ok((connector, tx))
}

async fn text_of(stack: &Stack, named: &Named, version: i32) -> anyhow::Result<String> {
    let (connector, mut tx) = begin(stack, named).await?;
    let found = editing::get(&mut tx, connector.id, version).await?;
    Ok(found.with_context(|| format!("{} has no version {version}", named.name))?.text)
}

impl Show {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let text = match self.number {
            Some(version) => text_of(stack, &self.named, version).await?,
            None => self.named.find(stack).await?.0.mapping,
        };
        answer(false, &json!({}), text.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}

impl Check {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let faults = editing::check(&read(&self.mapping)?);
        let text = if faults.is_empty() { "no faults; try it with `dry-run`".into() } else { told(&faults) };
        answer(self.json, &json!({ "faults": faults }), &text);
        Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn told(faults: &[Located]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Save {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let text = read(&self.mapping)?;
        let (connector, mut tx) = begin(stack, &self.named).await?;
        let by = Author::operator(&self.by.by);
        let saved = editing::save(&mut tx, connector.id, &text, &self.note, by).await?;
        let saved = saved.context("the connector went away meanwhile")?;
        tx.commit().await?;
        let word = if saved.is_new { "kept as" } else { "the same text as" };
        let mut answered = format!("{word} version {}", saved.version);
        let faults = editing::check(&text);
        if !faults.is_empty() {
            answered += &format!("; it has faults and cannot be activated:\n{}", told(&faults));
        }
        answer(false, &json!({}), &answered);
        Ok(ExitCode::SUCCESS)
    }
}

impl Try {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let text = match (&self.mapping, self.number) {
            (Some(path), _) => Some(read(path)?),
            (None, Some(version)) => Some(text_of(stack, &self.named, version).await?),
            (None, None) => None,
        };
        dry_run::tried(stack, &self.named, text, self.json).await
    }
}

impl Activate {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (connector, mut tx) = begin(stack, &self.named).await?;
        let expected = self.instead_of.or(connector.mapping_version);
        let (clocks, by) = ((&*stack.clock, &*stack.random), Author::operator(&self.by.by));
        let versions = (self.number, expected);
        let (text, code) = match editing::activate(&mut tx, clocks, connector.id, versions, by).await? {
            Activated::Done => {
                tx.commit().await?;
                (format!("version {} is read by from now on", self.number), ExitCode::SUCCESS)
            }
            Activated::Already => (format!("version {} is active already", self.number), ExitCode::SUCCESS),
            Activated::Moved { active } => {
                let active = active.map_or_else(|| "none".to_owned(), |active| active.to_string());
                (format!("nothing was changed: the active version is {active} meanwhile"), ExitCode::FAILURE)
            }
            Activated::Faulty(faults) => {
                (format!("nothing was changed: it has faults\n{}", told(&faults)), ExitCode::FAILURE)
            }
            Activated::Unknown => (format!("there is no version {}", self.number), ExitCode::FAILURE),
        };
        answer(false, &json!({}), &text);
        Ok(code)
    }
}

impl History {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (connector, mut tx) = begin(stack, &self.named).await?;
        let all = editing::history(&mut tx, connector.id).await?;
        let mut lines = vec![format!("{:>7} {:8} {:17} {:20} note", "version", "state", "written", "by")];
        for version in &all {
            let state = match (version.active, version.activated_at) {
                (true, _) => "active",
                (false, Some(_)) => "was",
                (false, None) => "draft",
            };
            let (at, by, note) = (version.created_at.format("%F %H:%M"), &version.author, &version.note);
            lines.push(format!("{:>7} {state:8} {at:17} {by:20} {note}", version.version));
        }
        answer(self.json, &serde_json::to_value(&all)?, &lines.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}
