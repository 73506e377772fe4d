//! A knock at port 80 of a host that a proxy stands in front of: does what the authority asks for come through to us?
//!
//! A text that only we know is laid out where answers to the authority lie, and asked for as the authority asks: by the
//! host's name, at its public addresses. Any node may answer, as with a real challenge.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use platform_core::clock::Clock;
use platform_core::db::{Db, System};
use platform_core::guard::Guard;
use platform_core::random::{Random, token};
use tokio::net::TcpStream;

use super::Prober;
use super::facts::Reading;
use super::proxy;
use crate::challenges;

/// For connecting, asking and reading together.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the text lies there: longer than any knock.
const LIFE: TimeDelta = TimeDelta::minutes(2);
const LARGEST: usize = 4096;
/// Addresses that are tried.
const MOST: usize = 2;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Our own text.
    Ours,
    /// Something else answered, in these words.
    Other(String),
    /// Nobody can tell.
    Unclear(String),
}

/// Knocks. Cheap to clone.
#[derive(Clone)]
pub struct Knocker {
    db: Db,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    through: Option<SocketAddr>,
}

impl std::fmt::Debug for Knocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Knocker").field("through", &self.through).finish_non_exhaustive()
    }
}

impl Knocker {
    /// Lays its texts into `db`, where the nodes that serve port 80 look.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { db, clock, random, through: None }
    }

    /// Goes here for every address: in tests, where no address of a proxy is ours to connect to.
    #[must_use]
    pub fn through(self, address: SocketAddr) -> Self {
        Self { through: Some(address), ..self }
    }

    async fn knock(&self, host: &str, addresses: &[IpAddr], guard: Guard) -> Heard {
        let text = token(&*self.random);
        let name = token(&*self.random);
        if let Err(error) = self.lay_out(host, &name, &text).await {
            tracing::warn!(host, %error, "no text could be laid out to knock with");
            return Heard::Unclear("the platform could not look".to_owned());
        }
        let mut heard = Heard::Unclear("it has no address that may be asked".to_owned());
        for ip in addresses.iter().filter(|ip| guard.allows(**ip)).take(MOST) {
            let at = self.through.unwrap_or(SocketAddr::new(*ip, 80));
            let asked = tokio::time::timeout(PATIENCE, ask(at, host, &name)).await;
            heard = match asked {
                Ok(Ok((response, body))) => judge(&response, &body, &text),
                Ok(Err(why)) => Heard::Unclear(why),
                Err(_) => Heard::Unclear(format!("no answer within {} s", PATIENCE.as_secs())),
            };
            if !matches!(heard, Heard::Unclear(_)) {
                break;
            }
        }
        heard
    }

    async fn lay_out(&self, host: &str, name: &str, text: &str) -> Result<(), platform_core::Error> {
        let mut tx = self.db.system(System::Certificates).await?;
        challenges::lay_out(&mut tx, (host, name, text), self.clock.now() + LIFE).await?;
        tx.commit().await
    }
}

impl Prober {
    /// Knocks where every server that decides names a proxy's addresses, and nowhere else: what points here needs none.
    pub(super) async fn knocked(&self, host: &str, deciding: &[&Reading]) -> Option<Heard> {
        let knocker = self.knocker.as_ref()?;
        let mut addresses: Vec<IpAddr> = deciding.iter().flat_map(|reading| reading.addresses()).collect();
        if addresses.is_empty() || !addresses.iter().all(|ip| proxy::of(*ip).is_some()) {
            return None;
        }
        // As authorities do: IPv6 first.
        addresses.sort_by_key(|ip| (ip.is_ipv4(), *ip));
        addresses.dedup();
        Some(knocker.knock(host, &addresses, self.sources.guard).await)
    }
}

async fn ask(at: SocketAddr, host: &str, name: &str) -> Result<(Response<()>, Bytes), String> {
    let tcp = TcpStream::connect(at).await.map_err(|error| format!("no connection: {error}"))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(tcp)).await.map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("{}{name}", challenges::PREFIX))
        .header(header::HOST, host)
        .header(header::USER_AGENT, "domain-check/1")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|error| error.to_string())?;
        Ok((Response::from_parts(parts, ()), body.to_bytes()))
    };
    let answer = answer.await;
    connection.abort();
    answer
}

fn judge(response: &Response<()>, body: &[u8], text: &str) -> Heard {
    let status = response.status();
    if status == StatusCode::OK && body.trim_ascii() == text.as_bytes() {
        return Heard::Ours;
    }
    if status.is_redirection() {
        let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        let to: String = to.chars().take(200).collect();
        // Authorities follow it, and a proxy that wants TLS may well ask us then.
        return match to.strip_prefix("https://") {
            Some(_) => Heard::Unclear(format!("it redirects to {to}")),
            None => Heard::Other(format!("it redirects to {to:?}")),
        };
    }
    // A guard against robots may know the authority and not us; a fault may pass.
    let guarded =
        matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    if guarded || status.is_server_error() {
        return Heard::Unclear(format!("it answers {}", status.as_u16()));
    }
    Heard::Other(format!("it answers {} with something else", status.as_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_text_is_ours_and_a_guard_is_no_verdict() {
        let heard = |status: u16, to: &str, body: &str| {
            let response = Response::builder().status(status).header(header::LOCATION, to).body(()).unwrap();
            judge(&response, body.as_bytes(), "text")
        };
        assert_eq!(heard(200, "", "text\n"), Heard::Ours);
        assert!(matches!(heard(200, "", "texts"), Heard::Other(_)));
        assert!(matches!(heard(404, "", "text"), Heard::Other(_)));
        assert!(matches!(heard(301, "http://elsewhere.example/", ""), Heard::Other(_)));
        assert!(matches!(heard(301, "https://success.z.example/x", ""), Heard::Unclear(_)));
        for status in [401, 403, 429, 500, 503, 522] {
            assert!(matches!(heard(status, "", "text"), Heard::Unclear(_)), "{status}");
        }
    }
}
