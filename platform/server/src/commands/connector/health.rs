//! `portico connector health`.

use std::process::ExitCode;

use clap::Args;
use platform_connectors::health::{self, Breaker, SweepFound};
use platform_connectors::usage::Used;
use platform_connectors::usage::words::lasted;
use platform_core::Scope;

use crate::commands::answer;
use crate::commands::people::tenant_id;
use crate::stack::Stack;

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// The tenant's slug.
    tenant: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Health {
    pub(super) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let all = health::all(&mut tx).await?;
        let text = if all.is_empty() {
            format!("{} has no connector; `connector add` makes one", self.tenant)
        } else {
            all.iter().map(told).collect::<Vec<_>>().join("\n")
        };
        answer(self.json, &serde_json::to_value(&all)?, text.trim_end());
        let is_bad = all.iter().any(|health| health.condition.is_bad());
        Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn told(health: &health::Health) -> String {
    let mut text = format!("{}: {}\n", health.name, health.condition.word());
    let mut line = |word: &str, what: String| text += &format!("  {word:16} {what}\n");
    if let Some(stop) = &health.stop {
        line(
            "stopped",
            format!("{} by {}: {}", stop.stopped_at.format("%F %T"), stop.stopped_by, stop.reason),
        );
    }
    if let Some(trouble) = &health.trouble {
        line("trouble", trouble.what.to_owned());
        line("what to do", trouble.act.to_owned());
        line("it said", trouble.said.clone());
    }
    line("behind", ago(health.lag_seconds));
    line("last change", ago(health.change_age_seconds));
    let ended = health.sweeps.ended_at.map_or_else(|| "none yet".into(), |at| at.format("%F %T").to_string());
    line("full reading", format!("{ended}{}", health.sweeps.found.as_ref().map(found).unwrap_or_default()));
    if let Some(under_way) = &health.sweeps.under_way {
        line("under way", format!("{} orders so far", under_way.read));
    }
    if let Breaker::Open { until } = health.breaker {
        line("breaker", format!("open until {}", until.format("%T")));
    }
    for code in &health.unmapped {
        let example = code.example.as_deref().map(|order| format!(", such as {order}")).unwrap_or_default();
        line("unmapped code", format!("{:?} on {} orders{example}", code.code, code.count));
    }
    if !health.unknown_accounts.is_empty() {
        let orders: u64 = health.unknown_accounts.iter().map(|(_, count)| count).sum();
        line(
            "not shown",
            format!("{orders} orders of {} accounts without a customer", health.unknown_accounts.len()),
        );
    }
    for part in health.books.iter().filter(|part| part.error.is_some()) {
        line(&part.part, part.error.clone().unwrap_or_default());
    }
    line("last hour", used(&health.last_hour));
    line("last day", used(&health.last_day));
    text
}

fn ago(seconds: Option<i64>) -> String {
    match seconds {
        None => "nothing was read yet".into(),
        Some(s) if s < 120 => format!("{s} s"),
        Some(s) if s < 7200 => format!("{} min", s / 60),
        Some(s) => format!("{} h", s / 3600),
    }
}

fn found(found: &SweepFound) -> String {
    format!(
        "; {} orders read, {} changed, {} gone, {} of unknown accounts",
        found.read, found.changed, found.gone, found.unknown
    )
}

fn used(used: &Used) -> String {
    format!(
        "{} statements since {}, {} of the system's time, {} rows, {} connections at most",
        used.statements,
        used.since.format("%H:%M"),
        lasted(used.seconds),
        used.rows,
        used.connections
    )
}
