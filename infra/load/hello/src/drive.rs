//! The client: HTTP/1.1 over keep-alive TLS connections, one request at a time on each, another visitor's with each
//! request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What to ask for, and how hard.
#[derive(Debug, Args)]
pub(crate) struct Drive {
    #[arg(long)]
    connect: SocketAddr,
    /// Name in the handshake, and in `Host` where no visitor says another.
    #[arg(long)]
    host: String,
    #[arg(long, default_value = "/")]
    path: String,
    /// Authorities to trust, PEM.
    #[arg(long)]
    ca: PathBuf,
    /// A file of visitors, one a line, `host cookie`, taken in turn: each request is another visitor's. The certificate
    /// must cover all the hosts.
    #[arg(long)]
    visitors: Option<PathBuf>,
    /// Adds a query that no request had before, so that no page made for an earlier one is given again.
    #[arg(long)]
    anew: bool,
    /// Ends when every visitor has asked once.
    #[arg(long)]
    once: bool,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

/// What one connection saw.
#[derive(Debug, Default)]
struct Seen {
    micros: Vec<u64>,
    bytes: usize,
}

impl Drive {
    /// Drives, and gives `requests`, `per_second`, `p50_us`, `p99_us` and `body_bytes` (of the last answer) as JSON.
    ///
    /// # Errors
    /// When a connection fails or an answer is not 200: a figure over errors would mean nothing.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let requests = Arc::new(self.requests()?);
        let connector = TlsConnector::from(Arc::new(self.config()?));
        let mut streams = Vec::new();
        for _ in 0..self.connections {
            let stream = TcpStream::connect(self.connect).await.context("cannot connect")?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(self.host.clone())?;
            streams.push(connector.connect(name, stream).await.context("the handshake failed")?);
        }
        let began = Instant::now();
        let end = began + Duration::from_secs_f64(self.seconds);
        let each = streams.into_iter().enumerate().map(|(at, stream)| {
            let first = self.first_line();
            let left = if self.once { requests.len() / self.connections } else { usize::MAX };
            let way = Way { requests: requests.clone(), first, at, step: self.connections, left };
            tokio::spawn(travel(stream, way, end))
        });
        let mut all = Seen::default();
        for task in each.collect::<Vec<_>>() {
            let seen = task.await??;
            all.micros.extend(seen.micros);
            all.bytes = seen.bytes;
        }
        let seconds = began.elapsed().as_secs_f64();
        all.micros.sort_unstable();
        let at = |share: f64| {
            all.micros
                .get(((all.micros.len() as f64 * share) as usize).min(all.micros.len().saturating_sub(1)))
        };
        Ok(json!({ "requests": all.micros.len(), "per_second": all.micros.len() as f64 / seconds,
                   "p50_us": at(0.5), "p99_us": at(0.99), "body_bytes": all.bytes }))
    }

    /// Of the requests; where it ends with `=`, a number is put behind it.
    fn first_line(&self) -> String {
        format!("GET {}{}", self.path, if self.anew { "?anew=" } else { "" })
    }

    /// What each request says after its first line.
    fn requests(&self) -> anyhow::Result<Vec<String>> {
        let port = self.connect.port();
        let head = |host: &str| format!("Host: {host}:{port}\r\nAccept: text/html\r\n");
        let Some(visitors) = &self.visitors else {
            return Ok(vec![format!("{}\r\n", head(&self.host))]);
        };
        let text = std::fs::read_to_string(visitors).with_context(|| format!("{}", visitors.display()))?;
        let one = |line: &str| {
            let (host, cookie) = line.split_once(' ').context("a visitor is a host and a cookie")?;
            Ok(format!("{}Cookie: {cookie}\r\n\r\n", head(host)))
        };
        let requests: Vec<_> = text.lines().map(one).collect::<anyhow::Result<_>>()?;
        ensure!(!requests.is_empty(), "{} names no visitor", visitors.display());
        Ok(requests)
    }

    fn config(&self) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for root in
            CertificateDer::pem_file_iter(&self.ca).with_context(|| format!("{}", self.ca.display()))?
        {
            roots.add(root?)?;
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// What one connection asks for.
struct Way {
    requests: Arc<Vec<String>>,
    first: String,
    at: usize,
    step: usize,
    left: usize,
}

impl Way {
    /// The next request, written into `text`. Turns are told apart by the nanosecond at which they begin.
    fn next(&mut self, turn: u128, text: &mut String) {
        text.clear();
        text.push_str(&self.first);
        if self.first.ends_with('=') {
            text.push_str(&format!("{turn}-{}", self.at));
        }
        text.push_str(" HTTP/1.1\r\n");
        text.push_str(&self.requests[self.at % self.requests.len()]);
        self.at += self.step;
        self.left -= 1;
    }
}

async fn travel(mut stream: TlsStream<TcpStream>, mut way: Way, end: Instant) -> anyhow::Result<Seen> {
    let turn = std::time::UNIX_EPOCH.elapsed()?.as_nanos();
    let (mut seen, mut buffer, mut request) = (Seen::default(), Vec::with_capacity(64 * 1024), String::new());
    while Instant::now() < end && way.left > 0 {
        let began = Instant::now();
        way.next(turn, &mut request);
        stream.write_all(request.as_bytes()).await?;
        seen.bytes = read_answer(&mut stream, &mut buffer).await?;
        seen.micros.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(seen)
}

/// Reads one answer to its end and gives the length of its body.
async fn read_answer(stream: &mut TlsStream<TcpStream>, buffer: &mut Vec<u8>) -> anyhow::Result<usize> {
    buffer.clear();
    let head = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed before an answer");
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    ensure!(text.starts_with("http/1.1 200"), "not 200: {}", text.lines().next().unwrap_or_default());
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).map(str::trim);
    let Some(length) = length else {
        ensure!(text.contains("transfer-encoding: chunked"), "an answer without length");
        return read_chunks(stream, buffer, head).await;
    };
    let length: usize = length.parse()?;
    while buffer.len() < head + length {
        ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed inside an answer");
    }
    Ok(length)
}

async fn read_chunks(
    stream: &mut TlsStream<TcpStream>,
    buffer: &mut Vec<u8>,
    mut at: usize,
) -> anyhow::Result<usize> {
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
