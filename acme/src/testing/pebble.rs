//! Pebble: Let's Encrypt's test authority, over HTTPS with a root of our own, validating against the DNS stub.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use instant_acme::{BodyWrapper, HttpClient};
use platform_core::clock::SystemClock;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::process::Child;

use super::{DnsStub, free_address, spawn, wait_for};
use crate::authority::Authority;
use crate::settings::{Backoff, IssuerConfig};
use crate::wire::Wire;

/// How the authority behaves.
#[derive(Debug, Clone)]
pub struct PebbleOptions {
    /// Percent of good nonces that it refuses. Pebble's own default is 5.
    pub nonce_reject: u8,
    /// Life of its certificates.
    pub validity: Duration,
    /// The port where it asks for HTTP-01 answers: where the test listens.
    pub http_port: u16,
    /// The port where it asks for TLS-ALPN-01 answers; without it, one where nobody listens.
    pub tls_port: Option<u16>,
    /// The external account that every new account must be bound to: identifier and HMAC key.
    pub external: Option<(String, Vec<u8>)>,
    /// A DNS server to ask instead of the stub.
    pub dns_server: Option<SocketAddr>,
}

impl PebbleOptions {
    /// Pebble's defaults, asking at this port.
    #[must_use]
    pub fn asking_at(http_port: u16) -> Self {
        Self {
            nonce_reject: 5,
            validity: Duration::from_secs(90 * 24 * 60 * 60),
            http_port,
            tls_port: None,
            external: None,
            dns_server: None,
        }
    }
}

/// A running authority with its DNS.
#[derive(Debug)]
pub struct Pebble {
    pub dns: DnsStub,
    /// The directory URL.
    pub directory: String,
    /// PEM of the root that its own HTTPS certificate comes from; not the root of the certificates it issues.
    pub ca_file: PathBuf,
    management: SocketAddr,
    options: PebbleOptions,
    folder: PathBuf,
    process: Option<Child>,
    listen: SocketAddr,
}

impl Pebble {
    /// Starts both programs.
    ///
    /// # Panics
    /// When the Debian package `pebble` is not installed.
    pub async fn start(options: PebbleOptions) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("portico-pebble-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        let (listen, management) = (free_address(), free_address());
        let mut pebble = Self {
            dns: DnsStub::start().await,
            directory: format!("https://localhost:{}/dir", listen.port()),
            ca_file: folder.join("root.pem"),
            management,
            options,
            folder,
            process: None,
            listen,
        };
        pebble.write_files();
        pebble.launch().await;
        pebble
    }

    /// An issuer's configuration for this authority, with waits that suit a test.
    #[must_use]
    pub fn issuer_config(&self) -> IssuerConfig {
        let backoff = Backoff {
            verdict: vec![Duration::from_millis(300), Duration::from_secs(2)],
            fault: Duration::from_millis(100),
            fault_max: Duration::from_secs(1),
        };
        let authority = Authority {
            contact: Some("operations@portico.example".to_owned()),
            ca_file: Some(self.ca_file.clone()),
            ..Authority::new(self.directory.clone())
        };
        IssuerConfig { lease: Duration::from_secs(2), backoff, ..IssuerConfig::of(vec![authority]) }
    }

    /// Ends the authority; the DNS stays.
    ///
    /// # Panics
    /// When the process cannot be ended.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await.expect("our own process can be ended");
        }
    }

    /// Starts it again. It has forgotten every account and order, and has a new root.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.launch().await;
    }

    /// PEM of the root of the certificates it issues; a new one at each start.
    ///
    /// # Panics
    /// When Pebble does not answer.
    pub async fn issuing_root(&self) -> String {
        let wire = Wire::new(Some(&self.ca_file), Arc::new(SystemClock)).expect("we wrote the root file");
        let url = format!("https://localhost:{}/roots/0", self.management.port());
        let request = http::Request::get(url).body(BodyWrapper::<Bytes>::default()).expect("a plain request");
        let mut answer = wire.request(request).await.expect("Pebble answers");
        let body = answer.body.into_bytes().await.expect("Pebble answers");
        String::from_utf8(body.to_vec()).expect("PEM is text")
    }

    async fn launch(&mut self) {
        let config = self.folder.join("pebble.json");
        let config = config.to_str().expect("temporary paths are text");
        let dns = self.options.dns_server.unwrap_or(self.dns.address).to_string();
        let environment = [
            ("PEBBLE_VA_NOSLEEP", "1".to_owned()),
            ("PEBBLE_WFE_NONCEREJECT", self.options.nonce_reject.to_string()),
            ("PEBBLE_AUTHZREUSE", "0".to_owned()),
        ];
        self.process =
            Some(spawn("pebble", &["-config", config, "-dnsserver", &dns, "-strict"], &environment));
        wait_for(self.listen, "pebble").await;
        wait_for(self.management, "pebble").await;
    }

    /// The package ships no certificate for Pebble's own HTTPS: make a root and a leaf.
    fn write_files(&self) {
        let key = KeyPair::generate().expect("the provider makes keys");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, key).expect("a root can sign itself");
        let key = KeyPair::generate().expect("the provider makes keys");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let leaf = CertificateParams::new(names)
            .expect("these are names")
            .signed_by(&key, &root)
            .expect("the root signs");
        let path = |name: &str| self.folder.join(name);
        let encode = |(kid, key): &(String, Vec<u8>)| (kid.clone(), json!(URL_SAFE_NO_PAD.encode(key)));
        let external: serde_json::Map<_, _> = self.options.external.iter().map(encode).collect();
        let config = json!({ "pebble": {
            "listenAddress": self.listen.to_string(),
            "managementListenAddress": self.management.to_string(),
            "certificate": path("leaf.pem"),
            "privateKey": path("leaf.key"),
            "httpPort": self.options.http_port,
            "tlsPort": self.options.tls_port.unwrap_or_else(|| free_address().port()),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": self.options.external.is_some(),
            "externalAccountMACKeys": external,
            "certificateValidityPeriod": self.options.validity.as_secs(),
        }});
        let files = [
            ("root.pem", root.pem()),
            ("leaf.pem", leaf.pem()),
            ("leaf.key", key.serialize_pem()),
            ("pebble.json", config.to_string()),
        ];
        for (name, text) in files {
            std::fs::write(path(name), text).expect("the folder for temporary files is writable");
        }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        // What stays behind in the folder for temporary files harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
