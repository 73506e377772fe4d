//! Every table, role and policy of Portico, forward only, and the one way to apply them.
//!
//! Owns the SQL under `sql/`, the database roles, the private PostgreSQL of a fresh installation
//! ([`embedded`]) and, with feature `testing`, throw-away databases for tests. Queries live elsewhere:
//! in `platform/core` and in each slice's `store.rs`.

pub mod embedded;
#[cfg(feature = "testing")]
pub mod testing;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};

/// The embedded list, in order. `sqlx` refuses to run when an applied file was edited.
// `sqlx::migrate!` itself wants feature `macros`, which would build the offline query checker for nothing.
pub static MIGRATOR: Migrator = sqlx::sqlx_macros::migrate!("./sql");

/// The role that owns all objects and never serves a request.
pub const OWNER_ROLE: &str = "portico_owner";
/// The role every request and worker runs as.
pub const APP_ROLE: &str = "portico_app";
/// The role behind operators' transactions.
pub const OPERATOR_ROLE: &str = "portico_operator";

/// Indexes of tenant tables that do not lead with the tenant, because a `SystemTx` flow walks all tenants by them
/// or because a name is unique in the whole installation. Read by the catalogue test; may only shrink.
pub const ALL_TENANT_INDEXES: &[&str] =
    &["jobs_due", "mail_outbox_erase", "domains_holder", "domains_due", "domains_by_host"];

/// Why a database could not be brought to the state this program needs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database answered: {0}")]
    Database(#[from] sqlx::Error),
    #[error("a migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("the private PostgreSQL did not start: {0}")]
    Embedded(String),
}

/// Creates the roles where they are missing and applies every migration that is not applied yet.
///
/// `options` must belong to a superuser, or to a role that may create roles and is a member of
/// [`OWNER_ROLE`]. Applying twice changes nothing. Returns how many migrations the database has now.
///
/// # Errors
/// The database's answer, or the first migration that failed; what was applied before it stays.
pub async fn migrate(options: &PgConnectOptions) -> Result<usize, Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    prepare_roles(&mut connection).await?;
    connection.execute("set role portico_owner").await?;
    // A forced policy would silently hide rows from a data migration; this turns that into an error.
    connection.execute("set row_security = off").await?;
    connection.execute("set lock_timeout = '10s'").await?;
    MIGRATOR.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(MIGRATOR.iter().count())
}

/// Creates the three roles and lets the owner create objects in this database.
async fn prepare_roles(connection: &mut PgConnection) -> Result<(), Error> {
    // Roles belong to the server: two databases that start at once must not race for them.
    connection.execute(PREPARE_ROLES).await?;
    Ok(())
}

const PREPARE_ROLES: &str = r"
do $$
declare
    role text;
begin
    perform pg_advisory_xact_lock(7309112);
    foreach role in array array['portico_owner', 'portico_app', 'portico_operator'] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I nologin nosuperuser nobypassrls', role);
        end if;
    end loop;
    execute format('grant create, connect on database %I to portico_owner', current_database());
    execute format('grant connect on database %I to portico_app, portico_operator', current_database());
    execute format('revoke temporary on database %I from public', current_database());
    grant all on schema public to portico_owner;
    revoke create on schema public from public;
    grant usage on schema public to portico_app, portico_operator;
end $$;
";
