//! The command line as an operator meets it: the binary itself, its words and its exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use migrations::testing::TestDatabase;
use platform_connectors::carriers::{self, NewAccount};
use platform_connectors::doors::{self, NewDoor, Settings};
use platform_connectors::registry::{self, NewConnector};
use platform_connectors::requests::Kind;
use platform_core::Scope;
use platform_core::id::{ConnectorId, DoorId, MailId};
use platform_core::mail::{NewMail, Outbox};
use platform_core::random::SystemRandom;
use platform_core::secrets::{Binding, Sealer};
use sqlx::ConnectOptions as _;

use crate::erp::{Erp, mapping};
use crate::ground::{Ground, folder, settings};
use crate::planted;

/// A configuration file over a database, and the binary that reads it.
pub(crate) struct Shell {
    pub(crate) config: PathBuf,
}

impl Shell {
    pub(crate) fn new(database: &TestDatabase, more: &str) -> Self {
        let folder = folder();
        Self::with(&folder, &settings(database, &folder, more))
    }

    pub(crate) fn with(folder: &Path, text: &str) -> Self {
        let config = folder.join("portico.toml");
        std::fs::write(&config, text).expect("the folder can be written");
        Self { config }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portico"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.arg("--config").arg(&self.config).args(arguments);
        command
    }

    /// Exit code and everything that was said.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        said(&self.command(arguments).output().expect("the binary runs"))
    }

    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.run(arguments);
        assert_eq!(code, 0, "portico {}\n{said}", arguments.join(" "));
        said
    }
}

fn said(output: &Output) -> (i32, String) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// Walks the commands by what each one's help lists.
fn helps(shell: &Shell, path: &[String], found: &mut Vec<(String, String)>) {
    let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let text = shell.done(&arguments);
    let commands = text.split_once("Commands:\n").map_or("", |(_, rest)| rest);
    let commands = commands.lines().take_while(|line| !line.trim().is_empty());
    for line in commands.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().expect("a name").to_owned();
        if name != "help" {
            helps(shell, &[path, &[name]].concat(), found);
        }
    }
    found.push((path.join(" "), text));
}

#[test]
fn every_command_teaches() {
    let shell = Shell { config: PathBuf::from("/nowhere/portico.toml") };
    let mut found = Vec::new();
    helps(&shell, &[], &mut found);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    for wanted in [
        "",
        "serve",
        "migrate",
        "tenant create",
        "domain claim",
        "connector dry-run",
        "doctor",
        "keys rotate",
    ] {
        assert!(names.contains(&wanted), "no command {wanted:?} among {names:?}");
    }
    for (name, text) in &found {
        let prose = text.split("Usage:").next().unwrap_or_default();
        assert!(prose.split_whitespace().count() >= 3, "portico {name} --help says too little:\n{text}");
        let silent =
            text.lines().position(|line| line.trim_start().starts_with("--") && line.trim().ends_with('>'));
        let explained =
            silent.is_none_or(|at| text.lines().nth(at + 1).is_some_and(|next| !next.trim().is_empty()));
        assert!(explained, "portico {name} --help leaves an option without a word:\n{text}");
    }
}

