//! Whose host it is: nobody's, a tenant's with a new look, a suspended one's.

use std::time::Duration;

use http::{Request, StatusCode, header};
use platform_core::clock::SystemClock;
use platform_core::id::TenantId;
use platform_core::random::SystemRandom;
use platform_core::tenants;
use platform_web::pages::NeutralWhy;
use platform_web::{Host, NoTenant};

use crate::edge::{Edge, assert_secured, upsert};

#[tokio::test]
async fn hosts_of_nobody_name_nobody() {
    let edge = Edge::open().await;
    let unknown_tenant =
        Host { tenant: TenantId::new(&SystemClock, &SystemRandom), ..edge.host("192.0.2.1") };
    let cases = [
        (Request::get("/").header(header::HOST, "evil.example"), 404),
        (Request::get("/orders").extension(NoTenant(NeutralWhy::Misdirected)), 421),
        (Request::get("/").extension(NoTenant(NeutralWhy::BadAuthority)), 400),
        (Request::get("/").extension(unknown_tenant), 404),
    ];
    for (request, status) in cases {
        let answer = edge.send(request, "").await;
        assert_eq!(answer.status.as_u16(), status);
        assert_secured("nobody", &answer);
        let body = answer.body.to_lowercase();
        assert!(!body.contains("techflow") && !body.contains("portico") && !body.contains("evil"), "{body}");
        let sheet = body.split("href=\"/assets/brand-").nth(1);
        assert!(sheet.is_some(), "it is dressed all the same");
    }
    // The hash is case-sensitive, so the address comes from the page as it was sent.
    let page = edge.send(Request::get("/"), "").await;
    let sheet = page.body.split("href=\"/assets/brand-").nth(1).unwrap().split('"').next().unwrap();
    let sheet = edge.send(Request::get(format!("/assets/brand-{sheet}")), "").await;
    assert_eq!(sheet.status, StatusCode::OK);
}

#[tokio::test]
async fn a_new_look_shows_soon() {
    let edge = Edge::open().await;
    let maintain = edge.stack.clone();
    let upkeep = tokio::spawn(async move { maintain.maintain().await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    upsert(
        &edge.db,
        "TechFlow Renamed",
        &themes::Brand { name: "TechFlow Renamed".to_owned(), ..themes::samples::techflow() },
    )
    .await;
    let mut seen = false;
    for _ in 0..100 {
        seen = edge.get("/nowhere").await.body.contains("TechFlow Renamed");
        if seen {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    upkeep.abort();
    assert!(seen);
    let mut tx = edge.db.operator("test", "suspending").await.unwrap();
    tenants::set_status(&mut tx, "techflow", "suspended").await.unwrap();
    tx.commit().await.unwrap();
    edge.site.brands().refresh().await.unwrap();
    let answer = edge.get("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.body.contains("TechFlow"));
}
