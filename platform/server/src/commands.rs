//! The commands, one file each. Each says on `--help` what it does and what to do next.

mod certificate;
mod connector;
mod doctor;
mod domain;
mod door;
mod keys;
mod migrate;
mod people;
mod request;
mod serve;
mod staff;
mod tenant;
mod themes;
mod tracking;

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use crate::stack::{Stack, read_config};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves the portals, and does their work.
    Serve(serve::Serve),
    /// Creates the roles and applies every migration; safe to run again.
    Migrate(migrate::Migrate),
    /// Tenants: the vendors that rent a portal.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Customers: the companies that buy from a tenant.
    #[command(subcommand)]
    Customer(people::Customer),
    /// Contacts: the people of a customer.
    #[command(subcommand)]
    Contact(people::Contact),
    /// Staff: a tenant's own people, who work at its console.
    #[command(subcommand)]
    Staff(staff::Staff),
    /// Connectors: links to the systems that hold tenants' orders.
    #[command(subcommand)]
    Connector(connector::Connector),
    /// Doors: how requests are handed over to the tenants' own systems.
    #[command(subcommand)]
    Door(door::Door),
    /// Requests: what customers asked for.
    #[command(subcommand)]
    Request(request::Request),
    /// Tracking: accounts at providers that follow parcels.
    #[command(subcommand)]
    Tracking(tracking::Tracking),
    /// Domains: hosts of tenants' customers.
    #[command(subcommand)]
    Domain(domain::Domain),
    /// Certificates that come from elsewhere.
    #[command(subcommand)]
    Certificate(certificate::Certificate),
    /// Looks at everything the program leans on and says what to mend.
    Doctor(doctor::Doctor),
    /// Pages and how they look.
    #[command(subcommand)]
    Themes(themes::Themes),
    /// Keys that seal secrets.
    #[command(subcommand)]
    Keys(keys::Keys),
}

/// Runs one command. The exit code is 1 when the command's answer is "no", such as a check that failed.
pub(crate) async fn run(command: Command, config: &Path) -> anyhow::Result<ExitCode> {
    if let Command::Themes(command) = command {
        return command.run();
    }
    let config = read_config(config)?;
    match command {
        Command::Themes(command) => command.run(),
        Command::Serve(command) => command.run(&Stack::open(config).await?).await,
        Command::Doctor(command) => command.run(config).await,
        Command::Connector(command) => command.run(&Stack::open(config).await?).await,
        Command::Door(command) => command.run(&Stack::open(config).await?).await,
        Command::Request(command) => command.run(&Stack::open(config).await?).await,
        Command::Tracking(command) => command.run(&Stack::open(config).await?).await,
        Command::Domain(command) => command.run(&Stack::open(config).await?).await,
        Command::Certificate(command) => command.run(&Stack::open(config).await?).await,
        Command::Migrate(command) => command.run(&config).await,
        Command::Tenant(command) => command.run(&Stack::open(config).await?).await,
        Command::Customer(command) => command.run(&Stack::open(config).await?).await,
        Command::Contact(command) => command.run(&Stack::open(config).await?).await,
        Command::Staff(command) => command.run(&Stack::open(config).await?).await,
        Command::Keys(command) => command.run(&Stack::open(config).await?).await,
    }
}

/// Prints for a person, or as JSON for a program.
#[expect(clippy::print_stdout, reason = "a command's answer")]
pub(crate) fn answer(json: bool, value: &serde_json::Value, text: &str) {
    if json {
        println!("{value}");
    } else {
        println!("{text}");
    }
}
