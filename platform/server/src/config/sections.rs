//! The sections, typed. What a key means is said here, beside its name.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr as _;

use acme::Authority;
use acme::delegation::Zone;
use acme::update::UpdateConfig;
use sqlx::postgres::PgConnectOptions;

use super::authorities;
use super::reader::{Fault, Faults, Reader};

/// Everything the program was told.
#[derive(Debug, Clone)]
pub struct Config {
    pub platform: Platform,
    pub http: Http,
    pub https: Https,
    pub database: Database,
    pub secrets: Secrets,
    pub acme: Acme,
    pub dns: Dns,
    pub smtp: Smtp,
    pub limits: Limits,
}

#[derive(Debug, Clone)]
pub struct Platform {
    /// Tenants live at `<slug>.<base_domain>`.
    pub base_domain: String,
    /// Where this node keeps its own files (the private PostgreSQL, the key file).
    pub data_dir: PathBuf,
    /// Shows the outbox at `/demo/outbox`. Never in production: it shows sign-in links.
    pub demo: bool,
}

#[derive(Debug, Clone)]
pub struct Http {
    pub listen: SocketAddr,
}

#[derive(Debug, Clone)]
pub struct Https {
    pub listen: SocketAddr,
    /// The port in links, where a forwarder or the demo makes it another than 443.
    pub public_port: u16,
}

#[derive(Clone)]
pub struct Database {
    /// As `portico_app`. Absent: a private PostgreSQL under `platform.data_dir`.
    pub url: Option<PgConnectOptions>,
    pub operator_url: Option<PgConnectOptions>,
    /// As an administrator, for `portico migrate` only.
    pub owner_url: Option<PgConnectOptions>,
    /// As `portico_app`, past a pooler, for hints. Absent: `url`; behind a pooler hints are then lost, and everything is
    /// looked for from time to time instead.
    pub listen_url: Option<PgConnectOptions>,
    /// Whether `url` leads through a transaction pooler.
    pub pooler: bool,
    pub max_connections: u32,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Options hold passwords.
        f.debug_struct("Database")
            .field("private", &self.url.is_none())
            .field("pooler", &self.pooler)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
pub struct Secrets {
    /// Keys that seal secrets; made at the first start when absent.
    pub key_file: PathBuf,
}

/// Where certificates come from.
#[derive(Debug, Clone)]
pub struct Acme {
    /// `acme.directory` and its kin; then `acme.second_directory` and its kin, for faults of the first.
    pub authorities: Vec<Authority>,
    /// `acme.dns_zone`: answered by this installation itself, at `acme.dns_listen`.
    pub zone: Option<Zone>,
    /// `acme.dns_zone` again, where the operator's own name servers answer it: how it is changed.
    pub updates: Option<UpdateConfig>,
    pub dns_listen: SocketAddr,
    /// `acme.port_80_blocked`: port 80 cannot be reached from outside, so hosts are proven on port 443.
    pub port_80_blocked: bool,
}

impl Acme {
    /// The zone of proofs, whoever answers it.
    #[must_use]
    pub fn zone_name(&self) -> Option<&str> {
        let own = self.zone.as_ref().map(|zone| zone.name.as_str());
        own.or_else(|| self.updates.as_ref().map(|updates| updates.zone.as_str()))
    }
}

#[derive(Debug, Clone)]
pub struct Dns {
    /// Resolvers that stand for what the world sees of a domain. Empty: three public ones.
    pub servers: Vec<SocketAddr>,
    /// Root servers, from which the name servers of a domain are found and asked themselves. Empty: the internet's, or
    /// none where `servers` is given: then the resolvers' word counts.
    pub roots: Vec<IpAddr>,
}

#[derive(Clone)]
pub struct Smtp {
    pub url: String,
    pub from: String,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL holds a password.
        f.debug_struct("Smtp").field("from", &self.from).finish_non_exhaustive()
    }
}

/// What one client address may do: an IPv4 address or an IPv6 /64. A whole office may stand behind one, and everybody
/// does where a forwarder in front of Portico hides the addresses.
#[derive(Debug, Clone)]
pub struct Limits {
    /// New connections a second, lasting.
    pub connections_per_second: NonZeroU32,
    /// New connections at once.
    pub connection_burst: NonZeroU32,
    /// Requests a second, lasting.
    pub requests_per_second: NonZeroU32,
    /// Requests at once.
    pub request_burst: NonZeroU32,
}

