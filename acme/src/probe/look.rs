//! Asks everything that the judgement needs, as much of it at once as can be.

use std::net::{IpAddr, SocketAddr};

use platform_core::random::bytes;
use tokio::task::JoinSet;

use super::facts::{Facts, Reading, deciding};
use super::{Prober, Want};
use crate::caa::{self, Request, Verdict};
use crate::dns::{Data, Kind, Mode, NameServer, Said, Trouble, Zone, is_within, parent};

/// Name servers that are read; more are never needed for a verdict.
const MOST_SERVERS: usize = 8;
const REGISTRY_SERVERS: usize = 2;

impl Prober {
    /// Looks.
    pub(super) async fn look(&self, want: &Want) -> Facts {
        let zone = self.zone(&want.host).await;
        let found = zone.as_ref().and_then(|zone| zone.as_ref().ok());
        let (own, public, ours) =
            tokio::join!(self.own(found, want), self.public(want), self.ours(want.target.as_deref()),);
        let first = own.iter().find(|reading| reading.trouble().is_none());
        let server = first.and_then(|reading| self.server(found, &reading.by));
        let deciding = deciding(&own, &public);
        let (doubled, wildcard, bogus, caa, knocked) = tokio::join!(
            self.doubled(server, found, want, first),
            self.wildcard(server, want, first),
            self.bogus(want, &public),
            self.caa(want, found),
            self.knocked(&want.host, &deciding),
        );
        let (caa, caa_then) = caa;
        let mut addresses = self.platform.addresses.clone();
        let target_resolves = ours.as_ref().is_none_or(|ours| !ours.is_empty());
        addresses.extend(ours.unwrap_or_default());
        let (doubled_host, doubled_proof) = doubled;
        Facts {
            at: self.clock.now(),
            own,
            public,
            ours: addresses,
            target_resolves,
            doubled_host,
            doubled_proof,
            wildcard,
            bogus,
            caa,
            caa_then,
            knocked,
            zone,
        }
    }

    async fn zone(&self, host: &str) -> Option<Result<Zone, crate::dns::WalkError>> {
        if self.sources.roots.is_empty() {
            return None;
        }
        Some(self.walker.zone(host).await)
    }

    /// Every server of the zone.
    async fn own(&self, zone: Option<&Zone>, want: &Want) -> Vec<Reading> {
        let Some(zone) = zone else { return Vec::new() };
        let mut readings = JoinSet::new();
        // A registry's servers are alike, and this is not their business.
        let most = if zone.apex.contains('.') { MOST_SERVERS } else { REGISTRY_SERVERS };
        for (place, server) in zone.servers.iter().take(most).enumerate() {
            let (prober, want, server) = (self.clone(), want.clone(), server.clone());
            readings.spawn(async move { (place, prober.own_one(&server, &want).await) });
        }
        in_order(readings).await
    }

    async fn own_one(&self, server: &NameServer, want: &Want) -> Reading {
        let mut trouble = Trouble::NoAddress;
        for ip in &server.addresses {
            match self.walker.address(*ip) {
                Ok(at) => {
                    let reading = self.read(at, server.name.clone(), want, Mode::Own).await;
                    match reading.trouble() {
                        Some(found) => trouble = found.clone(),
                        None => return reading,
                    }
                }
                Err(forbidden) => trouble = forbidden,
            }
        }
        Reading::troubled(server.name.clone(), &trouble)
    }

    async fn public(&self, want: &Want) -> Vec<Reading> {
        let mut readings = JoinSet::new();
        for (place, resolver) in self.sources.resolvers.iter().copied().enumerate() {
            let (prober, want) = (self.clone(), want.clone());
            let name = match resolver.port() {
                53 => format!("resolver {}", resolver.ip()),
                _ => format!("resolver {resolver}"),
            };
            readings.spawn(async move { (place, prober.read(resolver, name, &want, Mode::Resolver).await) });
        }
        in_order(readings).await
    }

