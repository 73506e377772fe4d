//! A simulated certificate authority: an ACME server in memory that speaks the real protocol to our real client, on a clock
//! that the test turns. It has what Pebble lacks and Let's Encrypt has: rate limits with 429 and `Retry-After`, renewal
//! windows with `replaces`, `alreadyReplaced` and the exemption inside the window only, profiles, paused names, outages,
//! revocation of many certificates at once. No socket is opened: a request is a function call.
//!
//! What it does not have: challenges are not looked up by DNS or HTTP. They succeed when the answer lies in the database of
//! [`SimCa::looking_into`] (as any node would give it), or always when none was given; [`SimCa::fail`] names hosts that fail.

mod accounts;
mod book;
mod desk;
mod jose;
mod limits;
mod orders;
mod press;
mod proofs;

pub use book::{Stats, When};
pub use limits::SimLimits;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use instant_acme::BodyWrapper;
use platform_core::clock::{Clock, MockClock};
use platform_core::db::Db;

use crate::authority::Authority;
use crate::budget::Limits;
use crate::challenges::Kind;
use crate::wire::{Carried, CarryError, Transport, Wire};
use book::Book;

/// How the authority behaves.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// Its host name, by which several are told apart.
    pub name: String,
    pub limits: SimLimits,
    /// Profiles by name with the life of their certificates; the first one is meant when an order names none.
    pub profiles: Vec<(String, TimeDelta)>,
    /// Whether it suggests renewal windows, and how often it wants to be asked, in seconds.
    pub renewal_info: Option<u32>,
    /// The external account that every new account must be bound to: identifier and HMAC key.
    pub external: Option<(String, Vec<u8>)>,
    /// By how much each request of an order moves the clock.
    pub latency: Duration,
    /// Percent of good nonces that it refuses.
    pub bad_nonces: u8,
    /// Failures in a row after which a name is paused.
    pub pause_after: u32,
    /// How long a proof of a name is good for later orders.
    pub proof_kept: TimeDelta,
    /// Whether every signature is verified. The ones of account keys always are.
    pub verify: bool,
}

impl Default for SimOptions {
    /// Let's Encrypt with 45-day certificates.
    fn default() -> Self {
        Self {
            name: "ca.sim".to_owned(),
            limits: SimLimits::lets_encrypt(),
            profiles: vec![
                ("tlsserver".to_owned(), TimeDelta::days(45)),
                ("classic".to_owned(), TimeDelta::days(90)),
                ("shortlived".to_owned(), TimeDelta::hours(160)),
            ],
            renewal_info: Some(6 * 3600),
            external: None,
            latency: Duration::ZERO,
            bad_nonces: 0,
            pause_after: 1152,
            proof_kept: TimeDelta::hours(7),
            verify: true,
        }
    }
}

/// How an authority can be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Nothing listens.
    Refused,
    /// A load balancer answers 503 with a page in HTML.
    Pages,
}

/// What a host's challenge meets: the type of the problem and its words, or success.
pub type Judge = Arc<dyn Fn(&str, Kind) -> Option<(&'static str, String)> + Send + Sync>;

/// The authority. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct SimCa {
    pub(crate) options: Arc<SimOptions>,
    clock: Arc<MockClock>,
    book: Arc<Mutex<Book>>,
    conduct: Arc<Mutex<Conduct>>,
}

#[derive(Default)]
struct Conduct {
    outages: Vec<(DateTime<Utc>, DateTime<Utc>, Outage)>,
    judge: Option<Judge>,
    answers: Option<Db>,
}

impl std::fmt::Debug for SimCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimCa").field("options", &self.options).finish_non_exhaustive()
    }
}

impl SimCa {
    /// A new authority without accounts.
    #[must_use]
    pub fn new(options: SimOptions, clock: Arc<MockClock>) -> Self {
        Self {
            book: Arc::new(Mutex::new(Book::new())),
            options: Arc::new(options),
            clock,
            conduct: Arc::default(),
        }
    }

    /// The directory's URL.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.options.name)
    }

    /// This authority as an issuer is configured for it, with its own limits known.
    #[must_use]
    pub fn authority(&self) -> Authority {
        Authority { limits: Limits::lets_encrypt(), ..Authority::new(self.directory()) }
    }

    /// The way to these authorities, for [`crate::Issuer::over`].
    #[must_use]
    pub fn wires(all: &[&Self]) -> HashMap<String, Wire> {
        let wire = |ca: &&Self| (ca.directory(), Wire::over(Arc::new((*ca).clone()), ca.clock.clone()));
        all.iter().map(wire).collect()
    }

    /// Is away between two moments.
    ///
    /// # Panics
    /// When another test has panicked over this authority.
    pub fn away(&self, from: DateTime<Utc>, until: DateTime<Utc>, how: Outage) {
        self.conduct().outages.push((from, until, how));
    }

    /// Judges challenges from now on.
    pub fn fail(&self, judge: impl Fn(&str, Kind) -> Option<(&'static str, String)> + Send + Sync + 'static) {
        self.conduct().judge = Some(Arc::new(judge));
    }

    /// Takes the challenge's answer from this database from now on, as a node would give it.
    pub fn looking_into(&self, db: Db) {
        self.conduct().answers = Some(db);
    }

    /// Announces that certificates will be revoked: their windows are in the past from now on. Gives how many.
    pub fn announce_revocation(&self, which: impl Fn(&str) -> bool) -> usize {
        let now = self.clock.now();
        self.book().announce(&which, now)
    }

    /// What has happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.book().stats.clone()
    }

    /// How many certificates it has issued.
    #[must_use]
    pub fn issued(&self) -> usize {
        self.book().stats.issued.len()
    }

    /// Whether a certificate is revoked, by its serial number in hexadecimal; with the reason's code.
    #[must_use]
    pub fn revoked(&self, serial: &str) -> Option<u64> {
        self.book().certificate_by_serial(serial).and_then(|found| found.revoked)
    }

    /// Forgets an account, as an authority that was set up anew.
    pub fn forget_accounts(&self) {
        self.book().accounts.clear();
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().expect("no holder panics")
    }

    fn conduct(&self) -> std::sync::MutexGuard<'_, Conduct> {
        self.conduct.lock().expect("no holder panics")
    }

    fn outage(&self) -> Option<Outage> {
        let now = self.clock.now();
        let conduct = self.conduct();
        conduct.outages.iter().find(|(from, until, _)| *from <= now && now < *until).map(|(_, _, how)| *how)
    }

    async fn serve(self, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Bytes>, CarryError> {
        // Questions about renewal windows are asked beside orders, many at a time.
        if !self.options.latency.is_zero() && request.method() != http::Method::GET {
            self.clock.advance(self.options.latency);
        }
        match self.outage() {
            Some(Outage::Refused) => {
                return Err("tcp connect error: Connection refused (os error 111)".into());
            }
            Some(Outage::Pages) => {
                let page = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
                let page = page.header("content-type", "text/html").header("retry-after", "60");
                return Ok(page.body(Bytes::from_static(b"<html>Service busy; retry later.</html>"))?);
            }
            None => {}
        }
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(desk::answer(&self, &parts, &body).await)
    }
}

impl Transport for SimCa {
    fn carry(&self, request: Request<BodyWrapper<Bytes>>) -> Carried {
        Box::pin(self.clone().serve(request))
    }
}
