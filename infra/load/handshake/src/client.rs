//! A TLS client over loopback: full handshakes with a chosen key exchange, or resumed ones.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How keys are exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Group {
    X25519,
    /// X25519 with ML-KEM-768.
    Mlkem,
}

/// A client that trusts the authorities of a file, and them alone.
///
/// # Errors
/// The file holds no certificate.
pub(crate) fn config(ca: &Path, group: Group, resumes: bool) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(ca).with_context(|| format!("{}", ca.display()))? {
        roots.add(root?)?;
    }
    let mut provider = default_provider();
    provider.kx_groups = match group {
        Group::X25519 => vec![kx_group::X25519],
        Group::Mlkem => vec![kx_group::X25519MLKEM768],
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if !resumes {
        config.resumption = Resumption::disabled();
    }
    Ok(Arc::new(config))
}

/// One handshake.
///
/// # Errors
/// The server refuses, or its certificate is not one to trust.
pub(crate) async fn shake(
    config: &Arc<ClientConfig>,
    server: SocketAddr,
    host: &str,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(host.to_owned())?;
    Ok(TlsConnector::from(config.clone()).connect(name, stream).await?)
}

/// Says good-bye and waits for the server's end, so that it has done all its work.
pub(crate) async fn part(mut stream: TlsStream<TcpStream>) {
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// The status of `/`, over a connection of its own.
///
/// # Errors
/// The server refuses or does not answer in full.
pub(crate) async fn status(
    config: &Arc<ClientConfig>,
    server: SocketAddr,
    host: &str,
) -> anyhow::Result<u16> {
    let mut stream = shake(config, server, host).await?;
    let port = server.port();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status line")
}
