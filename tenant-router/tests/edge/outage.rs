//! The database goes away and comes back: what is served is served on, and everything is followed again.

use std::time::{Duration, Instant};

use crate::world::World;

async fn cut_all_connections(world: &World) {
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()";
    sqlx::query(cut).execute(&mut world.test.owner().await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_are_made_anew() {
    let world = World::new(|_| ()).await;
    world.served_tenant("techflow").await;
    for slug in ["lumen", "third", "fourth", "fifth"] {
        cut_all_connections(&world).await;
        assert!(
            world.get("techflow.portico.localhost").await.contains("tenant=techflow"),
            "served from memory"
        );
        let begin = Instant::now();
        world.tenant(slug).await;
        let name = format!("{slug}.portico.localhost");
        let deadline = begin + Duration::from_secs(10);
        // The pool gives out dead connections until each was tried once, so a look-up may fail meanwhile.
        while !matches!(world.certs.get(&name).await, Ok(Some(_))) {
            let route = world.table.get(&crate::world::host(&name));
            assert!(Instant::now() < deadline, "{name} is not served; its route is {route:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("a new tenant is served {:?} after all connections were cut", begin.elapsed());
        world.until_served(&name).await;
        assert!(world.get(&name).await.contains(&format!("tenant={slug}")));
    }
}
