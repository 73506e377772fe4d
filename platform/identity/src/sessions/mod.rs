//! Sessions: a cookie's secret, what it proves, and for how long.
//!
//! Those of the tenant's own people are [`crate::staff`]'s; both are kept and forgotten in the same way.
//!
//! Owns the table `sessions`. A lookup is kept in memory for ten seconds while [`Sessions::run`] hears of ends (signed out,
//! revoked, deactivated, suspended, another role), and for a second otherwise: an end takes effect at once on the node
//! that did it, as soon as its hint comes on the others, and within a second when hints are lost.

mod agent;
mod cache;
mod routes;
pub(crate) mod store;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use platform_core::id::{ContactId, CustomerId, SessionId, TenantId};
use platform_core::random;
use platform_core::{Db, Error as CoreError, Heed, Scope, TenantTx};
use platform_web::cookie::{self, Cookie};
use platform_web::{Audience, Error, StaffCapabilities, Viewer, Visit};
use tokio_util::sync::CancellationToken;

use crate::capability::Role;
use crate::person::{Contact, Known, Person};
use crate::secret::{self, Hash};
use crate::staff::StaffSessions;
pub(crate) use agent::Agent;
pub(crate) use cache::Cache;
pub(crate) use routes::{device, routes};

/// With "remember me".
const LONG: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Without: also gone when the browser ends.
const SHORT: Duration = Duration::from_secs(12 * 60 * 60);
/// Longest part of a user agent that is kept.
const AGENT: usize = 400;

/// Finds and ends sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: Db,
    cache: Arc<Cache<Found>>,
    staff: StaffSessions,
}

/// Where a session is looked for: a hashed cookie on one host of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    tenant: TenantId,
    host: String,
    token: Hash,
}

impl Key {
    /// Of the request's cookie for its page's audience, if it has one that could be ours.
    pub(crate) fn of(visit: &Visit) -> Option<Self> {
        let cookie = visit.session_cookie().filter(|cookie| secret::is_secret(cookie))?;
        let purpose = match visit.audience() {
            Audience::Contacts => "session",
            Audience::Staff => "staff session",
        };
        let (tenant, host) = (visit.tenant(), visit.host().host.clone());
        Some(Self { tenant, host, token: secret::hash(purpose, cookie) })
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn token(&self) -> &Hash {
        &self.token
    }
}

/// A session that counts.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) known: Arc<Known>,
    viewer: Viewer,
}

impl Sessions {
    /// `unheard` is how long a lookup may be kept while nobody hears of ends: a second, or zero to ask each time.
    #[must_use]
    pub fn new(db: Db, unheard: Duration) -> Self {
        let unheard = unheard.min(Duration::from_secs(1));
        Self { staff: StaffSessions::new(db.clone(), unheard), db, cache: Arc::new(Cache::new(unheard)) }
    }

    /// Those of the tenant's own people.
    pub(crate) fn staff(&self) -> &StaffSessions {
        &self.staff
    }

    /// Hears of ends until shutdown.
    pub async fn run(&self, shutdown: CancellationToken) {
        let heard = |heed: Heed<'_>| match heed {
            Heed::Open => self.listen(true),
            Heed::Hint(payload) => self.heard(payload),
            Heed::Closed => self.listen(false),
        };
        self.db.heed("sessions", &shutdown, heard).await;
    }

    fn listen(&self, heard: bool) {
        self.cache.listen(heard);
        self.staff.listen(heard);
    }

    /// `TENANT:CUSTOMER`, `TENANT:staff` or `TENANT:*`: somebody's right to come, or what we know of them, has changed.
    /// What cannot be read may be anybody's.
    fn heard(&self, payload: &str) {
        let (tenant, whose) = payload.split_once(':').unwrap_or_default();
        let (tenant, customer) = (tenant.parse::<TenantId>().ok(), whose.parse::<CustomerId>().ok());
        if tenant.is_none() || customer.is_none() {
            self.staff.forget_tenant(tenant);
        }
        if tenant.is_some() && whose == "staff" {
            return;
        }
        self.cache.remove(|found| {
            tenant.is_none_or(|tenant| found.known.tenant == tenant)
                && customer.is_none_or(|customer| found.known.contact.customer == customer)
        });
    }

    /// Adds the layer that recognises who is signed in. For `Stack::new`.
    pub fn layer(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), recognise))
    }

    pub(crate) async fn find(&self, key: &Key) -> Result<Option<Found>, CoreError> {
        if let Some(found) = self.cache.get(key) {
            return Ok(Some(found));
        }
        let asked = self.cache.ask();
        let mut tx = self.db.tenant(Scope::tenant(key.tenant)).await?;
        let Some(row) = store::find(&mut tx, &key.token, &key.host).await? else { return Ok(None) };
        drop(tx);
        if row.quiet {
            touch_later(&self.db, key.tenant, Seen::Contact(row.id));
        }
        let left = Duration::try_from_secs_f64(row.seconds_left).unwrap_or_default();
        let found = found(key.tenant, row)?;
        self.cache.put(key.clone(), found.clone(), asked, left);
        Ok(Some(found))
    }

    /// Forgets what is in memory about a session that was just ended.
    pub(crate) fn forget(&self, session: SessionId) {
        self.cache.remove(|found| found.known.session == session);
    }

    /// Forgets what is in memory here about a contact, after their right to come or their role was changed: other nodes
    /// hear of it, and the one that did it knows.
    pub fn forget_contact(&self, contact: ContactId) {
        self.cache.remove(|found| found.known.contact.id == contact);
    }

    /// Puts the [`Person`] of the cookie into the request and tells the visit.
    async fn recognise(&self, visit: &Visit, request: &mut Request) -> Result<(), CoreError> {
        let Some(key) = Key::of(visit) else { return Ok(()) };
        if let Some(found) = self.find(&key).await? {
            visit.recognise(found.viewer);
            request.extensions_mut().insert(Person::new(found.known, self.clone(), key));
        }
        Ok(())
    }
}

