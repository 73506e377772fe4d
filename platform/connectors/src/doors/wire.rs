//! One HTTP call to an address that a tenant gave: time limits over every part, the answer capped, redirects not followed,
//! and never to an address inside our own network unless the operator said so. The name is looked up once, and the
//! connection goes to the very address that was looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);
const LARGEST_ANSWER: usize = 64 * 1024;

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Target {
    /// Reads an address. `loopback`: plain HTTP to this very machine is allowed, in the demo and in tests.
    pub(super) fn read(url: &str, loopback: bool) -> Result<Self, String> {
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

/// Who may be called, and whom we believe.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) allow_private: bool,
    pub(super) loopback: bool,
    pub(super) tls: Arc<ClientConfig>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Posts JSON.
pub(super) async fn post(
    target: &Target,
    rules: &Rules,
    headers: &[(HeaderName, String)],
    body: Bytes,
) -> Result<Reply, String> {
    let call = async {
        let tcp = connect(target, rules).await?;
        if !target.secure {
            return exchange(tcp, target, headers, body).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| "the host is no name".to_owned())?;
        let tls = TlsConnector::from(rules.tls.clone()).connect(name, tcp).await;
        exchange(tls.map_err(|error| format!("TLS: {error}"))?, target, headers, body).await
    };
    tokio::time::timeout(WHOLE, call)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", WHOLE.as_secs())))
}

/// Looks the name up once and connects to what was looked at: a second answer of the DNS cannot lead elsewhere.
pub(super) async fn connect(target: &Target, rules: &Rules) -> Result<TcpStream, String> {
    let found = tokio::net::lookup_host((target.host.as_str(), target.port));
    let found = tokio::time::timeout(CONNECT, found).await.map_err(|_| "DNS does not answer".to_owned())?;
    let found: Vec<SocketAddr> =
        found.map_err(|error| format!("{} does not resolve: {error}", target.host))?.collect();
    let allowed = |address: &&SocketAddr| may_call(address.ip(), rules);
    if found.is_empty() || !found.iter().all(|address| allowed(&address)) {
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

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    target: &Target,
    headers: &[(HeaderName, String)],
    body: Bytes,
) -> Result<Reply, String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| format!("HTTP: {error}"))?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&target.path)
        .header(header::HOST, target.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "portal-doors/1");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| format!("HTTP: {error}"))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| format!("the answer: {error}"))?.to_bytes();
        Ok(Reply { status, body })
    };
    let answer = answer.await;
    connection.abort();
    answer
}

/// Whether we may call this address.
fn may_call(ip: IpAddr, rules: &Rules) -> bool {
    rules.allow_private || (rules.loopback && ip.is_loopback()) || is_public(ip)
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = a == 0 || a >= 240 || (a == 198 && (b == 18 || b == 19)) || (a == 192 && b == 0 && c == 0);
    !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast() || shared || special)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    // Global unicast without tunnels, which carry an address of version 4 inside.
    first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && second == 0)
}

/// Trusts the system's authorities or, when a file is named, only those in it.
pub(super) fn tls(ca_file: Option<&str>) -> Result<Arc<ClientConfig>, String> {
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

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn our_own_network_is_not_called() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.9",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "2002:a00:1::",
            "2001:0:1::",
            "ff02::1",
            "64:ff9b::a00:1",
        ] {
            assert!(!is_public(inside.parse().expect("an address")), "{inside}");
        }
        for outside in ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(outside.parse().expect("an address")), "{outside}");
        }
    }
}
