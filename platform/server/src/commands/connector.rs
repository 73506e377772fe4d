//! `portico connector`.

mod dry_run;
mod health;
mod mapping;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform_connectors::registry::{self, NewConnector};
use platform_connectors::{Author, stops};
use platform_core::Scope;
use platform_core::id::ConnectorId;
use serde_json::json;

use super::answer;
use super::people::tenant_id;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Connector {
    /// Adds a link to a system with orders, or changes the one of this name. Try the mapping with `dry-run` first; a
    /// running worker begins to read within seconds.
    Add(Add),
    /// Shows what a mapping would give: sample orders, codes without a word, missing columns and indexes. Writes nothing,
    /// here or there. Exits with 1 when the sync would not start.
    DryRun(dry_run::DryRun),
    /// Lists a tenant's connectors and how they fare.
    List(List),
    /// Asks for a full reading now: after customers were added, or when somebody doubts.
    Sync(Named),
    /// Tells all about how a tenant's connectors fare: how far behind, what is wrong and who can mend it, what reading costs.
    /// Exits with 1 when somebody should look.
    Health(health::Health),
    /// Stops every statement to the system at once, until `resume`: reading, trials, and rows for inbox tables. What was
    /// read stays and is shown with its age; what customers ask for waits.
    Stop(Stop),
    /// Lets a system that was stopped be read again.
    Resume(Resume),
    /// Puts a link away for good: it is read no more, and its age counts no more on pages. `add` takes it up again.
    Retire(Named),
    /// How a connector's tables are read: versions, and what a new one would change.
    #[command(subcommand)]
    Mapping(mapping::Mapping),
    /// Tells the owner of the system what was read in a month, how often, how long, and what stood in the way.
    Report(report::Report),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    named: Named,
    /// What the system is read with.
    #[arg(long, default_value = "orderflow", value_parser = ["orderflow"])]
    kind: String,
    /// How its tables are to be read; see infra/docs/mapping.md.
    #[arg(long)]
    mapping: PathBuf,
    /// Where it is: postgres://reader:password@host/database. Sealed before it is stored.
    #[arg(long, env = "PORTICO_CONNECTOR_URL", hide_env_values = true)]
    url: String,
    /// A folder of this machine, for documents that the system names by a path; nothing outside of it is read.
    #[arg(long)]
    documents: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The connector's name.
    #[arg(long)]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    named: Named,
    /// Why, for everybody who will ask.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    by: By,
}

/// Who gives the command.
#[derive(Debug, Args)]
struct By {
    /// Your name, for those who read of it later.
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
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

impl Connector {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(stack).await,
            Self::DryRun(dry_run) => dry_run.run(stack).await,
            Self::List(list) => list.run(stack).await,
            Self::Sync(named) => named.sync(stack).await,
            Self::Health(health) => health.run(stack).await,
            Self::Stop(stop) => stop.run(stack).await,
            Self::Resume(resume) => resume.run(stack).await,
            Self::Retire(named) => named.retire(stack).await,
            Self::Mapping(mapping) => mapping.run(stack).await,
            Self::Report(report) => report.run(stack).await,
        }
    }
}

impl Add {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let mapping = read(&self.mapping)?;
        if let Err(faults) = platform_connectors::mapping::Mapping::parse(&mapping) {
            let list =
                faults.iter().map(|fault| format!("\n  {:24} {}", fault.key, fault.what)).collect::<String>();
            anyhow::bail!("{} has faults; nothing was changed:{list}", self.mapping.display());
        }
        let tenant = tenant_id(stack, &self.named.tenant).await?;
        let id = ConnectorId::new(&*stack.clock, &*stack.random);
        let new = NewConnector { id, name: &self.named.name, mapping: &mapping, url: &self.url };
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let id = registry::put(&mut tx, &stack.sealer, &new).await?;
        registry::set_documents_root(&mut tx, id, self.documents_root()?.as_deref()).await?;
        tx.commit().await?;
        answer(
            false,
            &json!({}),
            &format!(
                "connector {} ({}); see how it fares with `connector health`",
                self.named.name, self.kind
            ),
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    /// As an absolute path, because the worker may run elsewhere. The folder need not be there yet.
    fn documents_root(&self) -> anyhow::Result<Option<String>> {
        let Some(folder) = &self.documents else { return Ok(None) };
        let folder = std::path::absolute(folder).context("--documents")?;
        let text = folder.to_str().with_context(|| format!("{} is no text", folder.display()))?;
        Ok(Some(text.to_owned()))
    }
}

impl List {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let list = registry::list(&mut tx).await?;
        let mut lines = vec![format!("{:20} {:10} {:20} last error", "name", "state", "data as of")];
        for connector in &list {
            let as_of = connector.data_as_of.map(|at| at.format("%F %T").to_string()).unwrap_or_default();
            let error = connector.last_error.as_deref().unwrap_or_default();
            lines.push(format!("{:20} {:10} {as_of:20} {error}", connector.name, connector.state));
        }
        answer(self.json, &serde_json::to_value(&list)?, &lines.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}

impl Stop {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(!self.reason.trim().is_empty(), "--reason is empty: others will want to know");
        let (connector, _) = self.named.find(stack).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.named.tenant).await?)).await?;
        let (clocks, by) = ((&*stack.clock, &*stack.random), Author::operator(&self.by.by));
        stops::stop(&mut tx, clocks, connector.id, by, &self.reason).await?;
        let stop = stops::open(&mut tx, connector.id).await?.context("the connector went away meanwhile")?;
        tx.commit().await?;
        let text = format!(
            "{} is stopped since {} by {} ({}); `connector resume` goes on",
            self.named.name,
            stop.stopped_at.format("%F %T UTC"),
            stop.stopped_by,
            stop.reason
        );
        answer(false, &json!({}), &text);
        Ok(ExitCode::SUCCESS)
    }
}

impl Resume {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (connector, _) = self.named.find(stack).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.named.tenant).await?)).await?;
        let (clocks, by) = ((&*stack.clock, &*stack.random), Author::operator(&self.by.by));
        let resumed = stops::resume(&mut tx, clocks, connector.id, by).await?;
        tx.commit().await?;
        let name = &self.named.name;
        let text = if resumed { format!("{name} is read again") } else { format!("{name} was not stopped") };
        answer(false, &json!({}), &text);
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    async fn sync(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (connector, _) = self.find(stack).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        registry::request_sweep(&mut tx, connector.id).await?;
        tx.commit().await?;
        answer(false, &json!({}), "a full reading is asked for");
        Ok(ExitCode::SUCCESS)
    }

    async fn retire(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (connector, _) = self.find(stack).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        registry::set_enabled(&mut tx, connector.id, false).await?;
        tx.commit().await?;
        answer(false, &json!({}), &format!("{} is read no more; `connector add` begins again", self.name));
        Ok(ExitCode::SUCCESS)
    }

    /// The connector and its address.
    async fn find(&self, stack: &Stack) -> anyhow::Result<(registry::Connector, String)> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let list = registry::list(&mut tx).await?;
        let found = list.into_iter().find(|connector| connector.name == self.name);
        let connector = found.with_context(|| format!("{} has no connector {:?}", self.tenant, self.name))?;
        let url = registry::url(&mut tx, &stack.sealer, connector.id).await?;
        Ok((connector, url.context("the connector went away meanwhile")?))
    }
}

fn read(path: &std::path::Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
