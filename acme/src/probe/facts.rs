//! What was found, before anything is made of it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::knock::Heard;
use super::provider::{self, Provider};
use crate::caa;
use crate::dns::{Said, Trouble, WalkError, Zone};

/// What one server says of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// The server's name; a resolver's address.
    pub(super) by: String,
    pub(super) a: Said,
    pub(super) aaaa: Said,
    pub(super) cname: Said,
    /// TXT at `_portico.<host>`.
    pub(super) proof: Said,
    /// CNAME and TXT at `_acme-challenge.<host>`.
    pub(super) challenge_cname: Said,
    pub(super) challenge_txt: Said,
}

impl Reading {
    /// The same trouble with everything.
    pub(super) fn troubled(by: String, trouble: &Trouble) -> Self {
        let said = || Said::Failed(trouble.clone());
        Self {
            by,
            a: said(),
            aaaa: said(),
            cname: said(),
            proof: said(),
            challenge_cname: said(),
            challenge_txt: said(),
        }
    }

    /// What is wrong with the server; questions about addresses decide.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.a.trouble().filter(|trouble| **trouble != Trouble::Loop)
    }

    /// The addresses that it gives.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        self.a.data().iter().chain(self.aaaa.data()).filter_map(crate::dns::Data::address).collect()
    }
}

/// See [`Facts::deciding`].
pub(super) fn deciding<'a>(own: &'a [Reading], public: &'a [Reading]) -> Vec<&'a Reading> {
    let sound = |readings: &[Reading]| readings.iter().any(|reading| reading.trouble().is_none());
    let readings = if sound(own) { own } else { public };
    readings.iter().filter(|reading| reading.trouble().is_none()).collect()
}

/// Everything that was found about a host.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) at: DateTime<Utc>,
    /// None: no walk was wanted.
    pub(super) zone: Option<Result<Zone, WalkError>>,
    /// By the zone's own servers.
    pub(super) own: Vec<Reading>,
    /// By resolvers.
    pub(super) public: Vec<Reading>,
    /// Addresses of the platform.
    pub(super) ours: Vec<IpAddr>,
    /// Whether the target has an address at all; true without a target.
    pub(super) target_resolves: bool,
    /// Where the host's record was found with the zone's name twice.
    pub(super) doubled_host: Option<String>,
    /// The same for the proof.
    pub(super) doubled_proof: Option<String>,
    /// Whether a name beside the host that nobody made has the same answer.
    pub(super) wildcard: bool,
    /// Resolvers give an answer only when told not to check signatures: their words.
    pub(super) bogus: Option<String>,
    /// As things are.
    pub(super) caa: caa::Verdict,
    /// As it will be once the CNAME is set; none where that makes no difference.
    pub(super) caa_then: Option<caa::Verdict>,
    /// What a proxy in front of the host let through; none where none stands there, or nobody knocked.
    pub(super) knocked: Option<Heard>,
}

impl Facts {
    /// The zone, if the walk came there.
    pub(super) fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref().and_then(|zone| zone.as_ref().ok())
    }

    /// Who runs the zone's servers.
    pub(super) fn provider(&self) -> Option<&'static Provider> {
        let zone = self.zone()?;
        provider::of(zone.servers.iter().map(|server| server.name.as_str()))
    }

    /// Whether the host is the top of its zone.
    pub(super) fn is_apex(&self, host: &str) -> bool {
        self.zone().is_some_and(|zone| zone.apex == host)
    }

    /// Whether a registry itself says that there is no such domain.
    pub(super) fn is_unregistered(&self) -> bool {
        let Some(zone) = self.zone() else { return false };
        let sells = psl::suffix_str(&zone.apex) == Some(zone.apex.as_str());
        sells && self.own.iter().any(|reading| matches!(reading.a, Said::NoName { .. }))
    }

    /// Whether none of the zone's own servers answers.
    pub(super) fn is_deaf(&self) -> bool {
        !self.own.is_empty() && self.own.iter().all(|reading| reading.trouble().is_some())
    }

    /// The readings that decide: of the zone's own servers that answer, else of resolvers that do.
    pub(super) fn deciding(&self) -> Vec<&Reading> {
        deciding(&self.own, &self.public)
    }

    /// Seconds for which a resolver may keep an absence.
    pub(super) fn keep(&self) -> Option<u32> {
        self.own.iter().chain(&self.public).filter_map(|reading| reading.a.keep()).max()
    }
}
