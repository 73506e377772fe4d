//! Puts the rooms together: themes from every slice's pages, routes from every slice, and the bridge between the
//! router's tenant and the web's host. Nothing is decided here; a new slice adds one line to each list.

use std::sync::Arc;
use std::time::Duration;

use admin::console::frame::Frames;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::HeaderValue;
use platform_connectors::doors::{Doors, DoorsConfig};
use platform_connectors::requests::Tell;
use platform_connectors::sync::Refresher;
use platform_identity::{Identity, Limits, Sessions};
use platform_portal::account::home::AccountSlice;
use platform_portal::account::tale::ChangeTale;
use platform_portal::invoices::home::InvoicesSlice;
use platform_portal::orders::home::OrdersSlice;
use platform_portal::orders::live::Live;
use platform_portal::orders::notices::Notices;
use platform_portal::orders::routes::Orders;
use platform_portal::people::home::PeopleSlice;
use platform_portal::people::routes::People;
use platform_portal::reorder::answers::Answers;
use platform_portal::reorder::tale::ReorderTale;
use platform_portal::shell::asked::RequestsSlice;
use platform_portal::shell::routes::PortalFrame;
use platform_portal::shell::telling::{RequestTeller, Tale, Tales};
use platform_portal::shell::{Slice, Slices};
use platform_web::{Brands, Keep, Letters, Parts, Rate, Routes, Site};
use tenant_router::{Conn, NeutralPages, Refusal, Tenant};
use themes::Themes;

use crate::config::Config;
use crate::stack::Stack;

/// A looked-up session is kept this long while nobody hears of ends, so that a revocation is obeyed within a second.
const SESSION_KEPT: Duration = Duration::from_secs(1);

/// Every page and mail of the program, compiled: once a process, for pages and letters alike.
///
/// # Errors
/// Templates that do not compile: a fault of the program.
pub fn themes() -> anyhow::Result<Arc<Themes>> {
    Themes::build(admin::registry()).map(Arc::new).map_err(|faults| {
        let list = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
        anyhow::anyhow!("templates do not compile:\n  {list}")
    })
}

/// What the program serves behind a tenant's host.
pub struct App {
    pub web: platform_web::Stack,
    pub router: Router,
    /// Tells open pages of changes; runs beside the router.
    pub live: Live,
    /// Hears who may no longer come; runs beside the router.
    pub sessions: Sessions,
}

/// Builds it all.
#[must_use]
pub fn app(stack: &Stack, themes: Arc<Themes>, refresher: Refresher) -> App {
    let site = site(stack, themes);
    let sessions = Sessions::new(stack.db.clone(), SESSION_KEPT);
    let identity = Identity::new(sessions, stack.outbox.clone(), Limits::default(), stack.sealer.clone());
    let live = Live::new(stack.db.clone(), site.keep().clone());
    let routes =
        routes(stack, &identity, Orders { live: live.clone(), refresher, outbox: stack.outbox.clone() });
    let web = platform_web::Stack::new(site, routes, |router| identity.sessions().layer(router));
    let router = web.router.clone().layer(from_fn_with_state(stack.config.https.public_port, bridge));
    App { web, router, live, sessions: identity.sessions().clone() }
}

/// How the worker writes to people.
#[must_use]
pub fn letters(stack: &Stack, themes: Arc<Themes>) -> Letters {
    let config = &stack.config;
    let at = (config.platform.base_domain.as_str(), config.https.public_port);
    Letters::new(Brands::new(stack.db.clone()), themes, stack.clock.clone(), at)
}

/// Tells customers of delays; part of the worker.
pub(crate) fn notices(stack: &Stack, letters: &Letters) -> Notices {
    Notices {
        db: stack.db.clone(),
        letters: letters.clone(),
        outbox: stack.outbox.clone(),
        clock: stack.clock.clone(),
        random: stack.random.clone(),
    }
}

/// Every slice of the portal, in the order of navigation.
fn slices() -> Slices {
    let requests = RequestsSlice { tales: tales() };
    Arc::from([
        Arc::new(OrdersSlice) as Arc<dyn Slice>,
        Arc::new(requests),
        Arc::new(InvoicesSlice),
        Arc::new(AccountSlice),
        Arc::new(PeopleSlice),
    ])
}

