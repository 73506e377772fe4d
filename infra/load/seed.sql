-- Tenants for the load tests, by sets. Run as a superuser over a migrated database that holds nothing but one tenant, whose
-- brand all others get in colours of their own. Variables: tenants, visited (tenants that somebody visits), visitors
-- (sessions, all told), accounts (customers of all visited tenants that have sessions and a full list of orders), idle_orders.
-- Prints the visitors: host and cookie.
\set ON_ERROR_STOP on
begin;
-- ids come from a counter, so that every run asks for the same rows; triggers and foreign keys are not asked row by row
set local session_replication_role = replica;
set local synchronous_commit = off;
create function pg_temp.of(kind text, n bigint) returns uuid language sql immutable as
    $$ select overlay(overlay(md5(kind || n)::text placing '7' from 13) placing '0199' from 1 for 4)::uuid $$;
-- 43 letters of base64url, as the product makes them of 256 random bits
create function pg_temp.cookie(n bigint) returns text language sql immutable as
    $$ select translate(substr(encode(sha256(convert_to('load ' || n, 'UTF8')), 'base64'), 1, 43), '+/', '-_') $$;
-- as identity's secret::hash: each part with its length before it
create function pg_temp.stored(cookie text) returns bytea language sql immutable as
    $$ select sha256('\x0700000000000000'::bytea || 'session'::bytea || '\x2b00000000000000'::bytea || cookie::bytea) $$;

create temp table vendor on commit drop as
    select n, pg_temp.of('tenant', n) as id, 'v' || n as slug from generate_series(1::bigint, :tenants) n;
insert into tenants (id, slug, name, modules, time_zone, brand)
    select v.id, v.slug, 'Vendor ' || v.n, '{orders}', 'America/Chicago',
           first.brand || jsonb_build_object('name', 'Vendor ' || v.n,
               'primary', '#' || lpad(to_hex((v.n * 7919 % 128) * 65536 + (v.n * 104729 % 128) * 256 + v.n * 31 % 128), 6, '0'))
      from vendor v cross join (select brand from tenants limit 1) first;

-- the visited accounts, spread evenly over the first tenants; then one account of every other tenant
create temp table account on commit drop as
    select n, pg_temp.of('tenant', (n - 1) % :visited + 1) as tenant_id, pg_temp.of('account', n) as id,
           (n - 1) % :visited + 1 as vendor, true as busy from generate_series(1, :accounts) n
    union all
    select :accounts + n, pg_temp.of('tenant', n), pg_temp.of('account', :accounts + n), n, false
      from generate_series(:visited + 1, :tenants) n;
insert into customers (tenant_id, id, name, external_key)
    select tenant_id, id, 'Brightwater Utilities ' || n, 'BRW-' || n from account;
insert into connectors (tenant_id, id, kind, name, mapping, connection_url, state, data_as_of)
    select v.id, pg_temp.of('connector', v.n), 'orders', 'OrderFlow', '', '\x', 'live', now() from vendor v;

create temp table visitor on commit drop as
    select s.n, a.tenant_id, a.id as customer_id, pg_temp.of('contact', s.n) as contact_id, pg_temp.cookie(s.n) as cookie,
           'v' || a.vendor || '.portico.localhost' as host
      from generate_series(1, :visitors) s (n) join account a on a.n = (s.n - 1) % :accounts + 1;
insert into contacts (tenant_id, id, customer_id, email, name, role)
    select tenant_id, contact_id, customer_id, 'maya.okafor.' || n || '@brightwater.example', 'Maya Okafor', 'admin' from visitor
    union all
    select tenant_id, pg_temp.of('idle contact', n), id, 'maya.okafor@brightwater.example', 'Maya Okafor', 'admin'
      from account where not busy;
insert into sessions (tenant_id, id, customer_id, contact_id, token_hash, host, user_agent, remember, expires_at)
    select tenant_id, pg_temp.of('session', n), customer_id, contact_id, pg_temp.stored(cookie), host, 'Mozilla/5.0 Firefox/145.0',
           true, now() + interval '29 days' from visitor;

insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, purchase_order, status, status_code,
        ordered_at, requested_on, promised_on, expected_on, shipped_at, delivered_at, total, currency, ship_to, contact,
        summary, line_count, sort_at, source_open, row_hash, first_seen_at, changed_at)
    select a.tenant_id, pg_temp.of('order', a.n * 100 + k), a.id, pg_temp.of('connector', a.vendor), (a.n * 100 + k)::text,
           'SO-' || 40000 + a.n * 100 + k, case when k % 5 > 0 then 'PO-' || 77000 + k end, s.status, left(s.status, 1),
           at.ordered, at.ordered::date + 14, at.ordered::date + 14, at.ordered::date + 14 + (k % 7 = 0)::int * 6,
           case when s.status in ('shipped', 'delivered') then at.ordered + interval '9 days' end,
           case when s.status = 'delivered' then at.ordered + interval '12 days' end,
           (k * 137.25 + a.n % 1000)::numeric(24, 4), 'USD', E'Brightwater Utilities\n14 Canal Street\nDuluth MN 55802', 'Maya Okafor',
           (array['Centrifugal pump CP-40, 2 more', 'Gate valve DN80', 'Seal kit for CP-40 and 3 more',
                  'Impeller, bronze, 210 mm', 'Pressure gauge 0–16 bar, 5 more'])[k % 5 + 1],
           k % 5 + 1, at.ordered, s.status not in ('delivered', 'cancelled'), '\x00', at.ordered, at.ordered
      from account a
     cross join lateral generate_series(1, case when a.busy then 60 else :idle_orders end) k
     cross join lateral (select (array['received', 'confirmed', 'in_production', 'shipped', 'backordered', 'partially_shipped',
             'on_hold', 'delivered', 'cancelled', 'confirmed'])[case when k > 18 then 8 else k % 10 + 1 end] as status) s
     cross join lateral (select date_trunc('minute', now()) - k * interval '31 hours' - a.n % 600 * interval '1 minute' as ordered) at;
\o :out
\t on
\pset format unaligned
\pset fieldsep ' '
select host, '__Host-session=' || cookie from visitor order by md5(n::text);
\o
commit;
vacuum (analyze);
