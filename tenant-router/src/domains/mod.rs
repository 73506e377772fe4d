//! Custom domains of tenants: claimed, verified by DNS, then live. The tables `domains` and `domain_events` are this room's.
//!
//! `claim` and `lookalike` hold the rules for a name, `life` says how a domain goes on after a look at the DNS, `cadence`
//! when the next look is, `check` asks and writes down, `before` answers the issuer whether an order has a chance. `store` has the statements of a tenant's own people, `keeping`
//! those of the reconciler, `primary` redirects, `events` what happened, `notices` tells the tenant of it. What the DNS
//! says, and what to do about it, is acme's probe.

mod before;
mod cadence;
pub mod check;
pub mod claim;
pub mod events;
mod keeping;
mod life;
mod lookalike;
pub mod notices;
pub mod primary;
pub mod store;

use acme::probe::{Report, Want};
use chrono::{DateTime, Utc};
use platform_core::id::{DomainId, TenantId};
use serde::{Deserialize, Serialize};

pub use check::Checker;
pub use claim::{ClaimError, ClaimRules, is_reserved_slug};
pub use events::{Event, What};
pub use notices::Notices;
pub use primary::{PrimaryError, redirect, serve_itself};
pub use store::{claim, find, list, release};

pub(crate) use keeping::{go_live, next_check, take_due, waiting_for_certificate};

use crate::host::{Host, HostError};

/// How far a domain has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A tenant says it is theirs. Blocks nobody.
    Claimed,
    /// As claimed, and people were told what the DNS lacks.
    WaitingDns,
    /// Proven; its certificate is on the way.
    Verified,
    /// Served.
    Live,
    /// Was served, and its DNS has turned away; served on for a while, in case it comes back.
    Moved,
    /// Given back, taken by a newer proof, or let go after it had moved.
    Released,
    /// Points here, but another tenant holds the host: only a TXT record proves it now.
    Blocked,
    /// Never proven in time.
    Expired,
}

/// Which record proved the ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    Cname,
    Txt,
}

impl From<acme::probe::Proof> for Proof {
    fn from(proof: acme::probe::Proof) -> Self {
        match proof {
            acme::probe::Proof::Cname => Self::Cname,
            acme::probe::Proof::Txt => Self::Txt,
        }
    }
}

/// A domain of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Domain {
    pub id: DomainId,
    pub tenant: TenantId,
    pub host: Host,
    pub state: State,
    /// The unguessable first label of the CNAME's target.
    pub label: String,
    /// The text of the TXT proof.
    pub nonce: String,
    pub proof: Option<Proof>,
    /// Another host of the tenant that visitors are sent to.
    pub redirect_to: Option<String>,
    /// What the last look found; none before the first.
    pub report: Option<Report>,
    pub claimed_at: DateTime<Utc>,
    pub checked_at: Option<DateTime<Utc>>,
    /// When the DNS is looked at next; none when nothing is waited for.
    pub next_check: Option<DateTime<Utc>>,
    pub watched_until: Option<DateTime<Utc>>,
    pub verified_at: Option<DateTime<Utc>>,
    pub live_at: Option<DateTime<Utc>>,
    /// When visitors first came here.
    pub arrived_at: Option<DateTime<Utc>>,
    pub moved_at: Option<DateTime<Utc>>,
    /// Since when something stands in the way of the next certificate.
    pub troubled_since: Option<DateTime<Utc>>,
    /// When it was given up, taken or too old.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A DNS record that the customer shall set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    pub name: String,
    pub kind: &'static str,
    pub value: String,
    /// What it is for, in a sentence.
    pub purpose: &'static str,
}

impl Domain {
    /// Where the CNAME points.
    ///
    /// # Errors
    /// The platform's base domain is too long for a name below it.
    pub fn target(&self, base: &Host) -> Result<Host, HostError> {
        target(&self.label, base)
    }

    /// The records to set: the first is the usual way, the second for a host that cannot be a CNAME.
    ///
    /// # Errors
    /// The platform's base domain is too long for a name below it.
    pub fn records(&self, base: &Host) -> Result<Vec<Record>, HostError> {
        Ok(vec![
            Record {
                name: self.host.to_string(),
                kind: "CNAME",
                value: self.target(base)?.to_string(),
                purpose: "Points the host at the portal and proves that it is yours.",
            },
            Record {
                name: proof_name(&self.host),
                kind: "TXT",
                value: proof_text(&self.nonce),
                purpose: "Proves that the host is yours where a CNAME is not possible, such as at the top of a domain.",
            },
        ])
    }

    /// The record by which certificates can be had before the host points here, where the platform answers such a zone.
    #[must_use]
    pub fn delegation(&self, zone: &str) -> Record {
        Record {
            name: format!("_acme-challenge.{}", self.host),
            kind: "CNAME",
            value: acme::delegation::target(self.host.as_str(), zone),
            purpose: "Optional: has the certificate issued before the host points here, so that a switch is not seen.",
        }
    }

    /// What its DNS should look like. `contested`: another tenant holds the host now.
    ///
    /// # Errors
    /// The platform's base domain is too long for a name below it.
    pub fn want(&self, base: &Host, contested: bool) -> Result<Want, HostError> {
        let mut want = Want::nothing(self.host.as_str());
        want.target = Some(self.target(base)?.to_string());
        want.proof = Some(proof_text(&self.nonce));
        want.contested = contested;
        Ok(want)
    }
}

/// `<label>.edge.<base>`.
pub(crate) fn target(label: &str, base: &Host) -> Result<Host, HostError> {
    base.child("edge")?.child(label)
}

/// The name of the TXT proof.
pub(crate) fn proof_name(host: &Host) -> String {
    format!("_portico.{host}")
}

/// The text of the TXT proof.
pub(crate) fn proof_text(nonce: &str) -> String {
    format!("portico-verify={nonce}")
}
