//! Pages that were made a moment ago and still hold: given again without reading or rendering anything.
//!
//! A page is kept for the session it was made for and is given to no other, and only while nothing that its customer
//! sees has changed: whoever hears of a change tells [`Keep::forget`], and while nobody listens ([`Keep::close`])
//! nothing is kept. A page belongs to the span of time that it was begun in, so one that was begun before a change and
//! finished after it is never given. What no change announces, such as the words "2 minutes ago", is at most [`HELD`] old.
//!
//! Whether the session still counts, and what the person may do, is asked with each request before a page is looked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use moka::sync::Cache;
use platform_core::id::{CustomerId, SessionId, TenantId};
use themes::{Page, Scheme};

use crate::brands::Look;
use crate::error::Error;
use crate::render::html_response;
use crate::visit::{Viewer, Visit};

/// How long a page may be given again. Its moments are told in minutes ("2 minutes ago"), so it is never a minute off.
const HELD: Duration = Duration::from_secs(30);
/// Octets of all kept pages together, some five thousand. Above it the pages asked for most often stay.
const ROOM: u64 = 128 * 1024 * 1024;

/// The pages of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keep(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    pages: Cache<Key, Arc<Kept>>,
    spans: Mutex<Spans>,
}

/// The times since each customer's last change. A page of an older one is never given.
#[derive(Debug, Default)]
struct Spans {
    open: bool,
    current: HashMap<(TenantId, CustomerId), Span>,
}

/// Told apart by where it is in memory.
type Span = Arc<()>;

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
    span: Span,
    look: Arc<Look>,
    viewer: Viewer,
    html: Box<str>,
    /// Where the nonce stands. Every response has its own, of the same length.
    nonces: Box<[usize]>,
}

/// Where the page of one request is kept, if it is.
#[derive(Debug)]
pub struct Place(Option<(Span, Key)>);

impl Default for Keep {
    fn default() -> Self {
        let weight = |_: &Key, page: &Arc<Kept>| u32::try_from(page.html.len()).unwrap_or(u32::MAX);
        let pages = Cache::builder().weigher(weight).max_capacity(ROOM).time_to_live(HELD).build();
        Self(Arc::new(Shelf { pages, spans: Mutex::default() }))
    }
}

impl Keep {
    /// Changes are heard from now on, so pages may be kept.
    pub fn open(&self) {
        self.spans().open = true;
    }

    /// Changes may be missed from now on: nothing is kept and nothing kept is given.
    pub fn close(&self) {
        *self.spans() = Spans::default();
        self.0.pages.invalidate_all();
    }

    /// Something that a customer sees has changed; without a customer, anything of the tenant may have.
    ///
    /// Who changes something by a form calls this after the commit, so that the next page of the same node shows it.
    pub fn forget(&self, tenant: TenantId, customer: Option<CustomerId>) {
        let mut spans = self.spans();
        match customer {
            Some(customer) => drop(spans.current.remove(&(tenant, customer))),
            None => spans.current.retain(|(owner, _), _| *owner != tenant),
        }
    }

    /// Lets go of what is too old, for as long as it runs. Never returns; the composition drops it.
    pub(crate) async fn stay_small(&self) {
        loop {
            tokio::time::sleep(HELD).await;
            self.0.pages.run_pending_tasks();
            // Those of a kept page or of a page being made have another holder.
            self.spans().current.retain(|_, span| Arc::strong_count(span) > 1);
        }
    }

    fn span(&self, tenant: TenantId, customer: CustomerId) -> Option<Span> {
        let mut spans = self.spans();
        let open = spans.open;
        open.then(|| Arc::clone(spans.current.entry((tenant, customer)).or_default()))
    }

    fn spans(&self) -> MutexGuard<'_, Spans> {
        // A panic while holding it leaves a map that is still whole.
        self.0.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The page, if it was made a moment ago for this very session, in this look and language, and still holds.
    #[must_use]
    pub fn page(&self, visit: &Visit) -> Option<Response> {
        let (span, key) = self.0.as_ref()?;
        let kept = visit.site().keep().0.pages.get(key)?;
        let holds = Arc::ptr_eq(&kept.span, span)
            && Arc::ptr_eq(&kept.look, visit.look_shared())
            && Some(&kept.viewer) == visit.viewer();
        holds.then(|| html_response(StatusCode::OK, kept.with(visit.nonce())))
    }
}

impl Kept {
    fn with(&self, nonce: &str) -> String {
        let mut html = String::from(&*self.html);
        for at in &self.nonces {
            html.replace_range(*at..*at + nonce.len(), nonce);
        }
        html
    }
}

impl Visit {
    /// Where this request's page is kept. Take it before reading what the page shows.
    ///
    /// Only for pages whose every change somebody tells to [`Keep::forget`]: lists of orders and of invoices.
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
        Place(self.site().keep().span(self.tenant(), customer).map(|span| (span, key())))
    }

    /// The page, 200, kept at its place.
    ///
    /// # Errors
    /// As [`Visit::render`].
    pub fn render_kept<P: Page>(&self, place: Place, page: &P) -> Result<Response, Error> {
        let html = self.html(page)?;
        if let (Some((span, key)), Some(viewer)) = (place.0, self.viewer()) {
            let nonces = html.match_indices(self.nonce()).map(|(at, _)| at).collect();
            let (look, viewer) = (Arc::clone(self.look_shared()), viewer.clone());
            let kept = Kept { span, look, viewer, html: html.as_str().into(), nonces };
            self.site().keep().0.pages.insert(key, Arc::new(kept));
        }
        Ok(html_response(StatusCode::OK, html))
    }
}
