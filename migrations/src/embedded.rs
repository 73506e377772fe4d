//! A private PostgreSQL, for a machine where nobody prepared one.
//!
//! Runs Debian's `postgres` on a Unix socket inside a directory of ours, with no TCP port, and ends it with
//! this process even when that is killed. As root it runs as user `postgres`, because PostgreSQL refuses root.
//! Not for production with more than one node: `database.url` names a real server there.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection};

use crate::Error;

/// A running server. Dropping it shuts the server down at once, without losing what was committed, unless another
/// process started it.
#[derive(Debug)]
pub struct Server {
    /// None when another process of ours runs it already, such as `portico serve` beside a command.
    process: Option<Child>,
    socket_dir: PathBuf,
}

/// How carefully the server writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit reaches the disk.
    Safe,
    /// For tests: a crash of the machine may lose the database.
    Fast,
}

impl Server {
    /// Starts the server over `dir`, making a database cluster there first when there is none; joins the one that
    /// another process runs over it.
    ///
    /// Call it from a thread that lives as long as the server should: Linux ends the server when that thread ends.
    ///
    /// # Errors
    /// When the programs are not installed, the directory cannot be used, or the server does not answer in 30 s.
    pub async fn start(dir: &Path, durability: Durability) -> Result<Self, Error> {
        let bin = find_programs()?;
        let account = Account::choose()?;
        let data = dir.join("data");
        account.own(dir)?;
        if !data.join("PG_VERSION").exists() {
            initialise(&bin, &account, &data)?;
        }
        let socket_dir = socket_dir(dir)?;
        account.own(&socket_dir)?;
        if is_running(&data) && joined(&data, &socket_dir).await {
            return Ok(Self { process: None, socket_dir });
        }
        let log = std::fs::File::create(dir.join("postgres.log")).map_err(|e| fault("its log", &e))?;
        let mut command = account.command(&bin.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(&socket_dir).args(["-c", "listen_addresses="]);
        command.args(["-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "max_wal_size=1GB"]);
        if durability == Durability::Fast {
            command.args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]);
        }
        let log_copy = log.try_clone().map_err(|e| fault("its log", &e))?;
        let process = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_copy)
            .spawn()
            .map_err(|e| fault("postgres", &e))?;
        let mut server = Self { process: Some(process), socket_dir };
        server.wait_until_ready(dir).await?;
        Ok(server)
    }

