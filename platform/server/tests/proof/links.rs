//! Connectors as people look after them: planted rows for the matrix, and the commands against the real order system.

use platform_core::id::TenantId;

use migrations::testing::TestDatabase;

use crate::commands::Shell;
use crate::erp::{Erp, mapping};
use crate::ground::folder;

/// Closed words of these tables: no text of anybody.
pub(crate) const CLOSED: &[(&str, &str)] =
    &[("connector_usage", "entity"), ("connectors", "last_error_kind")];

/// Of a tenant's connector: its mappings, stops, codes and what was used of its source.
pub(crate) fn of_tenant(tenant: TenantId, connector: impl std::fmt::Display, word: &str) -> String {
    format!(
        "; update connectors set last_sweep = '{{\"{word}\": 1}}' where id = '{connector}';
         insert into connector_mappings (tenant_id, connector_id, version, text, note, author, activated_at, activated_by)
             values ('{tenant}', '{connector}', 1, '{word} map', '{word} note', '{word} author', now(), '{word} author');
         insert into connector_stops (tenant_id, id, connector_id, stopped_at, stopped_by, reason, resumed_at, resumed_by)
             values ('{tenant}', '{connector}', '{connector}', now(), '{word} halt', '{word} reason', now(), '{word} halt');
         insert into connector_codes (tenant_id, connector_id, code, example, first_seen_at, last_seen_at)
             values ('{tenant}', '{connector}', '{word}', 'SO-{word}', now(), now());
         insert into connector_usage (tenant_id, connector_id, hour, entity, statements, rows_read, busy_micros, longest_micros,
             connections, lock_waits, timeouts, failures)
             values ('{tenant}', '{connector}', date_trunc('hour', now()), 'order', 1, 1, 1, 1, 1, 0, 0, 0)"
    )
}

#[tokio::test]
async fn a_connector_is_looked_after_by_commands() {
    let (database, erp, folder) = (TestDatabase::new().await, Erp::new().await, folder());
    let shell = Shell::new(&database, "");
    let named = ["--tenant", "harbor", "--name", "erp"];
    let with = |words: &[&'static str], more: &[&str]| -> Vec<String> {
        [words, &named, more].concat().iter().map(|word| (*word).to_owned()).collect()
    };
    let run = |words: &[String]| shell.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let (first, second) = (folder.join("first.toml"), folder.join("second.toml"));
    std::fs::write(&first, mapping()).expect("a file");
    let better = mapping().replacen("X = \"cancelled\"", "X = \"cancelled\"\nQ = \"on_hold\"", 1);
    std::fs::write(&second, &better).expect("a file");
    let (first, second) = (first.to_str().expect("plain"), second.to_str().expect("plain"));
    shell.done(&["tenant", "create", "--slug", "harbor", "--name", "Harbor"]);
    assert!(shell.done(&["connector", "health", "harbor"]).contains("has no connector"));
    assert_eq!(run(&with(&["connector", "add"], &["--mapping", first, "--url", &erp.url()])).0, 0);

    let told = shell.done(&["connector", "health", "harbor"]);
    assert!(told.contains("erp: loading") && told.contains("nothing was read yet"), "{told}");
    let health: serde_json::Value =
        serde_json::from_str(&shell.done(&["connector", "health", "harbor", "--json"])).expect("JSON");
    assert_eq!(
        (&health[0]["condition"], &health[0]["breaker"]["state"]),
        (&"loading".into(), &"closed".into())
    );

    let (_, told) = run(&with(
        &["connector", "mapping", "save"],
        &["--mapping", second, "--note", "Q too", "--by", "Ada"],
    ));
    assert!(told.contains("kept as version 2"), "{told}");
    let (code, told) = run(&with(&["connector", "mapping", "dry-run"], &["--number", "2"]));
    assert!(code == 0 && told.contains("ready") && told.contains("statements and"), "{told}");
    let (code, told) =
        run(&with(&["connector", "mapping", "activate"], &["--number", "2", "--instead-of", "7"]));
    assert!(code == 1 && told.contains("the active version is 1"), "{told}");
    assert_eq!(run(&with(&["connector", "mapping", "activate"], &["--number", "2"])).0, 0);
    assert_eq!(run(&with(&["connector", "mapping", "show"], &[])).1.trim_end(), better.trim_end());
    let (_, told) = run(&with(&["connector", "mapping", "history"], &[]));
    assert!(
        told.contains("active") && told.contains("was") && told.contains("Ada") && told.contains("Q too"),
        "{told}"
    );
    std::fs::write(folder.join("broken.toml"), better.replace("\"on_hold\"\n", "\"parked\"\n"))
        .expect("a file");
    let broken = folder.join("broken.toml");
    let (code, told) =
        shell.run(&["connector", "mapping", "check", "--mapping", broken.to_str().expect("plain")]);
    assert!(code == 1 && told.contains("line ") && told.contains("order.statuses."), "{told}");

    let (code, told) = run(&with(&["connector", "stop"], &["--reason", " ", "--by", "Ada"]));
    assert!(code == 1 && told.contains("--reason is empty"), "{told}");
    let (code, told) = run(&with(&["connector", "stop"], &["--reason", "month end", "--by", "Ada"]));
    assert!(code == 0 && told.contains("by Ada (month end)"), "{told}");
    let told = shell.done(&["connector", "health", "harbor"]);
    assert!(told.contains("erp: stopped") && told.contains("month end"), "{told}");
    let (code, told) = run(&with(&["connector", "dry-run"], &[]));
    assert!(code == 1 && told.contains("Ada has stopped everything"), "{told}");
    assert!(run(&with(&["connector", "resume"], &["--by", "Bo"])).1.contains("is read again"));
    assert!(run(&with(&["connector", "resume"], &["--by", "Bo"])).1.contains("was not stopped"));

    let told = shell.done(&["connector", "report", "harbor"]);
    assert!(told.contains("trials") && told.contains("by Ada until") && told.contains("month end"), "{told}");
    let told = shell.done(&["connector", "report", "harbor", "--csv"]);
    assert!(told.starts_with("day,what,tables") && told.contains(",dry_run,"), "{told}");
    assert!(shell.done(&["connector", "report", "harbor", "--month", "2020-01"]).contains("read nothing"));
    assert_ne!(shell.run(&["connector", "report", "harbor", "--month", "May"]).0, 0);
    assert_eq!(run(&with(&["connector", "retire"], &[])).0, 0);
    assert!(shell.done(&["connector", "health", "harbor"]).contains("erp: retired"));
}
