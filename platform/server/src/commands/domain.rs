//! `portico domain`: hosts of a tenant's customers, from the claim to the release. `doctor` writes the long report.

mod doctor;

use std::process::ExitCode;

use acme::dns::{Guard, Sources};
use acme::probe::{Knocker, Platform, Prober};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform_core::Scope;
use platform_core::db::TenantTx;
use serde_json::json;
use tenant_router::Host;
use tenant_router::domains::{self, Checker, ClaimError, ClaimRules, Domain as Claimed};

use super::answer;
use super::people::tenant_id;
use super::serve::base;
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Domain {
    /// Claims a host for a tenant and says which DNS record its owner has to set.
    ///
    /// From then on the DNS is looked at by itself: every few seconds at first, more rarely later, for seven days. Once the
    /// record is there, the certificate is ordered and the portal is live. Claiming again shows the records again.
    Claim(Named),
    /// Looks at the DNS now, moves the domain on if it can, and says what is expected and what is seen.
    ///
    /// Exits with 0 when the host is proven, with 1 when somebody has to act, with 3 when only time is needed.
    Check(Named),
    /// Finds out why a host does not work, claimed or not, and changes nothing.
    ///
    /// Asks every name server of the domain and public resolvers, reads CAA as an authority does, knows the forms of DNS
    /// providers. The report can go into a mail as it is. Exits with 0 when all is well, with 1 when somebody has to act,
    /// with 3 when only time is needed.
    Doctor(doctor::Doctor),
    /// Lists a tenant's hosts and how far each has got.
    List(List),
    /// Lets a host serve the portal itself, and others redirect to it.
    ///
    /// Redirects keep path and query. The host must be live and of the same tenant; chains and circles are refused.
    Primary(Primary),
    /// Gives a host back: it answers as unknown at once, and its certificate is not renewed.
    ///
    /// To serve it again, claim it again: it gets a new target and a new proof, the old records are worth nothing.
    Release(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The host, such as success.customer.com.
    host: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Primary {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The host that serves the portal.
    host: String,
    /// A host of the same tenant that redirects to it; may be given several times.
    #[arg(long)]
    from: Vec<String>,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

impl Domain {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        match self {
            Self::Claim(named) => named.claim(stack).await,
            Self::Check(named) => named.check(stack).await,
            Self::Doctor(doctor) => doctor.run(stack).await,
            Self::List(list) => list.run(stack).await,
            Self::Primary(primary) => primary.run(stack).await,
            Self::Release(named) => named.release(stack).await,
        }
    }
}

/// Looks at domains as the configuration says.
pub(crate) fn checker(stack: &Stack) -> anyhow::Result<Checker> {
    let base = base(stack)?;
    let config = &stack.config;
    let mut platform = Platform::new(base.as_str());
    platform.issuers = config.acme.authorities.iter().map(|known| caa_identity(&known.directory)).collect();
    let knocker = Knocker::new(stack.db.clone(), stack.clock.clone(), stack.random.clone());
    let prober = Prober::new(sources(config), platform, stack.clock.clone(), stack.random.clone());
    let prober = prober.knocking(knocker);
    let zone = config.acme.zone_name().map(str::to_owned);
    Ok(Checker::new(stack.db.clone(), prober, base, stack.clock.clone()).delegating(zone))
}

/// Whom the DNS is asked of.
pub(crate) fn sources(config: &crate::config::Config) -> Sources {
    let mut sources = Sources::internet();
    if !config.dns.servers.is_empty() {
        sources = Sources::only(&config.dns.servers);
    }
    if !config.dns.roots.is_empty() {
        sources.roots.clone_from(&config.dns.roots);
    }
    if config.platform.demo {
        sources.guard = Guard::Any;
    }
    sources
}

/// By which name an authority looks for itself in CAA records; its directory's host where it is none that we know.
fn caa_identity(directory: &str) -> String {
    let uri: Option<http::Uri> = directory.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let known = [
        ("letsencrypt.org", "letsencrypt.org"),
        ("pki.goog", "pki.goog"),
        ("zerossl.com", "sectigo.com"),
        ("sectigo.com", "sectigo.com"),
        ("ssl.com", "ssl.com"),
        ("buypass.com", "buypass.com"),
    ];
    let found = known.iter().find(|(end, _)| host == *end || host.ends_with(&format!(".{end}")));
    found.map_or(host, |(_, identity)| identity).to_owned()
}

impl Named {
    async fn claim(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let base = base(stack)?;
        let rules = ClaimRules { base: base.clone(), test_names: stack.config.platform.demo };
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let domain = match domains::claim(&mut tx, &rules, &self.host, &*stack.clock, &*stack.random).await {
            Ok(domain) => domain,
            // Claiming twice is asking for the records again.
            Err(ClaimError::Already(host)) => domains::find(&mut tx, &host)
                .await?
                .with_context(|| format!("{host} ended meanwhile; try again"))?,
            Err(error) => return Err(error.into()),
        };
        tx.commit().await?;
        let mut records = domain.records(&base)?;
        records.extend(stack.config.acme.zone_name().map(|zone| domain.delegation(zone)));
        let value = json!({ "host": domain.host, "state": domain.state, "target": domain.target(&base)?.to_string(),
                            "records": records });
        let mut text = format!("{} is {}. Set one of these records:", domain.host, word(&domain));
        for record in &records {
            text += &format!(
                "\n  {:5} {}\n        {}\n        {}",
                record.kind, record.name, record.value, record.purpose
            );
        }
        text += &format!(
            "\nWhat the DNS says of it: portico domain check --tenant {} {}",
            self.tenant, domain.host
        );
        answer(self.json, &value, &text);
        Ok(ExitCode::SUCCESS)
    }

    async fn check(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let domain = self.find(&mut tx).await?;
        drop(tx);
        let asked = stack.clock.now();
        let domain =
            checker(stack)?.check_now(tenant, domain.id).await?.context("the domain ended meanwhile")?;
        let mut text = format!("{} is {}", domain.host, word(&domain));
        if domain.checked_at.is_none_or(|at| at < asked) {
            text += "; looked at a moment ago, the DNS is not asked again so soon";
        }
        let report = domain.report.clone().context("the DNS gave no report in time; try again")?;
        text += &format!("\n{}", doctor::lines(&report));
        answer(self.json, &serde_json::to_value(&domain)?, &text);
        Ok(if report.proof.is_some() { ExitCode::SUCCESS } else { doctor::exit(&report) })
    }

    async fn release(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let domain = self.find(&mut tx).await?;
        let released = domains::release(&mut tx, domain.id, &*stack.clock).await?;
        tx.commit().await?;
        let text = format!(
            "{} is released. Remove its CNAME or TXT record from the DNS; they are worth nothing now.",
            domain.host
        );
        answer(self.json, &json!({ "host": domain.host, "released": released }), &text);
        Ok(ExitCode::SUCCESS)
    }

    async fn find(&self, tx: &mut TenantTx) -> anyhow::Result<Claimed> {
        let host = parse(&self.host)?;
        let found = domains::find(tx, &host).await?;
        found.with_context(|| {
            format!("{} has not claimed {host}; see `portico domain list --tenant {0}`", self.tenant)
        })
    }
}

impl List {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        let list = domains::list(&mut tx).await?;
        let width = list.iter().map(|domain| domain.host.as_str().len()).max().unwrap_or(0).max(24);
        let mut lines = vec![format!("{:width$} {:12} {:17} next", "host", "state", "since")];
        for domain in &list {
            let since =
                domain.moved_at.or(domain.live_at).or(domain.verified_at).unwrap_or(domain.claimed_at);
            let since = since.format("%F %R").to_string();
            lines.push(format!(
                "{:width$} {:12} {since:17} {}",
                domain.host.to_string(),
                word(domain),
                next(domain)
            ));
        }
        answer(self.json, &serde_json::to_value(&list)?, &lines.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}

/// What a domain waits for, in a few words.
fn next(domain: &Claimed) -> String {
    if let Some(to) = &domain.redirect_to {
        return format!("redirects to {to}");
    }
    let fails = domain
        .report
        .as_ref()
        .and_then(|report| report.checks.iter().find(|check| check.level == acme::probe::Level::Fail));
    match fails {
        Some(check) => format!("{}: see `domain check`", check.code),
        None => "-".to_owned(),
    }
}

impl Primary {
    async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let tenant = tenant_id(stack, &self.tenant).await?;
        let host = parse(&self.host)?;
        let from = self.from.iter().map(|name| parse(name)).collect::<Result<Vec<_>, _>>()?;
        let mut tx = stack.db.tenant(Scope::tenant(tenant)).await?;
        domains::serve_itself(&mut tx, &host).await?;
        for other in &from {
            domains::redirect(&mut tx, other, &host).await?;
        }
        let redirected: Vec<Host> = domains::list(&mut tx)
            .await?
            .into_iter()
            .filter(|domain| domain.redirect_to.as_deref() == Some(host.as_str()))
            .map(|domain| domain.host)
            .collect();
        tx.commit().await?;
        let mut text = format!("{host} serves the portal itself.");
        for other in &redirected {
            text += &format!("\n  {other} redirects to it");
        }
        answer(self.json, &json!({ "primary": host, "redirects": redirected }), &text);
        Ok(ExitCode::SUCCESS)
    }
}

fn parse(name: &str) -> anyhow::Result<Host> {
    Host::parse(name).with_context(|| format!("“{}” is not a host name", name.escape_debug()))
}

/// The state as its row says it.
fn word(domain: &Claimed) -> String {
    serde_json::to_value(domain.state).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::caa_identity;

    #[test]
    fn authorities_have_a_name_in_caa() {
        assert_eq!(caa_identity("https://acme-v02.api.letsencrypt.org/directory"), "letsencrypt.org");
        assert_eq!(caa_identity("https://dv.acme-v02.api.pki.goog/directory"), "pki.goog");
        assert_eq!(caa_identity("https://localhost:14000/dir"), "localhost");
    }
}
