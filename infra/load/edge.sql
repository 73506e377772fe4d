-- Custom domains for the load test of the edge, by sets, each with a tenant of its own or shared by ten. Run as a superuser
-- over a migrated database that holds one tenant, whose brand all others get. Variable: domains.
\set ON_ERROR_STOP on
begin;
-- ids come from a counter, so that every run has the same rows; triggers and foreign keys are not asked row by row
set local session_replication_role = replica;
create function pg_temp.of(kind text, n bigint) returns uuid language sql immutable as
    $$ select overlay(overlay(md5(kind || n)::text placing '7' from 13) placing '0199' from 1 for 4)::uuid $$;

insert into tenants (id, slug, name, modules, time_zone, brand)
    select pg_temp.of('tenant', n), 'v' || n, 'Vendor ' || n, '{orders}', 'America/Chicago', first.brand
      from generate_series(1::bigint, greatest(:domains / 10, 1)) n cross join (select brand from tenants limit 1) first;
insert into domains (tenant_id, id, host, label, nonce, state, claimed_at, verified_at, live_at)
    select pg_temp.of('tenant', n % greatest(:domains / 10, 1) + 1), pg_temp.of('domain', n),
           'success-' || n || '.customer-' || n % 9973 || '.example', md5('label' || n), md5('nonce' || n), 'live', now(), now(), now()
      from generate_series(1::bigint, :domains) n;
commit;
analyze;
