//! `pebble-challtestsrv`: a DNS server whose records a test sets. Names that were not set resolve to 127.0.0.1.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Child;

use super::{free_address, spawn, wait_for};

/// A running DNS stub.
#[derive(Debug)]
pub struct DnsStub {
    /// Where it answers DNS, over UDP and TCP.
    pub address: SocketAddr,
    management: SocketAddr,
    _process: Child,
}

impl DnsStub {
    /// Starts it.
    ///
    /// # Panics
    /// When the Debian package `pebble` is not installed.
    pub async fn start() -> Self {
        let (address, management) = (free_address(), free_address());
        let (dns, manage) = (address.to_string(), management.to_string());
        let arguments = [
            ["-dns01", &dns],
            ["-management", &manage],
            ["-http01", ""],
            ["-https01", ""],
            ["-tlsalpn01", ""],
            ["-defaultIPv4", "127.0.0.1"],
            ["-defaultIPv6", ""],
        ];
        let process = spawn("pebble-challtestsrv", arguments.as_flattened(), &[]);
        wait_for(management, "pebble-challtestsrv").await;
        wait_for(address, "pebble-challtestsrv").await;
        Self { address, management, _process: process }
    }

    /// Points a name at another.
    pub async fn set_cname(&self, host: &str, target: &str) {
        self.post("set-cname", &json!({ "host": dot(host), "target": dot(target) })).await;
    }

    /// Removes a CNAME.
    pub async fn clear_cname(&self, host: &str) {
        self.post("clear-cname", &json!({ "host": dot(host) })).await;
    }

    /// Sets a TXT record.
    pub async fn set_txt(&self, host: &str, value: &str) {
        self.post("set-txt", &json!({ "host": dot(host), "value": value })).await;
    }

    /// Sets the addresses of a name.
    pub async fn set_a(&self, host: &str, addresses: &[&str]) {
        self.post("add-a", &json!({ "host": dot(host), "addresses": addresses })).await;
    }

    /// Makes every question for a name fail.
    pub async fn set_servfail(&self, host: &str) {
        self.post("set-servfail", &json!({ "host": dot(host) })).await;
    }

    /// Ends the failing.
    pub async fn clear_servfail(&self, host: &str) {
        self.post("clear-servfail", &json!({ "host": dot(host) })).await;
    }

    async fn post(&self, path: &str, body: &Value) {
        let body = body.to_string();
        let length = body.len();
        let request = format!("POST /{path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
        let mut stream = TcpStream::connect(self.management).await.expect("the stub listens");
        stream.write_all(request.as_bytes()).await.expect("the stub reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("the stub answers");
        let status = answer.split_whitespace().nth(1);
        assert_eq!(status, Some("200"), "the stub refused {path} {body}: {answer}");
    }
}

fn dot(host: &str) -> String {
    format!("{}.", host.trim_end_matches('.'))
}
