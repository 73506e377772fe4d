//! A company's people through the whole program: an invitation lets its reader in and nobody else, a role counts from the
//! next request on, a deactivated person is out at once, and a company always keeps an administrator.

use http::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::ground::Ground;
use crate::person::{Browser, tenant};
use crate::planted::{self, Company};

struct World {
    ground: Ground,
    company: Company,
    admin: Browser,
    fresh: Browser,
}

impl World {
    async fn new(word: &'static str) -> Self {
        let ground = Ground::new().await;
        let vendor = planted::vendor(&ground, "heronx9", "orders").await;
        let company = planted::company(&ground, &vendor, word).await;
        let app = ground.app().await;
        let fresh = Browser::at(&app.router, &tenant(vendor.id, vendor.word));
        // While ends are heard sessions are kept: they have to end all the same.
        tokio::spawn(async move { app.live.run(CancellationToken::new()).await });
        let mut admin = fresh.clone();
        admin.sign_in(&ground.stack.db, &ground.stack.outbox, &company.email("admin")).await;
        Self { ground, company, admin, fresh }
    }

    async fn id(&self, email: &str) -> String {
        self.ground
            .value(&format!("select id::text from contacts where email = '{email}'"))
            .await
            .expect("an id")
    }

    async fn signed_in(&self, email: &str) -> Browser {
        let mut browser = self.fresh.clone();
        browser.sign_in(&self.ground.stack.db, &self.ground.stack.outbox, email).await;
        browser
    }

    async fn logged(&self, action: &str) -> String {
        let sql = format!(
            "select count(*)::text from audit_log where object_kind = 'contact' and action = '{action}'"
        );
        self.ground.value(&sql).await.expect("a number")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_invitation_to_the_end() {
    let mut world = World::new("bitternx9").await;
    let form = [("name", " Jonas   Lindqvist "), ("email", "Jonas@bitternx9.example"), ("role", "user")];
    let answer = world.admin.post("/people", &form).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/people?show=invited"));
    let page = world.admin.get("/people?show=invited").await.body;
    assert!(page.contains("Jonas Lindqvist") && page.contains("Jonas@bitternx9.example"));
    let mailed = "select to_address from mail_outbox where subject like '%invites you%'";
    assert_eq!(world.ground.value(mailed).await.as_deref(), Some("Jonas@bitternx9.example"));

    // The same address again, in other letters: said beside the field, and what was typed is kept.
    let again = [("name", "J. L."), ("email", "JONAS@bitternx9.example"), ("role", "champion")];
    let answer = world.admin.post("/people", &again).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("has this address already") && answer.body.contains("value=\"J. L.\""));

    let mut jonas = world.signed_in("jonas@bitternx9.example").await;
    assert_eq!(jonas.get("/orders").await.status, StatusCode::OK);
    assert_eq!(jonas.get("/people").await.status, StatusCode::NOT_FOUND);
    let path = format!("/people/{}", world.id("Jonas@bitternx9.example").await);
    let admin = [("name", "Jonas Lindqvist"), ("role", "admin")];
    assert_eq!(world.admin.post(&format!("{path}/change"), &admin).await.status, StatusCode::SEE_OTHER);
    assert_eq!(jonas.get("/people").await.status, StatusCode::OK, "a role counts from the next request on");

    assert_eq!(world.admin.post(&format!("{path}/deactivation"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(jonas.get("/orders").await.status, StatusCode::SEE_OTHER, "out at once");
    let deactivated = world.admin.get("/people?show=deactivated").await.body;
    assert!(deactivated.contains("Jonas Lindqvist"));
    assert_eq!(world.admin.post(&format!("{path}/invitation"), &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.admin.post(&format!("{path}/activation"), &[]).await.status, StatusCode::SEE_OTHER);
    world.signed_in("jonas@bitternx9.example").await;
    for (action, times) in [("invited", "1"), ("changed", "1"), ("deactivated", "1"), ("activated", "1")] {
        assert_eq!(world.logged(action).await, times, "{action}");
    }
    let file = world.admin.get("/people/list.csv?q=JONAS").await.body;
    assert_eq!(file.lines().count(), 2, "{file}");
    assert!(file.contains("Jonas@bitternx9.example"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_keeps_an_administrator_and_nobody_locks_themselves_out() {
    let mut world = World::new("bitternx9").await;
    let me = format!("/people/{}", world.id(&world.company.email("admin")).await);
    let lower = [("name", "New Name"), ("role", "user")];
    assert_eq!(world.admin.post(&format!("{me}/change"), &lower).await.status, StatusCode::SEE_OTHER);
    let role = "select role || ' ' || name from contacts where email like 'admin@bitternx9%'";
    assert_eq!(world.ground.value(role).await.as_deref(), Some("admin New Name"), "one's own role stays");
    assert_eq!(world.admin.post(&format!("{me}/deactivation"), &[]).await.status, StatusCode::NOT_FOUND);

    // Two administrators who take each other's role away at once: one of them stays, every time.
    let other = world.company.email("champion");
    let them = format!("/people/{}", world.id(&other).await);
    for _ in 0..5 {
        world.ground.sql("update contacts set role = 'admin' where email like 'admin@bitternx9%' or email like 'champion@bitternx9%'").await;
        world.ground.sql("delete from portal_auth_tokens").await;
        let (mut one, mut two) =
            (world.signed_in(&world.company.email("admin")).await, world.signed_in(&other).await);
        let (first, second) = (format!("{them}/change"), format!("{me}/change"));
        let (first, second) = tokio::join!(one.post(&first, &lower), two.post(&second, &lower));
        let refused =
            [&first, &second].iter().filter(|answer| answer.status != StatusCode::SEE_OTHER).count();
        let left = "select count(*)::text from contacts where role = 'admin' and active";
        assert_eq!(world.ground.value(left).await.as_deref(), Some("1"));
        assert!(refused == 1, "{} {}", first.status, second.status);
    }
}
