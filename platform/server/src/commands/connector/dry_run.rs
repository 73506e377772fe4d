//! `portico connector dry-run`: what a mapping would give, before anything is stored.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use platform_connectors::editing::{self, Compared, Located, Trial};
use platform_connectors::orderflow::Link;
use platform_connectors::orderflow::dry_run::{BooksSample, Report, dry_run};
use serde_json::json;

use super::{Named, read};
use crate::commands::answer;
use crate::commands::people::tenant_id;
use crate::stack::Stack;

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

impl DryRun {
    pub(super) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let given = self.mapping.as_deref().map(read).transpose()?;
        match (&self.url, &self.tenant, &self.name) {
            (Some(url), _, _) => self.of_address(url, &given.unwrap_or_default()).await,
            (None, Some(tenant), Some(name)) => {
                let named = Named { tenant: tenant.clone(), name: name.clone() };
                tried(stack, &named, given, self.json).await
            }
            _ => anyhow::bail!("name a connector (--tenant, --name) or an address (--url, --mapping)"),
        }
    }

    /// Before anything is stored: nobody else reads that system through us yet.
    async fn of_address(&self, url: &str, mapping: &str) -> anyhow::Result<ExitCode> {
        let report = dry_run(Arc::new(Link::new(url)?), mapping).await?;
        let find = |faults: &[_]| editing::located(mapping, faults.to_vec());
        let text = told(&report, &find(&report.faults), &find(&report.advice), &[]);
        answer(self.json, &serde_json::to_value(&report)?, &text);
        Ok(if report.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Tries a text, or the active mapping, on a connector that is there.
pub(super) async fn tried(
    stack: &Stack,
    named: &Named,
    text: Option<String>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let (connector, _) = named.find(stack).await?;
    let tenant = tenant_id(stack, &named.tenant).await?;
    let text = text.unwrap_or(connector.mapping);
    let clock = Arc::clone(&stack.clock);
    let trial = editing::trial(&stack.db, &stack.sealer, clock, (tenant, connector.id), &text).await?;
    let Trial { ready, faults, advice, compared, statements, seconds, report } = trial;
    let mut value = serde_json::to_value(&report)?;
    value["faults"] = json!(faults);
    value["advice"] = json!(advice);
    value["compared"] = json!(compared);
    value["cost"] = json!({ "statements": statements, "seconds": seconds });
    let cost = format!("\nit took {statements} statements and {seconds:.1} s of the system's time");
    answer(json, &value, &(told(&report, &faults, &advice, &compared) + &cost));
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report for a person: first what must be mended, then what it would show.
fn told(report: &Report, faults: &[Located], advice: &[Located], compared: &[Compared]) -> String {
    let mut text = String::new();
    let mut tell = |word: &str, all: &[Located]| {
        for one in all {
            let line = one.line.map(|line| format!(" (line {line})")).unwrap_or_default();
            text += &format!("{word:6} {:26} {}{line}\n", one.key, one.what);
        }
    };
    tell("MEND", faults);
    tell("advice", advice);
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
    text += &told_changes(compared);
    text += &told_books(&report.books);
    text +=
        if report.is_ready() { "ready: the sync can start" } else { "not ready: the sync would not start" };
    text
}

/// What customers would see otherwise.
fn told_changes(compared: &[Compared]) -> String {
    let mut text = String::new();
    for order in compared {
        match &order.changes {
            None => text += &format!("change {:26} is not shown now\n", order.number),
            Some(changes) => {
                for change in changes {
                    let (before, after) = (&change.before, &change.after);
                    text +=
                        &format!("change {:26} {}: {before:?} -> {after:?}\n", order.number, change.field);
                }
            }
        }
    }
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