    /// Options for `role` on `database`. Nobody but this machine's user reaches the socket, so there is no password.
    #[must_use]
    pub fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        socket_options(&self.socket_dir, role, database)
    }

    /// Where the server listens; what another process needs to reach it.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    async fn wait_until_ready(&mut self, dir: &Path) -> Result<(), Error> {
        let options = self.options("postgres", "postgres");
        for _ in 0..600 {
            if let Ok(connection) = PgConnection::connect_with(&options).await {
                connection.close().await?;
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.process.as_mut().map(Child::try_wait) {
                let log = std::fs::read_to_string(dir.join("postgres.log")).unwrap_or_default();
                let tail = log.lines().rev().take(5).collect::<Vec<_>>().join(" / ");
                return Err(Error::Embedded(format!("postgres ended with {status}: {tail}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Error::Embedded("postgres did not answer within 30 s; see postgres.log beside its data".into()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(process) = &mut self.process else { return };
        // SIGINT is PostgreSQL's fast shutdown: clients are cut, commits are kept.
        let _ = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
        let _ = process.wait();
    }
}

/// Waits for the server that runs over `data` already. False when it ended instead: whoever started it was killed a
/// moment ago, and it was on its way out.
async fn joined(data: &Path, socket_dir: &Path) -> bool {
    let options = socket_options(socket_dir, "postgres", "postgres");
    while is_running(data) {
        if let Ok(connection) = PgConnection::connect_with(&options).await {
            return connection.close().await.is_ok();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// Options for a server that another process started with its socket in `socket_dir`.
#[must_use]
pub fn socket_options(socket_dir: &Path, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .username(role)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

/// Makes the databases' login roles and one empty database, once.
///
/// # Errors
/// The database's answer.
pub async fn prepare_database(server: &Server, name: &str) -> Result<(), Error> {
    let mut connection = PgConnection::connect_with(&server.options("postgres", "postgres")).await?;
    let exists: Option<i32> = sqlx::query_scalar("select 1 from pg_database where datname = $1")
        .bind(name)
        .fetch_optional(&mut connection)
        .await?;
    if exists.is_none() {
        create_database(&mut connection, name).await?;
    }
    connection.close().await?;
    crate::migrate(&server.options("postgres", name)).await?;
    let mut connection = PgConnection::connect_with(&server.options("postgres", name)).await?;
    sqlx::raw_sql("alter role portico_app login; alter role portico_operator login;")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}

async fn create_database(connection: &mut PgConnection, name: &str) -> Result<(), Error> {
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Err(Error::Embedded(format!("{name:?} is no name for a database of ours")));
    }
    let statement = sqlx::AssertSqlSafe(format!("create database {name}"));
    sqlx::raw_sql(statement).execute(connection).await?;
    Ok(())
}

/// Who the server runs as: this user, or `postgres` when this user is root.
struct Account {
    drop_to: Option<String>,
}

impl Account {
    fn choose() -> Result<Self, Error> {
        let uid = std::fs::metadata("/proc/self").map_err(|e| fault("/proc/self", &e))?.uid();
        if uid != 0 {
            return Ok(Self { drop_to: None });
        }
        let known = Command::new("id").args(["-u", "postgres"]).output().is_ok_and(|o| o.status.success());
        if !known {
            return Err(Error::Embedded(
                "PostgreSQL refuses to run as root and there is no user `postgres`: install Debian's `postgresql`, \
                 or name a server in database.url"
                    .into(),
            ));
        }
        Ok(Self { drop_to: Some("postgres".into()) })
    }

    /// A command that runs as the account and ends when this process ends.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(user) = &self.drop_to {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.args(["--pdeathsig", "INT", "--"]).arg(program);
        command.current_dir("/");
        command
    }

    /// Makes the directory, private to the account.
    fn own(&self, dir: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(dir).map_err(|e| fault(&dir.display().to_string(), &e))?;
        if let Some(user) = &self.drop_to {
            run(Command::new("chown").arg(format!("{user}:{user}")).arg(dir))?;
        }
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
            .map_err(|e| fault(&dir.display().to_string(), &e))
    }
}

fn initialise(bin: &Path, account: &Account, data: &Path) -> Result<(), Error> {
    run(account.command(&bin.join("initdb")).arg("-D").arg(data).args([
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "--no-sync",
    ]))?;
    Ok(())
}

/// A Unix socket's path is at most 107 bytes: a deep directory gets its socket under the temporary folder.
fn socket_dir(dir: &Path) -> Result<PathBuf, Error> {
    let absolute = std::path::absolute(dir).map_err(|e| fault("its directory", &e))?;
    let inside = absolute.join("run");
    if inside.as_os_str().len() <= 80 {
        return Ok(inside);
    }
    let name =
        absolute.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    Ok(std::env::temp_dir().join(format!("portico-pg-{name:016x}")))
}

/// Whether a server runs over this data. A killed one leaves its lock file behind; it goes when its number belongs to
/// nobody, or to another program.
fn is_running(data: &Path) -> bool {
    let lock = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&lock) else { return false };
    let pid = text.lines().next().unwrap_or_default().trim().to_owned();
    let running =
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "postgres");
    if !running {
        let _ = std::fs::remove_file(lock);
    }
    running
}

/// Debian keeps the server's programs out of PATH, one directory a version; the newest wins.
fn find_programs() -> Result<PathBuf, Error> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("postgres").exists().then_some((version, bin))
        })
        .collect();
    versions.sort();
    versions.pop().map(|(_, bin)| bin).ok_or_else(|| {
        Error::Embedded(
            "PostgreSQL is not installed: install Debian's `postgresql`, or name a server in database.url"
                .into(),
        )
    })
}

fn run(command: &mut Command) -> Result<Output, Error> {
    let output = command.output().map_err(|e| fault(&format!("{command:?}"), &e))?;
    if output.status.success() {
        return Ok(output);
    }
    let reason = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
    Err(Error::Embedded(format!(
        "{reason} (the directory must be reachable by the user that PostgreSQL runs as: not inside a home of mode 0700)"
    )))
}

fn fault(what: &str, error: &std::io::Error) -> Error {
    Error::Embedded(format!("{what}: {error}"))
}