/// Whose session showed a sign of life.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen {
    Contact(SessionId),
    Staff(SessionId),
}

/// Writes the sign of life. The reader does not wait for it, and a failure costs a minute's accuracy.
pub(crate) fn touch_later(db: &Db, tenant: TenantId, seen: Seen) {
    let db = db.clone();
    tokio::spawn(async move {
        let touched = async {
            let mut tx = db.tenant(Scope::tenant(tenant)).await?;
            match seen {
                Seen::Contact(session) => store::touch(&mut tx, session).await?,
                Seen::Staff(session) => crate::staff::store::sessions::touch(&mut tx, session).await?,
            }
            tx.commit().await
        };
        if let Err(error) = touched.await {
            tracing::warn!(%error, "a session's last sign of life was not written");
        }
    });
}

fn found(tenant: TenantId, row: store::Row) -> Result<Found, CoreError> {
    let role = Role::parse(&row.role)?;
    let capabilities = role.capabilities();
    let person = themes::Person {
        name: row.name.clone(),
        email: row.email.clone(),
        customer: row.customer_name.clone(),
    };
    let zone = row.time_zone.as_deref().and_then(|zone| zone.parse().ok());
    let contact =
        Contact { id: row.contact_id, customer: row.customer_id, name: row.name, email: row.email, role };
    let staff = StaffCapabilities::default();
    let viewer = Viewer { person, locale: row.locale, zone, capabilities, staff };
    let known = Known { tenant, session: row.id, contact, customer_name: row.customer_name, capabilities };
    Ok(Found { known: Arc::new(known), viewer })
}

/// Recognises whoever the page is for, and nobody else: a contact's session is not looked at on a page of the console,
/// nor the other way round. A cookie that proves nothing is left alone: the forms of the page that carried it are bound
/// to it.
async fn recognise(
    State(sessions): State<Sessions>,
    visit: Visit,
    mut request: Request,
    next: Next,
) -> Response {
    let seen = match visit.audience() {
        Audience::Contacts => sessions.recognise(&visit, &mut request).await,
        Audience::Staff => sessions.staff.recognise(&visit, &mut request).await,
    };
    match seen {
        Ok(()) => next.run(request).await,
        Err(error) => Error::unavailable(error).into_response(),
    }
}

/// Who signs in, and how.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) customer: CustomerId,
    pub(crate) contact: ContactId,
    pub(crate) remember: bool,
    pub(crate) user_agent: &'a str,
}

/// Opens a session in the caller's transaction and gives its cookies to the visit. The browser's older session ends,
/// and the secret it had before signing in is taken away.
pub(crate) async fn open(
    tx: &mut TenantTx,
    visit: &Visit,
    opening: &Opening<'_>,
) -> Result<SessionId, CoreError> {
    let (clock, random) = (visit.site().clock(), visit.site().random());
    if let Some(old) = Key::of(visit) {
        store::revoke_by_token(tx, &old.token).await?;
    }
    store::forget_old(tx, opening.customer, opening.contact).await?;
    let (id, token) = (SessionId::new(clock, random), random::token(random));
    let life = if opening.remember { LONG } else { SHORT };
    let new = store::New {
        id,
        customer: opening.customer,
        contact: opening.contact,
        token: secret::hash("session", &token),
        host: &visit.host().host,
        user_agent: shorten(opening.user_agent),
        remember: opening.remember,
        seconds: life.as_secs_f64(),
    };
    store::insert(tx, &new).await?;
    let cookie = Cookie::new(cookie::SESSION, token);
    visit.set_cookie(&if opening.remember { cookie.max_age(life) } else { cookie });
    visit.set_cookie(&Cookie::removal(cookie::BROWSER));
    Ok(id)
}

pub(crate) fn shorten(user_agent: &str) -> &str {
    let end = user_agent.char_indices().nth(AGENT).map_or(user_agent.len(), |(at, _)| at);
    &user_agent[..end]
}
