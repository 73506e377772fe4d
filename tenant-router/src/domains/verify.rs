//! Does the DNS prove that a host is its tenant's? Either record is enough: the CNAME to the domain's own target, or the
//! TXT with its own nonce. The report says for each what was expected, what was seen and what to do.

use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use serde::{Deserialize, Serialize};

use super::dns::{Dns, NoAnswer};
use super::{Domain, Proof, proof_name, proof_text};
use crate::host::{Host, HostError};

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `cname`, `txt` or `holder`; stable, for programs.
    pub code: String,
    /// The name that was asked for.
    pub name: String,
    pub expected: String,
    /// What the DNS said; empty when it said nothing.
    pub seen: Vec<String>,
    /// Why nothing was seen.
    pub problem: Option<String>,
    pub ok: bool,
    /// What to do, when it is not well.
    pub fix: Option<String>,
}

/// What the DNS says of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub at: DateTime<Utc>,
    pub checks: Vec<Check>,
    /// The first proof that holds.
    pub proof: Option<Proof>,
}

/// Asks for both records at once.
///
/// # Errors
/// The platform's base domain is too long for a name below it.
pub async fn verify(dns: &Dns, domain: &Domain, base: &Host, clock: &dyn Clock) -> Result<Report, HostError> {
    let target = domain.target(base)?;
    let txt_name = proof_name(&domain.host);
    let (cname, txt) = tokio::join!(dns.cname(domain.host.as_str()), dns.txt(&txt_name));
    let cname = cname_check(&domain.host, &target, cname);
    let txt = txt_check(&txt_name, &proof_text(&domain.nonce), txt);
    let proof = match (cname.ok, txt.ok) {
        (true, _) => Some(Proof::Cname),
        (false, true) => Some(Proof::Txt),
        (false, false) => None,
    };
    Ok(Report { at: clock.now(), checks: vec![cname, txt], proof })
}

fn cname_check(host: &Host, target: &Host, answer: Result<Vec<String>, NoAnswer>) -> Check {
    let (seen, problem) = split(answer);
    let ok = seen.len() == 1 && Host::parse(&seen[0]).is_ok_and(|seen| seen == *target);
    let fix = match (ok, seen.first()) {
        (true, _) => None,
        // Many DNS forms append the domain to what is typed.
        (false, Some(wrong)) if wrong.starts_with(&format!("{target}.")) => {
            Some(format!("The target has your domain appended. Type it with a final dot: “{target}.”"))
        }
        (false, Some(wrong)) => Some(format!("Change the CNAME of {host} from {wrong} to {target}.")),
        (false, None) => Some(format!("Add a CNAME record: {host} points to {target}.")),
    };
    Check {
        code: "cname".into(),
        name: host.to_string(),
        expected: target.to_string(),
        seen,
        problem,
        ok,
        fix,
    }
}

fn txt_check(name: &str, expected: &str, answer: Result<Vec<String>, NoAnswer>) -> Check {
    let (seen, problem) = split(answer);
    let ok = seen.iter().any(|text| text.trim() == expected);
    let fix =
        (!ok).then(|| format!("Where a CNAME is not possible, add a TXT record at {name}: “{expected}”."));
    Check { code: "txt".into(), name: name.to_owned(), expected: expected.to_owned(), seen, problem, ok, fix }
}

/// The line that is added when the host is proven but another tenant holds it.
pub(crate) fn held(host: &Host) -> Check {
    Check {
        code: "holder".into(),
        name: host.to_string(),
        expected: "the host is free".into(),
        seen: Vec::new(),
        problem: Some("another account of this platform holds this host".into()),
        ok: false,
        fix: Some("Ask the other account to release it, or write to us with a proof of ownership.".into()),
    }
}

fn split(answer: Result<Vec<String>, NoAnswer>) -> (Vec<String>, Option<String>) {
    match answer {
        Ok(seen) => (seen, None),
        Err(reason) => (Vec::new(), Some(reason.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn the_report_says_what_to_do() {
        let (name, target) = (host("success.brightwater.example"), host("abc.edge.portico.localhost"));
        let check = |answer| cname_check(&name, &target, answer);
        assert!(check(Ok(vec!["ABC.edge.portico.localhost".into()])).ok);
        let wrong = check(Ok(vec!["elsewhere.example".into()]));
        assert!(!wrong.ok && wrong.fix.unwrap().contains("from elsewhere.example to abc.edge"));
        let doubled = check(Ok(vec!["abc.edge.portico.localhost.brightwater.example".into()]));
        assert!(!doubled.ok && doubled.fix.unwrap().contains("final dot"));
        let none = check(Err(NoAnswer::NoName));
        assert_eq!(none.problem.as_deref(), Some("the name does not exist"));
        assert!(none.fix.unwrap().starts_with("Add a CNAME"));
    }

    #[test]
    fn any_of_several_texts_will_do() {
        let check = |seen: &[&str]| {
            txt_check(
                "_portico.a.example",
                "portico-verify=x",
                Ok(seen.iter().map(|s| (*s).to_owned()).collect()),
            )
        };
        assert!(check(&["v=spf1 -all", "portico-verify=x"]).ok);
        assert!(!check(&["portico-verify=y"]).ok);
        assert!(!check(&["portico-verify=xx"]).ok);
    }
}
