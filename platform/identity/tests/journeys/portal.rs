//! A whole portal for tests: throw-away database as the application role, two tenants, the real stack; and browsers
//! that keep cookies and send forms as browsers do.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use migrations::testing::TestDatabase;
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::DbConfig;
use platform_core::id::{ContactId, CustomerId, TenantId};
use platform_core::mail::{Outbox, StoredMail};
use platform_core::random::{Random, SystemRandom};
use platform_core::secrets::Sealer;
use platform_core::tenants::{self, NewTenant};
use platform_core::{Db, Scope};
use platform_identity::{Allowed, Identity, Limits, Sessions, need, routes};
use platform_web::{Access, Brands, Capability, Config, Host, Parts, Rate, Routes, Site, Stack, Visit};
use themes::{Registry, Themes};
use tower::ServiceExt as _;

pub(crate) const TECHFLOW: &str = "techflow.portico.localhost";
pub(crate) const BRIGHTWATER: &str = "success.brightwater.example";
pub(crate) const LUMEN: &str = "lumen.portico.localhost";
pub(crate) const MAYA: &str = "maya.okafor@brightwater.example";

pub(crate) struct Portal {
    pub(crate) database: TestDatabase,
    pub(crate) db: Db,
    pub(crate) outbox: Outbox,
    pub(crate) stack: Stack,
    pub(crate) techflow: TenantId,
    pub(crate) lumen: TenantId,
    pub(crate) brightwater: CustomerId,
}

impl Portal {
    pub(crate) async fn open() -> Self {
        Self::with(Limits { address_quarter: 1000, address_day: 1000, peer_quarter: 10_000 }, Duration::ZERO)
            .await
    }

    /// `keep`: how long a session lookup is kept in memory.
    pub(crate) async fn with(limits: Limits, keep: Duration) -> Self {
        let database = TestDatabase::new().await;
        let db = connect(&database).await;
        let people = Box::pin(People::settle(&db)).await;
        let outbox = outbox();
        let stack = stack(&db, &outbox, limits, keep).await;
        let People { techflow, lumen, brightwater } = people;
        Self { database, db, outbox, stack, techflow, lumen, brightwater }
    }

    /// The same database behind a new process: nothing is left in memory.
    pub(crate) async fn restarted(&self, limits: Limits) -> Stack {
        stack(&connect(&self.database).await, &self.outbox, limits, Duration::ZERO).await
    }

    pub(crate) fn browser(&self, host: &'static str) -> Browser {
        let tenant = if host == LUMEN { self.lumen } else { self.techflow };
        Browser::new(self.stack.clone(), tenant, host)
    }

    /// The newest mail of a tenant.
    pub(crate) async fn mail(&self, tenant: TenantId) -> StoredMail {
        self.mails(tenant).await.into_iter().next().expect("a mail was written")
    }

    pub(crate) async fn mails(&self, tenant: TenantId) -> Vec<StoredMail> {
        let mut tx = self.db.operator("test", "read mails").await.expect("the database answers");
        let mails = self.outbox.recent(&mut tx, None, 100).await.expect("the outbox can be read");
        mails.into_iter().filter(|mail| mail.tenant == tenant).collect()
    }

    /// Link and code of the newest mail of TechFlow.
    pub(crate) async fn letter(&self) -> (String, String) {
        let text = self.mail(self.techflow).await.body.expect("the body is kept").text;
        let link =
            text.split_whitespace().find(|word| word.starts_with("https://")).expect("a link").to_owned();
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        let code = text.split_whitespace().find(is_code).expect("a code").to_owned();
        (link, code)
    }

    /// Maya, signed in.
    pub(crate) async fn maya(&self) -> Browser {
        let mut browser = self.browser(BRIGHTWATER);
        browser.ask(MAYA).await;
        let (link, _) = self.letter().await;
        let answer = browser.press(&link).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }

    /// Runs a statement as a superuser, to arrange what no page can.
    pub(crate) async fn arrange(&self, statement: &'static str) {
        let mut owner = self.database.owner().await;
        sqlx::query(statement).execute(&mut owner).await.expect("the statement runs");
    }

    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        let mut owner = self.database.owner().await;
        sqlx::query_scalar(query).fetch_one(&mut owner).await.expect("the query runs")
    }
}

