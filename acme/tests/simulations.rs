//! The simulations at small scale: what `examples/simulate.rs` shows for ten thousand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall end")]

use acme::testing::simulation::{Import, Year};
use chrono::TimeDelta;
use migrations::testing::TestDatabase;
use platform_core::db::{Db, DbConfig};

async fn empty() -> Db {
    let test = TestDatabase::new().await;
    let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 8 };
    Db::connect(config).await.unwrap()
}

#[tokio::test]
async fn an_import_with_failing_domains_is_inside_the_limits() {
    let import = Import { domains: 300, failing: 30, people: 3, seed: 11 };
    let outcome = import.run(empty().await).await.unwrap();
    assert_eq!(outcome.refused, 0, "{outcome:?}");
    assert!(outcome.wait <= TimeDelta::seconds(5), "{outcome:?}");
    assert!(outcome.failures_in_an_hour <= 4, "{outcome:?}");
    assert!(outcome.failed_orders >= 50, "{outcome:?}");
    // 303 orders, of which about 62 come after the burst that bulk may use.
    assert!(outcome.span < TimeDelta::minutes(50), "{outcome:?}");
}

#[tokio::test]
async fn a_season_with_an_outage_and_a_revocation_expires_nothing() {
    let year = Year {
        certificates: 60,
        days: 80,
        ask_every: 12 * 3600,
        outage: (32, 10),
        revocation: (60, 20),
        tick: TimeDelta::hours(2),
        seed: 11,
    };
    let outcome = year.run(empty().await, |_| ()).await.unwrap();
    assert_eq!((outcome.expired, outcome.counted, outcome.refused), (0, 0, 0), "{outcome:?}");
    assert!(outcome.least_left > TimeDelta::days(2), "{outcome:?}");
    assert!(outcome.renewals >= 120 && outcome.in_window > 0, "{outcome:?}");
    assert!(outcome.announced > 3 && outcome.replaced_within < TimeDelta::hours(15), "{outcome:?}");
}
