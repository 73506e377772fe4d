//! Knot, an authoritative name server that takes signed updates: the operator's own DNS in tests.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform_core::clock::SystemClock;
use platform_core::random::SystemRandom;
use tokio::process::Child;

use super::{free_address, spawn, wait_for};
use crate::delegation;
use crate::dns::{Client, Data, Kind, Mode, Sources};
use crate::update::{Algorithm, UpdateConfig, Updater};

/// The key that it takes updates with.
pub const KEY: &[u8] = b"thirty-two octets for the tests.";
/// One zone for all: this server follows an alias inside a zone alone, and Pebble follows none by itself.
const ZONE: &str = "portal.example";
const HOST: &str = "portal.example";

/// A running server of `portal.example`, where its proofs lie too. Ends with the value.
#[derive(Debug)]
pub struct Knot {
    pub address: SocketAddr,
    folder: PathBuf,
    _process: Child,
}

impl Knot {
    /// Starts it.
    ///
    /// # Panics
    /// When the Debian package `knot` is not installed.
    pub async fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("portico-knot-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        let address = free_address();
        write_files(&folder, address);
        let config = folder.join("knot.conf");
        let process = spawn(
            "env",
            &[
                "PATH=/usr/sbin:/usr/bin:/bin",
                "knotd",
                "--config",
                config.to_str().expect("temporary paths are text"),
            ],
            &[],
        );
        wait_for(address, "knot").await;
        Self { address, folder, _process: process }
    }

    /// An updater that signs with `key`.
    ///
    /// # Panics
    /// Never: the names are good.
    #[must_use]
    pub fn updater(&self, key: &[u8]) -> Updater {
        let config = UpdateConfig {
            zone: ZONE.to_owned(),
            server: self.address,
            key_name: "portico".to_owned(),
            algorithm: Algorithm::HmacSha256,
            key: key.to_vec(),
        };
        let sources = Sources::only(&[self.address]);
        Updater::new(config, sources, Arc::new(SystemClock), Arc::new(SystemRandom)).expect("good names")
    }

    /// The proofs of `portal.example` that it gives out, sorted.
    pub async fn values(&self) -> Vec<String> {
        let client = Client::new(Arc::new(SystemRandom), Duration::from_secs(2));
        let target = delegation::target(HOST, ZONE);
        let said = client.said(self.address, &target, Kind::Txt, Mode::Own).await;
        let text = |data: &Data| if let Data::Txt(text) = data { Some(text.clone()) } else { None };
        let mut values: Vec<String> = said.data().iter().filter_map(text).collect();
        values.sort();
        values
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn write_files(folder: &std::path::Path, address: SocketAddr) {
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).expect("the folder for temporary files is writable");
    };
    let alias = delegation::target(HOST, ZONE);
    write(
        "portal.zone",
        format!(
            "$ORIGIN {ZONE}.\n@ 60 SOA ns operations 1 3600 600 86400 1\n@ 60 NS ns\nns 60 A 127.0.0.1\n\
             _acme-challenge 60 CNAME {alias}.\n"
        ),
    );
    let (here, secret) = (folder.display(), STANDARD.encode(KEY));
    let (ip, port) = (address.ip(), address.port());
    write(
        "knot.conf",
        format!(
            "server:\n  rundir: {here}\n  listen: {ip}@{port}\ndatabase:\n  storage: {here}\n\
             key:\n  - id: portico\n    algorithm: hmac-sha256\n    secret: {secret}\n\
             acl:\n  - id: updates\n    key: portico\n    action: update\n\
             template:\n  - id: default\n    storage: {here}\n    zonefile-sync: -1\n\
             zone:\n  - domain: {ZONE}\n    file: portal.zone\n    acl: updates\n"
        ),
    );
}
