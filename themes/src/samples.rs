//! Brands and a frame to show pages with: the two demo tenants, a quiet one, and colours that try to break contrast.

use chrono::{DateTime, Utc};

use crate::{
    brand::{Brand, FooterLink, Href, Logo},
    colour::Rgb,
    logo::Mark,
    pack::Pack,
    view::{Language, NavItem, Person, Scheme, Search, Shell},
};

/// TechFlow Industries: industrial pumps and valves, petrol and orange.
#[must_use]
pub fn techflow() -> Brand {
    Brand {
        logo: Logo {
            mark: mark(include_str!("../assets/marks/techflow.svg")),
            wordmark: Some("TechFlow".to_owned()),
        },
        welcome: Some("Pumps, valves and spare parts: every order, from our floor to your dock.".to_owned()),
        footer: footer("techflow.example"),
        ..Brand::new("TechFlow Industries", Pack::Workshop, Rgb::new(0x000b_4f5c), Rgb::new(0x00e8_6a17))
    }
}

/// Lumen Notes: note-taking software, violet and coral.
#[must_use]
pub fn lumen() -> Brand {
    Brand {
        logo: Logo {
            mark: mark(include_str!("../assets/marks/lumen.svg")),
            wordmark: Some("Lumen".to_owned()),
        },
        welcome: Some("Everything your team needs to get more out of Lumen, in one place.".to_owned()),
        footer: footer("lumen.example"),
        ..Brand::new("Lumen Notes", Pack::Bright, Rgb::new(0x006d_3bf5), Rgb::new(0x00ff_6f61))
    }
}

/// Harrow & Vale: makers of furniture for hotels, pine green and brass.
#[must_use]
pub fn harrow() -> Brand {
    Brand {
        logo: Logo {
            mark: mark(include_str!("../assets/marks/harrow.svg")),
            wordmark: Some("Harrow & Vale".to_owned()),
        },
        welcome: Some("Made to order in our own workshops since 1921.".to_owned()),
        footer: footer("harrowvale.example"),
        ..Brand::new("Harrow & Vale", Pack::Quiet, Rgb::new(0x002f_4a3c), Rgb::new(0x00a8_7b32))
    }
}

/// One brand a pack.
#[must_use]
pub fn brands() -> Vec<Brand> {
    vec![techflow(), lumen(), harrow()]
}

/// The moment samples are seen at: Saturday 21 November 2026, 14:32 in Oslo.
#[must_use]
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_267_920, 0).unwrap_or_default()
}

/// A point in time `minutes` from [`now`]; negative is earlier.
#[must_use]
pub fn minutes(minutes: i64) -> DateTime<Utc> {
    now() + chrono::Duration::minutes(minutes)
}

/// A day `days` from today.
#[must_use]
pub fn day(days: i64) -> chrono::NaiveDate {
    (now() + chrono::Duration::days(days)).date_naive()
}

/// A signed-in contact's frame around the page of this template name; sign-in and errors have none.
#[must_use]
pub fn shell(scheme: Scheme, language: &str, page: &str) -> Shell {
    let framed = Shell {
        person: None,
        menu: Vec::new(),
        search: None,
        nav: Vec::new(),
        ..portal_shell(scheme, language, page)
    };
    let portal = page.starts_with("shell/")
        || ["orders/", "invoices/", "account/"].iter().any(|slice| page.starts_with(slice))
        || page == "identity/devices.html";
    let of_staff = ["identity/second_factor.html", "identity/enrolment.html", "identity/recovery_codes.html"];
    if page.starts_with("console/") {
        console_shell(scheme, language, page)
    } else if of_staff.contains(&page) {
        Shell { base: "/console".into(), ..framed }
    } else if portal {
        portal_shell(scheme, language, page)
    } else {
        framed
    }
}

/// A person of the tenant at the console.
fn console_shell(scheme: Scheme, language: &str, page: &str) -> Shell {
    let item = |label: &'static str, icon: &'static str, href: &'static str, folder: &str, badge| NavItem {
        label: label.into(),
        icon: icon.into(),
        href: href.into(),
        current: page.starts_with(folder),
        badge,
    };
    Shell {
        base: "/console".into(),
        path: "/console".to_owned(),
        nav: vec![
            item("console.nav.overview", "house", "/console", "console/overview", 0),
            item("console.nav.customers", "building-2", "/console/customers", "console/customer", 0),
            item("console.nav.requests", "inbox", "/console/requests", "console/request", 0),
        ],
        person: Some(Person {
            name: "Astrid Lund".to_owned(),
            email: "astrid.lund@techflow.example".to_owned(),
            customer: "TechFlow Industries".to_owned(),
        }),
        menu: Vec::new(),
        search: None,
        ..portal_shell(scheme, language, page)
    }
}

/// The frame as a sample of this name needs it: a tenant without orders offers neither them nor their search.
pub(crate) fn trimmed(shell: &Shell, sample: &str) -> Shell {
    let mut shell = shell.clone();
    if sample == "without-orders" {
        shell.nav.truncate(1);
        shell.search = None;
    }
    shell
}

fn portal_shell(scheme: Scheme, language: &str, page: &str) -> Shell {
    let item = |label: &'static str, icon: &'static str, href: &'static str, current, badge| NavItem {
        label: label.into(),
        icon: icon.into(),
        href: href.into(),
        current,
        badge,
    };
    let tongue = |tag: &str, name: &str| Language {
        tag: tag.to_owned(),
        name: name.to_owned(),
        current: tag == language,
    };
    Shell {
        nonce: "c2FtcGxlLW5vbmNl".to_owned(),
        csrf: "sample-csrf".to_owned(),
        base: "".into(),
        path: "/orders?show=open".to_owned(),
        scheme,
        nav: vec![
            item("nav.home", "house", "/", page.starts_with("shell/"), 0),
            item("nav.orders", "package", "/orders", page.starts_with("orders/"), 2),
        ],
        person: Some(Person {
            name: "Maya Okafor".to_owned(),
            email: "maya.okafor@brightwater.example".to_owned(),
            customer: "Brightwater Utilities".to_owned(),
        }),
        menu: vec![
            item("nav.invoices", "receipt", "/invoices", page.starts_with("invoices/"), 0),
            item("nav.account", "building-2", "/account", page.starts_with("account/"), 0),
        ],
        search: Some(Search { action: "/orders".into(), query: String::new() }),
        flash: None,
        languages: vec![tongue("en", "English"), tongue("ar", "العربية")],
    }
}

fn footer(host: &str) -> Vec<FooterLink> {
    let links = [
        ("Contact", format!("mailto:care@{host}")),
        ("Terms", format!("https://{host}/terms")),
        ("Privacy", format!("https://{host}/privacy")),
    ];
    let link = |(label, href): (&str, String)| {
        Some(FooterLink { label: label.to_owned(), href: Href::try_from(href).ok()? })
    };
    links.into_iter().filter_map(link).collect()
}

/// The sample marks are files of this crate; a test holds that they pass.
fn mark(svg: &str) -> Option<Mark> {
    Mark::try_from(svg.to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_whole() {
        assert_eq!(now().to_rfc3339(), "2026-11-21T13:32:00+00:00");
        for brand in brands() {
            assert!(brand.logo.mark.is_some(), "{}", brand.name);
            assert_eq!(brand.footer.len(), 3);
        }
    }
}
