//! What to publish so that our authority may issue: beside the set that forbids, or at the host alone.

use super::{Denial, Fix, Found, Request};

/// Records that would each mend it, the one with the least effect last.
pub(super) fn fixes(found: &Found, why: &Denial, request: &Request<'_>) -> Vec<Fix> {
    let name = || found.owner.clone();
    let wanted = wanted(request);
    let mut fixes = match why {
        Denial::Critical(tag) => vec![Fix {
            name: name(),
            value: String::new(),
            what: format!("Remove the CAA record “{tag}” at {}, or its critical flag.", found.owner),
        }],
        Denial::Account | Denial::Method(_) => vec![Fix {
            name: name(),
            value: wanted.clone(),
            what: format!(
                "Add the CAA record {wanted} at {}, beside those that are there: {why}.",
                found.owner
            ),
        }],
        Denial::Nobody | Denial::OtherIssuer => vec![Fix {
            name: name(),
            value: wanted.clone(),
            what: format!("Add the CAA record {wanted} at {}, beside those that are there.", found.owner),
        }],
    };
    // An alias cannot carry a record of its own, so the second way is open to other hosts only.
    if found.at != request.host {
        fixes.push(Fix {
            name: request.host.to_owned(),
            value: wanted.clone(),
            what: format!(
                "Or add the CAA record {wanted} at {} alone: it then counts instead of the one at {}. \
                 This is not possible where the host is a CNAME.",
                request.host, found.at
            ),
        });
    }
    fixes
}

fn wanted(request: &Request<'_>) -> String {
    let tag = if request.wildcard { "issuewild" } else { "issue" };
    let issuer = request.issuers.first().map_or("letsencrypt.org", String::as_str);
    format!("0 {tag} \"{issuer}\"")
}