#[test]
fn a_bad_configuration_is_told_at_once_and_keeps_its_secrets() {
    let text = "[platform]\ndemo = \"maybe\"\n[http]\nlisten = \"nowhere\"\n[databse]\nurl = \"x\"\n\
                [database]\nurl = \"hunter2\"\nmax_connections = \"many\"\n";
    let shell = Shell::with(&folder(), text);
    for command in [&["serve"][..], &["migrate"], &["doctor"], &["tenant", "list"]] {
        let (code, said) = shell.run(command);
        assert_eq!(code, 1, "{said}");
        for key in [
            "platform.base_domain",
            "platform.demo",
            "http.listen",
            "databse.url",
            "database.max_connections",
            "smtp.from",
        ] {
            assert!(said.contains(key), "{key} is not told:\n{said}");
        }
        assert!(said.contains("did you mean database.url?") && !said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_role_that_could_pass_the_wall_is_refused() {
    let database = TestDatabase::new().await;
    let folder = folder();
    let text = settings(&database, &folder, "");
    let app = database.app_options().to_url_lossy().to_string();
    let superuser = database.owner_options().to_url_lossy().to_string();
    let shell = Shell::with(&folder, &text.replace(&app, &superuser));
    for command in ["serve", "doctor"] {
        let (code, said) = shell.run(&[command]);
        assert!(
            code == 1 && said.contains("could pass the tenant wall"),
            "portico {command}: {code}\n{said}"
        );
    }
}

#[tokio::test]
async fn tenants_and_people_are_made_from_the_command_line() {
    let database = TestDatabase::new().await;
    let shell = Shell::new(&database, "");
    let create = ["tenant", "create", "--slug", "harbor", "--name", "Harbor", "--modules", "orders"];
    assert!(shell.done(&create).contains("https://harbor.portico.test"));
    shell.done(&create);
    shell.done(&[
        "customer",
        "create",
        "--tenant",
        "harbor",
        "--name",
        "Brightwater",
        "--external-key",
        "B-1",
    ]);
    let contact =
        ["contact", "create", "--tenant", "harbor", "--customer", "B-1", "--name", "Maya", "--email"];
    shell.done(&[&contact[..], &["maya@brightwater.example"]].concat());
    assert!(shell.done(&["tenant", "list"]).contains("active"));
    assert!(shell.done(&["tenant", "suspend", "harbor"]).contains("suspended"));
    for (arguments, word) in [
        (vec!["tenant", "create", "--slug", "UPPER", "--name", "X"], "is not a slug"),
        (vec!["tenant", "create", "--slug", "www", "--name", "X"], "kept for the platform"),
        (
            vec!["tenant", "create", "--slug", "ok", "--name", "X", "--time-zone", "Mars/Base"],
            "not a time zone",
        ),
        (vec!["tenant", "suspend", "nobody"], "there is no tenant"),
        (
            vec!["customer", "create", "--tenant", "nobody", "--name", "X", "--external-key", "1"],
            "there are: harbor",
        ),
        ([&contact[..], &["nonsense"]].concat(), "is not a mail address"),
        (
            vec!["connector", "stop", "--tenant", "harbor", "--name", "none", "--reason", "x"],
            "has no connector",
        ),
    ] {
        let (code, said) = shell.run(&arguments);
        assert!(code == 1 && said.contains(word), "{arguments:?}: {code} without {word:?}\n{said}");
    }
}

#[tokio::test]
async fn a_tenants_own_people_are_kept_from_the_command_line() {
    let database = TestDatabase::new().await;
    let shell = Shell::new(&database, "");
    shell.done(&["tenant", "create", "--slug", "harbor", "--name", "Harbor"]);
    let add =
        ["staff", "add", "harbor", "--email", "astrid@harbor.example", "--name", "Astrid Lund", "--role"];
    let told = shell.done(&[&add[..], &["cs_admin"]].concat());
    assert!(told.contains("https://harbor.portico.test/console"), "{told}");
    shell.done(&[&add[..], &["csm"]].concat());
    let list = |shell: &Shell| {
        let text = shell.done(&["staff", "list", "harbor", "--json"]);
        serde_json::from_str::<serde_json::Value>(text.trim()).expect("JSON")
    };
    let people = list(&shell);
    assert_eq!(people.as_array().map(Vec::len), Some(1), "the same person twice is one: {people}");
    assert!(people[0]["role"] == "csm" && people[0]["active"] == true && people[0]["second_factor"] == false);
    let named = ["harbor", "--email", "Astrid@harbor.example"];
    assert!(
        shell.done(&[&["staff", "reset-second-factor"], &named[..]].concat()).contains("no second factor")
    );
    assert!(shell.done(&[&["staff", "deactivate"], &named[..]].concat()).contains("no longer"));
    assert!(list(&shell)[0]["active"] == false);
    assert!(shell.done(&["staff", "list", "harbor"]).contains("deactivated"));
    for (arguments, word) in [
        (vec!["staff", "deactivate", "harbor", "--email", "nobody@x.example"], "has nobody"),
        (vec!["staff", "add", "harbor", "--email", "nonsense", "--name", "X"], "is not a mail address"),
        (vec!["staff", "list", "nowhere"], "there are: harbor"),
    ] {
        let (code, said) = shell.run(&arguments);
        assert!(code == 1 && said.contains(word), "{arguments:?}: {code} without {word:?}\n{said}");
    }
}

/// A mapping that names what is not there: the dry run says which and exits with 1, `add` stores no nonsense.
#[tokio::test]
async fn a_mapping_with_a_fault_is_told_where() {
    let (database, erp, folder) = (TestDatabase::new().await, Erp::new().await, folder());
    let shell = Shell::new(&database, "");
    shell.done(&["tenant", "create", "--slug", "harbor", "--name", "Harbor"]);
    let (good, bad, broken) = (folder.join("good.toml"), folder.join("bad.toml"), folder.join("broken.toml"));
    std::fs::write(&good, mapping()).expect("a file");
    std::fs::write(&bad, mapping().replace("requested_on = \"req_dt\"", "requested_on = \"req_date\""))
        .expect("a file");
    std::fs::write(&broken, mapping().replace("[order]", "[ordr]")).expect("a file");
    let (url, named) = (erp.url(), ["--tenant", "harbor", "--name", "erp"]);
    let add = |file: &PathBuf| {
        let mut command = shell.command(&[&["connector", "add"][..], &named].concat());
        said(&command.arg("--mapping").arg(file).arg("--url").arg(&url).output().expect("it runs"))
    };
    let (code, said) = add(&broken);
    assert!(code == 1 && said.contains("nothing was changed") && said.contains("ordr"), "{said}");
    assert_eq!(add(&good).0, 0);
    let ready = shell.done(&[&["connector", "dry-run"][..], &named].concat());
    assert!(ready.contains("ready: the sync can start"), "{ready}");
    let dry = [&["connector", "dry-run"][..], &named, &["--mapping", bad.to_str().expect("a path")]].concat();
    let (code, told) = shell.run(&dry);
    assert!(code == 1 && told.contains("req_date") && told.contains("not ready"), "{code}\n{told}");
    assert!(!told.contains(&url), "the address holds a password");
}

#[tokio::test]
async fn new_keys_keep_everything_readable() {
    let ground = Ground::new().await;
    let vendor = planted::vendor(&ground, "kestrelx7", "orders").await;
    let (stack, folder) = (&ground.stack, ground.stack.config.platform.data_dir.clone());
    ground
        .sql("delete from tracking_inbox; delete from tracking_providers; delete from doors; delete from products; delete from connectors; delete from mail_outbox")
        .await;
    let mut tx = stack.db.tenant(Scope::tenant(vendor.id)).await.expect("a transaction");
    let id = ConnectorId::new(&*stack.clock, &*stack.random);
    let new = NewConnector { id, name: "erp", mapping: "", url: "postgres://secret" };
    registry::put(&mut tx, &stack.sealer, &new).await.expect("a connector");
    let mail = NewMail {
        to_address: "x@y.example".into(),
        to_name: String::new(),
        from_name: "K".into(),
        reply_to: None,
        subject: "S".into(),
        text: "the link".into(),
        html: "<p>the link</p>".into(),
        keep_body: Duration::from_secs(3600),
    };
    stack.outbox.enqueue(&mut tx, &mail).await.expect("a mail");
    let folder_door = Settings::File { folder: "/srv".into() };
    let door = NewDoor { id: DoorId(id.0), kind: Kind::Reorder, settings: &folder_door, secret: "whsec_x" };
    doors::put(&mut tx, &stack.sealer, &door).await.expect("a door");
    let account = NewAccount {
        id: id.0,
        kind: "aftership",
        name: "parcels",
        webhook_secret: "a secret",
        api_key: Some("a key"),
        api_url: "https://api.parcels.example",
    };
    carriers::put(&mut tx, &stack.sealer, &account).await.expect("an account");
    tx.commit().await.expect("stored");
    let sealed = |table, column, tenant, row: MailId| {
        let binding = Binding { table, column, tenant, row: row.0 };
        let sealed = stack.sealer.seal(&binding, b"a private key");
        sealed.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let platform = |table, column, row| sealed(table, column, None, row);
    let row = MailId::new(&*stack.clock, &*stack.random);
    ground
        .sql(&format!(
            "insert into acme_accounts (id, directory, key_sealed, next_key_sealed, eab_sealed, created_at)
             values ('{row}', 'd', '\\x{}', '\\x{}', '\\x{}', now());
             insert into acme_orders (id, host, step, key_sealed, due, created_at) values ('{row}', 'h.example', 'keyed', '\\x{}', now(), now());
             insert into certificates (id, host, names, chain, key_sealed, serial, issuer, directory, not_before, not_after, renew_at, created_at)
             values ('{row}', 'h.example', '{{h.example}}', '', '\\x{}', '1', 'i', 'd', now(), now(), now(), now());
             insert into ticket_keys (id, epoch, key_sealed, created_at) values ('{row}', 1, '\\x{}', now());
             insert into staff_factors (tenant_id, id, staff_id, secret)
             select tenant_id, '{row}', id, '\\x{}' from staff where email like 'boss@%'",
            platform("acme_accounts", "key_sealed", row),
            platform("acme_accounts", "next_key_sealed", row),
            platform("acme_accounts", "eab_sealed", row),
            platform("acme_orders", "key_sealed", row),
            platform("certificates", "key_sealed", row),
            platform("ticket_keys", "key_sealed", row),
            sealed("staff_factors", "secret", Some(vendor.id), row)
        ))
        .await;

    let shell = Shell::with(&folder, &settings(&ground.database, &folder, ""));
    let told = shell.done(&["keys", "rotate"]);
    assert!(told.contains("key 1 seals now; 0 secrets"), "nothing to do without a new key: {told}");
    let told = shell.done(&["keys", "add"]);
    assert!(told.contains("key 2 waits"), "{told}");
    let told = shell.done(&["keys", "rotate"]);
    assert!(told.contains("key 2 seals now; 12 secrets"), "{told}");
    let file = std::fs::read_to_string(folder.join("keys")).expect("the key file");
    let new_only = file.lines().filter(|line| line.starts_with("2:")).collect::<String>();
    let sealer = Sealer::from_key_file(&new_only, Arc::new(SystemRandom)).expect("a key");

    // Documents lie behind the wall as they came; they are no secrets of ours.
    let sealed =
        "select string_agg(table_name || '.' || column_name, ' ' order by 1) from information_schema.columns
                   where table_schema = 'public' and data_type = 'bytea' and table_name not in ('_sqlx_migrations', 'invoice_documents')
                     and column_name not like '%hash'";
    let sealed = ground.value(sealed).await.expect("sealed columns");
    for column in sealed.split(' ') {
        let (table, column) = column.split_once('.').expect("table and column");
        let old = format!(
            "select count(*)::text from {table} where substring({column} from 2 for 4) <> '\\x00000002'"
        );
        assert_eq!(
            ground.value(&old).await.as_deref(),
            Some("0"),
            "{table}.{column} is still under the old key"
        );
        let any = format!("select count({column})::text from {table}");
        assert_ne!(
            ground.value(&any).await.as_deref(),
            Some("0"),
            "{table}.{column} was not put to the test"
        );
    }
    let mut tx = stack.db.tenant(Scope::tenant(vendor.id)).await.expect("a transaction");
    let url = registry::url(&mut tx, &sealer, id).await.expect("it opens");
    assert_eq!(url.as_deref(), Some("postgres://secret"));
    let outbox = Outbox::new(sealer.clone(), Arc::clone(&stack.clock), Arc::clone(&stack.random));
    let mut tx = stack.db.operator("test", "reads").await.expect("an operator");
    let mails = outbox.recent(&mut tx, None, 1).await.expect("they open");
    assert_eq!(mails[0].body.as_ref().expect("a body").text, "the link");
}
