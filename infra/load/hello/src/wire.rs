//! TLS connections and the answers on them: as little of HTTP/1.1 as a client of load tests needs.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) type Stream = TlsStream<TcpStream>;

/// Opens connections to one address.
#[derive(Clone)]
pub(crate) struct Dialer {
    connect: SocketAddr,
    connector: TlsConnector,
}

impl Dialer {
    /// `ca`: authorities to trust, PEM.
    ///
    /// # Errors
    /// When the authorities cannot be read.
    pub(crate) fn new(connect: SocketAddr, ca: &Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(ca).with_context(|| format!("{}", ca.display()))? {
            roots.add(root?)?;
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connect, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// A connection that is ready for a request to `host`.
    ///
    /// # Errors
    /// When it is not accepted or the handshake fails.
    pub(crate) async fn dial(&self, host: &str) -> anyhow::Result<Stream> {
        let stream = TcpStream::connect(self.connect).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(host.to_owned())?;
        self.connector.connect(name, stream).await.context("the handshake failed")
    }

    pub(crate) fn port(&self) -> u16 {
        self.connect.port()
    }
}

/// What came, its body read and thrown away.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Octets of the body.
    pub(crate) length: usize,
}

/// Reads one answer to its end.
///
/// # Errors
/// When the connection ends before it, or it is none.
pub(crate) async fn read_answer(stream: &mut Stream, buffer: &mut Vec<u8>) -> anyhow::Result<Answer> {
    buffer.clear();
    let head = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed before an answer");
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let status = text.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.with_context(|| format!("no answer: {}", text.lines().next().unwrap_or_default()))?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).map(str::trim);
    let Some(length) = length else {
        if !text.contains("transfer-encoding: chunked") {
            return Ok(Answer { status, length: 0 });
        }
        return Ok(Answer { status, length: read_chunks(stream, buffer, head).await? });
    };
    let length: usize = length.parse()?;
    while buffer.len() < head + length {
        ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed inside an answer");
    }
    Ok(Answer { status, length })
}

async fn read_chunks(stream: &mut Stream, buffer: &mut Vec<u8>, mut at: usize) -> anyhow::Result<usize> {
    let mut total = 0;
    loop {
        let line = loop {
            if let Some(end) = buffer[at..].windows(2).position(|two| two == b"\r\n") {
                break at + end;
            }
            ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed inside an answer");
        };
        let size = usize::from_str_radix(std::str::from_utf8(&buffer[at..line])?.trim(), 16)?;
        let next = line + 2 + size + 2;
        while buffer.len() < next {
            if stream.read_buf(buffer).await? == 0 {
                bail!("the connection was closed inside an answer");
            }
        }
        if size == 0 {
            return Ok(total);
        }
        total += size;
        at = next;
    }
}
