//! `portico connector report`: a month of reading, for the owner of the system.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use platform_connectors::registry;
use platform_connectors::usage::{self, Month, MonthReport, words};
use platform_core::Scope;
use platform_web::csv::{self, Field};

use crate::commands::answer;
use crate::commands::people::tenant_id;
use crate::stack::Stack;

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The tenant's slug.
    tenant: String,
    /// Which month, in UTC, such as 2026-11; figures are kept for 90 days. Without it this month.
    #[arg(long)]
    month: Option<Month>,
    /// The connector's name; without it each one that the tenant has.
    #[arg(long)]
    name: Option<String>,
    /// Answers as CSV: a line a day and kind of row.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Report {
    pub(super) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let list = registry::list(&mut tx).await?;
        let wanted = |name: &str| self.name.as_deref().is_none_or(|wanted| wanted == name);
        let (now, mut reports) = (stack.clock.now(), Vec::new());
        for connector in list.iter().filter(|connector| wanted(&connector.name)) {
            let month = self.month.unwrap_or_else(|| Month::of(now));
            reports.extend(usage::month(&mut tx, connector.id, month, now).await?);
        }
        let none = || format!("{} has no such connector", self.tenant);
        reports.first().with_context(none)?;
        let text = if self.csv {
            reports.iter().map(figures).collect()
        } else {
            reports.iter().map(words::told).collect::<Vec<_>>().join("\n")
        };
        answer(self.json, &serde_json::to_value(&reports)?, text.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}

/// A line a day and kind of row.
fn figures(report: &MonthReport) -> String {
    const HEAD: [&str; 11] = [
        "day",
        "what",
        "tables",
        "statements",
        "rows",
        "seconds",
        "longest_seconds",
        "connections",
        "lock_gave_up",
        "timed_out",
        "failed",
    ];
    let mut out = csv::line(&HEAD.map(Field::Plain));
    for (day, readings) in &report.days {
        for reading in readings {
            let used = &reading.used;
            let day = day.to_string();
            let figures = [used.statements, used.rows].map(|figure| figure.to_string());
            let seconds = [used.seconds, used.longest_seconds].map(|seconds| format!("{seconds:.3}"));
            let rest = [i64::from(used.connections), used.lock_waits, used.timeouts, used.failures];
            let rest = rest.map(|figure| figure.to_string());
            let tables = reading.tables.join(" ");
            let words = [Field::Plain(&day), Field::Text(&reading.entity), Field::Text(&tables)];
            let numbers = figures.iter().chain(&seconds).chain(&rest).map(|figure| Field::Plain(figure));
            out += &csv::line(&words.into_iter().chain(numbers).collect::<Vec<_>>());
        }
    }
    out
}
