//! The month's report for the source's owner.

use platform_connectors::usage::{self, Month, words};
use platform_core::Scope;
use platform_core::clock::{Clock, SystemClock};

use crate::erp::Erp;
use crate::world::World;

const MONTH: &str = "
    insert into connector_usage
    select tenant_id, id, hour::timestamptz, entity, statements, rows_read, busy, longest, connections, locks, timeouts, 0
      from connectors, (values
        ('2026-10-31 23:00Z', 'order',  900, 90000,  9000000,  90000, 2, 0, 0),
        ('2026-11-01 00:00Z', 'order',  720, 36000, 14400000, 180000, 2, 3, 0),
        ('2026-11-01 00:00Z', 'line',   720, 90000,  7200000,  90000, 2, 0, 0),
        ('2026-11-30 23:00Z', 'order',  100,  5000,  2000000, 1900000, 1, 0, 1),
        ('2026-11-30 23:00Z', 'dry_run', 60,   300,   600000,  50000, 1, 0, 0),
        ('2026-12-01 00:00Z', 'order',  900, 90000,  9000000,  90000, 2, 9, 9)
      ) as v(hour, entity, statements, rows_read, busy, longest, connections, locks, timeouts);
    insert into connector_stops
    select tenant_id, gen_random_uuid(), id, stopped::timestamptz, who, why, resumed::timestamptz, resumer
      from connectors, (values
        ('2026-10-30 10:00Z', 'Ada', 'before', '2026-10-30 11:00Z', 'Ada'),
        ('2026-11-10 10:00Z', 'Ada Reyes', 'month end closing', '2026-11-10 12:30Z', 'Bo Lind'),
        ('2026-11-30 23:30Z', 'Bo Lind', 'over midnight', '2026-12-01 01:00Z', 'Bo Lind')
      ) as v(stopped, who, why, resumed, resumer)";

#[tokio::test]
async fn a_month_is_told_as_it_was() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    world.sql(MONTH).await;
    let mut tx = world.db.tenant(Scope::tenant(world.tenant)).await.unwrap();
    let month: Month = "2026-11".parse().unwrap();
    let now = "2026-12-24T12:00:00Z".parse().unwrap();
    let report = usage::month(&mut tx, connector, month, now).await.unwrap().expect("a report");
    let total = &report.total;
    assert_eq!((total.statements, total.rows, total.connections), (1600, 131_300, 3));
    assert_eq!((total.lock_waits, total.timeouts, report.hours), (3, 1, 2));
    assert_eq!(report.busiest.map(|(_, statements)| statements), Some(1440));
    assert_eq!(report.longest.as_ref().map(|(what, ..)| what.as_str()), Some("order"));
    let kinds: Vec<_> = report.readings.iter().map(|reading| reading.entity.as_str()).collect();
    assert_eq!(kinds, ["line", "order", "dry_run"], "the most rows first");
    assert!(report.readings[1].tables.iter().any(|table| table == "public.of_ordhdr"));
    assert_eq!(report.days.len(), 2);
    assert_eq!(report.shares.len(), 30);
    assert_eq!((report.shares[0].2, report.shares[1].2, report.shares[29].2), (100, 0, 11));
    assert!(report.kept_from.is_none());

    let text = words::told(&report);
    for wanted in [
        "It sent 1600 statements, which took 24.2 s all together and gave 131300 rows, in 2 of the month's hours.",
        "The longest statement took 1.9 s (orders, in the hour of 2026-11-30 23:00).",
        "At most 3 connections were open at once.",
        "public.of_ordhdr",
        "3 statements met somebody's lock and gave up after 0.2 seconds.",
        "1 statement was cancelled because it took longer than 2 seconds.",
        "No statement ended otherwise than well",
        "from 2026-11-10 10:00 by Ada Reyes until 2026-11-10 12:30 by Bo Lind: month end closing",
        "over midnight",
        "application_name = portico",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is not in\n{text}");
    }
    assert!(!text.contains("before"), "another month's stop");

    let old: Month = "2026-05".parse().unwrap();
    let quiet = usage::month(&mut tx, connector, old, SystemClock.now()).await.unwrap().expect("a report");
    let text = words::told(&quiet);
    assert!(text.contains("It read nothing in this month.") && text.contains("Nobody stopped the reading."));
    assert!(quiet.kept_from.is_some() && text.contains("kept for 90 days"), "{text}");
    let stranger = platform_core::id::TenantId(uuid::Uuid::from_u128(7));
    let mut tx = world.db.tenant(Scope::tenant(stranger)).await.unwrap();
    assert!(usage::month(&mut tx, connector, month, now).await.unwrap().is_none());
}
