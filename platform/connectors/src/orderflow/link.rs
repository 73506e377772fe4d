//! The connections to one foreign database: few, short, read-only, and cut off while it is in trouble.

use std::str::FromStr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Executor};

use crate::orders::SourceError;

/// At most two connections, opened when needed.
#[derive(Debug)]
pub struct Link {
    pool: PgPool,
    breaker: Mutex<Breaker>,
}

#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
}

/// Failures in a row before readers stop waiting for it.
const TOLERATED: u32 = 3;

/// Said once a connection, and not as startup options: poolers refuse those. A role's own defaults are no guard
/// (the role may change them); grants are, and the dry run looks at them.
const SESSION: &str = "set statement_timeout = 2000; set lock_timeout = 200; set default_transaction_read_only = on; \
     set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set extra_float_digits = 3; \
     set standard_conforming_strings = on; set client_encoding = 'UTF8'; set search_path = pg_catalog";

impl Link {
    /// Prepares connections to `url` (`postgres://user:password@host/database?sslmode=verify-full`); none is opened yet.
    ///
    /// # Errors
    /// When the address cannot be read. The message does not repeat it, because it holds a password.
    pub fn new(url: &str) -> Result<Self, SourceError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| SourceError::Refused("the connection address cannot be read".into()))?
            .application_name("portico");
        Ok(Self::with_options(options))
    }

    /// The same from options.
    #[must_use]
    pub fn with_options(options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .min_connections(0)
            .acquire_timeout(Duration::from_secs(3))
            .idle_timeout(Duration::from_secs(60))
            .max_lifetime(Duration::from_secs(600))
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(SESSION).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options.application_name("portico"));
        Self { pool, breaker: Mutex::new(Breaker::default()) }
    }

    /// Runs one statement outside of any transaction.
    ///
    /// `sql` was written by `statements` or is a constant: quoted names, escaped literals, values bound.
    ///
    /// # Errors
    /// What went wrong, sorted by who can mend it.
    pub(super) async fn fetch(&self, sql: &str, bind: &[Bind<'_>]) -> Result<Vec<PgRow>, SourceError> {
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        for value in bind {
            query = match value {
                Bind::Text(text) => query.bind(*text),
                Bind::Texts(texts) => query.bind(*texts),
                Bind::Number(number) => query.bind(*number),
            };
        }
        let result = query.fetch_all(&self.pool).await.map_err(|error| sorted(&error));
        self.note(result.as_ref().err());
        result
    }

    /// Whether a reader that cannot wait should not even try.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        let breaker = self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        breaker.open_until.is_some_and(|until| Instant::now() < until)
    }

    fn note(&self, error: Option<&SourceError>) {
        let mut breaker = self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !matches!(error, Some(SourceError::Unreachable(_) | SourceError::Slow(_))) {
            *breaker = Breaker::default();
            return;
        }
        breaker.failures += 1;
        if breaker.failures >= TOLERATED {
            let pause = Duration::from_secs(1 << (breaker.failures - TOLERATED).min(5));
            breaker.open_until = Some(Instant::now() + pause);
        }
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bind<'a> {
    Text(&'a str),
    Texts(&'a [String]),
    Number(i64),
}

/// Who can mend it: the network (class 08, 57P, no connection left), patience (timeouts, locks, cancelled on a standby),
/// or the mapping.
fn sorted(error: &sqlx::Error) -> SourceError {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default().into_owned();
            let text = format!("{} ({code})", database.message());
            match code.as_str() {
                "57014" | "55P03" | "40001" | "40P01" => SourceError::Slow(text),
                _ if code.starts_with("57P") || code.starts_with("08") || code.starts_with("53") => {
                    SourceError::Unreachable(text)
                }
                _ => SourceError::Refused(text),
            }
        }
        sqlx::Error::PoolTimedOut => SourceError::Unreachable("no connection within 3 s".into()),
        other => SourceError::Unreachable(other.to_string()),
    }
}
