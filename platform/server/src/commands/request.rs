//! `portico request`: what customers asked for, and an operator's yes or no while there is no console.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use platform_connectors::doors::{Verdict, answered};
use platform_connectors::requests::{self, Kind};
use platform_core::Scope;
use platform_core::id::RequestId;
use platform_portal::reorder::store::{Rules, rules, set_rules};
use rust_decimal::Decimal;
use serde_json::json;

use super::answer;
use super::people::tenant_id;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Request {
    /// Lists the newest requests of a tenant.
    List(List),
    /// Says yes to a request, with the number that the tenant's system gave it. The customer is told.
    Accept(Accept),
    /// Says no to a request. The customer is told, with the reason.
    Reject(Reject),
    /// What the tenant demands of a reorder. Without a flag it shows the rules.
    Rules(SetRules),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// Only one kind: reorder, contact_change or address_change.
    #[arg(long)]
    kind: Option<Kind>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: i64,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Accept {
    #[command(flatten)]
    named: Named,
    /// The number in the tenant's system.
    #[arg(long)]
    number: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Reject {
    #[command(flatten)]
    named: Named,
    /// Why, in words that the customer reads.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The request.
    id: RequestId,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetRules {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// Whether a reorder must name a PO number: true or false.
    #[arg(long)]
    purchase_order_required: Option<bool>,
    /// A reorder of more than this needs a yes of the customer's admin.
    #[arg(long, conflicts_with = "no_approval")]
    approval_over: Option<Decimal>,
    /// No reorder needs a yes.
    #[arg(long)]
    no_approval: bool,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Request {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(stack).await,
            Self::Accept(accept) => {
                let verdict = Verdict::Accepted { number: accept.number.clone() };
                accept.named.answer(stack, &verdict).await
            }
            Self::Reject(reject) => {
                let verdict = Verdict::Rejected { reason: Some(reject.reason.clone()) };
                reject.named.answer(stack, &verdict).await
            }
            Self::Rules(rules) => rules.run(stack).await,
        }
    }
}

impl List {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        let list = requests::of_customer(&mut tx, self.kind, self.limit).await?;
        let mut lines = vec![format!("{:36} {:14} {:17} {:24} what", "id", "kind", "state", "customer")];
        for request in &list {
            let why = request.last_error.as_deref().map(|why| format!("  ({why})")).unwrap_or_default();
            lines.push(format!(
                "{} {:14} {:17} {:24} {}{why}",
                request.id, request.kind, request.state, request.customer_name, request.summary
            ));
        }
        answer(self.json, &serde_json::to_value(&list)?, &lines.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    async fn answer(&self, stack: &Stack, verdict: &Verdict) -> anyhow::Result<ExitCode> {
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        let moved = answered(&mut tx, &*stack.clock, &*stack.random, self.id, verdict).await?;
        tx.commit().await?;
        let text = if moved { "done; the customer is told" } else { "it was so before" };
        answer(self.json, &json!({ "id": self.id, "moved": moved }), text);
        Ok(ExitCode::SUCCESS)
    }
}

impl SetRules {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let mut tx = stack.db.tenant(Scope::tenant(tenant_id(stack, &self.tenant).await?)).await?;
        let known = rules(&mut tx).await?;
        let approval_over = if self.no_approval { None } else { self.approval_over.or(known.approval_over) };
        let purchase_order_required = self.purchase_order_required.unwrap_or(known.purchase_order_required);
        let wanted = Rules { purchase_order_required, approval_over };
        if wanted != known {
            set_rules(&mut tx, &wanted).await?;
            tx.commit().await?;
        }
        let over = wanted.approval_over.map_or_else(|| "none".to_owned(), |over| over.to_string());
        let text = format!("PO number required: {}; approval over: {over}", wanted.purchase_order_required);
        let value = json!({
            "purchase_order_required": wanted.purchase_order_required,
            "approval_over": wanted.approval_over,
        });
        answer(self.json, &value, &text);
        Ok(ExitCode::SUCCESS)
    }
}