    async fn read(&self, at: SocketAddr, by: String, want: &Want, mode: Mode) -> Reading {
        let a = self.client.said(at, &want.host, Kind::A, mode).await;
        // A server that does not answer the first question is not worth five more.
        if let Some(trouble) = a.trouble().filter(|trouble| **trouble != Trouble::Loop) {
            return Reading::troubled(by, trouble);
        }
        let (proof, challenge) = (want.proof_name(), format!("_acme-challenge.{}", want.host));
        let ask = |name: &str, kind| {
            let name = name.to_owned();
            async move { self.client.said(at, &name, kind, mode).await }
        };
        let (aaaa, cname, proof, challenge_cname, challenge_txt) = tokio::join!(
            ask(&want.host, Kind::Aaaa),
            ask(&want.host, Kind::Cname),
            ask(&proof, Kind::Txt),
            ask(&challenge, Kind::Cname),
            ask(&challenge, Kind::Txt),
        );
        Reading { by, a, aaaa, cname, proof, challenge_cname, challenge_txt }
    }

    fn server(&self, zone: Option<&Zone>, name: &str) -> Option<SocketAddr> {
        let server = zone?.servers.iter().find(|server| server.name == name)?;
        server.addresses.iter().find_map(|ip| self.walker.address(*ip).ok())
    }

    /// The addresses of the target: of the platform. None without a target.
    async fn ours(&self, target: Option<&str>) -> Option<Vec<IpAddr>> {
        let target = target?;
        let mut found = Vec::new();
        for kind in [Kind::A, Kind::Aaaa] {
            for resolver in &self.sources.resolvers {
                let said = self.client.said(*resolver, target, kind, Mode::Resolver).await;
                if said.trouble().is_none() {
                    found.extend(said.data().iter().filter_map(Data::address));
                    break;
                }
            }
        }
        Some(found)
    }

    /// Forms that append the zone to what is typed make `success.brightwater.example.brightwater.example`.
    async fn doubled(
        &self,
        server: Option<SocketAddr>,
        zone: Option<&Zone>,
        want: &Want,
        reading: Option<&Reading>,
    ) -> (Option<String>, Option<String>) {
        let (Some(server), Some(zone), Some(reading)) = (server, zone, reading) else { return (None, None) };
        let twice = |name: &str| format!("{name}.{}", zone.apex);
        let mut found = (None, None);
        if reading.a.chain().is_empty() && reading.addresses().is_empty() {
            let name = twice(&want.host);
            let said = self.client.said(server, &name, Kind::A, Mode::Own).await;
            if !said.chain().is_empty() || !said.data().is_empty() {
                found.0 = Some(name);
            }
        }
        if want.proof.is_some() && reading.proof.data().is_empty() {
            let name = twice(&want.proof_name());
            let said = self.client.said(server, &name, Kind::Txt, Mode::Own).await;
            let right =
                |data: &Data| matches!(data, Data::Txt(text) if Some(text.trim()) == want.proof.as_deref());
            if said.data().iter().any(right) {
                found.1 = Some(name);
            }
        }
        found
    }

    /// Whether a name that nobody has made is answered as the host is.
    async fn wildcard(&self, server: Option<SocketAddr>, want: &Want, reading: Option<&Reading>) -> bool {
        let (Some(server), Some(reading), Some(above)) = (server, reading, parent(&want.host)) else {
            return false;
        };
        if reading.a.chain().is_empty() && reading.a.data().is_empty() {
            return false;
        }
        let number = u64::from_be_bytes(bytes::<8>(&*self.random));
        let name = format!("p{number:016x}.{above}");
        self.client.said(server, &name, Kind::A, Mode::Own).await.agrees(&reading.a)
    }

    /// A resolver that fails, and answers when told not to check signatures.
    async fn bogus(&self, want: &Want, public: &[Reading]) -> Option<String> {
        for (reading, resolver) in public.iter().zip(&self.sources.resolvers) {
            let Some(Trouble::Fails(_)) = reading.trouble() else { continue };
            let said = self.client.said(*resolver, &want.host, Kind::A, Mode::Unchecked).await;
            if said.trouble().is_none() {
                return Some(reading.a.to_string());
            }
        }
        None
    }

