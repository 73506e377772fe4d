//! Asks a public resolver by a resolver library: retries, truncation, EDNS and aliases are its business. What it cannot
//! say, such as why there is nothing, the client asks the server itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;

use super::message::{Answer, Kind};
use super::said::Trouble;

/// One resolver for each server, so that everybody's own word is known.
#[derive(Clone)]
pub(super) struct Resolvers {
    patience: Duration,
    known: Arc<Mutex<HashMap<SocketAddr, TokioResolver>>>,
}

impl Resolvers {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, known: Arc::default() }
    }

    /// The records, or that nobody answers. None when there is something else to tell.
    pub(super) async fn found(
        &self,
        server: SocketAddr,
        name: &str,
        kind: Kind,
    ) -> Option<Result<Answer, Trouble>> {
        let resolver = self.resolver(server)?;
        // The final dot keeps the machine's search domains out of it.
        match resolver.lookup(format!("{name}."), kind.wire()).await {
            Ok(lookup) => Some(Ok(Answer::read(lookup.message()))),
            Err(NetError::Timeout) => Some(Err(Trouble::Silent)),
            Err(_) => None,
        }
    }

    fn resolver(&self, server: SocketAddr) -> Option<TokioResolver> {
        // A panic while holding it leaves a map that is still whole.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resolver) = known.get(&server) {
            return Some(resolver.clone());
        }
        let mut config = NameServerConfig::udp_and_tcp(server.ip());
        for connection in &mut config.connections {
            connection.port = server.port();
        }
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![config]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.cache_size = 0;
        options.timeout = self.patience;
        options.attempts = 1;
        options.edns0 = true;
        options.use_hosts_file = ResolveHosts::Never;
        let resolver = builder.build().ok()?;
        known.insert(server, resolver.clone());
        Some(resolver)
    }
}
