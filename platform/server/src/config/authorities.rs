//! `[acme]`: the certificate authorities, in the order in which they are asked.
//!
//! | key | meaning |
//! |---|---|
//! | `directory` | the authority's directory; Let's Encrypt when absent |
//! | `contact` | a mail address for its notices |
//! | `ca_file` | PEM roots to trust for its own HTTPS instead of the public ones |
//! | `profile` | the kind of certificate; `tlsserver` (45 days) at Let's Encrypt when absent |
//! | `eab_kid`, `eab_hmac` | the external account that the authority has given, its key as base64url |
//! | `limits` | `letsencrypt`, or `none`; by the directory when absent |
//! | `second_directory`, `second_contact`, .. | the same for the authority that is asked when the first does not work |
//! | `dns_zone` | a zone for proofs, such as `acme.portal.example.com`: customers point `_acme-challenge` into it, and wildcards are proven by it |
//! | `dns_name_server` | this installation answers the zone itself: its host name in the zone's NS record |
//! | `dns_listen` | where the zone is answered; port 53 of every address when absent |
//! | `dns_update_server` | instead, name servers of yours answer the zone: address and port of the primary, which takes updates (RFC 2136) |
//! | `dns_update_key_name`, `dns_update_key` | the key that signs updates: its name, and the secret as base64 (TSIG) |
//! | `dns_update_algorithm` | `hmac-sha256` (when absent), `hmac-sha384` or `hmac-sha512` |
//! | `port_80_blocked` | `true` where port 80 cannot be reached from outside: hosts are then proven on port 443 |

use std::net::SocketAddr;

use acme::delegation::Zone;
use acme::update::{Algorithm, UpdateConfig};
use acme::{Authority, ExternalAccount, Limits};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::reader::Reader;
use super::sections::Acme;

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// The keys of one authority.
struct Keys {
    directory: &'static str,
    contact: &'static str,
    ca_file: &'static str,
    profile: &'static str,
    eab_kid: &'static str,
    eab_hmac: &'static str,
    limits: &'static str,
}

const FIRST: Keys = Keys {
    directory: "acme.directory",
    contact: "acme.contact",
    ca_file: "acme.ca_file",
    profile: "acme.profile",
    eab_kid: "acme.eab_kid",
    eab_hmac: "acme.eab_hmac",
    limits: "acme.limits",
};
const SECOND: Keys = Keys {
    directory: "acme.second_directory",
    contact: "acme.second_contact",
    ca_file: "acme.second_ca_file",
    profile: "acme.second_profile",
    eab_kid: "acme.second_eab_kid",
    eab_hmac: "acme.second_eab_hmac",
    limits: "acme.second_limits",
};

pub(crate) fn read(reader: &mut Reader) -> Acme {
    let directory = reader.text(FIRST.directory).unwrap_or_else(|| LETS_ENCRYPT.to_owned());
    let mut authorities = vec![authority(reader, &FIRST, directory)];
    let second = reader.text(SECOND.directory);
    let other = authority(reader, &SECOND, second.clone().unwrap_or_default());
    if second.as_deref() == Some(authorities[0].directory.as_str()) {
        reader.fault(SECOND.directory, "is the first authority again");
    } else if second.is_some() {
        authorities.push(other);
    }
    let (zone, updates) = zone(reader);
    let all = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 0], 53));
    let dns_listen = reader.parsed("acme.dns_listen", all, "an address with a port, such as [::]:53");
    Acme {
        authorities,
        zone,
        updates,
        dns_listen,
        port_80_blocked: reader.parsed("acme.port_80_blocked", false, "true or false"),
    }
}

fn zone(reader: &mut Reader) -> (Option<Zone>, Option<UpdateConfig>) {
    let name = reader.text("acme.dns_zone");
    let (answered, updated) = (reader.text("acme.dns_name_server"), reader.text("acme.dns_update_server"));
    match (name, answered, updated) {
        (None, None, None) => (None, None),
        (Some(name), Some(server), None) => (Some(Zone { name, server }), None),
        (Some(name), None, Some(server)) => (None, updates(reader, name, &server)),
        _ => {
            reader.fault(
                "acme.dns_zone",
                "goes together with either acme.dns_name_server or acme.dns_update_server",
            );
            (None, None)
        }
    }
}

