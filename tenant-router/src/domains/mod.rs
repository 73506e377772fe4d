//! Custom domains of tenants: claimed, verified by DNS, then live. The table `domains` is this room's.
//!
//! `claim` holds the rules for a name, `verify` asks the DNS and writes the report, `store` has the SQL, `check` ties
//! them together for one domain. The reconciler of the room above walks all domains that are due. Doctor, CAA and
//! takeover by newest proof of the later depth belong here too.

pub mod check;
pub mod claim;
pub mod dns;
pub mod store;
pub mod verify;

use chrono::{DateTime, Utc};
use platform_core::id::{DomainId, TenantId};
use serde::{Deserialize, Serialize};

pub use check::Checker;
pub use claim::{ClaimError, ClaimRules, is_reserved_slug};
pub use dns::Dns;
pub use store::{claim, find, list, release};
pub use verify::Check;

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
    /// Was served, and its DNS has turned away.
    Moved,
    /// Given back.
    Released,
    /// Proven, but another tenant holds the host.
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
    /// The last report; empty before the first check.
    pub checks: Vec<Check>,
    pub claimed_at: DateTime<Utc>,
    pub checked_at: Option<DateTime<Utc>>,
    /// When the DNS is looked at next; none when nothing is waited for.
    pub next_check: Option<DateTime<Utc>>,
    pub verified_at: Option<DateTime<Utc>>,
    pub live_at: Option<DateTime<Utc>>,
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
