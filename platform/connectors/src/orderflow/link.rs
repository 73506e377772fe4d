//! The connections to one foreign database: few, short, read-only, and cut off while it is in trouble.

use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, Postgres};
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

/// Whether a reader reads, and whether it waits for what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    Wait,
    Probe,
    Skip,
}

#[derive(Debug, Default)]
struct Breaker {
    /// In a row, without one answer between.
    failures: u32,
    open_until: Option<Instant>,
}

/// Failures in a row before readers stop waiting for it.
const TOLERATED: u32 = 3;
/// The source ends a statement after two seconds by itself. What says nothing for longer is not slow, it is not there: a
/// firewall that swallows what is sent would otherwise be waited for until the system gives the connection up.
const PATIENCE: Duration = Duration::from_secs(3);

/// Said once a connection, and not as startup options: poolers refuse those. A role's own defaults are no guard
/// (the role may change them); grants are, and the dry run looks at them. The keepalives make the source itself end what a
/// broken line leaves behind there, within a minute: its owner has granted few connections.
const SESSION: &str = "set statement_timeout = 2000; set lock_timeout = 200; set default_transaction_read_only = on; \
     set tcp_keepalives_idle = 20; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 4; \
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
        self.answer(entity, query).await
    }

    async fn answer(
        &self,
        entity: &'static str,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, SourceError> {
        let mut connection = self.pool.acquire().await.map_err(|error| sorted(&error))?;
        let counting = self.meter.begin(self.limits.counted_as.unwrap_or(entity));
        let result = match tokio::time::timeout(PATIENCE, query.fetch_all(&mut *connection)).await {
            Ok(answer) => {
                // A connection that goes back is asked whether it lives. Without an end to that, a line that breaks at this
                // moment would take its place among the two for as long as the system believes in it.
                drop(tokio::spawn(tokio::time::timeout(PATIENCE, connection.return_to_pool())));
                answer.map_err(|error| sorted(&error))
            }
            Err(_) => {
                // Not back to the pool, which would wait for the rest of the answer.
                drop(connection.detach());
                Err(SourceError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs())))
            }
        };
        let ended = match &result {
            Ok(rows) => Ended::Well { rows: rows.len() },
            Err(SourceError::Slow(why)) if why.ends_with(LOCKED) => Ended::Locked,
            Err(SourceError::Slow(_)) => Ended::TimedOut,
            Err(_) => Ended::Failed,
        };
        counting.done(ended, self.pool.size());
        result
    }

    /// Whether nobody should try at the moment.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        self.breaker().open_until.is_some_and(|until| Instant::now() < until)
    }

    /// What a reader that cannot wait may do. While the source is in trouble one of them now and then sets a reading off
    /// and does not wait for it either: it is how all learn that the source is back.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        let mut breaker = self.breaker();
        let (now, pause) = (Instant::now(), breaker.pause());
        match breaker.open_until {
            None => Attempt::Wait,
            Some(until) if now < until => Attempt::Skip,
            Some(_) => {
                breaker.open_until = Some(now + pause);
                Attempt::Probe
            }
        }
    }

    /// A reader has waited as long as it may. As good as a failure, unless an answer to anybody comes between: pages learn
    /// within a few waits that a source says nothing, long before a statement is given up.
    pub fn waited_in_vain(&self) {
        self.breaker().fail();
    }

    /// Until when readers that cannot wait do not try.
    #[must_use]
    pub fn tripped_for(&self) -> Option<Duration> {
        self.breaker().open_until.and_then(|until| until.checked_duration_since(Instant::now()))
    }

    fn note(&self, error: Option<&SourceError>) {
        let mut breaker = self.breaker();
        match error {
            Some(SourceError::Unreachable(_) | SourceError::Slow(_)) => breaker.fail(),
            _ => *breaker = Breaker::default(),
        }
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Begins no statement from now on, lets nobody wait for one, and closes the connections: those that answer in order and
    /// the others after a while all the same. What runs at the source ends by its own limit.
    pub async fn close(&self) {
        self.cut.cancel();
        if tokio::time::timeout(PATIENCE, self.pool.close()).await.is_err() {
            tracing::debug!("a connection did not end in order");
        }
    }
}

impl Breaker {
    fn fail(&mut self) {
        self.failures += 1;
        if self.failures >= TOLERATED {
            self.open_until = Some(Instant::now() + self.pause());
        }
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(1 << self.failures.saturating_sub(TOLERATED).min(5))
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
