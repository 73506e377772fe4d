//! `portico doctor`: looks at what the program leans on, and says what to mend.

use std::net::ToSocketAddrs as _;
use std::process::ExitCode;
use std::time::Duration;

use acme::delegation;
use acme::dns::{Client, Data, Kind, Mode};
use acme::probe::Level;
use clap::Args;
use serde_json::json;
use tokio::net::TcpStream;

use super::answer;
use super::domain::{checker, sources};
use crate::config::Config;
use crate::stack::Stack;

/// Checks configuration, database and its roles, clock, keys, certificate authority, mail server, the base domain's DNS and
/// domains in trouble. Changes nothing. Exits with 1 when something must be mended.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

struct Finding {
    what: &'static str,
    /// What was found, or what to do.
    outcome: Result<String, String>,
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Doctor {
    pub(crate) async fn run(&self, config: Config) -> anyhow::Result<ExitCode> {
        let mut findings = vec![Finding { what: "configuration", outcome: Ok("read, no fault".into()) }];
        findings.push(Finding { what: "base domain", outcome: base_domain(&config).await });
        findings.push(Finding { what: "mail server", outcome: mail_server(&config).await });
        findings.push(Finding { what: "certificates", outcome: authority(&config).await });
        match Stack::open(config).await {
            Ok(stack) => {
                findings.push(Finding {
                    what: "database",
                    outcome: Ok("answers; its role cannot pass the wall".into()),
                });
                findings.push(Finding {
                    what: "keys",
                    outcome: Ok(format!("key {} seals", stack.sealer.current_key())),
                });
                findings.push(Finding { what: "clock", outcome: clock(&stack).await });
                findings.push(Finding { what: "domains", outcome: domains(&stack).await });
                findings.push(Finding { what: "targets", outcome: targets(&stack).await });
                findings.push(Finding { what: "wildcard", outcome: wildcard(&stack).await });
            }
            Err(error) => findings.push(Finding { what: "database", outcome: Err(format!("{error:#}")) }),
        }
        let well = findings.iter().all(|finding| finding.outcome.is_ok());
        let lines = findings.iter().map(Finding::line).collect::<Vec<_>>().join("\n");
        answer(self.json, &findings.iter().map(Finding::json).collect(), &lines);
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Finding {
    fn line(&self) -> String {
        match &self.outcome {
            Ok(found) => format!("ok   {:14} {found}", self.what),
            Err(mend) => format!("MEND {:14} {mend}", self.what),
        }
    }

    fn json(&self) -> serde_json::Value {
        let (ok, text) = match &self.outcome {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        json!({ "check": self.what, "ok": ok, "text": text })
    }
}

/// Domains that need somebody: no certificate could be renewed, or their owners have left, or nobody sets the record.
async fn domains(stack: &Stack) -> Result<String, String> {
    let checker = checker(stack).map_err(|error| error.to_string())?;
    let troubled = checker.in_trouble().await.map_err(|error| error.to_string())?;
    if troubled.is_empty() {
        return Ok("none is in trouble".to_owned());
    }
    let few: Vec<String> = troubled.iter().take(5).map(|(host, why)| format!("{host} ({why})")).collect();
    let more = if troubled.len() > few.len() { ", .." } else { "" };
    let text = format!("{}: {}{more}; see `portico domain doctor HOST`", troubled.len(), few.join(", "));
    // A customer who has not set a record yet, or has left, is no fault of this installation.
    let urgent = troubled.iter().any(|(_, why)| why == "troubled");
    if urgent { Err(text) } else { Ok(format!("to look at: {text}")) }
}

/// What the platform's own zone says of the targets that customers' hosts point at.
async fn targets(stack: &Stack) -> Result<String, String> {
    let checker = checker(stack).map_err(|error| error.to_string())?;
    let check = tokio::time::timeout(2 * PATIENCE, checker.own_zone()).await;
    let check = check.map_err(|_| "dns.servers: no resolver answers in time".to_owned())?;
    let text =
        [check.says.as_str(), check.fix.as_deref().unwrap_or_default()].join(" ").trim_end().to_owned();
    if check.level == Level::Fail { Err(text) } else { Ok(text) }
}

/// Whether the platform's own wildcard can be proven: the one record that the operator has to set for it.
async fn wildcard(stack: &Stack) -> Result<String, String> {
    let base = &stack.config.platform.base_domain;
    let Some(zone) = stack.config.acme.zone_name() else {
        return Ok(format!(
            "each host of {base} has a certificate of its own (acme.dns_zone would make it one for all)"
        ));
    };
    let (name, target) = (format!("_acme-challenge.{base}"), delegation::target(base, zone));
    let client = Client::new(stack.random.clone(), PATIENCE);
    for resolver in sources(&stack.config).resolvers {
        let said = client.said(resolver, &name, Kind::Cname, Mode::Resolver).await;
        if said.data().iter().any(|data| *data == Data::Cname(target.clone())) {
            return Ok(format!("{name} points at {target}"));
        }
    }
    Err(format!("set {name} CNAME {target}: until then each host of {base} has a certificate of its own"))
}

/// Expiry is decided by the database's clock and certificates by ours, so the two must agree.
async fn clock(stack: &Stack) -> Result<String, String> {
    let theirs = stack.db.now().await.map_err(|error| error.to_string())?;
    let apart = (stack.clock.now() - theirs).num_seconds().abs();
    if apart <= 5 {
        Ok(format!("{apart} s apart from the database's"))
    } else {
        Err(format!("{apart} s apart from the database's: run NTP on both machines"))
    }
}

async fn base_domain(config: &Config) -> Result<String, String> {
    let base = &config.platform.base_domain;
    let host = tenant_router::Host::parse(base).map_err(|error| format!("platform.base_domain: {error}"))?;
    let probe = format!("doctor.{host}:{}", config.https.public_port);
    let found = tokio::task::spawn_blocking(move || probe.to_socket_addrs().map(Iterator::count));
    match tokio::time::timeout(PATIENCE, found).await {
        Ok(Ok(Ok(count))) if count > 0 => Ok(format!("*.{host} resolves")),
        _ => Err(format!(
            "*.{host} does not resolve here: set a wildcard record *.{host} to this installation's address"
        )),
    }
}

async fn mail_server(config: &Config) -> Result<String, String> {
    let rest = config.smtp.url.split("://").nth(1).unwrap_or_default();
    let authority = rest.rsplit('@').next().unwrap_or_default().split(['/', '?']).next().unwrap_or_default();
    let implied = if config.smtp.url.starts_with("smtps") { 465 } else { 25 };
    let address =
        if authority.contains(':') { authority.to_owned() } else { format!("{authority}:{implied}") };
    reach("smtp.url", &address).await
}

async fn authority(config: &Config) -> Result<String, String> {
    let mut answers = Vec::new();
    for (known, key) in config.acme.authorities.iter().zip(["acme.directory", "acme.second_directory"]) {
        let uri: http::Uri = known.directory.parse().map_err(|_| format!("{key} is not a URL"))?;
        let host = uri.host().unwrap_or_default();
        answers.push(reach(key, &format!("{host}:{}", uri.port_u16().unwrap_or(443))).await?);
    }
    Ok(answers.join("; "))
}

async fn reach(key: &str, address: &str) -> Result<String, String> {
    match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(format!("{address} answers")),
        Ok(Err(error)) => Err(format!("{key}: {address}: {error}")),
        Err(_) => Err(format!("{key}: {address} does not answer within {} s", PATIENCE.as_secs())),
    }
}
