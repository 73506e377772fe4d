//! The program: reads the configuration, puts the rooms together, runs one command. A library beside the binary
//! `portico`, so that tests walk the very routes and middleware that the binary serves.

mod commands;
pub mod compose;
pub mod config;
pub mod stack;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Customer portals in their vendors' own name, look and domain.
///
/// Start with a configuration file of two keys (platform.base_domain, smtp.from), then `portico migrate`,
/// `portico tenant create`, `portico serve`. Every key is also read from PORTICO_SECTION_KEY.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    /// The configuration file.
    #[arg(long, global = true, env = "PORTICO_CONFIG", default_value = "/etc/portico/portico.toml")]
    config: PathBuf,
    /// What to log, as in `info,sqlx=warn`; `json` in front for machines: `json:info`.
    #[arg(long, global = true, env = "PORTICO_LOG", default_value = "info,sqlx=error")]
    log: String,
    #[command(subcommand)]
    command: commands::Command,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging(&arguments.log);
    // The provider that has X25519MLKEM768; every room uses this one and no other.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return fail("the crypto provider was installed twice");
    }
    // Linux ends the private PostgreSQL with the thread that started it: `block_on` keeps that on this thread.
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(commands::run(arguments.command, &arguments.config)) {
        Ok(code) => code,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn start_logging(filter: &str) {
    let (json, filter) = filter.strip_prefix("json:").map_or((false, filter), |rest| (true, rest));
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    if json { builder.json().init() } else { builder.with_target(false).with_ansi(terminal).init() }
}

#[expect(clippy::print_stderr, reason = "a command's last word goes to the person, not to the log")]
fn fail(reason: &str) -> ExitCode {
    eprintln!("portico: {reason}");
    ExitCode::FAILURE
}
