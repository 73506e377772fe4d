//! May our authority issue for a host? CAA as an authority reads it before it issues (RFC 8659, RFC 8657): climb from the
//! host towards the root, follow aliases at each name, the first set of records decides; and a name that cannot be read is
//! no permission. `value` reads a property's value, `fixes` says what to publish instead.

mod fixes;
mod value;

use platform_core::db::SystemTx;
use serde::Serialize;

use crate::dns::message::Property;
use crate::dns::{Data, Kind, Said, Trouble, parent};
use value::IssueValue;

/// What is to be issued, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Without `*.`.
    pub host: &'a str,
    pub wildcard: bool,
    /// `http-01`, `tls-alpn-01` or `dns-01`.
    pub method: &'a str,
    /// The names by which the authority knows itself (`caaIdentities` of its directory).
    pub issuers: &'a [String],
    /// Our accounts at the authority.
    pub accounts: &'a [String],
}

/// Answers the question for the CAA records of one name, aliases followed.
pub trait Lookup {
    /// The answer, and who gave it.
    fn caa(&self, name: &str) -> impl Future<Output = (Said, String)> + Send;
}

/// Whether it may be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// `found`: the name with the deciding set; none when there is no set at all.
    Allowed {
        found: Option<Found>,
    },
    Denied {
        found: Found,
        why: Denial,
        fixes: Vec<Fix>,
    },
    /// A name could not be read; an authority treats that as a refusal.
    Broken {
        at: String,
        server: String,
        why: Trouble,
    },
}

/// Where the deciding set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The name that was asked for: the host or one above it.
    pub at: String,
    /// The name that carries the set: another one when `at` is an alias.
    pub owner: String,
    pub records: Vec<Property>,
}

/// Why a set forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    #[error("it names other authorities only")]
    OtherIssuer,
    #[error("it forbids every authority")]
    Nobody,
    #[error("it allows another account of our authority only")]
    Account,
    #[error("it allows our authority, but not by {0}")]
    Method(String),
    #[error("it has the critical property “{0}”, which authorities do not know")]
    Critical(String),
}

/// A record that would mend it. One of them is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    pub name: String,
    /// As in a zone file: `0 issue "letsencrypt.org"`.
    pub value: String,
    pub what: String,
}

/// The accounts by which the platform is known to its authorities, for `accounturi`.
///
/// # Errors
/// The database's answer.
pub async fn accounts(tx: &mut SystemTx) -> Result<Vec<String>, platform_core::db::Error> {
    let all = "select account_url from acme_accounts where account_url is not null order by created_at";
    Ok(sqlx::query_scalar(all).fetch_all(tx.conn()).await?)
}

/// Decides.
pub async fn evaluate(lookup: &impl Lookup, request: &Request<'_>) -> Verdict {
    let mut at = request.host;
    while !at.is_empty() {
        let (said, server) = lookup.caa(at).await;
        match said {
            Said::Failed(why) => return Verdict::Broken { at: at.to_owned(), server, why },
            Said::Found { chain, data, .. } if !data.is_empty() => {
                let owner = chain.last().cloned().unwrap_or_else(|| at.to_owned());
                let found = Found { at: at.to_owned(), owner, records: properties(&data) };
                return judge(found, request);
            }
            _ => at = parent(at).unwrap_or_default(),
        }
    }
    Verdict::Allowed { found: None }
}

fn properties(data: &[Data]) -> Vec<Property> {
    debug_assert!(data.iter().all(|one| one.kind() == Kind::Caa));
    let all = data.iter().filter_map(|one| match one {
        Data::Caa(property) => Some(property.clone()),
        _ => None,
    });
    all.collect()
}

fn judge(found: Found, request: &Request<'_>) -> Verdict {
    match denial(&found.records, request) {
        None => Verdict::Allowed { found: Some(found) },
        Some(why) => {
            let fixes = fixes::fixes(&found, &why, request);
            Verdict::Denied { found, why, fixes }
        }
    }
}

fn denial(records: &[Property], request: &Request<'_>) -> Option<Denial> {
    // RFC 8659 means bit 0, which is 128; 1 is a mistake that authorities take for it.
    let critical = |record: &&Property| record.flags & (128 | 1) != 0 && !is_known(&record.tag);
    if let Some(record) = records.iter().find(critical) {
        return Some(Denial::Critical(record.tag.clone()));
    }
    let of = |tag: &str| records.iter().filter(|record| record.tag == tag).collect::<Vec<_>>();
    let wild = of("issuewild");
    let relevant = if request.wildcard && !wild.is_empty() { wild } else { of("issue") };
    if relevant.is_empty() {
        return None;
    }
    let mut nearest = Denial::Nobody;
    for record in relevant {
        match verdict_of(record, request) {
            Ok(()) => return None,
            Err(why) => nearest = nearer(nearest, why),
        }
    }
    Some(nearest)
}

fn is_known(tag: &str) -> bool {
    matches!(tag, "issue" | "issuewild" | "iodef" | "issuemail")
}

fn verdict_of(record: &Property, request: &Request<'_>) -> Result<(), Denial> {
    let Some(value) = IssueValue::read(&record.value) else { return Err(Denial::Nobody) };
    if value.issuer.is_empty() {
        return Err(Denial::Nobody);
    }
    if !request.issuers.iter().any(|issuer| issuer.eq_ignore_ascii_case(&value.issuer)) {
        return Err(Denial::OtherIssuer);
    }
    match value.of("accounturi").as_slice() {
        [] => {}
        [one] if request.accounts.iter().any(|ours| ours == one) => {}
        // Two cannot both be ours, whatever they are.
        _ => return Err(Denial::Account),
    }
    match value.of("validationmethods").as_slice() {
        [] => Ok(()),
        [one] if one.split(',').any(|method| method == request.method) => Ok(()),
        _ => Err(Denial::Method(request.method.to_owned())),
    }
}

/// Of two reasons the one that is nearer to a permission: that record is the one to mend.
fn nearer(one: Denial, other: Denial) -> Denial {
    let rank = |why: &Denial| match why {
        Denial::Nobody | Denial::Critical(_) => 0,
        Denial::OtherIssuer => 1,
        Denial::Account => 2,
        Denial::Method(_) => 3,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

#[cfg(test)]
mod tests;
