//! A tracking provider's message through the whole program: believed or not, seen by its company alone, and at once.

use std::time::Duration;

use aws_lc_rs::hmac;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode};

use tenant_router::Conn;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::commands::Shell;
use crate::ground::{Ground, folder, settings};
use crate::person::{Browser, tenant};
use crate::planted::{self, Company, Vendor};

const SECRET: &str = "hook secret seven";

struct World {
    ground: Ground,
    vendor: Vendor,
    ours: Company,
    theirs: Company,
}

impl World {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let vendor = planted::vendor(&ground, "kestrelx7", "orders").await;
        let ours = planted::company(&ground, &vendor, "quokkax7").await;
        let theirs = planted::company(&ground, &vendor, "dugongx7").await;
        Self { ground, vendor, ours, theirs }
    }

    async fn signed_in(&self, router: &axum::Router, company: &Company) -> Browser {
        let mut browser = Browser::at(router, &tenant(self.vendor.id, self.vendor.word));
        browser.sign_in(&self.ground.stack.db, &self.ground.stack.outbox, &company.email("user")).await;
        browser
    }

    /// What the provider sends of the parcel that our company's order has, signed with a secret.
    async fn send(
        &self,
        router: &axum::Router,
        account: &str,
        secret: &str,
        event: &str,
        padding: usize,
    ) -> StatusCode {
        let ts = self.ground.stack.clock.now().timestamp();
        let body = format!(
            r#"{{"event_id": "{event}", "ts": {ts}, "padding": "{}", "msg": {{"tracking_number": "quokkax7 1z", "signed_by": "J. Barker",
                "checkpoints": [{{"checkpoint_time": "2026-05-27T08:15:00Z", "tag": "Delivered", "message": "Put on quokkax7 dock"}}]}}}}"#,
            "x".repeat(padding)
        );
        let tag = STANDARD
            .encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes()));
        let request =
            Request::post(format!("/webhooks/tracking/{account}")).header("aftership-hmac-sha256", tag);
        let mut request = request.body(Body::from(body)).expect("a request");
        request.extensions_mut().insert(tenant(self.vendor.id, self.vendor.word));
        let peer = std::net::SocketAddr::from(([10, 99, 0, 1], 40_000));
        request.extensions_mut().insert(Conn { peer, sni: None, cert_names: [].into() });
        let Ok(response) = router.clone().oneshot(request).await;
        response.status()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_carrier_says_is_seen_by_its_company_at_once() {
    let world = World::new().await;
    let shell = Shell::with(&folder(), &settings(&world.ground.database, &folder(), ""));
    let app = world.ground.app().await;
    // The same keys as the program that serves: by its own library, and by the command for its words alone.
    let new = platform_connectors::carriers::NewAccount {
        id: platform_core::id::uuid(&*world.ground.stack.clock, &*world.ground.stack.random),
        kind: "aftership",
        name: "hook",
        webhook_secret: SECRET,
        api_key: None,
        api_url: "https://api.example",
    };
    let scope = platform_core::Scope::tenant(world.vendor.id);
    let mut tx = world.ground.stack.db.tenant(scope).await.expect("a transaction");
    platform_connectors::carriers::put(&mut tx, &world.ground.stack.sealer, &new).await.expect("an account");
    tx.commit().await.expect("stored");
    let words = [
        "tracking",
        "set",
        "--tenant",
        "kestrelx7",
        "--name",
        "other",
        "--webhook-secret",
        "hook secret eight",
    ];
    assert!(shell.done(&words).contains("/webhooks/tracking/other"));
    let shown = shell.done(&["tracking", "show", "--tenant", "kestrelx7"]);
    assert!(shown.contains("hook") && shown.contains("other") && !shown.contains("secret"), "{shown}");
    assert_eq!(shell.run(&["tracking", "set", "--tenant", "kestrelx7", "--webhook-secret", "short"]).0, 1);

    let (live, stop) = (app.live.clone(), CancellationToken::new());
    let end = stop.clone();
    let running = tokio::spawn(async move { live.run(end).await });
    let mut us = world.signed_in(&app.router, &world.ours).await;
    let mut them = world.signed_in(&app.router, &world.theirs).await;
    let path = format!("/orders/{}", world.ours.order);
    assert!(!us.get(&path).await.body.contains("Put on quokkax7 dock"));

    for (account, secret, wanted) in [
        ("hook", "another secret", StatusCode::UNAUTHORIZED),
        ("nobody", SECRET, StatusCode::UNAUTHORIZED),
        ("kestrelx7-track", SECRET, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let status = world.send(&app.router, account, secret, "e-1", 0).await;
        // A planted account has a secret that does not open: a fault of ours, and no news either way.
        assert!(status == wanted || (account != "hook" && status.is_server_error()), "{account}: {status}");
    }
    assert_eq!(
        world.send(&app.router, "hook", SECRET, "e-1", 300 * 1024).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert!(!us.get(&path).await.body.contains("Put on quokkax7 dock"), "nothing of this was believed");

    assert_eq!(world.send(&app.router, "hook", SECRET, "e-1", 0).await, StatusCode::NO_CONTENT);
    assert_eq!(
        world.send(&app.router, "hook", SECRET, "e-1", 0).await,
        StatusCode::NO_CONTENT,
        "again is fine"
    );
    let mut page = String::new();
    for _ in 0..60 {
        page = us.get(&path).await.body;
        if page.contains("Put on quokkax7 dock") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(page.contains("Put on quokkax7 dock"), "{page}");
    assert!(page.contains("The carrier says"), "who says so is said");
    let status = format!("select status from orders where id = '{}'", world.ours.order);
    assert_eq!(world.ground.value(&status).await.as_deref(), Some("on_hold"), "the order's own status stays");
    assert_eq!(them.get(&path).await.status, StatusCode::NOT_FOUND);
    let own = them.get(&format!("/orders/{}", world.theirs.order)).await;
    assert!(own.status == StatusCode::OK && !own.body.contains("quokkax7"), "{}", own.body);
    let count = "select count(*)::text from shipment_events where kind = 'delivered'";
    assert_eq!(world.ground.value(count).await.as_deref(), Some("1"));
    stop.cancel();
    running.await.expect("it ends in peace");
}