/// The key is a secret: a fault does not repeat it.
fn updates(reader: &mut Reader, zone: String, server: &str) -> Option<UpdateConfig> {
    let server = server.parse().map_err(|_| {
        reader.fault(
            "acme.dns_update_server",
            format!("{server:?} is no address with a port, such as 192.0.2.53:53"),
        );
    });
    let named = reader.text("acme.dns_update_algorithm").unwrap_or_else(|| "hmac-sha256".to_owned());
    let algorithm = Algorithm::named(&named);
    if algorithm.is_none() {
        reader.fault(
            "acme.dns_update_algorithm",
            format!("{named:?} is none of hmac-sha256, hmac-sha384, hmac-sha512"),
        );
    }
    let (name, key) = (reader.text("acme.dns_update_key_name"), reader.text("acme.dns_update_key"));
    let (Some(key_name), Some(key)) = (name, key) else {
        reader.fault("acme.dns_update_server", "needs acme.dns_update_key_name and acme.dns_update_key");
        return None;
    };
    let Ok(key) = STANDARD.decode(key.trim()) else {
        reader.fault("acme.dns_update_key", "is not base64");
        return None;
    };
    Some(UpdateConfig { zone, server: server.ok()?, key_name, algorithm: algorithm?, key })
}

fn authority(reader: &mut Reader, keys: &Keys, directory: String) -> Authority {
    let usual = Authority::new(directory);
    let lets_encrypt = usual.limits.orders.is_some();
    let limits = match reader.text(keys.limits).as_deref() {
        None => usual.limits,
        Some("letsencrypt") => Limits::lets_encrypt(),
        Some("none") => Limits::none(),
        Some(other) => {
            reader.fault(keys.limits, format!("{other:?} is neither letsencrypt nor none"));
            usual.limits
        }
    };
    Authority {
        contact: reader.text(keys.contact),
        ca_file: reader.file(keys.ca_file),
        external: external(reader, keys),
        profile: reader.text(keys.profile).or_else(|| lets_encrypt.then(|| "tlsserver".to_owned())),
        limits,
        ..usual
    }
}

/// The key is a secret: a fault does not repeat it.
fn external(reader: &mut Reader, keys: &Keys) -> Option<ExternalAccount> {
    let (kid, hmac) = (reader.text(keys.eab_kid), reader.text(keys.eab_hmac));
    let (kid, hmac) = match (kid, hmac) {
        (None, None) => return None,
        (Some(kid), Some(hmac)) => (kid, hmac),
        _ => {
            reader.fault(keys.eab_kid, format!("goes together with {}", keys.eab_hmac));
            return None;
        }
    };
    match URL_SAFE_NO_PAD.decode(hmac.trim_end_matches('=')) {
        Ok(hmac) => Some(ExternalAccount { kid, hmac }),
        Err(_) => {
            reader.fault(keys.eab_hmac, "is not base64url");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn read(acme: &str) -> Result<Config, String> {
        let text = format!(
            "[platform]\nbase_domain = \"portal.example.com\"\n[smtp]\nfrom = \"portal@example.com\"\n[acme]\n{acme}"
        );
        Config::read(&text, std::iter::empty()).map_err(|faults| faults.to_string())
    }

    #[test]
    fn without_keys_it_is_lets_encrypt_with_its_limits() {
        let acme = read("").expect("nothing is required").acme;
        assert_eq!(acme.authorities.len(), 1);
        let first = &acme.authorities[0];
        assert!(first.limits.orders.is_some() && first.profile.as_deref() == Some("tlsserver"));
    }

    #[test]
    fn a_second_authority_has_an_external_account_that_is_never_printed() {
        let text = "second_directory = \"https://acme.zerossl.com/v2/DV90\"\nsecond_eab_kid = \"kid\"\n\
                    second_eab_hmac = \"aHVudGVyMg\"\n";
        let acme = read(text).expect("it is complete").acme;
        let second = &acme.authorities[1];
        assert_eq!(second.external.as_ref().map(|known| known.hmac.as_slice()), Some(&b"hunter2"[..]));
        assert!(second.limits.orders.is_none() && second.profile.is_none());
        assert!(!format!("{acme:?}").contains("104, 117"), "the key's octets");
    }

    #[test]
    fn faults_name_their_keys_and_no_secret() {
        let text = "limits = \"some\"\ndns_zone = \"acme.portal.example.com\"\neab_kid = \"kid\"\neab_hmac = \"hunter 2\"\nsecond_eab_kid = \"kid\"\n";
        let faults = read(text).expect_err("four faults");
        for key in ["acme.limits", "acme.eab_hmac", "acme.second_eab_kid", "acme.dns_zone"] {
            assert!(faults.contains(key), "{key} is missing in:\n{faults}");
        }
        assert!(!faults.contains("hunter"), "{faults}");
    }
}
