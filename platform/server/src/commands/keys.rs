//! `portico keys`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use platform_core::id::TenantId;
use platform_core::secrets::{Binding, Sealer};
use sqlx::Row as _;
use uuid::Uuid;

use super::answer;
use crate::stack::{Stack, write_private};

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Adds a new key and wraps every sealed secret with it. Restart the nodes with the new file first when there is
    /// more than one; the old key can be taken out of the file once this has ended.
    Rotate,
}

/// Every sealed column. `tenant` tells whether the table has a `tenant_id`.
const SEALED: &[Sealed] = &[
    Sealed { table: "acme_accounts", column: "key_sealed", tenant: false },
    Sealed { table: "acme_orders", column: "key_sealed", tenant: false },
    Sealed { table: "certificates", column: "key_sealed", tenant: false },
    Sealed { table: "connectors", column: "connection_url", tenant: true },
    Sealed { table: "mail_outbox", column: "body", tenant: true },
];

struct Sealed {
    table: &'static str,
    column: &'static str,
    tenant: bool,
}

impl Keys {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let Self::Rotate = self;
        let path = &stack.config.secrets.key_file;
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let number = stack.sealer.current_key() + 1;
        let text = format!("{}\n{}", text.trim_end(), Sealer::new_key_line(number, &*stack.random));
        let sealer = Sealer::from_key_file(&text, stack.random.clone())?;
        write_private(path, &text)?;
        let mut count = 0;
        for sealed in SEALED {
            count += rewrap(stack, &sealer, sealed).await?;
        }
        let value = serde_json::json!({ "key": number, "rewrapped": count });
        answer(false, &value, &format!("key {number} seals now; {count} secrets wrapped anew"));
        Ok(ExitCode::SUCCESS)
    }
}

/// Wraps one column's secrets, a row at a time, so that a running node is never kept waiting.
async fn rewrap(stack: &Stack, sealer: &Sealer, sealed: &Sealed) -> anyhow::Result<u64> {
    let Sealed { table, column, tenant } = sealed;
    let key = if *tenant { "tenant_id" } else { "null::uuid" };
    let mut tx = stack.db.operator("cli", "keys rotate").await?;
    let select =
        format!("select {key} as tenant, id, {column} as secret from {table} where {column} is not null");
    let rows = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(tx.conn()).await?;
    let update = format!("update {table} set {column} = $3 where id = $1 and {column} = $2");
    let mut count = 0;
    for row in rows {
        let (id, secret): (Uuid, Vec<u8>) = (row.get("id"), row.get("secret"));
        let tenant = row.get::<Option<Uuid>, _>("tenant").map(TenantId);
        let binding = Binding { table, column, tenant, row: id };
        if let Some(fresh) = sealer.rewrap(&binding, &secret)? {
            // Another node may have sealed it anew meanwhile: then its value stays.
            let done = sqlx::query(sqlx::AssertSqlSafe(update.clone()))
                .bind(id)
                .bind(secret)
                .bind(fresh)
                .execute(tx.conn())
                .await?;
            count += done.rows_affected();
        }
    }
    tx.commit().await?;
    Ok(count)
}
