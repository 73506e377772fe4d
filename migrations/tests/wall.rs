//! The catalogue's word that the tenant wall stands: every table with a tenant is enabled, forced, under a
//! policy, and keyed so that one tenant's row cannot refer to another's.

use migrations::testing::TestDatabase;
use sqlx::Row;

/// Tables without `tenant_id`, each with the reason why it may be. This list may only shrink.
const WITHOUT_TENANT: &[(&str, &str)] = &[
    ("_sqlx_migrations", "the list of applied migrations; no role of ours may read it"),
    ("operator_log", "what people of the platform did; portico_operator only"),
    ("acme_accounts", "certificates know hosts and no tenant"),
    ("acme_budgets", "certificates know hosts and no tenant"),
    ("acme_challenges", "certificates know hosts and no tenant"),
    ("acme_orders", "certificates know hosts and no tenant"),
    ("acme_revocations", "certificates know hosts and no tenant"),
    ("certificates", "certificates know hosts and no tenant"),
    ("ticket_keys", "keys of TLS session tickets are the platform's"),
    ("wanted_hosts", "certificates know hosts and no tenant"),
];

#[tokio::test]
async fn every_table_with_a_tenant_is_behind_the_wall() {
    let database = TestDatabase::new().await;
    let mut owner = database.owner().await;
    let rows = sqlx::query(
        "select c.relname::text as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
                exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') as tenant,
                exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant') as policy,
                coalesce((select a.attname::text from pg_index i join pg_attribute a
                           on a.attrelid = c.oid and a.attnum = i.indkey[0]
                          where i.indrelid = c.oid and i.indisprimary), '') as first_key
           from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the catalogue answers");
    assert!(rows.len() > 5, "the template is migrated");
    for row in rows {
        let name: String = row.get("name");
        if name == "tenants" {
            assert!(
                row.get::<bool, _>("enabled") && row.get::<bool, _>("forced") && row.get::<bool, _>("policy")
            );
        } else if row.get::<bool, _>("tenant") {
            assert!(row.get::<bool, _>("enabled"), "{name}: row-level security is not enabled");
            assert!(row.get::<bool, _>("forced"), "{name}: row-level security is not forced");
            assert!(row.get::<bool, _>("policy"), "{name}: no tenant policy");
            assert_eq!(
                row.get::<String, _>("first_key"),
                "tenant_id",
                "{name}: tenant_id must lead the primary key"
            );
        } else {
            assert!(
                WITHOUT_TENANT.iter().any(|(table, _)| *table == name),
                "{name} has no tenant_id and no excuse"
            );
        }
    }
}

#[tokio::test]
async fn foreign_keys_between_tenant_tables_carry_the_tenant() {
    let database = TestDatabase::new().await;
    let mut owner = database.owner().await;
    let loose: Vec<String> = sqlx::query_scalar(
        "select c.conname::text from pg_constraint c
          where c.contype = 'f' and c.connamespace = 'public'::regnamespace
            and c.confrelid <> 'tenants'::regclass
            and exists (select from pg_attribute a where a.attrelid = c.confrelid and a.attname = 'tenant_id')
            and not exists (select from unnest(c.conkey, c.confkey) as k(own, other)
                             join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.own and a.attname = 'tenant_id'
                             join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.other and b.attname = 'tenant_id')",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the catalogue answers");
    assert!(loose.is_empty(), "plain foreign keys ignore row-level security: {loose:?}");
}

#[tokio::test]
async fn indexes_and_unique_keys_of_tenant_tables_lead_with_the_tenant() {
    let database = TestDatabase::new().await;
    let mut owner = database.owner().await;
    let loose: Vec<String> = sqlx::query_scalar(
        "select i.indexrelid::regclass::text from pg_index i
           join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
           join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id'
          where i.indkey[0] <> t.attnum",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the catalogue answers");
    let loose: Vec<_> =
        loose.into_iter().filter(|name| !migrations::ALL_TENANT_INDEXES.contains(&name.as_str())).collect();
    assert!(loose.is_empty(), "tenant_id must come first: {loose:?}");
}

#[tokio::test]
async fn roles_cannot_pass_the_wall() {
    let database = TestDatabase::new().await;
    let mut owner = database.owner().await;
    let strong: Vec<String> = sqlx::query_scalar(
        "select rolname::text from pg_roles
          where rolname in ('portico_app', 'portico_operator', 'portico_owner') and (rolsuper or rolbypassrls)",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the catalogue answers");
    assert!(strong.is_empty(), "{strong:?} would pass every policy");
    let open: Vec<String> = sqlx::query_scalar(
        "select p.oid::regprocedure::text from pg_proc p
          where p.prosecdef and p.pronamespace = 'public'::regnamespace
            and has_function_privilege('public', p.oid, 'execute')",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the catalogue answers");
    assert!(open.is_empty(), "security definer functions are granted by name only: {open:?}");
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let database = TestDatabase::new().await;
    let before = migrations::migrate(&database.owner_options()).await.expect("a second run passes");
    let after = migrations::migrate(&database.owner_options()).await.expect("a third run passes");
    assert_eq!(before, after);
}
