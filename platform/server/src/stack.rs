//! What every command stands on: configuration, database, keys, clock. Opened once, in one order.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use migrations::embedded::{Durability, Server, prepare_database};
use platform_core::Db;
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::DbConfig;
use platform_core::mail::Outbox;
use platform_core::random::{Random, SystemRandom};
use platform_core::secrets::Sealer;

use crate::config::Config;

const DATABASE: &str = "portico";

/// The opened foundations. The private PostgreSQL, if there is one, ends when this is dropped.
pub struct Stack {
    pub config: Config,
    pub db: Db,
    pub sealer: Sealer,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub outbox: Outbox,
    _server: Option<Server>,
}

/// Reads the configuration file, or the environment alone when the file is not there.
///
/// # Errors
/// Every fault at once.
pub fn read_config(path: &Path) -> anyhow::Result<Config> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    Config::with_environment(&text).with_context(|| format!("{}", path.display()))
}

impl Stack {
    /// Opens the database (starting the private one when no other is named) and the keys.
    ///
    /// # Errors
    /// A database that does not answer or whose role could pass the wall, or a key file that cannot be read.
    pub async fn open(config: Config) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let (server, database) = connect_options(&config).await?;
        let mut db = Db::connect(database).await.context("cannot use the database")?;
        if let Some(direct) = config.database.listen_url.clone() {
            db = db.hearing_from(direct);
        }
        let sealer = open_keys(&config.secrets.key_file, &random)?;
        let outbox = Outbox::new(sealer.clone(), clock.clone(), random.clone());
        Ok(Self { config, db, sealer, clock, random, outbox, _server: server })
    }
}

async fn connect_options(config: &Config) -> anyhow::Result<(Option<Server>, DbConfig)> {
    let pooler = config.database.pooler;
    let max_connections = config.database.max_connections;
    if let Some(app) = config.database.url.clone() {
        let operator = config.database.operator_url.clone();
        return Ok((None, DbConfig { app, operator, pooler, max_connections }));
    }
    let server = start_private(config).await?;
    let app = server.options(migrations::APP_ROLE, DATABASE);
    let operator = Some(server.options(migrations::OPERATOR_ROLE, DATABASE));
    Ok((Some(server), DbConfig { app, operator, pooler: false, max_connections }))
}

/// The private PostgreSQL, migrated.
pub(crate) async fn start_private(config: &Config) -> anyhow::Result<Server> {
    let dir = config.platform.data_dir.join("postgres");
    let server = Server::start(&dir, Durability::Safe).await?;
    prepare_database(&server, DATABASE).await?;
    Ok(server)
}

/// Reads the key file; makes one, readable by this user alone, when there is none.
fn open_keys(path: &Path, random: &Arc<dyn Random>) -> anyhow::Result<Sealer> {
    if !path.exists() {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        write_private(path, &Sealer::new_key_line(1, &**random))?;
        tracing::warn!(file = %path.display(), "made a new key file: back it up apart from the database");
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Sealer::from_key_file(&text, random.clone())?)
}

/// Writes a file that only this user can read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let fresh = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .with_context(|| format!("cannot write {}", fresh.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    Ok(())
}
