//! `portico connector`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform_connectors::orderflow::Link;
use platform_connectors::orderflow::dry_run::{BooksSample, Report, dry_run};
use platform_connectors::registry::{self, NewConnector};
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
    DryRun(DryRun),
    /// Lists a tenant's connectors and how they fare.
    List(List),
    /// Asks for a full reading now: after customers were added, or when somebody doubts.
    Sync(Named),
    /// Stops reading; what was read stays and is shown with its age.
    Stop(Named),
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
pub(crate) struct DryRun {
    /// The tenant's slug, for a connector that was added.
    #[arg(long, requires = "name", required_unless_present = "url")]
    tenant: Option<String>,
    /// The connector's name.
    #[arg(long, requires = "tenant")]
    name: Option<String>,
    /// A mapping to try; without it the stored one.
    #[arg(long, required_unless_present = "tenant")]
    mapping: Option<PathBuf>,
    /// An address to try before anything is stored.
    #[arg(
        long,
        env = "PORTICO_CONNECTOR_URL",
        hide_env_values = true,
        requires = "mapping",
        conflicts_with = "tenant"
    )]
    url: Option<String>,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
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
            Self::Stop(named) => named.stop(stack).await,
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
            &format!("connector {} ({}); see how it fares with `connector list`", self.named.name, self.kind),
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

impl DryRun {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (stored, url) = match (&self.url, &self.tenant, &self.name) {
            (Some(url), _, _) => (None, url.clone()),
            (None, Some(tenant), Some(name)) => {
                let named = Named { tenant: tenant.clone(), name: name.clone() };
                let (connector, url) = named.find(stack).await?;
                (Some(connector.mapping), url)
            }
            _ => anyhow::bail!("name a connector (--tenant, --name) or an address (--url, --mapping)"),
        };
        let mapping = match (&self.mapping, stored) {
            (Some(path), _) => read(path)?,
            (None, Some(mapping)) => mapping,
            (None, None) => anyhow::bail!("--mapping is missing"),
        };
        let report = dry_run(Arc::new(Link::new(&url)?), &mapping).await?;
        answer(self.json, &serde_json::to_value(&report)?, &told(&report));
        Ok(if report.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

impl Named {
    async fn sync(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let (connector, _) = self.find(stack).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        registry::request_sweep(&mut tx, connector.id).await?;
        tx.commit().await?;
        answer(false, &json!({}), "a full reading is asked for");
        Ok(ExitCode::SUCCESS)
    }

    async fn stop(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
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

/// The report for a person: first what must be mended, then what it would show.
fn told(report: &Report) -> String {
    let mut text = String::new();
    for fault in &report.faults {
        text += &format!("MEND   {:26} {}\n", fault.key, fault.what);
    }
    for advice in &report.advice {
        text += &format!("advice {:26} {}\n", advice.key, advice.what);
    }
    for (code, count) in &report.unmapped {
        text += &format!("advice {:26} no word for {code:?}; {count} orders show as in progress\n", "status");
    }
    for (table, rows) in &report.estimated_rows {
        text += &format!("rows   {table:26} about {rows}\n");
    }
    for order in &report.sample {
        let promised = order.promised_on.map(|day| day.to_string()).unwrap_or_else(|| "-".into());
        text += &format!(
            "order  {:26} {} {:?} promised {promised}, {} lines, {} parcels\n",
            order.number,
            order.account,
            order.status,
            order.lines.len(),
            order.shipments.len()
        );
    }
    text += &told_books(&report.books);
    text +=
        if report.is_ready() { "ready: the sync can start" } else { "not ready: the sync would not start" };
    text
}

fn told_books(books: &BooksSample) -> String {
    let mut text = String::new();
    for invoice in &books.invoices {
        text += &format!(
            "books  {:26} {} {:?} {:?} {} {}, {} lines\n",
            invoice.number,
            invoice.account,
            invoice.kind,
            invoice.status,
            invoice.total,
            invoice.currency,
            invoice.lines.len()
        );
    }
    if let Some(document) = &books.document {
        text += &format!("books  {:26} {document}\n", "document");
    }
    for credit in &books.credits {
        let used = credit.used.map_or_else(|| "-".to_owned(), |sum| sum.to_string());
        let limit = credit.limit.map_or_else(|| "-".to_owned(), |sum| sum.to_string());
        text += &format!("books  {:26} has used {used} of {limit}\n", credit.account);
    }
    for address in &books.addresses {
        let (city, country) = (address.city.as_deref(), address.country.as_deref());
        let place = [city, country].into_iter().flatten().collect::<Vec<_>>().join(", ");
        text += &format!(
            "books  {:26} {:?} {place}\n",
            format!("{} {}", address.account, address.key),
            address.kind
        );
    }
    for product in &books.products {
        let state = if product.discontinued { "discontinued" } else { "sold" };
        let price = product.price.map_or_else(|| "no price".to_owned(), |price| price.to_string());
        text += &format!("books  {:26} {state} {price}\n", product.sku);
    }
    text
}
