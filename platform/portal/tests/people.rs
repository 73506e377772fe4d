//! Every statement of the people slice, on a real database, as the application role, under the customer wall.

use std::collections::BTreeSet;

use migrations::testing::TestDatabase;
use platform_core::clock::SystemClock;
use platform_core::db::DbConfig;
use platform_core::id::{ContactId, CustomerId, TenantId};
use platform_core::random::SystemRandom;
use platform_core::{Db, Scope, TenantTx};
use platform_portal::people::person::{From, Show};
use platform_portal::people::store::{self, Overview, PAGE, PersonRow, Query};
use sqlx::{AssertSqlSafe, PgConnection};

struct World {
    db: Db,
    owner: PgConnection,
    tenant: TenantId,
    ours: CustomerId,
    theirs: CustomerId,
}

impl World {
    /// 120 people of ours and as many of theirs; of each ten, one is an administrator, one was never here, one is gone.
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let config =
            DbConfig { app: database.app_options(), operator: None, pooler: false, max_connections: 4 };
        let (clock, random) = (SystemClock, SystemRandom);
        let (tenant, ours, theirs) = (
            TenantId::new(&clock, &random),
            CustomerId::new(&clock, &random),
            CustomerId::new(&clock, &random),
        );
        let arrange = format!(
            "insert into tenants (id, slug, name) values ('{tenant}', 'techflow', 'TechFlow');
             insert into customers (tenant_id, id, name) values ('{tenant}', '{ours}', 'Ours'), ('{tenant}', '{theirs}', 'Theirs');
             insert into contacts (tenant_id, id, customer_id, email, name, role, active, last_seen_at)
             select '{tenant}', gen_random_uuid(), c.id, 'p' || n || '_x@' || lower(c.name) || '.example',
                    -- every third name is another's, too
                    c.name || ' ' || lpad((n - n % 3)::text, 3, '0'),
                    case n % 10 when 1 then 'admin' else 'user' end, n % 10 <> 3, case when n % 10 <> 2 then now() end
               from customers c, generate_series(1, 120) n"
        );
        let mut owner = database.owner().await;
        sqlx::raw_sql(AssertSqlSafe(arrange)).execute(&mut owner).await.expect("done");
        Self { db: Db::connect(config).await.expect("the database answers"), owner, tenant, ours, theirs }
    }

    async fn tx(&self) -> TenantTx {
        self.db.tenant(Scope::customer(self.tenant, self.ours)).await.expect("a transaction")
    }

    async fn list(&self, show: Show, search: &str, from: From) -> Vec<PersonRow> {
        let query = Query { show, search, from, limit: PAGE + 1 };
        store::list(&mut self.tx().await, self.ours, &query).await.expect("rows")
    }
}

#[tokio::test]
async fn pages_hold_everybody_once_by_name_both_ways() {
    let world = World::new().await;
    let (mut seen, mut from, mut pages) = (Vec::new(), From::Newest, Vec::new());
    loop {
        let mut rows = world.list(Show::All, "", from).await;
        let beside = from.cut(&mut rows, PAGE, PersonRow::place);
        pages.push(rows.clone());
        seen.extend(rows);
        let Some(next) = beside.older else { break };
        from = From::OlderThan(next);
    }
    assert_eq!((seen.len(), pages.len()), (120, 3));
    assert_eq!(seen.iter().map(|row| row.id.0).collect::<BTreeSet<_>>().len(), 120);
    assert!(
        seen.is_sorted_by_key(|row| row.name.clone()) && seen.iter().all(|row| row.name.starts_with("Ours"))
    );
    let back = From::NewerThan(pages[2][0].place());
    let mut rows = world.list(Show::All, "", back).await;
    back.cut(&mut rows, PAGE, PersonRow::place);
    assert_eq!(rows, pages[1]);
}

#[tokio::test]
async fn filters_and_search_find_what_they_say_and_nothing_of_others() {
    let world = World::new().await;
    let mut tx = world.tx().await;
    let overview = store::overview(&mut tx, world.ours).await.expect("counts");
    assert_eq!(overview, Overview { all: 120, administrators: 12, invited: 12, deactivated: 12 });
    drop(tx);
    for (show, count) in [(Show::Administrators, 12), (Show::Invited, 12), (Show::Deactivated, 12)] {
        assert_eq!(world.list(show, "", From::Newest).await.len(), count, "{show:?}");
    }
    for (search, count) in [("P7_X@", 1), ("ours 006", 3), ("p7%x", 0), ("theirs", 0), ("_x@ours", PAGE + 1)]
    {
        assert_eq!(world.list(Show::All, search, From::Newest).await.len(), count, "{search}");
    }
    // A place that is somebody of another company's begins nowhere.
    let mut theirs =
        world.db.tenant(Scope::customer(world.tenant, world.theirs)).await.expect("a transaction");
    let query = Query { show: Show::All, search: "", from: From::Newest, limit: 1 };
    let other = store::list(&mut theirs, world.theirs, &query).await.expect("rows")[0].clone();
    drop(theirs);
    assert!(world.list(Show::All, "", From::OlderThan(other.place())).await.is_empty());
    assert_eq!(store::person(&mut world.tx().await, other.id).await.expect("an answer"), None);
}

#[tokio::test]
async fn people_are_invited_once_and_the_last_administrator_stays() {
    let mut world = World::new().await;
    let id = ContactId::new(&SystemClock, &SystemRandom);
    let mut tx = world.tx().await;
    store::invite(&mut tx, world.ours, id, ("Ada", "ada@ours.example", "champion")).await.expect("invited");
    tx.commit().await.expect("kept");
    let taken = store::invite(
        &mut world.tx().await,
        world.ours,
        ContactId::new(&SystemClock, &SystemRandom),
        ("Ada", "ADA@ours.example", "user"),
    )
    .await;
    assert_eq!(taken.expect_err("taken").constraint(), Some("contacts_email_key"));

    let only = "update contacts set role = 'user' where role = 'admin' and name not like 'Ours 000'";
    sqlx::raw_sql(only).execute(&mut world.owner).await.expect("done");
    let admin = world.list(Show::Administrators, "", From::Newest).await;
    assert_eq!(admin.len(), 1);
    let mut tx = world.tx().await;
    for to in [("Ours 000", "user", true), ("Ours 000", "admin", false)] {
        assert!(!store::change(&mut tx, world.ours, admin[0].id, to).await.expect("an answer"), "{to:?}");
    }
    assert!(store::change(&mut tx, world.ours, id, ("Ada", "admin", true)).await.expect("an answer"));
    assert!(
        store::change(&mut tx, world.ours, admin[0].id, ("Old", "user", false)).await.expect("an answer")
    );
    tx.commit().await.expect("kept");
    let mut tx = world.tx().await;
    let old = store::person(&mut tx, admin[0].id).await.expect("an answer").expect("a person");
    assert_eq!((old.name.as_str(), old.role.as_str(), old.active), ("Old", "user", false));
}
