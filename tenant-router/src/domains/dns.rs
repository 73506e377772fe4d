//! Questions to the DNS, uncached, with the reason when there is no answer.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};

/// Asks the configured servers, or those of the system.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dns")
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("the name does not exist")]
    NoName,
    #[error("the name has no such record")]
    NoRecord,
    #[error("the domain's name servers fail ({0})")]
    Fails(String),
    #[error("no name server answered in time")]
    Timeout,
    #[error("the question could not be asked: {0}")]
    Other(String),
}

/// The resolver cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("DNS resolver: {0}")]
pub struct DnsSetupError(String);

impl Dns {
    /// A resolver without a cache. `servers` empty: the system's.
    ///
    /// # Errors
    /// The system's configuration is not readable.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, DnsSetupError> {
        let fault = |error: NetError| DnsSetupError(error.to_string());
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(fault)?
        } else {
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(server).collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        limit(builder.options_mut());
        Ok(Self { resolver: builder.build().map_err(fault)? })
    }

    /// The targets of a name's CNAME, without their final dots, lower case.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn cname(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        self.ask(name, RecordType::CNAME, |data| match data {
            RData::CNAME(target) => Some(target.0.to_ascii().trim_end_matches('.').to_ascii_lowercase()),
            _ => None,
        })
        .await
    }

    /// The texts of a name's TXT records, each joined from its parts.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        self.ask(name, RecordType::TXT, |data| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        })
        .await
    }

    async fn ask(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<String>,
    ) -> Result<Vec<String>, NoAnswer> {
        // The final dot keeps the machine's search domains out of it.
        let lookup = self.resolver.lookup(format!("{name}."), kind).await.map_err(|error| reason(&error))?;
        let found: Vec<String> = lookup.answers().iter().filter_map(|record| read(&record.data)).collect();
        if found.is_empty() { Err(NoAnswer::NoRecord) } else { Ok(found) }
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

fn limit(options: &mut ResolverOpts) {
    options.cache_size = 0;
    options.timeout = Duration::from_secs(3);
    options.attempts = 2;
    options.use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
}

fn reason(error: &NetError) -> NoAnswer {
    match error {
        NetError::Timeout => NoAnswer::Timeout,
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => NoAnswer::NoName,
            ResponseCode::NoError => NoAnswer::NoRecord,
            code => NoAnswer::Fails(code.to_string()),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => NoAnswer::Fails(code.to_string()),
        other => NoAnswer::Other(other.to_string()),
    }
}
