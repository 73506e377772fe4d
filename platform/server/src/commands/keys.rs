//! `portico keys`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use platform_core::rotation::{self, Sealed};
use platform_core::secrets::Sealer;

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
            let mut tx = stack.db.operator("cli", "keys rotate").await?;
            count += rotation::rewrap(&mut tx, &sealer, sealed).await?;
            tx.commit().await?;
        }
        let value = serde_json::json!({ "key": number, "rewrapped": count });
        answer(false, &value, &format!("key {number} seals now; {count} secrets wrapped anew"));
        Ok(ExitCode::SUCCESS)
    }
}
