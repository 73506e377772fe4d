//! The stack with handlers that behave and handlers that do not, on a throw-away database.
#![expect(clippy::unwrap_used, reason = "a test that cannot be arranged should end here")]

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use migrations::testing::TestDatabase;
use platform_core::Db;
use platform_core::clock::SystemClock;
use platform_core::db::DbConfig;
use platform_core::id::TenantId;
use platform_core::random::SystemRandom;
use platform_core::tenants::{self, NewTenant};
use platform_web::access::{Access, Proof};
use platform_web::{
    Brands, Config, Cookie, Error, Host, Kind, Parts, Posted, Rate, Routes, Site, Stack, Visit,
};
use themes::{Registry, Themes, Tone};
use tower::ServiceExt as _;

pub(crate) const ORIGIN: &str = "https://techflow.portico.localhost:8443";

pub(crate) struct Edge {
    pub(crate) db: Db,
    pub(crate) stack: Stack,
    pub(crate) site: Site,
    pub(crate) tenant: TenantId,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn routes() -> Routes {
    Routes::new()
        .get("/", Access::Public, async |visit: Visit| visit.csrf())
        .post("/echo", Access::Public, async |form: Posted| form.text("said").to_owned())
        .post("/hook", Access::Machine, hook)
        .post("/hook/unsigned", Access::Machine, async || "anybody")
        .get("/secret", Access::Public, secret)
        .get("/panic", Access::Public, async || -> &'static str { panic!("hidden reason") })
        .stream("/stream", Access::Public, async || "event")
        .get("/bare", Access::Public, async || StatusCode::IM_A_TEAPOT)
        .get("/json", Access::Public, async || {
            (StatusCode::CONFLICT, axum::Json(serde_json::json!({ "kept": true })))
        })
        .get("/cookies", Access::Public, cookies)
        .get("/cookies/failing", Access::Public, failing_cookies)
        .get("/private", Access::SignedIn, async || -> Result<(), Error> { Err(Error::sign_in()) })
}

async fn hook(axum::Extension(proof): axum::Extension<Proof>, body: String) -> String {
    proof.prove(Access::Machine);
    body
}

async fn secret() -> Result<Response, Error> {
    Err(Error::because(Kind::Internal, "the password is hunter2"))
}

async fn cookies(visit: Visit) -> &'static str {
    visit.set_cookie(&Cookie::new("__Host-session", "abc"));
    visit.flash(Tone::Success, "saved");
    "set"
}

async fn failing_cookies(visit: Visit) -> Result<Response, Error> {
    visit.set_cookie(&Cookie::removal("__Host-session"));
    Err(Error::not_found())
}

impl Edge {
    pub(crate) async fn open() -> Self {
        Self::with(Rate { per_second: 100_000, burst: 100_000 }).await
    }

    pub(crate) async fn with(rate: Rate) -> Self {
        let database = TestDatabase::new().await;
        let options = DbConfig {
            app: database.app_options(),
            operator: Some(database.operator_options()),
            pooler: false,
            max_connections: 4,
        };
        let db = Db::connect(options).await.unwrap();
        let tenant = upsert(&db, "TechFlow Industries", &themes::samples::techflow()).await;
        let site = Site::new(Parts {
            db: db.clone(),
            themes: themes(),
            brands: Brands::new(db.clone()),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            frame: None,
            keep: platform_web::Keep::default(),
            config: Config { requests: rate, forms: rate, ..Config::new("portico.localhost") },
        });
        Self { stack: Stack::new(site.clone(), routes(), |router| router), site, db, tenant }
    }

    pub(crate) fn host(&self, peer: &str) -> Host {
        let host = "techflow.portico.localhost".to_owned();
        Host {
            tenant: self.tenant,
            host,
            console: true,
            origin: ORIGIN.to_owned(),
            peer: peer.parse().unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(
            Request::get(path).header(header::ACCEPT, "text/html").extension(self.host("192.0.2.1")),
            "",
        )
        .await
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: &str) -> Answer {
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.stack.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) fn form(&self, path: &str, cookie: &str) -> http::request::Builder {
        Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookie)
            .extension(self.host("192.0.2.1"))
    }

    /// A browser that has seen a page: its cookie and the token of its forms.
    pub(crate) async fn visitor(&self) -> (String, String) {
        let page = self.get("/").await;
        (page.header("set-cookie").split(';').next().unwrap().to_owned(), page.body)
    }
}

fn themes() -> Arc<Themes> {
    static THEMES: OnceLock<Arc<Themes>> = OnceLock::new();
    THEMES
        .get_or_init(|| Arc::new(Themes::build(Registry::new().with(platform_web::pages::register)).unwrap()))
        .clone()
}

pub(crate) async fn upsert(db: &Db, name: &str, brand: &themes::Brand) -> TenantId {
    let mut tx = db.operator("test", "arranging").await.unwrap();
    let brand = serde_json::to_value(brand).unwrap();
    let id = TenantId::new(&SystemClock, &SystemRandom);
    let new = NewTenant {
        id,
        slug: "techflow",
        name,
        locale: "en",
        time_zone: "Europe/Oslo",
        modules: &[],
        brand: &brand,
    };
    let id = tenants::upsert(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

pub(crate) fn assert_secured(path: &str, answer: &Answer) {
    let expected = [
        ("strict-transport-security", "max-age=63072000"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), value, "{path}: {name}");
    }
    assert!(answer.header("permissions-policy").contains("camera=()"), "{path}");
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
        "{path}: {policy}"
    );
    assert!(policy.contains("base-uri 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    for (name, value) in &answer.headers {
        let text = format!("{name}: {}", value.to_str().unwrap()).to_lowercase();
        assert!(
            !text.contains("portico") && !text.contains("axum") && !text.contains("rust"),
            "{path}: {text}"
        );
    }
}