async fn connect(database: &TestDatabase) -> Db {
    let config = DbConfig {
        app: database.app_options(),
        operator: Some(database.operator_options()),
        pooler: false,
        max_connections: 12,
    };
    Db::connect(config).await.expect("the application role may connect")
}

fn outbox() -> Outbox {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let line = Sealer::new_key_line(1, &*random);
    let sealer = Sealer::from_key_file(&line, random.clone()).expect("a fresh key line is readable");
    Outbox::new(sealer, Arc::new(SystemClock), random)
}

fn themes() -> Arc<Themes> {
    static THEMES: OnceLock<Arc<Themes>> = OnceLock::new();
    let build = || {
        let registry =
            Registry::new().with(platform_web::pages::register).with(platform_identity::pages::register);
        Arc::new(Themes::build(registry).expect("every template compiles"))
    };
    THEMES.get_or_init(build).clone()
}

async fn stack(db: &Db, outbox: &Outbox, limits: Limits, keep: Duration) -> Stack {
    let generous = Rate { per_second: 100_000, burst: 100_000 };
    let site = Site::new(Parts {
        db: db.clone(),
        themes: themes(),
        brands: Brands::load(db.clone()).await.expect("the tenants can be read"),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        frame: None,
        config: Config { requests: generous, forms: generous, ..Config::new("portico.localhost") },
    });
    let identity = Identity::new(Sessions::new(db.clone(), keep), outbox.clone(), limits);
    let slice: Routes = Routes::new()
        .get("/", Access::Public, home)
        .get("/orders", Access::Contact(Capability::Orders), orders)
        .get("/invoices", Access::Contact(Capability::Finance), invoices)
        .get(
            "/forgotten",
            Access::Contact(Capability::Orders),
            async || "an order that nobody asked a right for",
        )
        .post("/orders", Access::Contact(Capability::Orders), orders);
    let routes = slice.merge(routes(&identity));
    Stack::new(site, routes, |router| identity.sessions().layer(router))
}

async fn home() -> &'static str {
    "home"
}

async fn orders(visit: Visit, person: Allowed<need::Orders>) -> Result<String, platform_web::Error> {
    let mut tx = person.tx(visit.site().db()).await?;
    let customers: Vec<String> = sqlx::query_scalar("select name from customers order by name")
        .fetch_all(tx.conn())
        .await
        .map_err(platform_core::Error::from)?;
    Ok(format!("{} of {}", person.contact.name, customers.join(" and ")))
}

async fn invoices(person: Allowed<need::Finance>) -> String {
    format!("invoices for {}", person.contact.name)
}

struct People {
    techflow: TenantId,
    lumen: TenantId,
    brightwater: CustomerId,
}

impl People {
    async fn settle(db: &Db) -> Self {
        let techflow = tenant(db, "techflow", "TechFlow Industries", &themes::samples::techflow()).await;
        let lumen = tenant(db, "lumen", "Lumen Notes", &themes::samples::lumen()).await;
        let brightwater = customer(db, techflow, "Brightwater Utilities", "C-1").await;
        let halvorsen = customer(db, techflow, "Halvorsen Marine", "C-2").await;
        let notes = customer(db, lumen, "Quill & Co", "Q-1").await;
        contact(db, techflow, brightwater, MAYA, "Maya Okafor", "user").await;
        contact(db, techflow, brightwater, "ada@brightwater.example", "Ada Admin", "admin").await;
        contact(db, techflow, halvorsen, "nils@halvorsen.example", "Nils Halvorsen", "admin").await;
        contact(db, lumen, notes, MAYA, "Maya at Lumen", "admin").await;
        Self { techflow, lumen, brightwater }
    }
}

async fn tenant(db: &Db, slug: &str, name: &str, brand: &themes::Brand) -> TenantId {
    let mut tx = db.operator("test", "arranging").await.expect("the operator role may connect");
    let brand = serde_json::to_value(brand).expect("a brand is json");
    let id = TenantId::new(&SystemClock as &dyn Clock, &SystemRandom);
    let new =
        NewTenant { id, slug, name, locale: "en", time_zone: "Europe/Oslo", modules: &[], brand: &brand };
    let id = tenants::upsert(&mut tx, &new).await.expect("the tenant is new");
    tx.commit().await.expect("the commit passes");
    id
}

