//! `portico migrate`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::config::Config;
use crate::stack::start_private;

/// Creates the roles portico_owner, portico_app and portico_operator where they are missing, and applies every
/// migration that is not applied yet.
///
/// With `database.url`, it needs `database.owner_url` too: an administrator of that database. Give the two serving
/// roles a password afterwards: `alter role portico_app login password '...'`, and the same for portico_operator.
/// Without `database.url` it prepares the private PostgreSQL under `platform.data_dir`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) async fn run(&self, config: &Config) -> anyhow::Result<ExitCode> {
        if config.database.url.is_some() {
            let owner = config.database.owner_url.as_ref();
            let owner = owner.context("database.owner_url is missing: an administrator of the database")?;
            let count = migrations::migrate(owner).await?;
            tracing::info!(count, "the database is up to date");
        } else {
            start_private(config).await?;
            tracing::info!("the private database is up to date");
        }
        Ok(ExitCode::SUCCESS)
    }
}
