//! Who gets what: every route of the program for everybody who might ask, over the real wall.
//!
//! The routes are the program's own list. A route without a row in `rights` fails here, and so does a row without a route.

use platform_web::route::Route;
use platform_web::{Access, Audience};
use tenant_router::Tenant;
use tokio_util::sync::CancellationToken;

use crate::ground::Ground;
use crate::person::{Answer, Browser, tenant};
use crate::planted::{self, Company, Vendor};
use crate::rights::Who::{self, *};
use crate::rights::{Aim, EVERYBODY, Expected, Row, expected, row_of, rows};

/// Everybody, and what they aim at.
struct World {
    ground: Ground,
    /// Of the first tenant and its customers, then the others.
    sites: [Tenant; 4],
    companies: [Company; 5],
    browsers: Vec<(Who, Browser)>,
    link: String,
    staff_link: String,
}

/// Every module.
const ALL: &str = "orders,invoices,account";

const WORDS: [&str; 9] = [
    "kestrelx7",
    "axolotlx7",
    "lemurx7",
    "tapirx7", // tenants
    "quokkax7",
    "dugongx7",
    "narwhalx7",
    "ocelotx7",
    "weaselx7", // their customers; the first tenant has two
];

impl World {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let mut vendors: Vec<Vendor> = Vec::new();
        for (word, modules) in [(WORDS[0], ALL), (WORDS[1], ALL), (WORDS[2], ALL), (WORDS[3], "")] {
            vendors.push(planted::vendor(&ground, word, modules).await);
        }
        let mut companies = Vec::new();
        for (word, vendor) in [(4, 0), (5, 0), (6, 1), (7, 2), (8, 3)] {
            companies.push(planted::company(&ground, &vendors[vendor], WORDS[word]).await);
        }
        let sites: [Tenant; 4] = std::array::from_fn(|at| tenant(vendors[at].id, vendors[at].word));
        let companies = companies.try_into().expect("five");
        let mut world = Self {
            ground,
            sites,
            companies,
            browsers: Vec::new(),
            link: String::new(),
            staff_link: String::new(),
        };
        world.arrange().await;
        world
    }

    /// Signs everybody in, then takes from some what they had, then starts the program anew: nothing is remembered.
    async fn arrange(&mut self) {
        let router = self.ground.app().await.router;
        for who in EVERYBODY {
            let browser = self.signed_in(&router, who).await;
            self.browsers.push((who, browser));
        }
        let mut other = Browser::at(&router, &self.sites[0]);
        let email = self.companies[0].email("guest");
        self.forget_limits().await;
        self.link = other.ask_for_link(&self.ground.stack.db, &self.ground.stack.outbox, &email).await;
        let mut staff = Browser::at(&router, &self.sites[0]);
        let email = format!("gone@{}.example", WORDS[0]);
        self.staff_link =
            staff.link_at("/console/sign-in", &self.ground.stack.db, &self.ground.stack.outbox, &email).await;
        let fallen = format!(
            "update staff_sessions set revoked_at = now() where user_agent like '%Revoked%';
             update sessions set revoked_at = now() where user_agent like '%Revoked%';
             update contacts set active = false where id in (select contact_id from sessions where user_agent like '%Deactivated%');
             update tenants set status = 'suspended' where slug = '{}';
             update portal_auth_tokens set peer = '{word}', next = '/orders?q={word}' where address like 'guest@%'",
            WORDS[2],
            word = WORDS[0]
        );
        self.ground.sql(&fallen).await;
        let app = self.ground.app().await;
        // While hints are heard pages are kept; none may reach anybody else.
        tokio::spawn(async move { app.live.run(CancellationToken::new()).await });
        let fresh = app.router;
        for (who, browser) in &mut self.browsers {
            browser.router = fresh.clone();
            if matches!(who, Smuggler | StaffSmuggler) {
                browser.tenant = self.sites[0].clone();
            }
        }
    }

    /// A fresh browser of somebody, on the host where they can sign in.
    async fn signed_in(&self, router: &axum::Router, who: Who) -> Browser {
        if let Some((site, name)) = staff_of(who) {
            return self.staff_signed_in(router, who, site, name).await;
        }
        let (site, company, role) = match who {
            Anonymous => return Browser::at(router, &self.sites[0]),
            Admin => (0, 0, "admin"),
            Champion => (0, 0, "champion"),
            User | Revoked => (0, 0, "user"),
            Neighbour => (0, 1, "admin"),
            Deactivated => (0, 1, "user"),
            Smuggler | Stranger => (1, 2, "admin"),
            Suspended => (2, 3, "admin"),
            _ => (3, 4, "admin"),
        };
        let mut browser = Browser::at(router, &self.sites[site]);
        browser.agent = format!("{} {who:?}", self.companies[company].word);
        self.forget_limits().await;
        let (db, outbox) = (&self.ground.stack.db, &self.ground.stack.outbox);
        browser.sign_in(db, outbox, &self.companies[company].email(role)).await;
        browser
    }

    /// A person of a tenant with an authenticator of their own, set up anew each time.
    async fn staff_signed_in(&self, router: &axum::Router, who: Who, site: usize, name: &str) -> Browser {
        let mut browser = Browser::at(router, &self.sites[site]);
        browser.agent = format!("{} {who:?}", WORDS[site]);
        self.forget_limits().await;
        let email = format!("{name}@{}.example", WORDS[site]);
        let fresh = format!(
            "delete from staff_factors where staff_id in (select id from staff where email = '{email}')"
        );
        self.ground.sql(&fresh).await;
        browser.sign_in_as_staff(&self.ground.stack.db, &self.ground.stack.outbox, &email).await;
        browser
    }

    /// So that one address can ask for mails more often than a person may. The links that are aimed at stay.
    async fn forget_limits(&self) {
        let others =
            "delete from portal_auth_tokens where address not like 'guest@%' and address not like 'gone@%'";
        self.ground.sql(others).await;
    }

    fn browser(&self, who: Who) -> Browser {
        self.browsers.iter().find(|(known, _)| *known == who).expect("everybody is here").1.clone()
    }

    /// The words that may appear before `who`: their own tenant's and company's.
    fn own_words(&self, who: Who) -> Vec<&'static str> {
        match who {
            Anonymous | Smuggler | Revoked | Deactivated | StaffRevoked | StaffSmuggler => vec![WORDS[0]],
            StaffAdmin | StaffCsm | StaffAgent => vec![WORDS[0], WORDS[4], WORDS[5]],
            StaffStranger => vec![WORDS[1], WORDS[6]],
            Admin | Champion | User => vec![WORDS[0], WORDS[4]],
            Neighbour => vec![WORDS[0], WORDS[5]],
            Stranger => vec![WORDS[1], WORDS[6]],
            Suspended | StaffSuspended => vec![],
            Plain => vec![WORDS[3], WORDS[8]],
        }
    }

    /// Whose things are aimed at: the first company's, and their own where somebody asks for those.
    fn aimed_company(&self, who: Who) -> &Company {
        match who {
            Suspended => &self.companies[3],
            Plain => &self.companies[4],
            _ => &self.companies[0],
        }
    }

    /// What is aimed at, as it stands in a path.
    async fn target(&self, aim: Aim, who: Who, browser: &mut Browser) -> String {
        match aim {
            Aim::Nothing => String::new(),
            Aim::Request => self.aimed_company(who).request.to_string(),
            Aim::Nonsense => "nonsense".to_owned(),
            Aim::Order => self.aimed_company(who).order.to_string(),
            Aim::Invoice => self.aimed_company(who).books.invoice.to_string(),
            Aim::Address => self.aimed_company(who).books.address.to_string(),
            Aim::Link => self.link.clone(),
            Aim::StaffLink => self.staff_link.clone(),
            Aim::StaffSession => self.spare_staff_session().await,
            Aim::Customer => self.aimed_company(who).id.to_string(),
            Aim::CustomersOrder => {
                let company = self.aimed_company(who);
                format!("{} {}", company.id, company.order)
            }
            Aim::View => self.spare_view().await,
            Aim::Person => self.spare_person(self.aimed_company(who)).await,
            Aim::Stop => {
                let token = format!("select md5('{} champion')", self.companies[0].word);
                self.ground.value(&token).await.expect("a token")
            }
            Aim::Tracker => self.tracker().await,
            Aim::Session => self.spare_session().await,
            Aim::Asset => {
                let page = browser.get("/sign-in?next=/").await.body + &browser.get("/").await.body;
                let at = page.find("/assets/").map_or("nothing.css", |at| &page[at + "/assets/".len()..]);
                at.split('"').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// Somebody new in a company.
    async fn spare_person(&self, company: &Company) -> String {
        let id = platform_core::id::ContactId::new(&*self.ground.stack.clock, &*self.ground.stack.random);
        let spare = format!(
            "insert into contacts (tenant_id, id, customer_id, email, name)
             select tenant_id, '{id}', customer_id, '{id}@x.example', '{word} spare' from contacts where email = '{email}'",
            word = company.word,
            email = company.email("admin")
        );
        self.ground.sql(&spare).await;
        id.to_string()
    }

    /// A session of the first company's admin beside the one they use.
    async fn spare_session(&self) -> String {
        let email = self.companies[0].email("admin");
        let id = platform_core::id::SessionId::new(&*self.ground.stack.clock, &*self.ground.stack.random);
        let spare = format!(
            "insert into sessions (tenant_id, id, customer_id, contact_id, token_hash, host, user_agent, remember, expires_at)
             select tenant_id, '{id}', customer_id, id, sha256('{id}'), 'x', '{word} spare', false, now() + interval '1 hour'
               from contacts where email = '{email}'",
            word = self.companies[0].word
        );
        self.ground.sql(&spare).await;
        id.to_string()
    }

    /// A session of the first tenant's admin beside the one they use.
    async fn spare_staff_session(&self) -> String {
        let id = platform_core::id::SessionId::new(&*self.ground.stack.clock, &*self.ground.stack.random);
        let spare = format!(
            "insert into staff_sessions (tenant_id, id, staff_id, token_hash, host, user_agent, expires_at)
             select tenant_id, '{id}', id, sha256('{id}'), 'x', '{word} spare', now() + interval '1 hour'
               from staff where email = 'boss@{word}.example'",
            word = WORDS[0]
        );
        self.ground.sql(&spare).await;
        id.to_string()
    }

    /// An account at a tracking provider, with a secret that nobody here has.
    async fn tracker(&self) -> String {
        let stack = &self.ground.stack;
        let new = platform_connectors::carriers::NewAccount {
            id: platform_core::id::uuid(&*stack.clock, &*stack.random),
            kind: "aftership",
            name: "hook",
            webhook_secret: "a secret of theirs",
            api_key: None,
            api_url: "https://api.example",
        };
        let tenant: platform_core::id::TenantId = self.sites[0].id;
        let mut tx = stack.db.tenant(platform_core::Scope::tenant(tenant)).await.expect("a transaction");
        platform_connectors::carriers::put(&mut tx, &stack.sealer, &new).await.expect("an account");
        tx.commit().await.expect("stored");
        new.name.to_owned()
    }

    /// A kept list of the first company's admin beside the one they have.
    async fn spare_view(&self) -> String {
        let id = platform_core::id::uuid(&*self.ground.stack.clock, &*self.ground.stack.random).to_string();
        let spare = format!(
            "insert into order_views (tenant_id, id, contact_id, customer_id, name, filter, created_at)
             select tenant_id, '{id}', id, customer_id, left('{id}', 40), 'late', now() from contacts where email = '{}'",
            self.companies[0].email("admin")
        );
        self.ground.sql(&spare).await;
        id
    }

    async fn is_live(&self, session: &str) -> bool {
        let live = format!(
            "select id::text from sessions where id = '{session}' and revoked_at is null
             union all select id::text from staff_sessions where id = '{session}' and revoked_at is null"
        );
        self.ground.value(&live).await.is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_their_own_and_nothing_else() {
    let world = World::new().await;
    let missing = planted::unplanted(&world.ground, [WORDS[0], WORDS[4]]).await;
    assert!(missing.is_empty(), "columns that could leak unnoticed: plant a word in {missing:?}");
    let app = world.ground.app().await;
    let mut faults = Vec::new();
    let mut asked = 0;
    // Deeds last: they end sessions.
    for method in ["GET", "POST"] {
        for route in app.web.routes.iter().filter(|route| route.method.as_str() == method) {
            let Some(row) = row_of(method, route.path) else {
                faults.push(format!("{method} {} has no row: say who may use it", route.path));
                continue;
            };
            for who in EVERYBODY {
                try_one(&world, route, row, who, &mut faults).await;
                asked += 1;
            }
        }
    }
    let unknown = rows().filter(|row| {
        !app.web.routes.iter().any(|route| route.path == row.path && route.method.as_str() == row.method)
    });
    faults.extend(unknown.map(|row| format!("{} {} is no route", row.method, row.path)));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(asked, app.web.routes.len() * EVERYBODY.len(), "every route was asked for by everybody");
}

async fn try_one(world: &World, route: &Route, row: &Row, who: Who, faults: &mut Vec<String>) {
    let mut browser = world.browser(who);
    let deed = row.method == "POST";
    if deed {
        world.forget_limits().await;
    }
    if deed && (who.is_signed_in() || who.is_staff()) {
        // A deed may end the session that did it.
        let router = browser.router.clone();
        browser = world.signed_in(&router, who).await;
    }
    let target = world.target(row.aim, who, &mut browser).await;
    let path = filled(row.path, &target);
    let answer = if deed {
        let form: Vec<_> =
            row.form.iter().map(|(name, value)| (*name, value.replace("{aim}", &target))).collect();
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        forgeries(&mut browser, &path, &form, route, who, faults).await;
        browser.post(&path, &form).await
    } else {
        browser.get(&path).await
    };
    let mut fault = |what: String| faults.push(format!("{who:?} {} {}: {what}", row.method, row.path));
    let rule = expected(route, row, who);
    if let Err(what) = fits(&rule, row, &answer) {
        fault(what);
    }
    let (own, all) = (world.own_words(who), answer.all());
    for word in WORDS.into_iter().filter(|word| !own.contains(word) && all.contains(*word)) {
        fault(format!("shows {word}"));
    }
    // Else nothing above could have found anything.
    let own_order = matches!(row.aim, Aim::Order | Aim::Request | Aim::Customer | Aim::CustomersOrder)
        && !route.stream
        && rule == Expected::Status(200);
    // The tenant's own people may see both companies, and see the one that they ask for.
    let due = |word: &&&str| !who.is_staff() || **word != WORDS[5];
    if own_order && !own.iter().filter(due).all(|word| all.contains(word)) {
        fault(format!("shows nothing of {own:?}"));
    }
    if matches!(row.aim, Aim::Session | Aim::StaffSession)
        && rule != Expected::Status(row.may)
        && !world.is_live(&target).await
    {
        fault("was refused and done all the same".to_owned());
    }
    if !deed && !route.stream {
        let head = browser.ask("HEAD", &path, None, &[]).await;
        if head.status != answer.status || !head.body.is_empty() {
            fault(format!(
                "HEAD answers {} with {} bytes, GET {}",
                head.status,
                head.body.len(),
                answer.status
            ));
        }
    }
}

/// Deeds that no page of ours sent: without the token, with another browser's, from another site.
async fn forgeries(
    browser: &mut Browser,
    path: &str,
    form: &[(&str, &str)],
    route: &Route,
    who: Who,
    faults: &mut Vec<String>,
) {
    if route.access == Access::Machine || matches!(who, Suspended | StaffSuspended) {
        return;
    }
    let own = browser.csrf().await;
    let other = Browser::at(&browser.router, &browser.tenant).csrf().await;
    let elsewhere = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    for (what, token, headers) in
        [("no token", "", &[][..]), ("another's token", &other, &[]), ("another site", &own, &elsewhere)]
    {
        let mut fields = form.to_vec();
        fields.push(("csrf", token));
        let answer = browser.ask("POST", path, Some(&fields), headers).await;
        if answer.status != http::StatusCode::FORBIDDEN {
            faults.push(format!("{who:?} POST {}: {what} is answered by {}", route.path, answer.status));
        }
    }
}

fn fits(rule: &Expected, row: &Row, answer: &Answer) -> Result<(), String> {
    let (status, to) = (answer.status.as_u16(), answer.location());
    let fits = match rule {
        Expected::Status(wanted) => status == *wanted && !(*wanted == 303 && to.is_empty()),
        Expected::SignIn(Audience::Contacts) => status == 303 && to.split('?').next() == Some("/sign-in"),
        Expected::SignIn(Audience::Staff) => {
            status == 303 && to.split('?').next() == Some("/console/sign-in")
        }
        Expected::Nobodys if row.aim == Aim::Asset => matches!(status, 200 | 404),
        Expected::Nobodys => status == 503,
    };
    if fits { Ok(()) } else { Err(format!("wanted {rule:?}, got {status} {to}")) }
}

/// The site and the name before the @ of one of a tenant's own people.
fn staff_of(who: Who) -> Option<(usize, &'static str)> {
    match who {
        StaffAdmin => Some((0, "boss")),
        StaffCsm => Some((0, "csm")),
        StaffAgent => Some((0, "agent")),
        StaffRevoked => Some((0, "gone")),
        StaffSmuggler => Some((1, "agent")),
        StaffStranger => Some((1, "boss")),
        StaffSuspended => Some((2, "boss")),
        _ => None,
    }
}

/// The path with its parameters filled in: with the words of `target` in turn, or all with its only one.
fn filled(path: &str, target: &str) -> String {
    let (mut words, mut out) = (target.split(' '), path.to_owned());
    while let (Some(open), Some(close)) = (out.find('{'), out.find('}')) {
        let word = words.next().unwrap_or(target);
        out = format!("{}{word}{}", &out[..open], &out[close + 1..]);
    }
    out
}

#[tokio::test]
async fn the_console_is_on_the_tenants_own_host_alone() {
    let ground = Ground::new().await;
    let vendor = planted::vendor(&ground, WORDS[0], ALL).await;
    let app = ground.app().await;
    let own = tenant(vendor.id, vendor.word);
    let id = platform_core::id::DomainId::new(&*ground.stack.clock, &*ground.stack.random);
    let custom = Tenant { domain: Some(id), ..own.clone() };
    for row in rows().filter(|row| Audience::of(row.path) == Audience::Staff) {
        let mut browser = Browser::at(&app.router, &custom);
        let answer = browser.ask(row.method, &filled(row.path, "x"), None, &[]).await;
        assert_eq!(answer.status, http::StatusCode::NOT_FOUND, "{} {}", row.method, row.path);
    }
    let mut browser = Browser::at(&app.router, &own);
    assert_eq!(browser.get("/console/sign-in").await.status, http::StatusCode::OK);
}

#[tokio::test]
async fn the_demo_adds_its_outbox_and_nothing_else() {
    let ground = Ground::new().await;
    let folder = crate::ground::folder();
    let demo = crate::ground::settings(&ground.database, &folder, "")
        .replace("[platform]", "[platform]\ndemo = true");
    let stack = crate::ground::open(&demo).await;
    let refresher = platform_connectors::sync::Refresher::elsewhere(stack.db.clone());
    let app = platform_server::compose::app(
        &stack,
        platform_server::compose::themes().expect("they compile"),
        refresher,
    );
    let known = ground.app().await.web.routes;
    let added: Vec<_> =
        app.web.routes.iter().filter(|route| !known.contains(route)).map(|route| route.path).collect();
    assert!(!added.is_empty() && added.iter().all(|path| path.starts_with("/demo/outbox")), "{added:?}");
    assert_eq!(app.web.routes.len(), known.len() + added.len(), "the demo takes nothing away");
}
