//! One primary host, and others that redirect to it: never in a chain, never in a circle, never to another tenant.

use platform_core::clock::SystemClock;
use platform_core::db::Scope;
use platform_core::id::TenantId;
use tenant_router::domains::{self, PrimaryError, State};

use crate::world::{World, host};

const NAMES: [&str; 3] = ["a.brightwater.example", "b.brightwater.example", "c.brightwater.example"];

async fn redirects(world: &World, tenant: TenantId) -> Vec<(String, Option<String>)> {
    let mut tx = world.db.tenant(Scope::tenant(tenant)).await.unwrap();
    let list = domains::list(&mut tx).await.unwrap();
    let mut all: Vec<_> =
        list.into_iter().map(|domain| (domain.host.to_string(), domain.redirect_to)).collect();
    all.sort();
    all
}

async fn redirect(world: &World, tenant: TenantId, from: &str, to: &str) -> Result<(), PrimaryError> {
    let mut tx = world.db.tenant(Scope::tenant(tenant)).await.unwrap();
    domains::redirect(&mut tx, &host(from), &host(to)).await?;
    tx.commit().await.unwrap();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_keep_the_rules() {
    let world = World::new().await;
    let (tenant, other) = (world.tenant("techflow").await, world.tenant("lumen").await);
    let [a, b, c] = NAMES;
    for name in NAMES {
        world.live(tenant, name).await;
    }
    world.claim(tenant, "waiting.brightwater.example").await;
    world.live(other, "d.brightwater.example").await;

    redirect(&world, tenant, b, a).await.unwrap();
    let refused = redirect(&world, tenant, c, b).await.unwrap_err();
    assert!(matches!(refused, PrimaryError::Chain(..)), "{refused}");
    let refused = redirect(&world, tenant, a, b).await.unwrap_err();
    assert!(matches!(refused, PrimaryError::Chain(..)), "a circle: {refused}");
    let refused = redirect(&world, tenant, a, a).await.unwrap_err();
    assert!(matches!(refused, PrimaryError::Itself(_)), "{refused}");
    let refused = redirect(&world, tenant, a, "waiting.brightwater.example").await.unwrap_err();
    assert!(matches!(refused, PrimaryError::NotLive(_)), "{refused}");
    for (from, to) in [(a, "d.brightwater.example"), ("d.brightwater.example", a), (a, "nobody.example")] {
        let refused = redirect(&world, tenant, from, to).await.unwrap_err();
        assert!(matches!(refused, PrimaryError::Unknown(_)), "{refused}");
    }

    // The primary itself moves on: who followed it follows on, and there is no chain.
    redirect(&world, tenant, a, c).await.unwrap();
    let to_c = Some(c.to_owned());
    let all = redirects(&world, tenant).await;
    assert_eq!(all[0], (a.to_owned(), to_c.clone()));
    assert_eq!(all[1], (b.to_owned(), to_c));
    assert_eq!(all[2], (c.to_owned(), None));

    // The primary is given back: the others serve themselves again.
    let mut tx = world.db.tenant(Scope::tenant(tenant)).await.unwrap();
    let primary = domains::find(&mut tx, &host(c)).await.unwrap().unwrap();
    assert!(domains::release(&mut tx, primary.id, &SystemClock).await.unwrap());
    assert!(!domains::release(&mut tx, primary.id, &SystemClock).await.unwrap(), "only once");
    tx.commit().await.unwrap();
    assert!(redirects(&world, tenant).await.iter().all(|(_, to)| to.is_none()));
    assert_eq!(world.get(tenant, primary.id).await.state, State::Released);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_do_the_opposite_make_no_circle() {
    let world = World::new().await;
    let tenant = world.tenant("techflow").await;
    let [a, b, _] = NAMES;
    world.live(tenant, a).await;
    world.live(tenant, b).await;
    for _ in 0..10 {
        let _ = tokio::join!(redirect(&world, tenant, a, b), redirect(&world, tenant, b, a));
        let all = redirects(&world, tenant).await;
        assert_eq!(all.iter().filter(|(_, to)| to.is_some()).count(), 1, "{all:?}");
        let mut tx = world.db.tenant(Scope::tenant(tenant)).await.unwrap();
        domains::serve_itself(&mut tx, &host(a)).await.unwrap();
        domains::serve_itself(&mut tx, &host(b)).await.unwrap();
        tx.commit().await.unwrap();
    }
}
