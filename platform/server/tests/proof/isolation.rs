//! Who gets what: every route of the program for everybody who might ask, over the real wall.
//!
//! The routes are the program's own list. A route without a row in [`ROWS`] fails here, and so does a row without a route.

use platform_web::Access;
use platform_web::route::Route;
use tenant_router::Tenant;
use tokio_util::sync::CancellationToken;

use crate::ground::Ground;
use crate::person::{Answer, Browser, tenant};
use crate::planted::{self, Company, Vendor};
use crate::rights::Who::{self, *};
use crate::rights::{Aim, EVERYBODY, Expected, ROWS, Row, expected};

/// Everybody, and what they aim at.
struct World {
    ground: Ground,
    /// Of the first tenant and its customers, then the others.
    sites: [Tenant; 4],
    companies: [Company; 5],
    browsers: Vec<(Who, Browser)>,
    link: String,
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
        let mut world = Self { ground, sites, companies, browsers: Vec::new(), link: String::new() };
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
        let fallen = format!(
            "update sessions set revoked_at = now() where user_agent like '%Revoked%';
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
            if *who == Smuggler {
                browser.tenant = self.sites[0].clone();
            }
        }
    }

    /// A fresh browser of somebody, on the host where they can sign in.
    async fn signed_in(&self, router: &axum::Router, who: Who) -> Browser {
        let (site, company, role) = match who {
            Anonymous => return Browser::at(router, &self.sites[0]),
            Admin => (0, 0, "admin"),
            Champion => (0, 0, "champion"),
            User | Revoked => (0, 0, "user"),
            Neighbour => (0, 1, "admin"),
            Deactivated => (0, 1, "user"),
            Smuggler | Stranger => (1, 2, "admin"),
            Suspended => (2, 3, "admin"),
            Plain => (3, 4, "admin"),
        };
        let mut browser = Browser::at(router, &self.sites[site]);
        browser.agent = format!("{} {who:?}", self.companies[company].word);
        self.forget_limits().await;
        let (db, outbox) = (&self.ground.stack.db, &self.ground.stack.outbox);
        browser.sign_in(db, outbox, &self.companies[company].email(role)).await;
        browser
    }

    /// So that one address can ask for mails more often than a person may. The guest's link stays.
    async fn forget_limits(&self) {
        self.ground.sql("delete from portal_auth_tokens where address not like 'guest@%'").await;
    }

    fn browser(&self, who: Who) -> Browser {
        self.browsers.iter().find(|(known, _)| *known == who).expect("everybody is here").1.clone()
    }

    /// The words that may appear before `who`: their own tenant's and company's.
    fn own_words(&self, who: Who) -> Vec<&'static str> {
        match who {
            Anonymous | Smuggler | Revoked | Deactivated => vec![WORDS[0]],
            Admin | Champion | User => vec![WORDS[0], WORDS[4]],
            Neighbour => vec![WORDS[0], WORDS[5]],
            Stranger => vec![WORDS[1], WORDS[6]],
            Suspended => vec![],
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
        let live = format!("select id::text from sessions where id = '{session}' and revoked_at is null");
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
            let row = ROWS.iter().find(|row| row.method == method && row.path == route.path);
            let Some(row) = row else {
                faults.push(format!("{method} {} has no row: say who may use it", route.path));
                continue;
            };
            for who in EVERYBODY {
                try_one(&world, route, row, who, &mut faults).await;
                asked += 1;
            }
        }
    }
    let unknown = ROWS.iter().filter(|row| {
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
    if deed && who.is_signed_in() {
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
    let own_order =
        matches!(row.aim, Aim::Order | Aim::Request) && !route.stream && rule == Expected::Status(200);
    if own_order && !own.iter().all(|word| all.contains(word)) {
        fault(format!("shows nothing of {own:?}"));
    }
    if row.aim == Aim::Session && rule != Expected::Status(row.may) && !world.is_live(&target).await {
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
    if route.access == Access::Machine || who == Suspended {
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
        Expected::SignIn => status == 303 && to.split('?').next() == Some("/sign-in"),
        Expected::Nobodys if row.aim == Aim::Asset => matches!(status, 200 | 404),
        Expected::Nobodys => status == 503,
    };
    if fits { Ok(()) } else { Err(format!("wanted {rule:?}, got {status} {to}")) }
}

/// The path with its one parameter filled in.
fn filled(path: &str, target: &str) -> String {
    match (path.find('{'), path.find('}')) {
        (Some(open), Some(close)) => format!("{}{target}{}", &path[..open], &path[close + 1..]),
        _ => path.to_owned(),
    }
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
