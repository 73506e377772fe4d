//! `portico keys`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use platform_core::rotation::{self, Sealed};
use platform_core::secrets::{NEXT, Sealer};

use super::answer;
use crate::stack::{Stack, write_private};

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Adds a key that opens and does not seal yet. Give every node the file and restart it; then `keys rotate`.
    Add,
    /// Lets the newest key seal, and wraps every stored secret with it. Restart the nodes once more and rotate again:
    /// what they sealed meanwhile is wrapped too, and the old key can be taken out of the file.
    Rotate,
}

/// Every sealed column. `tenant` tells whether the table has a `tenant_id`.
const SEALED: &[Sealed] = &[
    Sealed { table: "acme_accounts", column: "eab_sealed", tenant: false },
    Sealed { table: "acme_accounts", column: "key_sealed", tenant: false },
    Sealed { table: "acme_accounts", column: "next_key_sealed", tenant: false },
    Sealed { table: "acme_orders", column: "key_sealed", tenant: false },
    Sealed { table: "certificates", column: "key_sealed", tenant: false },
    Sealed { table: "connectors", column: "connection_url", tenant: true },
    Sealed { table: "doors", column: "secret", tenant: true },
    Sealed { table: "mail_outbox", column: "body", tenant: true },
    Sealed { table: "staff_factors", column: "secret", tenant: true },
    Sealed { table: "ticket_keys", column: "key_sealed", tenant: false },
    Sealed { table: "tracking_providers", column: "api_key", tenant: true },
    Sealed { table: "tracking_providers", column: "webhook_secret", tenant: true },
];

impl Keys {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let path = &stack.config.secrets.key_file;
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        match self {
            Self::Add => add(stack, path, &text),
            Self::Rotate => rotate(stack, path, &text).await,
        }
    }
}

fn add(stack: &Stack, path: &Path, text: &str) -> anyhow::Result<ExitCode> {
    let next = format!("restart every node with {}, then `keys rotate`", path.display());
    if text.lines().any(|line| line.trim_start().starts_with(NEXT)) {
        anyhow::bail!("a key waits already: {next}");
    }
    let number = stack.sealer.current_key() + 1;
    let line = Sealer::new_key_line(number, &*stack.random);
    write_private(path, &format!("{}\n{NEXT}{line}", text.trim_end()))?;
    answer(false, &serde_json::json!({ "key": number }), &format!("key {number} waits: {next}"));
    Ok(ExitCode::SUCCESS)
}

async fn rotate(stack: &Stack, path: &Path, text: &str) -> anyhow::Result<ExitCode> {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches(NEXT));
    let text = lines.flat_map(|line| [line, "\n"]).collect::<String>();
    let sealer = Sealer::from_key_file(&text, stack.random.clone())?;
    write_private(path, &text)?;
    let mut count = 0;
    for sealed in SEALED {
        let mut tx = stack.db.operator("cli", "keys rotate").await?;
        count += rotation::rewrap(&mut tx, &sealer, sealed).await?;
        tx.commit().await?;
    }
    let number = sealer.current_key();
    let value = serde_json::json!({ "key": number, "rewrapped": count });
    answer(false, &value, &format!("key {number} seals now; {count} secrets wrapped anew"));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use migrations::testing::TestDatabase;
    use platform_core::Db;
    use platform_core::db::DbConfig;
    use platform_core::random::SystemRandom;
    use platform_core::secrets::Binding;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_rotated_secret_opens_with_the_new_key_alone() {
        let database = TestDatabase::new().await;
        let config = DbConfig {
            app: database.app_options(),
            operator: Some(database.operator_options()),
            pooler: false,
            max_connections: 2,
        };
        let db = Db::connect(config).await.expect("the application role is safe");
        let random = Arc::new(SystemRandom);
        let (old, new) = (Sealer::new_key_line(1, &*random), Sealer::new_key_line(2, &*random));
        let before = Sealer::from_key_file(&old, random.clone()).expect("one key");
        let both = Sealer::from_key_file(&format!("{old}\n{new}"), random.clone()).expect("two keys");
        let after = Sealer::from_key_file(&new, random).expect("one key");

        let row = Uuid::from_u128(7);
        let binding = Binding { table: "acme_accounts", column: "key_sealed", tenant: None, row };
        let mut owner = database.owner().await;
        sqlx::query(
            "insert into acme_accounts (id, directory, key_sealed, created_at) values ($1, 'd', $2, now())",
        )
        .bind(row)
        .bind(before.seal(&binding, b"secret"))
        .execute(&mut owner)
        .await
        .expect("the row is written");

        let mut tx = db.operator("test", "keys rotate").await.expect("an operator may");
        let mut count = 0;
        for sealed in SEALED {
            count +=
                rotation::rewrap(&mut tx, &both, sealed).await.expect("every column can be read and written");
        }
        tx.commit().await.expect("it is kept");
        assert_eq!(count, 1);

        let kept: Vec<u8> = sqlx::query_scalar("select key_sealed from acme_accounts where id = $1")
            .bind(row)
            .fetch_one(&mut owner)
            .await
            .expect("the row is there");
        assert!(before.open(&binding, &kept).is_err(), "the old key still opens it");
        assert_eq!(after.open(&binding, &kept).expect("the new key opens it"), b"secret");
    }
}
