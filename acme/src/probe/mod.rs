//! What the world's DNS says of one host, as a list of checks: what was expected, what was seen and by whom, who has to act
//! and how, and how long an old answer may still be about.
//!
//! `look` asks (every name server of the zone, and resolvers), `facts` is what came of it; `servers`, `points`, `proof` and
//! `issue` judge the facts without asking anything more, `advice` has the words about `points`. `provider` knows how the
//! forms of DNS providers want a record, `proxy` whose addresses stand in front of a host, `knock` asks whether they let the
//! authority through, `own_zone` what the platform's own zone should hold. Knows hosts, no tenants.

mod advice;
mod facts;
mod issue;
mod knock;
mod look;
mod own_zone;
pub mod points;
mod proof;
pub mod provider;
pub mod proxy;
mod report;
mod servers;

use std::net::IpAddr;
use std::sync::Arc;

use platform_core::clock::Clock;
use platform_core::random::Random;

use crate::dns::walk::Walker;
use crate::dns::{Client, Sources};

pub use knock::Knocker;
pub use points::Points;
pub use proof::Proof;
pub use provider::{Fields, Provider};
pub use report::{Check, Code, Level, Record, Report, Sighting, Who};

/// The platform, as the DNS knows it.
#[derive(Debug, Clone)]
pub struct Platform {
    /// The platform's domain, such as `portico.example`; targets are at `<label>.edge.<base>`.
    pub base: String,
    /// Names by which our authority knows itself in CAA records.
    pub issuers: Vec<String>,
    /// Addresses of the platform beside those that a target resolves to.
    pub addresses: Vec<IpAddr>,
}

impl Platform {
    /// A platform at `base` whose authority is Let's Encrypt.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let issuers = vec!["letsencrypt.org".to_owned()];
        Self { base: base.to_owned(), issuers, addresses: Vec::new() }
    }

    /// The name above all targets.
    #[must_use]
    pub fn edge(&self) -> String {
        format!("edge.{}", self.base)
    }
}

/// What a host should look like. Without a target and a proof the host is nobody's yet, and is only described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    pub host: String,
    /// Where its CNAME should point.
    pub target: Option<String>,
    /// The text of the TXT record at `_portico.<host>`.
    pub proof: Option<String>,
    /// Where a CNAME at `_acme-challenge.<host>` should point, if it is used.
    pub delegation: Option<String>,
    /// Whether a proof by TXT is needed although a CNAME points here: another tenant holds the host.
    pub contested: bool,
    /// How the certificate will be validated: `http-01`, `tls-alpn-01` or `dns-01`.
    pub method: &'static str,
    pub wildcard: bool,
    /// Our accounts at authorities, for CAA's `accounturi`.
    pub accounts: Vec<String>,
}

impl Want {
    /// A host that nobody has claimed.
    #[must_use]
    pub fn nothing(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            target: None,
            proof: None,
            delegation: None,
            contested: false,
            method: "http-01",
            wildcard: false,
            accounts: Vec::new(),
        }
    }

    /// Where the proof is expected.
    #[must_use]
    pub fn proof_name(&self) -> String {
        format!("_portico.{}", self.host)
    }
}

/// Probes hosts.
#[derive(Clone)]
pub struct Prober {
    client: Client,
    walker: Walker,
    sources: Arc<Sources>,
    platform: Arc<Platform>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    knocker: Option<Knocker>,
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prober").field("platform", &self.platform).finish_non_exhaustive()
    }
}

impl Prober {
    /// A prober that asks `sources`.
    #[must_use]
    pub fn new(sources: Sources, platform: Platform, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let client = Client::new(random.clone(), sources.patience);
        let walker = Walker::new(client.clone(), sources.clone());
        let (sources, platform) = (Arc::new(sources), Arc::new(platform));
        Self { client, walker, sources, platform, clock, random, knocker: None }
    }

    /// Knocks at hosts that a proxy hides, too.
    #[must_use]
    pub fn knocking(self, knocker: Knocker) -> Self {
        Self { knocker: Some(knocker), ..self }
    }

    /// Looks at a host from everywhere and says what it means. A DNS that fails is no error but part of the report.
    pub async fn probe(&self, want: &Want) -> Report {
        let facts = self.look(want).await;
        let points = points::judge(want, &self.platform, &facts);
        let proof = proof::judge(want, &points, &facts);
        let mut checks = servers::judge(&facts, &points);
        // Where there is no domain, there is nothing to set a record in.
        if !facts.is_unregistered() {
            checks.extend(advice::checks(want, &self.platform, &facts, &points, proof));
            checks.extend(proof::checks(want, &points, &facts, proof));
            checks.extend(issue::checks(want, &self.platform, &facts, &points));
        }
        Report::new(want, &facts, checks, proof, points.whole)
    }
}
