//! DNS providers, known by their name servers: where their page for records is, and how its form wants them.

use serde::{Deserialize, Serialize};

use crate::dns::is_within;

/// How a form wants the host's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without the zone; this for its top.
    Short(&'static str),
    /// In full.
    Full,
}

/// What a provider has for the top of a zone, where a CNAME is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apex {
    /// Takes a CNAME and answers with addresses.
    Flattens,
    /// Has a type of its own.
    Alias(&'static str),
    /// Takes addresses only.
    Addresses,
}

/// A provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    pub name: &'static str,
    /// Ends of its name servers' names; one that begins with `*` is a part of the first label.
    servers: &'static [&'static str],
    /// `{}` is the zone.
    link: &'static str,
    pub style: Style,
    /// Whether the form wants targets with their final dot: without it the zone is appended.
    pub final_dot: bool,
    pub apex: Apex,
}

/// A record as a form wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    pub provider: String,
    pub link: String,
    pub kind: String,
    /// For the field “Name” or “Host”.
    pub host: String,
    /// For the field “Value”, “Target” or “Points to”.
    pub value: String,
}

impl Provider {
    /// Its page for a zone's records.
    #[must_use]
    pub fn link(&self, zone: &str) -> String {
        self.link.replace("{}", zone)
    }

    /// A record of a zone as the form wants it.
    #[must_use]
    pub fn fields(&self, zone: &str, name: &str, kind: &str, value: &str) -> Fields {
        let host = match self.style {
            Style::Full => name.to_owned(),
            Style::Short(apex) if name == zone => apex.to_owned(),
            Style::Short(_) => match name.strip_suffix(zone) {
                Some(short) if !zone.is_empty() => short.trim_end_matches('.').to_owned(),
                _ => name.to_owned(),
            },
        };
        let is_name = matches!(kind, "CNAME" | "ALIAS" | "ANAME");
        let value = if is_name && self.final_dot { format!("{value}.") } else { value.to_owned() };
        Fields { provider: self.name.to_owned(), link: self.link(zone), kind: kind.to_owned(), host, value }
    }
}

/// The provider of a zone by the names of its servers. None where they belong to several.
pub fn of<'a>(servers: impl IntoIterator<Item = &'a str>) -> Option<&'static Provider> {
    let mut found = None;
    for server in servers {
        let provider =
            TABLE.iter().find(|provider| provider.servers.iter().any(|end| matches(server, end)))?;
        match found {
            None => found = Some(provider),
            Some(known) if known == provider => {}
            Some(_) => return None,
        }
    }
    found
}

fn matches(server: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        // `awsdns-*`: in the second label, with a number and any end.
        Some(part) => server.split('.').any(|label| label.starts_with(part)),
        None => is_within(server, pattern),
    }
}

const AT: Style = Style::Short("@");
const EMPTY: Style = Style::Short("");

const fn provider(
    name: &'static str,
    servers: &'static [&'static str],
    link: &'static str,
    style: Style,
    final_dot: bool,
    apex: Apex,
) -> Provider {
    Provider { name, servers, link, style, final_dot, apex }
}