    /// CAA as it is, and as it will be once the host is an alias of its target.
    async fn caa(&self, want: &Want, zone: Option<&Zone>) -> (Verdict, Option<Verdict>) {
        let request = Request {
            host: &want.host,
            wildcard: want.wildcard,
            method: want.method,
            issuers: &self.platform.issuers,
            accounts: &want.accounts,
        };
        let now = Fresh { prober: self, zone, alias: None };
        let now = caa::evaluate(&now, &request).await;
        let apex = zone.is_some_and(|zone| zone.apex == want.host);
        let (Some(target), false, false) = (&want.target, apex, matches!(now, Verdict::Allowed { .. }))
        else {
            return (now, None);
        };
        let then = Fresh { prober: self, zone, alias: Some((&want.host, target)) };
        let then = caa::evaluate(&then, &request).await;
        (now, Some(then))
    }
}

async fn in_order(mut readings: JoinSet<(usize, Reading)>) -> Vec<Reading> {
    let mut all = Vec::new();
    while let Some(read) = readings.join_next().await {
        all.extend(read.ok());
    }
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, reading)| reading).collect()
}

/// CAA from the zone's own servers where they are known, so that what was set a minute ago counts; else from resolvers.
struct Fresh<'a> {
    prober: &'a Prober,
    zone: Option<&'a Zone>,
    /// A host that is taken to be an alias already.
    alias: Option<(&'a str, &'a str)>,
}

impl caa::Lookup for Fresh<'_> {
    async fn caa(&self, name: &str) -> (Said, String) {
        if let Some((_, target)) = self.alias.filter(|(host, _)| *host == name) {
            let (said, by) = self.prober.caa_by_resolvers(target).await;
            return (through(target, said), by);
        }
        let zone = self.zone.filter(|zone| is_within(name, &zone.apex));
        let Some(zone) = zone else { return self.prober.caa_by_resolvers(name).await };
        let (said, by) = self.prober.caa_by_servers(name, zone).await;
        match &said {
            // The alias leads out of the zone: go on where it ends.
            Said::Found { chain, data, .. } if data.is_empty() => {
                let Some(end) = chain.last().cloned() else { return (said, by) };
                let (rest, by) = self.prober.caa_by_resolvers(&end).await;
                (through(&end, rest), by)
            }
            _ => (said, by),
        }
    }
}

impl Prober {
    async fn caa_by_servers(&self, name: &str, zone: &Zone) -> (Said, String) {
        let mut last = (Said::Failed(Trouble::NoAddress), zone.apex.clone());
        for server in &zone.servers {
            for ip in &server.addresses {
                let Ok(at) = self.walker.address(*ip) else { continue };
                let said = self.client.said(at, name, Kind::Caa, Mode::Own).await;
                let sound = said.trouble().is_none();
                last = (said, server.name.clone());
                if sound {
                    return last;
                }
            }
        }
        last
    }

    async fn caa_by_resolvers(&self, name: &str) -> (Said, String) {
        let mut last = (Said::Failed(Trouble::NoAddress), String::new());
        for resolver in &self.sources.resolvers {
            let said = self.client.said(*resolver, name, Kind::Caa, Mode::Resolver).await;
            let sound = said.trouble().is_none();
            last = (said, format!("resolver {}", resolver.ip()));
            if sound {
                return last;
            }
        }
        last
    }
}

/// An answer that was had at the end of an alias.
fn through(alias: &str, said: Said) -> Said {
    let longer = |mut chain: Vec<String>| {
        chain.insert(0, alias.to_owned());
        chain
    };
    match said {
        Said::Found { chain, data, ttl } => Said::Found { chain: longer(chain), data, ttl },
        Said::NoRecord { chain, keep } => Said::NoRecord { chain: longer(chain), keep },
        Said::NoName { chain, keep } => Said::NoName { chain: longer(chain), keep },
        Said::Failed(trouble) => Said::Failed(trouble),
    }
}