/// Every route of every room.
fn routes(stack: &Stack, identity: &Identity, orders: Orders) -> Routes {
    let people = People { outbox: stack.outbox.clone(), sessions: identity.sessions().clone() };
    let routes = Routes::new()
        .merge(platform_identity::routes(identity))
        .merge(admin::console::routes())
        .merge(platform_portal::shell::routes::routes(slices()))
        .merge(platform_portal::orders::routes::routes(orders))
        .merge(platform_portal::reorder::routes::routes())
        .merge(platform_portal::reorder::answers::routes(Answers { sealer: stack.sealer.clone() }))
        .merge(platform_portal::invoices::routes::routes())
        .merge(platform_portal::account::routes::routes())
        .merge(platform_portal::people::routes::routes(people))
        .merge(platform_portal::orders::webhook::routes(stack.sealer.clone()));
    if stack.config.platform.demo {
        routes.merge(admin::operator::outbox::routes::routes(stack.outbox.clone()))
    } else {
        routes
    }
}

/// How requests leave for tenants' own systems.
pub(crate) fn doors(stack: &Stack) -> Doors {
    let config = &stack.config;
    let told = DoorsConfig {
        base_domain: config.platform.base_domain.clone(),
        public_port: config.https.public_port,
        loopback: config.platform.demo,
    };
    let clocks = (stack.clock.clone(), stack.random.clone());
    Doors::new(stack.db.clone(), stack.sealer.clone(), stack.outbox.clone(), clocks, told)
}

/// What the slices say of requests: every slice that has kinds of its own adds its tale.
fn tales() -> Tales {
    Arc::from([Arc::new(ReorderTale) as Arc<dyn Tale>, Arc::new(ChangeTale)])
}

/// Mails about requests.
#[must_use]
pub fn tell(stack: &Stack, letters: &Letters) -> Tell {
    let teller = RequestTeller { letters: letters.clone(), tales: tales() };
    Tell::new(stack.db.clone(), stack.outbox.clone(), vec![Arc::new(teller)])
}

fn site(stack: &Stack, themes: Arc<Themes>) -> Site {
    Site::new(Parts {
        db: stack.db.clone(),
        themes,
        brands: Brands::new(stack.db.clone()),
        clock: stack.clock.clone(),
        random: stack.random.clone(),
        frame: Some(Arc::new(Frames(PortalFrame(slices())))),
        keep: Keep::default(),
        config: web_config(&stack.config),
    })
}

fn web_config(config: &Config) -> platform_web::Config {
    let mut web = platform_web::Config::new(config.platform.base_domain.clone());
    web.demo = config.platform.demo;
    let limits = &config.limits;
    web.requests = Rate { per_second: limits.requests_per_second.get(), burst: limits.request_burst.get() };
    web
}

/// Tells the web which tenant's host a request is for, in the web's own words: the two rooms do not know each other.
async fn bridge(public_port: axum::extract::State<u16>, mut request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(tenant), Some(conn)) = (extensions.get::<Tenant>(), extensions.get::<Conn>()) {
        let host = platform_web::Host {
            tenant: tenant.id,
            host: tenant.host.to_string(),
            // Custom domains are set up for customers. A tenant's own would need a mark in the route table.
            console: tenant.domain.is_none(),
            origin: format!("https://{}", tenant.host.authority(public_port.0, 443)),
            peer: conn.peer.ip(),
        };
        request.extensions_mut().insert(host);
    }
    next.run(request).await
}

/// The page for whoever asks for a host that is nobody's: no tenant's name, no platform's name, nothing of the request.
#[derive(Debug)]
pub(crate) struct Neutral;

impl NeutralPages for Neutral {
    fn page(&self, refusal: Refusal) -> (Body, HeaderValue) {
        let body = themes::fallback::neutral(refusal.sentence());
        (Body::from(body), HeaderValue::from_static("text/html; charset=utf-8"))
    }

    fn policy(&self) -> HeaderValue {
        HeaderValue::from_str(&themes::fallback::neutral_policy())
            .unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}
