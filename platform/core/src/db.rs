//! The one way to the database. The pools are private: a transaction always knows for whom it was opened.
//!
//! [`TenantTx`] sees one tenant, or one customer of it. [`SystemTx`] sees all tenants for one purpose of a closed
//! list. [`OperatorTx`] is for people of the platform and leaves a line in `operator_log`. A transaction that is
//! dropped is rolled back.

mod conn;
mod heed;

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres, Transaction};

pub use conn::Conn;
pub use heed::Heed;

use crate::clock::SystemClock;
use crate::id::{self, CustomerId, TenantId};
use crate::random::SystemRandom;

/// What can go wrong between a store and its caller. Pages never show it; a layer logs it once.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database role could pass the tenant wall, so nothing may be served.
    #[error("{0}")]
    Unsafe(String),
    /// A stored value could not be read as what it should be.
    #[error("stored {what} is not readable: {reason}")]
    Corrupt { what: &'static str, reason: String },
    #[error(transparent)]
    Secret(#[from] crate::secrets::Error),
    #[error("no operator role is configured: set database.operator_url")]
    NoOperator,
}

impl Error {
    /// The name of the violated constraint, for turning it into a message beside a field.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Database(error) => error.as_database_error()?.constraint(),
            _ => None,
        }
    }

    /// Whether the database could not be reached or went away, so that trying again later may help.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::PoolTimedOut) => true,
            Self::Database(error) => lost_connection(error),
            _ => false,
        }
    }
}

/// How to reach the database as each role.
#[derive(Debug, Clone)]
pub struct DbConfig {
    pub app: PgConnectOptions,
    pub operator: Option<PgConnectOptions>,
    /// Behind a transaction pooler, statements must not be prepared by name.
    pub pooler: bool,
    pub max_connections: u32,
}

/// Both pools. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    app: PgPool,
    operator: Option<PgPool>,
    listen: PgConnectOptions,
    pooler: bool,
}

/// For whom a [`TenantTx`] is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    tenant: TenantId,
    customer: Option<CustomerId>,
}

impl Scope {
    /// All customers of a tenant: staff, workers, sign-in.
    #[must_use]
    pub fn tenant(tenant: TenantId) -> Self {
        Self { tenant, customer: None }
    }

    /// One customer: everything a contact does.
    #[must_use]
    pub fn customer(tenant: TenantId, customer: CustomerId) -> Self {
        Self { tenant, customer: Some(customer) }
    }
}

/// The flows that may see all tenants, and the tables each one opens (`wall.system` in the migrations).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// The route table and the domain reconciler.
    Routes,
    /// The certificate queue.
    Certificates,
    /// Claiming jobs.
    Jobs,
    /// Claiming mails.
    Mail,
    /// Finding connectors to run.
    Sync,
    /// Start-up: tenants and their brands.
    Boot,
}

impl System {
    fn name(self) -> &'static str {
        match self {
            Self::Routes => "routes",
            Self::Certificates => "certificates",
            Self::Jobs => "jobs",
            Self::Mail => "mail",
            Self::Sync => "sync",
            Self::Boot => "boot",
        }
    }
}

impl Db {
    /// Opens the pools and refuses a role that could pass the wall.
    ///
    /// # Errors
    /// [`Error::Unsafe`] when a role is a superuser, bypasses row-level security or owns tables; else the database's answer.
    pub async fn connect(config: DbConfig) -> Result<Self, Error> {
        let prepare = |options: PgConnectOptions| {
            let options = options.application_name("portico");
            // pgbouncer refuses a connection with a setting that it does not track.
            if config.pooler { options.statement_cache_capacity(0).extra_float_digits(None) } else { options }
        };
        let app = pool(config.max_connections).connect_with(prepare(config.app.clone())).await?;
        guard(&app, config.pooler).await?;
        let operator = match config.operator.clone() {
            Some(options) => {
                let operator = pool(4).connect_lazy_with(prepare(options));
                guard(&operator, config.pooler).await?;
                Some(operator)
            }
            None => None,
        };
        Ok(Self { app, operator, listen: prepare(config.app), pooler: config.pooler })
    }

    /// Opens a transaction that sees one tenant, or one customer of it, in one round trip.
    ///
    /// # Errors
    /// When no connection can be had within five seconds.
    pub async fn tenant(&self, scope: Scope) -> Result<TenantTx, Error> {
        let customer = scope.customer.map_or_else(|| "all".to_owned(), |id| id.to_string());
        let begin = format!(
            "begin; set local app.tenant_id = '{}'; set local app.customer_id = '{customer}'",
            scope.tenant
        );
        let inner = begin_patiently(&self.app, &begin, self.pooler).await?;
        Ok(TenantTx { inner, scope })
    }

    /// Opens a transaction that sees all tenants, in the tables that name this purpose.
    ///
    /// # Errors
    /// When no connection can be had within five seconds.
    pub async fn system(&self, purpose: System) -> Result<SystemTx, Error> {
        let begin = format!("begin; set local app.system = '{}'", purpose.name());
        let inner = begin_patiently(&self.app, &begin, self.pooler).await?;
        Ok(SystemTx { inner })
    }

