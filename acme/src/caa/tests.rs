//! The examples of RFC 8659 and RFC 8657 as a table, and what authorities do beyond them.

use std::collections::HashMap;

use super::*;

/// Names with their sets; `-` is a name that cannot be read, `-> name` an alias.
struct Names(HashMap<String, Vec<String>>);

impl Names {
    fn read(text: &str) -> Self {
        let mut names: HashMap<String, Vec<String>> = HashMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, rest) = line.split_once(' ').unwrap();
            names.entry(name.into()).or_default().push(rest.trim().into());
        }
        Self(names)
    }

    fn answer(&self, name: &str, mut chain: Vec<String>) -> Said {
        let Some(lines) = self.0.get(name) else { return Said::NoName { chain, keep: None } };
        if lines[0] == "-" {
            return Said::Failed(Trouble::Fails(None));
        }
        if let Some(target) = lines[0].strip_prefix("-> ") {
            chain.push(target.into());
            return self.answer(target, chain);
        }
        let data = lines.iter().map(|line| {
            let mut words = line.splitn(3, ' ');
            let flags = words.next().unwrap().parse().unwrap();
            let (tag, value) = (words.next().unwrap().to_ascii_lowercase(), words.next().unwrap());
            Data::Caa(Property { flags, tag, value: value.trim_matches('"').into() })
        });
        Said::Found { chain, data: data.collect(), ttl: 300 }
    }
}

impl Lookup for Names {
    async fn caa(&self, name: &str) -> (Said, String) {
        (self.answer(name, Vec::new()), "ns1.example".into())
    }
}

const ZONES: &str = r#"
    certs.example.com 0 issue "ca1.example.net"
    certs.example.com 0 issue "ca2.example.org"
    nocerts.example.com 0 issue ";"
    malformed.example.com 0 issue "%%%%%"
    both.example.com 0 issue ";"
    both.example.com 0 issue "ca1.example.net"
    account.example.com 0 issue "ca1.example.net; account=230123"
    wild.example.com 0 issue "ca1.example.net"
    wild2.example.com 0 issue "ca1.example.net"
    wild2.example.com 0 issuewild "ca2.example.org"
    wild3.example.com 0 issuewild "ca2.example.org"
    wild3.example.com 0 issue ";"
    wildonly.example.com 0 issuewild ";"
    report.example.com 0 issue "ca1.example.net"
    report.example.com 0 iodef "mailto:security@example.com"
    iodefonly.example.com 0 iodef "mailto:security@example.com"
    new.example.com 0 issue "ca1.example.net"
    new.example.com 128 tbs "Unknown"
    soft.example.com 0 issue "ca1.example.net"
    soft.example.com 0 tbs "Unknown"
    flagone.example.com 0 issue "ca1.example.net"
    flagone.example.com 1 tbs "Unknown"
    critical.example.com 128 issue "ca1.example.net"
    upper.example.com 0 ISSUE "CA1.Example.NET"
    mail.example.com 128 issuemail "ca9.example.net"
    uri.example.com 0 issue "ca1.example.net; accounturi=https://ca1.example.net/account/1234"
    uri2.example.com 0 issue "ca1.example.net; accounturi=https://ca1.example.net/account/1234; accounturi=https://ca1.example.net/account/1234"
    uri3.example.com 0 issue "ca1.example.net; accounturi=https://ca1.example.net/account/9"
    uri3.example.com 0 issue "ca1.example.net; accounturi=https://ca1.example.net/account/1234"
    method.example.com 0 issue "ca1.example.net; validationmethods=dns-01"
    methods.example.com 0 issue "ca1.example.net; validationmethods=dns-01,http-01"
    nomethod.example.com 0 issue "ca1.example.net; validationmethods="
    none.example.com 0 issue "ca1.example.net; validationmethods=ca-example"
    alias.certs.example.com -> target.edge.example
    other.certs.example.com -> wild2.example.com
    empty.certs.example.com -> nothing.edge.example
    target.edge.example 0 issue "ca1.example.net"
    broken.example.com -
    child.broken.example.com 0 issue "ca1.example.net"
    aliasbroken.example.com -> broken.example.com
    restricted.example 0 issue "ca9.example.net"
    success.restricted.example 0 issue "ca1.example.net"
    pointing.restricted.example -> target.edge.example
"#;

async fn ask(host: &str, ca: &str, method: &str) -> Verdict {
    let (wildcard, host) = match host.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, host),
    };
    let accounts = ["https://ca1.example.net/account/1234".into()];
    let request = Request { host, wildcard, method, issuers: &[ca.into()], accounts: &accounts };
    evaluate(&Names::read(ZONES), &request).await
}

