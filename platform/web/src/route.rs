//! The route list: no route exists without saying who may use it, and one list serves the server and its tests.
//!
//! ```
//! use platform_web::access::{Access, Capability};
//! use platform_web::route::Routes;
//!
//! async fn list() -> &'static str { "orders" }
//! async fn show() -> &'static str { "order" }
//!
//! let routes: Routes = Routes::new()
//!     .get("/orders", Access::Contact(Capability::Orders), list)
//!     .get("/orders/{number}", Access::Contact(Capability::Orders), show);
//! assert_eq!(routes.list().len(), 2);
//! ```
//!
//! The declaration does not check anything by itself: the handler's extractor does (`identity::Allowed<Orders>`), and
//! a handler that forgot it answers 500, see [`crate::access::Proof`].

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::Method;

use crate::access::{Access, Proof};
use crate::audience::Audience;
use crate::csrf;
use crate::error::{Error, Fault};
use crate::visit::Visit;

/// How long a handler may take before its reader gets an answer without it. Streams are exempt.
pub const HANDLER_LIMIT: Duration = Duration::from_secs(15);

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// GET answers HEAD too.
    pub method: Method,
    /// As axum writes it: `/orders/{number}`.
    pub path: &'static str,
    pub access: Access,
    /// Stays open (server-sent events).
    pub stream: bool,
}

/// Routes of a slice, or of the whole program. `S` is the state of the handlers; `()` once it is given.
#[derive(Debug, Clone)]
pub struct Routes<S = ()> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    #[must_use]
    pub fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    /// A page. Never changes anything: HEAD, prefetching and mail scanners come here too.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &'static str, access: Access, handler: H) -> Self {
        let route = Route { method: Method::GET, path, access, stream: false };
        self.add(route, get(handler))
    }

    /// A deed. Asks for the CSRF token, except from machines.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &'static str, access: Access, handler: H) -> Self {
        let route = Route { method: Method::POST, path, access, stream: false };
        self.add(route, post(handler))
    }

    /// Server-sent events: a GET without a time limit. Its handler asks again from time to time whether the person
    /// may still listen.
    #[must_use]
    pub fn stream<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        let route = Route { method: Method::GET, path, access, stream: true };
        self.add(route, get(handler))
    }

    fn add(mut self, route: Route, handler: MethodRouter<S>) -> Self {
        let handler = handler.layer(from_fn_with_state(Declared::of(&route), hold));
        debug_assert!(fits(&route), "{route:?}: staff's routes stand below the console, and no others do");
        self.router = self.router.route(route.path, handler);
        self.list.push(route);
        self
    }

    /// Both lists. Panics at start-up, like axum, when a method of a path is there twice.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.list.extend(other.list);
        self
    }

    /// Gives the handlers their state, so that slices with different states can be merged.
    #[must_use]
    pub fn with_state(self, state: S) -> Routes {
        Routes { router: self.router.with_state(state), list: self.list }
    }

    /// Every route, in the order of declaration. What the isolation test walks.
    #[must_use]
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    pub(crate) fn into_router(self) -> Router<S> {
        self.router
    }
}

/// Rights of one audience are asked for on pages of that audience alone: only there its session is looked for.
fn fits(route: &Route) -> bool {
    let console = Audience::of(route.path) == Audience::Staff;
    match route.access {
        Access::Public => true,
        Access::Arriving | Access::AnyStaff | Access::Staff(_) => console,
        Access::SignedIn | Access::Contact(_) | Access::Machine => !console,
    }
}

#[derive(Debug, Clone, Copy)]
struct Declared {
    access: Access,
    path: &'static str,
    limit: Option<Duration>,
    /// Below the console: not on hosts of customers.
    console: bool,
}

impl Declared {
    fn of(route: &Route) -> Self {
        let limit = (!route.stream).then_some(HANDLER_LIMIT);
        let console = Audience::of(route.path) == Audience::Staff;
        Self { access: route.access, path: route.path, limit, console }
    }

    fn too_slow(self, limit: Duration) -> Error {
        Error::unavailable(format!("{} took longer than {limit:?}", self.path))
    }

    fn unproved(self) -> Error {
        Error::internal(format!(
            "{} declares {:?}, and no extractor of its handler proved it",
            self.path, self.access
        ))
    }
}

/// Runs one handler: where it may be reached, within its time, after the check of its form, and its answer leaves only
/// when the declared right was proved.
async fn hold(State(route): State<Declared>, mut request: Request, next: Next) -> Response {
    let visit = request.extensions().get::<Visit>();
    if route.console && !visit.is_some_and(|visit| visit.host().console) {
        return Error::not_found().into_response();
    }
    let proof = Proof::default();
    request.extensions_mut().insert(proof.clone());
    let answer = async {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let request =
            if reads || route.access == Access::Machine { request } else { csrf::check(request).await? };
        Ok::<_, Error>(next.run(request).await)
    };
    let answer = match route.limit {
        None => answer.await,
        Some(limit) => {
            tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(route.too_slow(limit)))
        }
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    if !proof.covers(route.access) && response.extensions().get::<Fault>().is_none() {
        response = route.unproved().into_response();
    }
    response.extensions_mut().insert(Pattern(route.path));
    response
}

/// Which route answered, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pattern(pub(crate) &'static str);

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(limit: Option<Duration>) -> StatusCode {
        let slow = async || tokio::time::sleep(Duration::from_millis(200)).await;
        let route = Declared { access: Access::Public, path: "/slow", limit, console: false };
        let router: Router = Router::new().route("/slow", get(slow).layer(from_fn_with_state(route, hold)));
        router.oneshot(Request::get("/slow").body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn slow_handlers_are_given_up_and_streams_are_not() {
        assert_eq!(answer(Some(Duration::from_millis(20))).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer(None).await, StatusCode::OK);
        let routes: Routes =
            Routes::new().get("/a", Access::Public, async || ()).stream("/b", Access::Public, async || ());
        let limits: Vec<_> = routes.list().iter().map(|route| Declared::of(route).limit).collect();
        assert_eq!(limits, [Some(HANDLER_LIMIT), None]);
    }
}