    /// Opens a transaction for a person of the platform and writes down who and why.
    ///
    /// # Errors
    /// [`Error::NoOperator`] when no operator role is configured; else the database's answer.
    pub async fn operator(&self, actor: &str, reason: &str) -> Result<OperatorTx, Error> {
        let pool = self.operator.as_ref().ok_or(Error::NoOperator)?;
        let mut tx = OperatorTx { inner: begin_patiently(pool, "begin", self.pooler).await? };
        sqlx::query("insert into operator_log (id, actor, reason) values ($1, $2, $3)")
            .bind(id::uuid(&SystemClock, &SystemRandom))
            .bind(actor)
            .bind(reason)
            .execute(tx.conn())
            .await?;
        Ok(tx)
    }

    /// Hears hints at another address: LISTEN does not pass through a transaction pooler.
    #[must_use]
    pub fn hearing_from(mut self, direct: PgConnectOptions) -> Self {
        self.listen = direct.application_name("portico");
        self
    }

    /// A connection of its own that hears hints. A hint may be lost: every listener also looks by itself from time to time.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn listen(&self, channels: &[&str]) -> Result<PgListener, Error> {
        let pool = PgPoolOptions::new().max_connections(1).connect_with(self.listen.clone()).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen_all(channels.iter().copied()).await?;
        Ok(listener)
    }

    /// The database's clock; also the shortest way to see whether it answers.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn now(&self) -> Result<DateTime<Utc>, Error> {
        // In a transaction, because behind a pooler nothing else keeps two round trips on one connection.
        let mut tx = SystemTx { inner: begin_patiently(&self.app, "begin", self.pooler).await? };
        Ok(sqlx::query_scalar("select now()").fetch_one(tx.conn()).await?)
    }

    /// Closes the pools; transactions under way finish first.
    pub async fn close(&self) {
        self.app.close().await;
        if let Some(operator) = &self.operator {
            operator.close().await;
        }
    }
}

/// sqlx pings before each use unless told not to: one round trip more on every page.
fn pool(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .min_connections(1)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(5))
        .max_lifetime(Duration::from_secs(30 * 60))
}

/// Opens a transaction, and once more when the server went away meanwhile: nothing was done yet, so nothing is done
/// twice, and a restarted database costs its readers a moment instead of an error each.
///
/// `begin` is text of ours around typed ids; nothing from outside is in it.
///
/// It runs on a task of its own, so that a caller who goes away cannot break it off halfway: sqlx would give the connection
/// back with the transaction open, and the next one would begin inside it, at its `now()` and with its settings.
async fn begin_patiently(pool: &PgPool, begin: &str, pooler: bool) -> Result<Begun, Error> {
    let (pool, begin) = (pool.clone(), begin.to_owned());
    let begun = tokio::spawn(async move { begin_again(&pool, &begin).await });
    let transaction = begun.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
    Ok(Begun { transaction, pooler })
}

async fn begin_again(pool: &PgPool, begin: &str) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match pool.begin_with(AssertSqlSafe(begin.to_owned())).await {
            Ok(transaction) => return Ok(transaction),
            Err(error) if lost_connection(&error) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// How long a transaction waits for a database that is being restarted.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the connection, and not the statement, was at fault. Class 57P: the server is shutting down or starting.
fn lost_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        _ => false,
    }
}

async fn guard(pool: &PgPool, pooler: bool) -> Result<(), Error> {
    let mut tx = SystemTx { inner: begin_patiently(pool, "begin", pooler).await? };
    let (role, strong, owner): (String, bool, bool) = sqlx::query_as(
        "select current_user::text, r.rolsuper or r.rolbypassrls or pg_has_role(r.oid, 'portico_owner', 'member'),
                exists (select from pg_class c where c.relowner = r.oid and c.relkind in ('r', 'p'))
           from pg_roles r where r.rolname = current_user",
    )
    .fetch_one(tx.conn())
    .await?;
    if strong || owner {
        return Err(Error::Unsafe(format!(
            "the database role {role} could pass the tenant wall (superuser, BYPASSRLS or owner of tables); \
             connect as portico_app, see `portico migrate --help`"
        )));
    }
    Ok(())
}

#[derive(Debug)]
struct Begun {
    transaction: Transaction<'static, Postgres>,
    pooler: bool,
}

/// A transaction that sees one tenant. The only thing a slice's `store.rs` accepts.
#[derive(Debug)]
pub struct TenantTx {
    inner: Begun,
    scope: Scope,
}

impl TenantTx {
    /// The tenant it was opened for.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.scope.tenant
    }

    /// The customer it was opened for; none for staff and workers.
    #[must_use]
    pub fn customer(&self) -> Option<CustomerId> {
        self.scope.customer
    }
}

/// A transaction that sees all tenants for one purpose.
#[derive(Debug)]
pub struct SystemTx {
    inner: Begun,
}

/// A transaction of a person of the platform.
#[derive(Debug)]
pub struct OperatorTx {
    inner: Begun,
}

macro_rules! transaction {
    ($($name:ident),+) => {$(
        impl $name {
            /// For statements.
            pub fn conn(&mut self) -> Conn<'_> {
                Conn { inner: &mut self.inner.transaction, pooler: self.inner.pooler }
            }

            /// Makes everything durable.
            ///
            /// # Errors
            /// The database's answer. After a lost connection it is unknown whether the commit happened.
            pub async fn commit(self) -> Result<(), Error> {
                self.inner.transaction.commit().await?;
                Ok(())
            }
        }
    )+};
}

transaction!(TenantTx, SystemTx, OperatorTx);