#[tokio::test]
async fn the_examples_of_the_standards() {
    const ALLOWED: &str = "allowed";
    let table = [
        // RFC 8659 section 3: climbing.
        ("a.b.nowhere.example", "ca1.example.net", ALLOWED),
        ("deep.below.certs.example.com", "ca1.example.net", ALLOWED),
        ("deep.below.certs.example.com", "ca3.example.net", "denied certs.example.com"),
        // Section 4.2: issue.
        ("certs.example.com", "ca1.example.net", ALLOWED),
        ("certs.example.com", "ca2.example.org", ALLOWED),
        ("certs.example.com", "ca3.example.net", "denied certs.example.com"),
        ("nocerts.example.com", "ca1.example.net", "denied nocerts.example.com"),
        ("malformed.example.com", "ca1.example.net", "denied malformed.example.com"),
        ("both.example.com", "ca1.example.net", ALLOWED),
        ("account.example.com", "ca1.example.net", ALLOWED),
        // Section 4.3: issuewild.
        ("*.wild.example.com", "ca1.example.net", ALLOWED),
        ("wild2.example.com", "ca1.example.net", ALLOWED),
        ("sub.wild2.example.com", "ca1.example.net", ALLOWED),
        ("*.wild2.example.com", "ca1.example.net", "denied wild2.example.com"),
        ("*.wild2.example.com", "ca2.example.org", ALLOWED),
        ("*.sub.wild2.example.com", "ca2.example.org", ALLOWED),
        ("wild2.example.com", "ca2.example.org", "denied wild2.example.com"),
        ("wild3.example.com", "ca2.example.org", "denied wild3.example.com"),
        ("*.wild3.example.com", "ca2.example.org", ALLOWED),
        ("wildonly.example.com", "ca1.example.net", ALLOWED),
        ("*.wildonly.example.com", "ca1.example.net", "denied wildonly.example.com"),
        // Sections 4.4 and 4.5: iodef, critical.
        ("report.example.com", "ca1.example.net", ALLOWED),
        ("iodefonly.example.com", "ca1.example.net", ALLOWED),
        ("new.example.com", "ca1.example.net", "denied new.example.com"),
        ("soft.example.com", "ca1.example.net", ALLOWED),
        ("flagone.example.com", "ca1.example.net", "denied flagone.example.com"),
        ("critical.example.com", "ca1.example.net", ALLOWED),
        ("upper.example.com", "ca1.example.net", ALLOWED),
        ("mail.example.com", "ca1.example.net", ALLOWED),
        // RFC 8657: accounturi, validationmethods.
        ("uri.example.com", "ca1.example.net", ALLOWED),
        ("uri2.example.com", "ca1.example.net", "denied uri2.example.com"),
        ("uri3.example.com", "ca1.example.net", ALLOWED),
        ("method.example.com", "ca1.example.net", "denied method.example.com"),
        ("methods.example.com", "ca1.example.net", ALLOWED),
        ("nomethod.example.com", "ca1.example.net", "denied nomethod.example.com"),
        ("none.example.com", "ca1.example.net", "denied none.example.com"),
        // Aliases: the set at the target decides, and where the target has none the climb goes on from the host.
        ("alias.certs.example.com", "ca1.example.net", ALLOWED),
        ("alias.certs.example.com", "ca2.example.org", "denied alias.certs.example.com"),
        ("other.certs.example.com", "ca1.example.net", ALLOWED),
        ("*.other.certs.example.com", "ca2.example.org", ALLOWED),
        ("empty.certs.example.com", "ca3.example.net", "denied certs.example.com"),
        ("pointing.restricted.example", "ca1.example.net", ALLOWED),
        ("success.restricted.example", "ca1.example.net", ALLOWED),
        ("elsewhere.restricted.example", "ca1.example.net", "denied restricted.example"),
        // What cannot be read is no permission, however the names above are.
        ("broken.example.com", "ca1.example.net", "broken broken.example.com"),
        ("a.broken.example.com", "ca1.example.net", "broken broken.example.com"),
        ("child.broken.example.com", "ca1.example.net", ALLOWED),
        ("aliasbroken.example.com", "ca1.example.net", "broken aliasbroken.example.com"),
    ];
    for (host, ca, expected) in table {
        let verdict = match ask(host, ca, "http-01").await {
            Verdict::Allowed { .. } => ALLOWED.to_owned(),
            Verdict::Denied { found, .. } => format!("denied {}", found.at),
            Verdict::Broken { at, .. } => format!("broken {at}"),
        };
        assert_eq!(verdict, expected, "{host} by {ca}");
    }
    assert!(matches!(ask("method.example.com", "ca1.example.net", "dns-01").await, Verdict::Allowed { .. }));
}

#[tokio::test]
async fn a_refusal_says_where_why_and_what_to_publish() {
    let Verdict::Denied { found, why, fixes } =
        ask("success.certs.example.com", "letsencrypt.org", "http-01").await
    else {
        panic!("denied")
    };
    assert_eq!(
        (found.at.as_str(), found.records.len(), &why),
        ("certs.example.com", 2, &Denial::OtherIssuer)
    );
    assert_eq!(
        (fixes[0].name.as_str(), fixes[0].value.as_str()),
        ("certs.example.com", "0 issue \"letsencrypt.org\"")
    );
    assert_eq!(fixes[1].name, "success.certs.example.com");

    // The host itself carries the set, or a target does: there is one place to mend.
    let why = async |host: &str, ca: &str| match ask(host, ca, "http-01").await {
        Verdict::Denied { found, why, fixes } => (found.owner, why, fixes.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        why("alias.certs.example.com", "ca2.example.org").await,
        ("target.edge.example".into(), Denial::OtherIssuer, 1)
    );
    assert_eq!(why("nocerts.example.com", "ca1.example.net").await.1, Denial::Nobody);
    assert_eq!(why("uri2.example.com", "ca1.example.net").await.1, Denial::Account);
    assert_eq!(why("method.example.com", "ca1.example.net").await.1, Denial::Method("http-01".into()));
    assert_eq!(why("new.example.com", "ca1.example.net").await.1, Denial::Critical("tbs".into()));
    assert_eq!(why("*.wild2.example.com", "ca1.example.net").await.2, 1);
}
