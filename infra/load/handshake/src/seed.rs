//! Certificates for the first hosts of a database, of the run's own authority, installed as imports are.

use std::path::PathBuf;

use clap::Args;
use platform_core::clock::SystemClock;
use platform_core::db::System;
use platform_core::random::SystemRandom;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use serde_json::json;

use crate::{hold, store};

#[derive(Debug, Args)]
pub(crate) struct Seed {
    /// As the application's role.
    #[arg(long)]
    database: String,
    #[arg(long)]
    keys: PathBuf,
    /// Where `ca.pem` goes, and `chain.pem` and `key.pem` of the first host, for servers to compare with.
    #[arg(long)]
    out: PathBuf,
    #[arg(long)]
    certificates: u32,
}

impl Seed {
    /// Gives how many were installed, and the first `host`. The authority stands in each chain too, as an intermediate
    /// does.
    ///
    /// # Errors
    /// The database, the key file or the folder does not do.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let (db, sealer) = hold::open(&self.database, &self.keys).await?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority of a load test");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        std::fs::write(self.out.join("ca.pem"), ca.pem())?;
        let mut tx = db.system(System::Routes).await?;
        let hosts = store::hosts(&mut tx, i64::from(self.certificates)).await?;
        drop(tx);
        let mut tx = db.system(System::Certificates).await?;
        for (number, host) in hosts.iter().enumerate() {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(vec![host.clone()])?;
            params.distinguished_name = DistinguishedName::new();
            let chain = format!("{}{}", params.signed_by(&key, &ca)?.pem(), ca.pem());
            if number == 0 {
                std::fs::write(self.out.join("chain.pem"), &chain)?;
                std::fs::write(self.out.join("key.pem"), key.serialize_pem())?;
            }
            let sources = (&SystemClock as _, &SystemRandom as _);
            acme::import::import(&mut tx, &sealer, sources, &chain, &key.serialize_pem()).await?;
        }
        tx.commit().await?;
        Ok(json!({ "certificates": hosts.len(), "host": hosts.first() }))
    }
}
