//! The connections to one foreign database: few, short, read-only, and cut off while it is in trouble.

use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Executor};
use tokio_util::sync::CancellationToken;

use crate::orders::SourceError;
use crate::usage::{Ended, Meter};

/// At most two connections, opened when needed.
#[derive(Debug)]
pub struct Link {
    pool: PgPool,
    breaker: Mutex<Breaker>,
    meter: Arc<Meter>,
    limits: Limits,
    cut: CancellationToken,
}

/// How much of a source one reader takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub connections: u32,
    /// A pause before each statement; none where the reader paces itself.
    pub pause: Duration,
    /// What everything is counted as; else each statement as its own section of the mapping.
    pub counted_as: Option<&'static str>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 2, pause: Duration::ZERO, counted_as: None }
    }
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
        Self::limited(url, Limits::default(), Arc::default())
    }

    /// The same within limits, and counted.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn limited(url: &str, limits: Limits, meter: Arc<Meter>) -> Result<Self, SourceError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| SourceError::Refused("the connection address cannot be read".into()))?;
        Ok(Self::prepare(options, limits, meter))
    }

    /// The same from options.
    #[must_use]
    pub fn with_options(options: PgConnectOptions) -> Self {
        Self::prepare(options, Limits::default(), Arc::default())
    }

    fn prepare(options: PgConnectOptions, limits: Limits, meter: Arc<Meter>) -> Self {
        let (counted, entity) = (Arc::clone(&meter), limits.counted_as.unwrap_or("session"));
        let pool = PgPoolOptions::new()
            .max_connections(limits.connections)
            .min_connections(0)
            .acquire_timeout(Duration::from_secs(3))
            .idle_timeout(Duration::from_secs(60))
            .max_lifetime(Duration::from_secs(600))
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let counting = counted.begin(entity);
                Box::pin(async move {
                    connection.execute(SESSION).await?;
                    counting.done(Ended::Well { rows: 0 }, 1);
                    Ok(())
                })
            })
            .connect_lazy_with(options.application_name("portico"));
        Self { pool, breaker: Mutex::default(), meter, limits, cut: CancellationToken::new() }
    }

    /// Runs one statement outside of any transaction; `entity` is the section of the mapping that it reads for.
    ///
    /// `sql` was written by `statements` or is a constant: quoted names, escaped literals, values bound.
    ///
    /// # Errors
    /// What went wrong, sorted by who can mend it.
    pub(super) async fn fetch(
        &self,
        entity: &'static str,
        sql: &str,
        bind: &[Bind<'_>],
    ) -> Result<Vec<PgRow>, SourceError> {
        // Whoever still holds a link that was cut off begins nothing and waits for nothing.
        let result = tokio::select! {
            biased;
            () = self.cut.cancelled() => return Err(SourceError::Unreachable("reading was stopped".into())),
            result = self.run(entity, sql, bind) => result,
        };
        self.note(result.as_ref().err());
        result
    }

    async fn run(
        &self,
        entity: &'static str,
        sql: &str,
        bind: &[Bind<'_>],
    ) -> Result<Vec<PgRow>, SourceError> {
        if !self.limits.pause.is_zero() {
            tokio::time::sleep(self.limits.pause).await;
        }
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        for value in bind {
            query = match value {
                Bind::Text(text) => query.bind(*text),
                Bind::Texts(texts) => query.bind(*texts),
                Bind::Number(number) => query.bind(*number),
            };
        }
        let mut connection = self.pool.acquire().await.map_err(|error| sorted(&error))?;
        let counting = self.meter.begin(self.limits.counted_as.unwrap_or(entity));
        let result = query.fetch_all(&mut *connection).await.map_err(|error| sorted(&error));
        let ended = match &result {
            Ok(rows) => Ended::Well { rows: rows.len() },
            Err(SourceError::Slow(why)) if why.ends_with(LOCKED) => Ended::Locked,
            Err(SourceError::Slow(_)) => Ended::TimedOut,
            Err(_) => Ended::Failed,
        };
        counting.done(ended, self.pool.size());
        result
    }

    /// Whether a reader that cannot wait should not even try.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        let breaker = self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        breaker.open_until.is_some_and(|until| Instant::now() < until)
    }

    /// Until when readers that cannot wait do not try.
    #[must_use]
    pub fn tripped_for(&self) -> Option<Duration> {
        let breaker = self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        breaker.open_until.and_then(|until| until.checked_duration_since(Instant::now()))
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

    /// Begins no statement from now on, lets nobody wait for one, and closes the connections. What runs at the source ends by
    /// its own limit.
    pub async fn close(&self) {
        self.cut.cancel();
        self.pool.close().await;
    }
}

/// How the words of a lock that was not waited for end: [`sorted`] writes the state last.
pub(crate) const LOCKED: &str = "(55P03)";

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