/// Everybody we know.
pub static TABLE: &[Provider] = &[
    provider(
        "Cloudflare",
        &["ns.cloudflare.com"],
        "https://dash.cloudflare.com/?to=/:account/{}/dns/records",
        AT,
        false,
        Apex::Flattens,
    ),
    provider(
        "GoDaddy",
        &["domaincontrol.com"],
        "https://dcc.godaddy.com/control/portfolio/{}/settings?tab=dns",
        AT,
        false,
        Apex::Addresses,
    ),
    provider(
        "Amazon Route 53",
        &["awsdns-*"],
        "https://console.aws.amazon.com/route53/v2/hostedzones",
        EMPTY,
        false,
        Apex::Addresses,
    ),
    provider(
        "Namecheap",
        &["registrar-servers.com"],
        "https://ap.www.namecheap.com/domains/domaincontrolpanel/{}/advancedns",
        AT,
        false,
        Apex::Alias("ALIAS"),
    ),
    provider(
        "IONOS",
        &["ui-dns.com", "ui-dns.de", "ui-dns.org", "ui-dns.biz"],
        "https://my.ionos.com/domain-dns-settings/{}",
        AT,
        false,
        Apex::Addresses,
    ),
    provider(
        "Google Cloud DNS",
        &["googledomains.com"],
        "https://console.cloud.google.com/net-services/dns/zones",
        EMPTY,
        true,
        Apex::Alias("ALIAS"),
    ),
    provider(
        "Squarespace",
        &["squarespacedns.com"],
        "https://account.squarespace.com/domains/managed/{}/dns/dns-settings",
        AT,
        false,
        Apex::Addresses,
    ),
    provider(
        "Azure DNS",
        &["azure-dns.com", "azure-dns.net", "azure-dns.org", "azure-dns.info"],
        "https://portal.azure.com/#view/HubsExtension/BrowseResource/resourceType/Microsoft.Network%2FdnsZones",
        AT,
        false,
        Apex::Addresses,
    ),
    provider(
        "DigitalOcean",
        &["digitalocean.com"],
        "https://cloud.digitalocean.com/networking/domains/{}",
        AT,
        true,
        Apex::Addresses,
    ),
    provider(
        "Gandi",
        &["gandi.net"],
        "https://admin.gandi.net/domain/{}/records",
        AT,
        true,
        Apex::Alias("ALIAS"),
    ),
    provider(
        "OVHcloud",
        &["ovh.net", "ovh.ca", "anycast.me"],
        "https://www.ovh.com/manager/#/web/domain/{}/zone",
        EMPTY,
        true,
        Apex::Addresses,
    ),
    provider(
        "Hetzner",
        &["ns.hetzner.com", "ns.hetzner.de", "first-ns.de", "second-ns.de", "second-ns.com"],
        "https://console.hetzner.com/",
        AT,
        true,
        Apex::Addresses,
    ),
    provider(
        "Porkbun",
        &["porkbun.com"],
        "https://porkbun.com/account/domainsSpeedy?dns={}",
        EMPTY,
        false,
        Apex::Alias("ALIAS"),
    ),
    provider(
        "Name.com",
        &["name.com"],
        "https://www.name.com/account/domain/details/{}#dns",
        EMPTY,
        false,
        Apex::Alias("ANAME"),
    ),
    provider(
        "DNSimple",
        &["dnsimple.com", "dnsimple-edge.net", "dnsimple-edge.org"],
        "https://dnsimple.com/a/domains/{}",
        EMPTY,
        false,
        Apex::Alias("ALIAS"),
    ),
    provider("NS1", &["nsone.net"], "https://my.nsone.net/#/zones", Style::Full, false, Apex::Alias("ALIAS")),
    provider(
        "Vercel",
        &["vercel-dns.com"],
        "https://vercel.com/dashboard/domains/{}",
        EMPTY,
        false,
        Apex::Alias("ALIAS"),
    ),
    provider("Wix", &["wixdns.net"], "https://manage.wix.com/account/domains", EMPTY, false, Apex::Addresses),
    provider(
        "Hostinger",
        &["dns-parking.com", "hostinger.com"],
        "https://hpanel.hostinger.com/domain/{}/dns",
        AT,
        false,
        Apex::Alias("ALIAS"),
    ),
    provider(
        "Bluehost",
        &["bluehost.com"],
        "https://www.bluehost.com/my-account/domain-center",
        AT,
        false,
        Apex::Addresses,
    ),
    provider(
        "DreamHost",
        &["dreamhost.com"],
        "https://panel.dreamhost.com/?tree=domain.manage",
        EMPTY,
        false,
        Apex::Addresses,
    ),
    provider(
        "Network Solutions",
        &["worldnic.com"],
        "https://www.networksolutions.com/my-account/home",
        AT,
        false,
        Apex::Addresses,
    ),
    provider(
        "STRATO",
        &["rzone.de"],
        "https://www.strato.de/apps/CustomerService",
        EMPTY,
        false,
        Apex::Addresses,
    ),
    provider(
        "Infomaniak",
        &["infomaniak.ch", "infomaniak.com"],
        "https://manager.infomaniak.com/",
        EMPTY,
        false,
        Apex::Alias("ALIAS"),
    ),
    provider(
        "Akamai (Linode)",
        &["linode.com"],
        "https://cloud.linode.com/domains",
        EMPTY,
        false,
        Apex::Addresses,
    ),
    provider(
        "Vultr",
        &["vultr.com"],
        "https://my.vultr.com/dns/edit/?domain={}",
        EMPTY,
        false,
        Apex::Addresses,
    ),
    provider(
        "INWX",
        &["inwx.de", "inwx.com", "inwx.eu"],
        "https://www.inwx.com/en/nameserver2#n={}",
        EMPTY,
        false,
        Apex::Alias("ALIAS"),
    ),
    provider(
        "Wordpress.com",
        &["wordpress.com"],
        "https://wordpress.com/domains/manage/{}/dns/{}",
        AT,
        false,
        Apex::Addresses,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_tell_the_provider() {
        let name = |servers: &[&str]| of(servers.iter().copied()).map(|provider| provider.name);
        assert_eq!(name(&["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]), Some("Cloudflare"));
        assert_eq!(name(&["ns-1.awsdns-01.com", "ns-2.awsdns-02.co.uk"]), Some("Amazon Route 53"));
        assert_eq!(name(&["ns51.domaincontrol.com"]), Some("GoDaddy"));
        assert_eq!(name(&["ns.brightwater.example"]), None);
        assert_eq!(name(&["ada.ns.cloudflare.com", "ns51.domaincontrol.com"]), None, "two providers");
        assert_eq!(name(&["evildomaincontrol.com"]), None);
        assert!(TABLE.len() >= 15);
    }

    #[test]
    fn a_record_is_written_as_the_form_wants_it() {
        let of = |server| super::of([server]).unwrap();
        let (zone, host, target) = ("brightwater.com", "success.brightwater.com", "abc.edge.portico.example");
        let cloudflare = of("ada.ns.cloudflare.com").fields(zone, host, "CNAME", target);
        assert_eq!((cloudflare.host.as_str(), cloudflare.value.as_str()), ("success", target));
        assert!(cloudflare.link.contains(zone));
        let ovh = of("dns10.ovh.net").fields(zone, host, "CNAME", target);
        assert_eq!((ovh.host.as_str(), ovh.value.as_str()), ("success", "abc.edge.portico.example."));
        assert_eq!(of("dns10.ovh.net").fields(zone, zone, "TXT", "x").host, "");
        assert_eq!(of("dns1.p01.nsone.net").fields(zone, host, "CNAME", target).host, host);
        let apex = of("ns51.domaincontrol.com").fields(zone, zone, "A", "192.0.2.1");
        assert_eq!((apex.host.as_str(), apex.value.as_str()), ("@", "192.0.2.1"));
        assert_eq!(of("dns10.ovh.net").fields(zone, "_portico.brightwater.com", "TXT", "x").host, "_portico");
    }

    #[test]
    fn every_provider_is_whole() {
        for provider in TABLE {
            assert!(provider.link.starts_with("https://"), "{}", provider.name);
            assert!(!provider.servers.is_empty());
        }
    }
}