impl Config {
    /// Reads the file's text with this process's environment laid over it.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub(crate) fn with_environment(text: &str) -> Result<Self, Faults> {
        Self::read(text, std::env::vars())
    }

    /// Reads the file's text with the environment laid over it.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn read(text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, Faults> {
        let mut reader = Reader::new(text, environment);
        let config = Self::sections(&mut reader);
        let faults: Vec<Fault> = reader.finish();
        if faults.is_empty() { Ok(config) } else { Err(Faults(faults)) }
    }

    fn sections(reader: &mut Reader) -> Self {
        let platform = Platform {
            base_domain: reader.required("platform.base_domain", "tenants live at <slug>.<base_domain>"),
            data_dir: reader.text("platform.data_dir").unwrap_or_else(|| "/var/lib/portico".into()).into(),
            demo: reader.parsed("platform.demo", false, "true or false"),
        };
        let any = |port| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 0], port));
        let http =
            Http { listen: reader.parsed("http.listen", any(80), "an address with a port, such as [::]:80") };
        let listen: SocketAddr =
            reader.parsed("https.listen", any(443), "an address with a port, such as [::]:443");
        let https = Https { listen, public_port: reader.parsed("https.public_port", 443, "a port") };
        let key_file =
            reader.text("secrets.key_file").map_or_else(|| platform.data_dir.join("keys"), PathBuf::from);
        Self {
            http,
            https,
            database: database(reader),
            secrets: Secrets { key_file },
            acme: authorities::read(reader),
            dns: Dns {
                servers: reader.list("dns.servers", "an address with a port, such as 9.9.9.9:53"),
                roots: reader.list("dns.roots", "an address, such as 198.41.0.4"),
            },
            smtp: Smtp {
                url: reader.text("smtp.url").unwrap_or_else(|| "smtp://127.0.0.1:25".into()),
                from: reader.required("smtp.from", "the address in From, such as portal@mail.example.com"),
            },
            limits: limits(reader),
            platform,
        }
    }
}

fn limits(reader: &mut Reader) -> Limits {
    let mut limit = |key, default| {
        let default = NonZeroU32::new(default).expect("no default is 0");
        reader.parsed(key, default, "a number above 0")
    };
    Limits {
        connections_per_second: limit("limits.connections_per_second", 200),
        connection_burst: limit("limits.connection_burst", 1000),
        requests_per_second: limit("limits.requests_per_second", 100),
        request_burst: limit("limits.request_burst", 400),
    }
}

fn database(reader: &mut Reader) -> Database {
    Database {
        url: connection(reader, "database.url"),
        operator_url: connection(reader, "database.operator_url"),
        owner_url: connection(reader, "database.owner_url"),
        listen_url: connection(reader, "database.listen_url"),
        pooler: reader.parsed("database.pooler", false, "true or false"),
        max_connections: reader.parsed("database.max_connections", 16, "a number"),
    }
}

/// A connection URL. Its text holds a password, so a fault does not repeat it.
fn connection(reader: &mut Reader, key: &'static str) -> Option<PgConnectOptions> {
    let text = reader.text(key)?;
    match PgConnectOptions::from_str(&text) {
        Ok(options) => Some(options),
        Err(_) => {
            reader.fault(key, "is not a URL such as postgres://portico_app:PASSWORD@host/portico");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    const GOOD: &str =
        "[platform]\nbase_domain = \"portal.example.com\"\n[smtp]\nfrom = \"portal@example.com\"\n";

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::read(text, environment).map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_small_file_is_enough_and_variables_win() {
        let config =
            read(GOOD, &[("PORTICO_HTTPS_PUBLIC_PORT", "8443"), ("HOME", "/root")]).expect("it is complete");
        assert_eq!(config.https.public_port, 8443);
        assert_eq!(config.limits.requests_per_second.get(), 100);
        assert_eq!(config.platform.base_domain, "portal.example.com");
        assert!(config.database.url.is_none() && !config.platform.demo);
    }

    #[test]
    fn every_fault_is_reported_at_once_with_its_key() {
        let text = "[limits]\nrequest_burst = 0\n[platform]\ndemo = \"maybe\"\n[http]\nlisten = \"nowhere\"\n[databse]\nurl = \"x\"\n";
        let faults = read(text, &[("PORTICO_DNS_SERVERS", "9.9.9.9:53,rubbish")]).expect_err("seven faults");
        for key in [
            "platform.base_domain",
            "platform.demo",
            "http.listen",
            "databse.url",
            "dns.servers",
            "smtp.from",
            "limits.request_burst",
        ] {
            assert!(faults.contains(key), "{key} is missing in:\n{faults}");
        }
        assert!(faults.contains("did you mean database.url?"), "{faults}");
    }

    #[test]
    fn secrets_are_never_printed() {
        let url = "postgres://portico_app:hunter2@db/portico";
        let smtp = "smtp://portal:hunter2@mail";
        let config =
            read(GOOD, &[("PORTICO_DATABASE_URL", url), ("PORTICO_SMTP_URL", smtp)]).expect("it is complete");
        assert!(!format!("{config:?}").contains("hunter2"));
        let faults = read(GOOD, &[("PORTICO_DATABASE_URL", "hunter2")]).expect_err("no URL");
        assert!(!faults.contains("hunter2"), "{faults}");
    }
}
