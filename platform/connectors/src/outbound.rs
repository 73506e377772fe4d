//! Calls to systems that are not ours: time limits over every part, the answer capped, redirects not followed, and never
//! to an address inside our own network unless the operator said so. The name is looked up once, and the connection goes
//! to the very address that was looked at.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use platform_core::guard::Guard;
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Target {
    /// Reads an address. `loopback`: plain HTTP to this very machine is allowed, in the demo and in tests.
    pub(crate) fn read(url: &str, loopback: bool) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| format!("{url:?} is no URL"))?;
        let host =
            uri.host().filter(|host| !host.is_empty()).ok_or_else(|| format!("{url:?} names no host"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("a URL with a password in it is not taken: the signature proves who calls".to_owned());
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if loopback && is_loopback => false,
            _ => return Err(format!("{url:?} is not https")),
        };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { secure, host, port, path })
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// What is asked there.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) headers: &'a [(HeaderName, String)],
    pub(crate) body: Bytes,
    /// Bytes of an answer that are taken; a larger one is an error.
    pub(crate) largest: usize,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Who may be called, and whom we believe. Errors are for staff, and hold nothing of what was sent.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    guard: Guard,
    loopback: bool,
    tls: Arc<ClientConfig>,
}

impl Outbound {
    /// Trusts the system's authorities or, when a file is named, only those in it. `loopback`: this very machine may be
    /// called, in the demo and in tests.
    pub(crate) fn new(guard: Guard, loopback: bool, ca_file: Option<&str>) -> Result<Self, String> {
        Ok(Self { guard, loopback, tls: tls(ca_file)? })
    }

    /// One question, one answer, one connection: these calls are minutes apart.
    pub(crate) async fn call(&self, target: &Target, call: Call<'_>) -> Result<Reply, String> {
        let answer = async {
            let tcp = self.connect(target).await?;
            if !target.secure {
                return exchange(tcp, target, call).await;
            }
            let name =
                ServerName::try_from(target.host.clone()).map_err(|_| "the host is no name".to_owned())?;
            let tls = TlsConnector::from(self.tls.clone()).connect(name, tcp).await;
            exchange(tls.map_err(|error| format!("TLS: {error}"))?, target, call).await
        };
        tokio::time::timeout(WHOLE, answer)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", WHOLE.as_secs())))
    }

    /// Looks the name up once and connects to what was looked at: a second answer of the DNS cannot lead elsewhere.
    pub(crate) async fn connect(&self, target: &Target) -> Result<TcpStream, String> {
        let found = tokio::net::lookup_host((target.host.as_str(), target.port));
        let found =
            tokio::time::timeout(CONNECT, found).await.map_err(|_| "DNS does not answer".to_owned())?;
        let found: Vec<SocketAddr> =
            found.map_err(|error| format!("{} does not resolve: {error}", target.host))?.collect();
        if found.is_empty() || !found.iter().all(|address| self.may_call(address.ip())) {
            return Err(format!(
                "{} leads to an address inside a private network; the operator can allow it (--allow-private)",
                target.host
            ));
        }
        let mut last = String::new();
        for address in found.iter().take(4) {
            match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
                    return Ok(tcp);
                }
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => last = "no connection in time".to_owned(),
            }
        }
        Err(format!("{}: {last}", target.authority()))
    }

    fn may_call(&self, ip: IpAddr) -> bool {
        (self.loopback && ip.is_loopback()) || self.guard.allows(ip)
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    target: &Target,
    call: Call<'_>,
) -> Result<Reply, String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| format!("HTTP: {error}"))?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(call.method)
        .uri(&target.path)
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, "portal/1");
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(call.body)).map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| format!("HTTP: {error}"))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, call.largest).collect().await;
        let body = body.map_err(|error| format!("the answer: {error}"))?.to_bytes();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    };
    let answer = answer.await;
    connection.abort();
    answer
}

fn tls(ca_file: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let Some(path) = ca_file else {
        let verifier =
            rustls_platform_verifier::Verifier::new(provider).map_err(|error| error.to_string())?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let fault = |reason: String| format!("the certificate file {path}: {reason}");
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fault(error.to_string()))? {
        let certificate = certificate.map_err(|error| fault(error.to_string()))?;
        roots.add(certificate).map_err(|error| fault(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(fault("it holds no certificate".to_owned()));
    }
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
