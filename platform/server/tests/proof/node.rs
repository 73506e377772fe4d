//! A node: the binary `portico serve` in a process of its own, with a certificate, a mail server, and a road to it that
//! a [`crate::person::Browser`] can take.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, Version, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tenant_router::Tenant;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::commands::Shell;
use crate::ground::{BASE, Ground, folder, settings};

/// What several nodes share: the database, the key file, one certificate for all their hosts.
pub(crate) struct Cluster {
    keys: PathBuf,
    roots: Arc<rustls::ClientConfig>,
    smtp: u16,
    connections: u32,
}

impl Cluster {
    pub(crate) async fn new(ground: &Ground, slugs: &[&str], smtp: u16) -> Self {
        let names: Vec<String> = slugs.iter().map(|slug| format!("{slug}.{BASE}")).collect();
        let signed = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let (chain, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
        let stack = &ground.stack;
        let mut tx = stack.db.system(platform_core::System::Certificates).await.expect("a transaction");
        let sources = (&*stack.clock, &*stack.random);
        acme::import::import(&mut tx, &stack.sealer, sources, &chain, &key).await.expect("it is taken");
        tx.commit().await.expect("stored");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(chain.as_bytes()).expect("PEM")).expect("a root");
        let config = rustls::ClientConfig::builder_with_provider(acme::tls::provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let keys = stack.config.secrets.key_file.clone();
        Self { keys, roots: Arc::new(config), smtp, connections: 8 }
    }

    /// Starts a node and waits until it serves.
    pub(crate) async fn start(&self, ground: &Ground, slug: &str, flags: &[&str]) -> Node {
        let folder = folder();
        let (http, https) = (free_port(), free_port());
        let more = format!(
            "max_connections = {}\n[http]\nlisten = \"127.0.0.1:{http}\"\n[https]\nlisten = \"127.0.0.1:{https}\"\n\
             [secrets]\nkey_file = \"{}\"\n[acme]\ndirectory = \"https://127.0.0.1:1/dir\"\n",
            self.connections,
            self.keys.display()
        );
        let text = settings(&ground.database, &folder, &more)
            .replace("smtp://127.0.0.1:1", &format!("smtp://127.0.0.1:{}", self.smtp));
        let shell = Shell::with(&folder, &text);
        let log = std::fs::File::create(folder.join("log")).expect("a file");
        let mut command = shell.command(&[&["--log", "info", "serve"][..], flags].concat());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().expect("the binary starts");
        let node = Node { process, http, https, folder, roots: Arc::clone(&self.roots) };
        node.wait(slug).await;
        node
    }
}

pub(crate) struct Node {
    process: Child,
    pub(crate) http: u16,
    https: u16,
    folder: PathBuf,
    roots: Arc<rustls::ClientConfig>,
}

impl Node {
    async fn wait(&self, slug: &str) {
        let host = format!("{slug}.{BASE}");
        for _ in 0..600 {
            let request = Request::builder().uri("/sign-in").header(header::HOST, &host);
            let asked =
                forward(self.https, &self.roots, &host, request.body(Body::empty()).expect("a request"))
                    .await;
            if asked.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the node does not serve {host}:\n{}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it has ended");
    }

    /// A router that hands every request to the node over TLS, a connection each. A node that is away answers 502.
    pub(crate) fn router(&self) -> Router {
        let (https, roots) = (self.https, Arc::clone(&self.roots));
        Router::new().fallback(move |mut request: Request| {
            let roots = Arc::clone(&roots);
            async move {
                let tenant = request.extensions_mut().remove::<Tenant>().expect("a tenant");
                let host = tenant.host.to_string();
                let value = host.parse().expect("a header");
                request.headers_mut().insert(header::HOST, value);
                let answer = forward(https, &roots, &host, request).await;
                answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error).into_response())
            }
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn forward(
    port: u16,
    roots: &Arc<rustls::ClientConfig>,
    host: &str,
    mut request: Request,
) -> Result<Response, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let name = ServerName::try_from(host.to_owned()).map_err(|e| text(&e))?;
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|e| text(&e))?;
    let stream = TlsConnector::from(Arc::clone(roots)).connect(name, stream).await.map_err(|e| text(&e))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| text(&e))?;
    tokio::spawn(connection);
    *request.version_mut() = Version::HTTP_11;
    let answer = sender.send_request(request).await.map_err(|e| text(&e))?;
    Ok(answer.map(Body::new))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

/// A mail server that keeps everything: the demo's.
pub(crate) struct Mails {
    process: Child,
    pub(crate) port: u16,
    folder: PathBuf,
}

impl Mails {
    pub(crate) fn start() -> Self {
        let (folder, port) = (folder().join("mail"), free_port());
        let sink = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/stage/mail_sink.py");
        let mut command = std::process::Command::new("/usr/bin/python3");
        command.arg(sink).arg(port.to_string()).arg(&folder).stdin(Stdio::null()).stdout(Stdio::null());
        Self { process: command.spawn().expect("python3 is installed"), port, folder }
    }

    /// Who got a mail, with its Message-ID.
    pub(crate) fn kept(&self) -> Vec<(String, String)> {
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let files = files.filter(|file| file.path().extension().is_some_and(|kind| kind == "eml"));
        files
            .map(|file| {
                let text = std::fs::read_to_string(file.path()).expect("a mail");
                let head = |name: &str| {
                    let line = text.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                (head("X-Envelope-To:"), head("Message-ID:"))
            })
            .collect()
    }
}

impl Drop for Mails {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
