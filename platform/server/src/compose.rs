//! Puts the rooms together: themes from every slice's pages, routes from every slice, and the bridge between the
//! router's tenant and the web's host. Nothing is decided here; a new slice adds one line to each list.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::HeaderValue;
use platform_web::{Brands, Parts, Routes, Site};
use tenant_router::{Conn, NeutralPages, Refusal, Tenant};
use themes::{Registry, Themes};

use crate::config::Config;
use crate::stack::Stack;

/// Every page and mail of the program, compiled.
///
/// # Errors
/// Templates that do not compile: a fault of the program.
pub(crate) fn themes() -> anyhow::Result<Themes> {
    let registry = Registry::new().with(platform_web::pages::register);
    Themes::build(registry).map_err(|faults| {
        let list = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
        anyhow::anyhow!("templates do not compile:\n  {list}")
    })
}

/// What the program serves behind a tenant's host.
pub(crate) struct App {
    pub(crate) web: platform_web::Stack,
    pub(crate) router: Router,
}

/// Builds it all. Reads the tenants' brands.
///
/// # Errors
/// The database's answer, or templates that do not compile.
pub(crate) async fn app(stack: &Stack) -> anyhow::Result<App> {
    let site = site(stack).await?;
    let routes = Routes::new();
    let web = platform_web::Stack::new(site, routes, |router| router);
    let router = web.router.clone().layer(from_fn_with_state(stack.config.https.public_port, bridge));
    Ok(App { web, router })
}

async fn site(stack: &Stack) -> anyhow::Result<Site> {
    let brands = Brands::load(stack.db.clone()).await.context("cannot read the tenants")?;
    Ok(Site::new(Parts {
        db: stack.db.clone(),
        themes: Arc::new(themes()?),
        brands,
        clock: stack.clock.clone(),
        random: stack.random.clone(),
        frame: None,
        config: web_config(&stack.config),
    }))
}

fn web_config(config: &Config) -> platform_web::Config {
    let mut web = platform_web::Config::new(config.platform.base_domain.clone());
    web.demo = config.platform.demo;
    web
}

/// Tells the web which tenant's host a request is for, in the web's own words: the two rooms do not know each other.
async fn bridge(public_port: axum::extract::State<u16>, mut request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(tenant), Some(conn)) = (extensions.get::<Tenant>(), extensions.get::<Conn>()) {
        let host = platform_web::Host {
            tenant: tenant.id,
            host: tenant.host.to_string(),
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
        let sentence = refusal.sentence();
        let body = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{sentence}</title><h1>{sentence}</h1></html>\n"
        );
        (Body::from(body), HeaderValue::from_static("text/html; charset=utf-8"))
    }
}
