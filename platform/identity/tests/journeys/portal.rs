//! A whole portal for tests: throw-away database as the application role, two tenants, the real stack.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use migrations::testing::TestDatabase;
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::DbConfig;
use platform_core::id::{ContactId, CustomerId, TenantId};
use platform_core::mail::{Outbox, StoredMail};
use platform_core::random::{Random, SystemRandom};
use platform_core::secrets::Sealer;
use platform_core::tenants::{self, NewTenant};
use platform_core::{Db, Scope};
use platform_identity::{Allowed, Identity, Limits, Member, Sessions, Staffed, may, need, routes};
use platform_web::{
    Access, Brands, Capability, Config, Parts, Rate, Routes, Site, Stack, StaffCapability, Visit,
};
use themes::{Registry, Themes};

use crate::browser::Browser;

pub(crate) const TECHFLOW: &str = "techflow.portico.localhost";
pub(crate) const BRIGHTWATER: &str = "success.brightwater.example";
pub(crate) const LUMEN: &str = "lumen.portico.localhost";
pub(crate) const MAYA: &str = "maya.okafor@brightwater.example";
/// Runs TechFlow's portal.
pub(crate) const ASTRID: &str = "astrid.lund@techflow.example";
/// Looks after TechFlow's customers.
pub(crate) const CASEY: &str = "casey.park@techflow.example";
/// Answers questions at TechFlow.
pub(crate) const ARI: &str = "ari.novak@techflow.example";
/// A contact of Brightwater who works at TechFlow, too.
pub(crate) const BOTH: &str = "ada@brightwater.example";

pub(crate) struct Portal {
    pub(crate) database: TestDatabase,
    pub(crate) db: Db,
    pub(crate) outbox: Outbox,
    pub(crate) stack: Stack,
    pub(crate) sessions: Sessions,
    pub(crate) techflow: TenantId,
    pub(crate) lumen: TenantId,
    pub(crate) brightwater: CustomerId,
}

impl Portal {
    pub(crate) async fn open() -> Self {
        Self::with(Limits { address_quarter: 1000, address_day: 1000, peer_quarter: 10_000 }, Duration::ZERO)
            .await
    }

    /// `keep`: how long a session lookup is kept in memory while nobody hears of ends.
    pub(crate) async fn with(limits: Limits, keep: Duration) -> Self {
        let database = TestDatabase::new().await;
        let db = connect(&database).await;
        let people = Box::pin(People::settle(&db)).await;
        let outbox = outbox();
        let sessions = Sessions::new(db.clone(), keep);
        let stack = stack(&db, &outbox, limits, sessions.clone());
        let People { techflow, lumen, brightwater } = people;
        Self { database, db, outbox, stack, sessions, techflow, lumen, brightwater }
    }

    /// The same database behind a new process: nothing is left in memory.
    pub(crate) async fn restarted(&self, limits: Limits) -> Stack {
        let db = connect(&self.database).await;
        stack(&db, &self.outbox, limits, Sessions::new(db.clone(), Duration::ZERO))
    }

    pub(crate) fn browser(&self, host: &'static str) -> Browser {
        let tenant = if host == LUMEN { self.lumen } else { self.techflow };
        Browser::new(self.stack.clone(), tenant, host)
    }

    /// The newest mail.
    pub(crate) async fn mail(&self) -> StoredMail {
        self.mails().await.into_iter().next().expect("a mail was written")
    }

    pub(crate) async fn mails(&self) -> Vec<StoredMail> {
        let mut tx = self.db.operator("test", "reading mails").await.expect("the operator role may connect");
        self.outbox.recent(&mut tx, None, 1000).await.expect("the outbox can be read")
    }

