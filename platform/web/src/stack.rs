//! The one list of middleware, outermost first, and the routes below it.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use crate::access::Access;
use crate::brands::Look;
use crate::error::Error;
use crate::faults::NoTenant;
use crate::host::Host;
use crate::limits::Limits;
use crate::pages::NeutralWhy;
use crate::route::{Pattern, Route, Routes};
use crate::site::Site;
use crate::visit::Visit;
use crate::{assets, faults, headers, preferences};

/// No request body is larger; forms are held to 64 KiB beside this.
const LARGEST_BODY: usize = 1024 * 1024;
const ASSETS: &str = "/assets/{*path}";

/// Everything behind the tenant's host, ready to serve.
#[derive(Clone)]
pub struct Stack {
    /// Wants a [`Host`] among the extensions of each request, or [`NoTenant`] to say why there is none.
    pub router: Router,
    /// Every route there is, for the isolation test.
    pub routes: Vec<Route>,
    site: Site,
    limits: Limits,
}

impl Stack {
    /// `sessions` adds the layer that recognises who is signed in (`identity::Sessions::layer`), to routes and not to
    /// assets.
    #[must_use]
    pub fn new(site: Site, routes: Routes, sessions: impl FnOnce(Router) -> Router) -> Self {
        let routes = routes.merge(preferences::routes());
        let mut list = routes.list().to_vec();
        list.push(Route { method: Method::GET, path: ASSETS, access: Access::Public, stream: false });
        let limits = Limits::new(site.config().requests, site.config().forms);

        let router = routes.into_router().fallback(async || Error::not_found());
        // 8. who is signed in: one look at the session, kept for a second
        let router = sessions(router);
        // 7. bodies that are too large end here
        let router = router.layer(RequestBodyLimitLayer::new(LARGEST_BODY));
        // 6. how much one peer may ask for
        let router = limits.guard(router);
        let router = router.route(ASSETS, axum::routing::get(asset).with_state(site.clone()));
        let router = router
            // 5. a panic is an error like others
            .layer(CatchPanicLayer::custom(panicked))
            // 4. errors become pages
            .layer(from_fn(faults::render))
            // 3. one line a request, for those who listen at level debug; what goes wrong is told by 4 at its own level
            .layer(from_fn(log))
            // 2. the request becomes a visit: tenant's look, request id, nonce; unknown hosts are answered here
            .layer(from_fn_with_state(site.clone(), open))
            // 1. security headers and cookies on whatever leaves
            .layer(from_fn(headers::secure));
        Self { router, routes: list, site, limits }
    }

    /// Keeps brands fresh, limits and kept pages small for as long as it runs. Never returns; the composition drops it.
    pub async fn maintain(&self) {
        let (brands, keep) = (self.site.brands(), self.site.keep());
        futures_util::future::join3(brands.keep_fresh(), self.limits.keep_small(), keep.stay_small()).await;
    }
}

async fn open(State(site): State<Site>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let (host, look) = match tenant_of(&site, &parts).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let visit = Visit::open(&site, host, look, &parts);
    parts.extensions.insert(visit.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    response.extensions_mut().insert(visit);
    response
}

/// The tenant's host and look, or the answer to a request that has none. Neutral pages have assets too.
async fn tenant_of(site: &Site, parts: &Parts) -> Result<(Host, Arc<Look>), Box<Response>> {
    let path = parts.uri.path();
    let neutral = |why| {
        let asset = path.starts_with(themes::PREFIX);
        let serve = || assets::serve(site, site.neutral(), path, &parts.headers);
        Box::new(if asset { serve() } else { faults::neutral(site, parts, why) })
    };
    let Some(host) = parts.extensions.get::<Host>() else {
        let why = parts.extensions.get::<NoTenant>().map_or(NeutralWhy::Unknown, |no_tenant| no_tenant.0);
        return Err(neutral(why));
    };
    match site.brands().look(host.tenant).await {
        Ok(Some(look)) if look.active => Ok((host.clone(), look)),
        Ok(Some(_)) => Err(neutral(NeutralWhy::Suspended)),
        Ok(None) => Err(neutral(NeutralWhy::Unknown)),
        Err(error) => Err(Box::new(faults::blind(site, parts, &Error::unavailable(error)))),
    }
}

/// Paths can hold a sign-in token, so the pattern is written and never the path.
async fn log(visit: Visit, request: Request, next: Next) -> Response {
    let (method, began) = (request.method().clone(), Instant::now());
    let response = next.run(request).await;
    let route = response.extensions().get::<Pattern>().map_or("-", |pattern| pattern.0);
    let (status, micros) =
        (response.status().as_u16(), u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    let (id, host) = (visit.request_id(), visit.host().host.as_str());
    tracing::debug!(request_id = id, host, %method, route, status, micros, "answered");
    response
}

async fn asset(State(site): State<Site>, visit: Visit, request: Request) -> Response {
    assets::serve(&site, &visit.look().skin, request.uri().path(), request.headers())
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is the layer's")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::internal(format!("panic: {said}")).into_response()
}
