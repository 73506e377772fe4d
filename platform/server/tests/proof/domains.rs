//! `portico domain` as an operator and a support agent meet it: over a real database and a DNS that this test sets.

use acme::testing::DnsWorld;
use migrations::testing::TestDatabase;
use serde_json::Value;

use crate::commands::Shell;
use crate::ground::BASE;

const HOST: &str = "success.brightwater.kunde";

struct World {
    dns: DnsWorld,
    shell: Shell,
    _database: TestDatabase,
}

impl World {
    async fn new() -> Self {
        let mut dns = DnsWorld::start().await;
        dns.delegate("test", &["ns.nic.test"], "").await;
        dns.delegate(
            BASE,
            &["ns.portico.test"],
            "*.edge A 198.51.100.80\n*.edge CAA 0 issue \"letsencrypt.org\"",
        )
        .await;
        dns.delegate("kunde", &["ns.nic.kunde"], "").await;
        dns.delegate("brightwater.kunde", &["ns1.brightwater.kunde"], "").await;
        let database = TestDatabase::new().await;
        let servers: Vec<String> = dns.resolvers().iter().map(|at| format!("\"{at}\"")).collect();
        let shell = Shell::new(&database, &format!("[dns]\nservers = [{}]", servers.join(", ")));
        shell.done(&["tenant", "create", "--slug", "harbor", "--name", "Harbor"]);
        shell.done(&["tenant", "create", "--slug", "lumen", "--name", "Lumen"]);
        Self { dns, shell, _database: database }
    }

    fn publish(&self, records: &str) {
        self.dns.zone(
            "ns1.brightwater.kunde",
            "brightwater.kunde",
            &format!("@ NS ns1.brightwater.kunde.\n{records}"),
        );
    }

    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let (code, said) = self.shell.run(&[arguments, &["--json"]].concat());
        let line = said.lines().find(|line| line.starts_with(['{', '['])).expect("an answer");
        (code, serde_json::from_str(line).expect("JSON"))
    }

    fn domain(&self, verb: &str, tenant: &str, host: &str) -> (i32, String) {
        self.shell.run(&["domain", verb, "--tenant", tenant, host])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_support_agent_follows_a_domain_from_the_claim_to_the_release() {
    let world = World::new().await;
    // Nobody has claimed it: described all the same.
    let (code, said) = world.shell.run(&["domain", "doctor", HOST]);
    assert!(code == 0 && said.contains("nobody has claimed it"), "{code}\n{said}");

    let (code, claim) = world.json(&["domain", "claim", "--tenant", "harbor", HOST]);
    assert_eq!(code, 0);
    let target = claim["target"].as_str().expect("a target");
    let (code, said) = world.shell.run(&["domain", "doctor", HOST]);
    assert_eq!(code, 1, "{said}");
    for words in ["one thing to do", "TO DO", "[no_name]", "customer", "Add a CNAME record", target, "until"]
    {
        assert!(said.contains(words), "no {words:?} in\n{said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 140), "{said}");
    let (code, report) = world.json(&["domain", "doctor", HOST]);
    let check = &report["report"]["checks"][0];
    assert_eq!((code, &check["code"], &check["who"]), (1, &"no_name".into(), &"customer".into()), "{report}");
    assert_eq!(report["state"], "claimed", "the doctor changes nothing");

    world.publish(&format!("success CNAME {target}."));
    let (code, said) = world.domain("check", "harbor", HOST);
    assert!(code == 0 && said.contains("is verified") && said.contains("all is well"), "{code}\n{said}");
    let list = world.shell.done(&["domain", "list", "--tenant", "harbor"]);
    assert!(list.contains(HOST) && list.contains("verified"), "{list}");
    let (code, said) = world.domain("primary", "harbor", HOST);
    assert!(code == 0 && said.contains("serves the portal itself"), "{said}");
    let (code, said) = world.domain("release", "harbor", HOST);
    assert!(code == 0 && said.contains("Remove its CNAME"), "{said}");
    let (code, said) = world.domain("release", "harbor", HOST);
    assert!(code == 1 && said.contains("has not claimed"), "{said}");
    // The record is still there, and leads to nobody.
    world.domain("claim", "lumen", HOST);
    let (code, said) = world.shell.run(&["domain", "doctor", HOST]);
    assert!(code == 1 && said.contains("[old_target]"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_names_and_bad_redirects_are_refused_with_the_reason() {
    let world = World::new().await;
    for (name, word) in [
        ("", "is not a host name"),
        ("https://a.kunde/", "is not a host name"),
        ("10.0.0.1", "IP address"),
        ("раураl.kunde", "different scripts"),
        ("p0rtico.kunde", "looks like this platform"),
        ("mta-sts.brightwater.kunde", "trusted by mail programs"),
        ("harbor.portico.test", "platform itself"),
        ("nas.local", "not reachable"),
    ] {
        let (code, said) = world.domain("claim", "harbor", name);
        assert!(code == 1 && said.contains(word), "{name:?}: {code} without {word:?}\n{said}");
    }
    assert_eq!(
        world.json(&["domain", "list", "--tenant", "harbor"]).1,
        Value::Array(Vec::new()),
        "nothing is stored"
    );
    world.domain("claim", "harbor", HOST);
    for (arguments, word) in [
        (["primary", "--tenant", "harbor", HOST, "--from", "other.kunde"], "has no domain other.kunde"),
        (["primary", "--tenant", "harbor", HOST, "--from", HOST], "cannot redirect to itself"),
        (["primary", "--tenant", "lumen", HOST, "--from", "other.kunde"], "has no domain"),
    ] {
        let (code, said) = world.shell.run(&[&["domain"][..], &arguments].concat());
        assert!(code == 1 && said.contains(word), "{arguments:?}: {code} without {word:?}\n{said}");
    }
    let (_, said) = world.shell.run(&["doctor"]);
    assert!(said.contains("targets") && said.contains("Targets lead here"), "{said}");
}