    /// Link and code of the newest mail.
    pub(crate) async fn letter(&self) -> (String, String) {
        let text = self.mail().await.body.expect("the body is kept").text;
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

fn sealer() -> Sealer {
    // One a process: whatever was sealed before a restart opens after it.
    static KEY: OnceLock<String> = OnceLock::new();
    let line = KEY.get_or_init(|| Sealer::new_key_line(1, &SystemRandom));
    Sealer::from_key_file(line, Arc::new(SystemRandom)).expect("a fresh key line is readable")
}

fn outbox() -> Outbox {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    Outbox::new(sealer(), Arc::new(SystemClock), random)
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

fn stack(db: &Db, outbox: &Outbox, limits: Limits, sessions: Sessions) -> Stack {
    let generous = Rate { per_second: 100_000, burst: 100_000 };
    let site = Site::new(Parts {
        db: db.clone(),
        themes: themes(),
        brands: Brands::new(db.clone()),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        frame: None,
        keep: platform_web::Keep::default(),
        config: Config { requests: generous, forms: generous, ..Config::new("portico.localhost") },
    });
    let identity = Identity::new(sessions, outbox.clone(), limits, sealer());
    let slice: Routes = Routes::new()
        .get("/", Access::Public, home)
        .get("/orders", Access::Contact(Capability::Orders), orders)
        .stream("/orders/events", Access::Contact(Capability::Orders), watch)
        .get("/invoices", Access::Contact(Capability::Finance), invoices)
        .get(
            "/forgotten",
            Access::Contact(Capability::Orders),
            async || "an order that nobody asked a right for",
        )
        .post("/orders", Access::Contact(Capability::Orders), orders)
        .get("/console", Access::AnyStaff, console)
        .get("/console/customers", Access::Staff(StaffCapability::Customers), customers)
        .get("/console/requests", Access::Staff(StaffCapability::Requests), requests)
        .get("/console/team", Access::Staff(StaffCapability::Team), team)
        .get(
            "/console/forgotten",
            Access::Staff(StaffCapability::Customers),
            async |_: Member| "too little was asked",
        );
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

async fn console(member: Member) -> String {
    format!("{} at the console", member.name)
}

/// Everybody's names, and those that one customer sees.
async fn customers(visit: Visit, staff: Staffed<may::Customers>) -> Result<String, platform_web::Error> {
    let names = "select id, name from customers order by name";
    let mut tx = staff.tx(visit.site().db()).await?;
    let all: Vec<(CustomerId, String)> =
        sqlx::query_as(names).fetch_all(tx.conn()).await.map_err(platform_core::Error::from)?;
    drop(tx);
    let mut tx = staff.tx_of(visit.site().db(), all[0].0).await?;
    let one: Vec<(CustomerId, String)> =
        sqlx::query_as(names).fetch_all(tx.conn()).await.map_err(platform_core::Error::from)?;
    let list = |rows: &[(CustomerId, String)]| {
        rows.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>().join(", ")
    };
    Ok(format!("{}; {}", list(&all), list(&one)))
}

async fn requests(staff: Staffed<may::Requests>) -> String {
    format!("requests for {}", staff.name)
}

async fn team(staff: Staffed<may::Team>) -> String {
    format!("team of {}", staff.name)
}

/// A handler that stays open while somebody else ends the session.
async fn watch(visit: Visit, person: Allowed<need::Orders>) -> Result<String, platform_web::Error> {
    let before = person.still().await;
    let mut tx = person.tx(visit.site().db()).await?;
    sqlx::query("update sessions set revoked_at = now()")
        .execute(tx.conn())
        .await
        .map_err(platform_core::Error::from)?;
    tx.commit().await?;
    Ok(format!("{before}, then {}", person.still().await))
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
        for (email, name, role) in [
            (ASTRID, "Astrid Lund", "cs_admin"),
            (CASEY, "Casey Park", "csm"),
            (ARI, "Ari Novak", "agent"),
            (BOTH, "Ada Both", "agent"),
        ] {
            colleague(db, techflow, email, name, role).await;
        }
        colleague(db, lumen, "lena@lumen.example", "Lena Ode", "agent").await;
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

pub(crate) async fn colleague(db: &Db, tenant: TenantId, email: &str, name: &str, role: &str) {
    let mut tx = db.tenant(Scope::tenant(tenant)).await.expect("the database answers");
    let id = platform_core::id::StaffId::new(&SystemClock as &dyn Clock, &SystemRandom);
    tenants::upsert_staff(&mut tx, id, email, name, role).await.expect("the colleague is new");
    tx.commit().await.expect("the commit passes");
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