async fn customer(db: &Db, tenant: TenantId, name: &str, key: &str) -> CustomerId {
    let mut tx = db.tenant(Scope::tenant(tenant)).await.expect("the database answers");
    let id = CustomerId::new(&SystemClock as &dyn Clock, &SystemRandom);
    let id = tenants::upsert_customer(&mut tx, id, name, key).await.expect("the customer is new");
    tx.commit().await.expect("the commit passes");
    id
}

pub(crate) async fn contact(
    db: &Db,
    tenant: TenantId,
    customer_id: CustomerId,
    email: &str,
    name: &str,
    role: &str,
) -> ContactId {
    let mut tx = db.tenant(Scope::tenant(tenant)).await.expect("the database answers");
    let contact = tenants::Contact {
        id: ContactId::new(&SystemClock as &dyn Clock, &SystemRandom),
        customer_id,
        email: email.to_owned(),
        name: name.to_owned(),
        role: role.to_owned(),
        locale: None,
        active: true,
    };
    let id = tenants::upsert_contact(&mut tx, &contact).await.expect("the contact is new");
    tx.commit().await.expect("the commit passes");
    id
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    fn csrf(&self) -> Option<String> {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"")?;
        Some(rest.split('"').next()?.to_owned())
    }
}

/// Keeps cookies, sends what browsers send.
#[derive(Clone)]
pub(crate) struct Browser {
    stack: Stack,
    host: Host,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) agent: &'static str,
    /// The token of the page it looks at.
    pub(crate) csrf: Arc<Mutex<String>>,
}

impl Browser {
    fn new(stack: Stack, tenant: TenantId, host: &'static str) -> Self {
        let peer = "192.0.2.7".parse().expect("an address");
        let host = Host { tenant, host: host.to_owned(), origin: format!("https://{host}:8443"), peer };
        let agent = "Mozilla/5.0 (Windows NT 10.0; rv:142.0) Gecko/20100101 Firefox/142.0";
        Self { stack, host, cookies: BTreeMap::new(), agent, csrf: Arc::default() }
    }

    #[must_use]
    pub(crate) fn behind(mut self, stack: Stack) -> Self {
        self.stack = stack;
        self
    }

    #[must_use]
    pub(crate) fn from(mut self, peer: &str) -> Self {
        self.host.peer = peer.parse::<IpAddr>().expect("an address");
        self
    }

    /// The same cookies on another host: what no browser does, and an attacker with a stolen cookie would.
    #[must_use]
    pub(crate) fn at(mut self, tenant: TenantId, host: &str) -> Self {
        self.host = Host {
            tenant,
            host: host.to_owned(),
            origin: format!("https://{host}:8443"),
            peer: self.host.peer,
        };
        self
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header("sec-fetch-mode", "navigate");
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn head(&mut self, path: &str) -> Answer {
        let request = self.request(Method::HEAD, path);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Sends a form of the page it looks at.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.lock().expect("no test panics here").clone();
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        let origin = self.host.origin.clone();
        self.post_raw(path, &fields, &[("origin", &origin), ("sec-fetch-site", "same-origin")]).await
    }

    /// Sends exactly these fields and headers.
    pub(crate) async fn post_raw(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-mode", "navigate");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect::<Vec<_>>()
            .join("&");
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// Fills in the sign-in form.
    pub(crate) async fn ask(&mut self, email: &str) -> Answer {
        self.get("/sign-in").await;
        self.post("/sign-in", &[("email", email)]).await
    }

    /// Follows a mailed link and presses its button.
    pub(crate) async fn press(&mut self, link: &str) -> Answer {
        let token = token_of(link);
        self.get(&format!("/sign-in/{token}")).await;
        self.post("/sign-in/link", &[("token", &token)]).await
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::USER_AGENT, self.agent)
            .header(header::ACCEPT, "text/html,*/*;q=0.8")
            .extension(self.host.clone());
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        request
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Answer {
        let response = self.stack.router.clone().oneshot(request).await.expect("the stack always answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body is whole").to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        };
        self.keep_cookies(&answer);
        if let Some(csrf) = answer.csrf() {
            *self.csrf.lock().expect("no test panics here") = csrf;
        }
        answer
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("cookies are text");
            let (pair, attributes) = line.split_once(';').expect("cookies have attributes");
            let (name, value) = pair.split_once('=').expect("cookies have a value");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

pub(crate) fn token_of(link: &str) -> String {
    link.rsplit('/').next().expect("a link has a path").to_owned()
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
