//! What the authority remembers.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use instant_acme::CertificateIdentifier;

use super::jose::Jwk;
use super::limits::Buckets;
use super::press::Press;
use crate::challenges::Kind;

/// A moment, in seconds since 1970.
pub type When = i64;

/// What has happened at the authority so far.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Requests of all kinds.
    pub requests: u64,
    /// New orders that were taken.
    pub orders: u64,
    /// Requests refused with 429.
    pub refused: u64,
    /// Orders of names that had a certificate before, by how they were counted: inside their window; free because the
    /// same names were renewed; against the limits.
    pub renewals_in_window: u64,
    pub renewals_of_same_names: u64,
    pub renewals_counted: u64,
    /// Certificates, each with its moment and whether it replaced one that was about to be revoked.
    pub issued: Vec<(When, bool)>,
    /// Failed challenges: host and moment.
    pub failures: Vec<(String, When)>,
    /// Orders that said `replaces` for a certificate that had a successor already.
    pub already_replaced: u64,
    /// Renewal windows that were asked for.
    pub windows_asked: u64,
}

pub(super) struct Account {
    pub(super) key: Jwk,
    pub(super) contact: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Ready,
    Valid,
    Invalid,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}

/// How an order is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Inside the window of the certificate it replaces: not at all.
    Nowhere,
    /// As a renewal of the same names: by its set only.
    BySet,
    Fully,
}

pub(super) struct Order {
    pub(super) account: usize,
    pub(super) names: Vec<String>,
    pub(super) proofs: Vec<usize>,
    pub(super) status: Status,
    pub(super) counted: Counted,
    pub(super) profile: String,
    pub(super) said_profile: bool,
    pub(super) replaces: Option<String>,
    pub(super) certificate: Option<usize>,
}

pub(super) struct Proof {
    pub(super) account: usize,
    pub(super) name: String,
    pub(super) wildcard: bool,
    pub(super) status: Status,
    pub(super) token: String,
    /// The kind that was tried, and what came of it.
    pub(super) tried: Option<(Kind, Option<(&'static str, String)>)>,
}

pub(super) struct Certificate {
    pub(super) account: usize,
    pub(super) names: Vec<String>,
    pub(super) serial: String,
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    /// Announced to be revoked.
    pub(super) announced: bool,
    pub(super) revoked: Option<u64>,
    /// The order that replaces it.
    pub(super) replaced_by: Option<usize>,
}

pub(super) struct Book {
    pub(super) accounts: HashMap<usize, Account>,
    pub(super) next_account: usize,
    pub(super) orders: Vec<Order>,
    pub(super) proofs: Vec<Proof>,
    pub(super) kept_proofs: HashMap<(usize, String), (usize, DateTime<Utc>)>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) by_ari: HashMap<String, usize>,
    /// The last issue of a set of names.
    pub(super) sets: HashMap<String, DateTime<Utc>>,
    /// The newest chains; older ones were fetched long ago.
    pub(super) chains: VecDeque<(usize, String)>,
    pub(super) failures_in_a_row: HashMap<String, u32>,
    pub(super) nonces: HashSet<u64>,
    pub(super) next_nonce: u64,
    pub(super) buckets: Buckets,
    pub(super) press: Press,
    pub(super) stats: Stats,
}

const CHAINS: usize = 2_000;

impl Book {
    pub(super) fn new() -> Self {
        Self {
            accounts: HashMap::new(),
            next_account: 1,
            orders: Vec::new(),
            proofs: Vec::new(),
            kept_proofs: HashMap::new(),
            certificates: Vec::new(),
            by_ari: HashMap::new(),
            sets: HashMap::new(),
            chains: VecDeque::new(),
            failures_in_a_row: HashMap::new(),
            nonces: HashSet::new(),
            next_nonce: 1,
            buckets: Buckets::default(),
            press: Press::new(),
            stats: Stats::default(),
        }
    }

    pub(super) fn account_by_key(&self, key: &Jwk) -> Option<usize> {
        self.accounts.iter().find(|(_, account)| account.key == *key).map(|(id, _)| *id)
    }

    pub(super) fn certificate_by_serial(&self, serial: &str) -> Option<&Certificate> {
        self.certificates.iter().find(|known| known.serial == serial)
    }

    pub(super) fn announce(&mut self, which: &impl Fn(&str) -> bool, now: DateTime<Utc>) -> usize {
        let mut count = 0;
        for known in &mut self.certificates {
            let current = known.replaced_by.is_none() && known.until > now && !known.announced;
            if current && known.names.iter().any(|name| which(name)) {
                known.announced = true;
                count += 1;
            }
        }
        count
    }

    pub(super) fn keep(
        &mut self,
        certificate: Certificate,
        chain: String,
        leaf: &rcgen::Certificate,
    ) -> usize {
        let number = self.certificates.len();
        let name = CertificateIdentifier::try_from(leaf.der()).expect("the leaf names its authority");
        self.by_ari.insert(name.to_string(), number);
        self.certificates.push(certificate);
        self.chains.push_back((number, chain));
        if self.chains.len() > CHAINS {
            self.chains.pop_front();
        }
        number
    }

    /// The window in which a certificate should be renewed, as Boulder reckons it.
    pub(super) fn window(&self, number: usize, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let known = &self.certificates[number];
        if known.announced || known.revoked.is_some() {
            let begin = now - TimeDelta::hours(1);
            return (begin, begin + TimeDelta::minutes(30));
        }
        let life = known.until - known.from + TimeDelta::seconds(1);
        let left = if life < TimeDelta::days(10) { life / 2 } else { life / 3 };
        let ideal = known.until - left;
        (ideal - life / 100, ideal + life / 100)
    }

    pub(super) fn fresh_nonce(&mut self) -> String {
        let nonce = self.next_nonce;
        self.next_nonce += 1;
        self.nonces.insert(nonce);
        if self.nonces.len() > 200_000 {
            let oldest = nonce.saturating_sub(50_000);
            self.nonces.retain(|known| *known > oldest);
        }
        format!("n{nonce}")
    }

    pub(super) fn use_nonce(&mut self, nonce: &str) -> bool {
        nonce.strip_prefix('n').and_then(|n| n.parse().ok()).is_some_and(|n| self.nonces.remove(&n))
    }
}
