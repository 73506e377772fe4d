//! Memory: the whole route table of a database, then certificates of its first hosts, and what the process has grown by.

use std::path::PathBuf;
use std::sync::Arc;

use acme::{CacheConfig, CertCache};
use anyhow::{Context as _, ensure};
use clap::Args;
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::{Db, DbConfig, System};
use platform_core::random::SystemRandom;
use platform_core::secrets::Sealer;
use serde_json::json;
use tenant_router::{Feed, Host};

use crate::store;

#[derive(Debug, Args)]
pub(crate) struct Hold {
    /// As the application's role.
    #[arg(long)]
    database: String,
    #[arg(long)]
    keys: PathBuf,
    #[arg(long)]
    base: String,
    #[arg(long)]
    certificates: u32,
}

impl Hold {
    /// Gives `hosts`, `certificates`, `resident_mb` with both, and `certificate_kb` of growth for each certificate.
    ///
    /// # Errors
    /// The database or the key file does not do.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let (db, sealer) = open(&self.database, &self.keys).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let feed = Feed::boot(db.clone(), Host::parse(&self.base)?, clock.clone()).await?;
        let cache = CacheConfig { memory: 1 << 30, ..CacheConfig::default() };
        let certs = CertCache::with(db.clone(), sealer, clock, cache)?;
        let mut tx = db.system(System::Routes).await?;
        let hosts = store::hosts(&mut tx, i64::from(self.certificates)).await?;
        drop(tx);
        let before = resident_kilobytes()?;
        for host in &hosts {
            ensure!(certs.get(host).await?.is_some(), "{host} has no certificate");
        }
        let after = resident_kilobytes()?;
        let held = hosts.len();
        Ok(json!({ "hosts": feed.table().len(), "certificates": held, "resident_mb": after / 1024.0,
                   "certificate_kb": (after - before) / held as f64,
                   "counted_kb": certs.statistics().octets as f64 / held as f64 / 1024.0 }))
    }
}

/// The database as the application's role sees it, and what opens its secrets.
pub(crate) async fn open(database: &str, keys: &std::path::Path) -> anyhow::Result<(Db, Sealer)> {
    let config = DbConfig { app: database.parse()?, operator: None, pooler: false, max_connections: 8 };
    let text = std::fs::read_to_string(keys).with_context(|| format!("{}", keys.display()))?;
    Ok((Db::connect(config).await?, Sealer::from_key_file(&text, Arc::new(SystemRandom))?))
}

fn resident_kilobytes() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
