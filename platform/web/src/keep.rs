//! Pages that were made a moment ago and still hold: given again without reading or rendering anything.
//!
//! A page is kept for the session it was made for and is given to no other, and only while nothing that its customer
//! sees has changed: whoever hears of a change tells [`Keep::forget`], and while nobody listens ([`Keep::close`])
//! nothing is kept. A page made before a change and finished after it lands in a drawer that nobody opens any more, so
//! it is never given. What no change announces, such as the words "2 minutes ago", is at most [`HELD`] old.
//!
//! Whether the session still counts, and what the person may do, is asked with each request before a page is looked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use platform_core::id::{CustomerId, SessionId, TenantId};
use themes::{Page, Scheme};
use tokio::time::Instant;

use crate::brands::Look;
use crate::error::Error;
use crate::render::html_response;
use crate::visit::{Viewer, Visit};

/// How long a page may be given again. Its moments are told in minutes ("2 minutes ago"), so it is never a minute off.
const HELD: Duration = Duration::from_secs(30);
/// Octets of all kept pages together. Above it pages are made anew, as if there were no memory.
const ROOM: usize = 64 * 1024 * 1024;

/// The pages of one process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Keep(Arc<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    open: AtomicBool,
    drawers: Mutex<HashMap<(TenantId, CustomerId), Arc<Drawer>>>,
    filled: Arc<AtomicUsize>,
}

/// The pages of one customer since its last change.
#[derive(Debug)]
struct Drawer {
    pages: Mutex<HashMap<Key, Kept>>,
    filled: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    session: SessionId,
    /// Path and query.
    path: String,
    locale: String,
    scheme: Scheme,
}

#[derive(Debug)]
struct Kept {
    made: Instant,
    look: Arc<Look>,
    viewer: Viewer,
    html: Box<str>,
    /// Where the nonce stands. Every response has its own, of the same length.
    nonces: Arc<[usize]>,
}

/// Where the page of one request is kept, if it is.
#[derive(Debug)]
pub struct Place(Option<(Arc<Drawer>, Key)>);

impl Keep {
    /// Changes are heard from now on, so pages may be kept.
    pub fn open(&self) {
        self.0.open.store(true, Ordering::Release);
    }

    /// Changes may be missed from now on: nothing is kept and nothing kept is given.
    pub fn close(&self) {
        self.0.open.store(false, Ordering::Release);
        self.drawers().clear();
    }

    /// Something that a customer sees has changed; without a customer, anything of the tenant may have.
    ///
    /// Who changes something by a form calls this after the commit, so that the next page of the same node shows it.
    pub fn forget(&self, tenant: TenantId, customer: Option<CustomerId>) {
        let mut drawers = self.drawers();
        match customer {
            Some(customer) => drop(drawers.remove(&(tenant, customer))),
            None => drawers.retain(|(owner, _), _| *owner != tenant),
        }
    }

    /// Throws away what is too old to be given.
    pub(crate) fn tidy(&self) {
        self.drawers().retain(|_, drawer| {
            let mut pages = drawer.pages();
            pages.retain(|_, page| drawer.holds(page));
            // Somebody may be about to put a page into an empty one.
            !pages.is_empty() || Arc::strong_count(drawer) > 1
        });
    }

    /// Tidies for as long as it runs. Never returns; the composition drops it.
    pub(crate) async fn stay_small(&self) {
        loop {
            tokio::time::sleep(HELD).await;
            self.tidy();
        }
    }

    fn drawer(&self, tenant: TenantId, customer: CustomerId) -> Option<Arc<Drawer>> {
        let mut drawers = self.drawers();
        // Asked under the lock: a drawer made here is there when `close` clears.
        if !self.0.open.load(Ordering::Acquire) {
            return None;
        }
        let new = || Arc::new(Drawer { pages: Mutex::default(), filled: Arc::clone(&self.0.filled) });
        Some(Arc::clone(drawers.entry((tenant, customer)).or_insert_with(new)))
    }

    fn drawers(&self) -> MutexGuard<'_, HashMap<(TenantId, CustomerId), Arc<Drawer>>> {
        // A panic while holding it leaves a map that is still whole.
        self.0.drawers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawer {
    fn put(&self, key: Key, page: Kept) {
        let size = page.html.len();
        if self.filled.load(Ordering::Relaxed) + size > ROOM {
            return;
        }
        self.filled.fetch_add(size, Ordering::Relaxed);
        if let Some(old) = self.pages().insert(key, page) {
            self.filled.fetch_sub(old.html.len(), Ordering::Relaxed);
        }
    }

    /// Whether a page is young enough; the room of one that is not is given back.
    fn holds(&self, page: &Kept) -> bool {
        let young = page.made.elapsed() < HELD;
        if !young {
            self.filled.fetch_sub(page.html.len(), Ordering::Relaxed);
        }
        young
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Drawer {
    fn drop(&mut self) {
        let octets: usize = self.pages().values().map(|page| page.html.len()).sum();
        self.filled.fetch_sub(octets, Ordering::Relaxed);
    }
}

impl Place {
    /// The page, if it was made a moment ago for this very session, in this look and language, and still holds.
    #[must_use]
    pub fn page(&self, visit: &Visit) -> Option<Response> {
        let (drawer, key) = self.0.as_ref()?;
        let pages = drawer.pages();
        let kept = pages.get(key)?;
        let same = Arc::ptr_eq(&kept.look, visit.look_shared()) && Some(&kept.viewer) == visit.viewer();
        if !same || kept.made.elapsed() >= HELD {
            return None;
        }
        let mut html = String::from(&*kept.html);
        let nonces = Arc::clone(&kept.nonces);
        drop(pages);
        let nonce = visit.nonce();
        for at in nonces.iter() {
            html.replace_range(*at..*at + nonce.len(), nonce);
        }
        Some(html_response(StatusCode::OK, html))
    }
}

impl Visit {
    /// Where this request's page is kept. Take it before reading what the page shows.
    ///
    /// Only for pages whose every change somebody tells to [`Keep::forget`]; all of today's are those of orders.
    #[must_use]
    pub fn place(&self, session: SessionId, customer: CustomerId) -> Place {
        if self.flashed().is_some() {
            return Place(None);
        }
        let key = || Key {
            session,
            path: self.path().to_owned(),
            locale: self.locale().tag().to_owned(),
            scheme: self.scheme(),
        };
        Place(self.site().keep().drawer(self.tenant(), customer).map(|drawer| (drawer, key())))
    }

    /// The page, 200, kept at its place.
    ///
    /// # Errors
    /// As [`Visit::render`].
    pub fn render_kept<P: Page>(&self, place: Place, page: &P) -> Result<Response, Error> {
        let html = self.html(page)?;
        if let (Some((drawer, key)), Some(viewer)) = (place.0, self.viewer()) {
            let nonces = html.match_indices(self.nonce()).map(|(at, _)| at).collect();
            let (look, viewer) = (Arc::clone(self.look_shared()), viewer.clone());
            drawer.put(key, Kept { made: Instant::now(), look, viewer, html: html.as_str().into(), nonces });
        }
        Ok(html_response(StatusCode::OK, html))
    }
}
