-- One tenant with many orders, by sets. Run as a superuser over a migrated database that holds one tenant. Variables: own
-- (orders of the customer who is asked for), all (orders of the tenant), out. Prints the visitor: host and cookie.
\set ON_ERROR_STOP on
begin;
set local session_replication_role = replica;
set local synchronous_commit = off;
create function pg_temp.of(kind text, n bigint) returns uuid language sql immutable as
    $$ select overlay(overlay(md5(kind || n)::text placing '7' from 13) placing '0199' from 1 for 4)::uuid $$;
create function pg_temp.stored(cookie text) returns bytea language sql immutable as
    $$ select sha256('\x0700000000000000'::bytea || 'session'::bytea || '\x2b00000000000000'::bytea || cookie::bytea) $$;

create temp table own on commit drop as select id as tenant_id, pg_temp.of('account', 0) as customer_id from tenants limit 1;
-- the customer, and others of four thousand orders each
create temp table account on commit drop as
    select n, tenant_id, pg_temp.of('account', n) as id from own, generate_series(0, ((:all - :own) / 4000)::bigint) n;
insert into customers (tenant_id, id, name, external_key) select tenant_id, id, 'Account ' || n, 'A-' || n from account;
insert into connectors (tenant_id, id, kind, name, mapping, connection_url, state, data_as_of)
    select tenant_id, pg_temp.of('connector', 1), 'orders', 'OrderFlow', '', '\x', 'live', now() from own;
insert into contacts (tenant_id, id, customer_id, email, name, role)
    select tenant_id, pg_temp.of('contact', 1), customer_id, 'maya.okafor@brightwater.example', 'Maya Okafor', 'admin' from own;
insert into sessions (tenant_id, id, customer_id, contact_id, token_hash, host, user_agent, remember, expires_at)
    select tenant_id, pg_temp.of('session', 1), customer_id, pg_temp.of('contact', 1),
           pg_temp.stored(translate(substr(encode(sha256('load 1'), 'base64'), 1, 43), '+/', '-_')), 'first.portico.localhost',
           'Mozilla/5.0 Firefox/145.0', true, now() + interval '29 days' from own;

-- An index that is made of all rows at once takes a fraction of the time of one that grows with them.
create temp table later on commit drop as
    select indexdef as make, format('drop index %I', indexname) as take from pg_indexes
     where schemaname = 'public' and tablename in ('orders', 'order_search_keys', 'order_events')
       and indexname not in (select conname from pg_constraint where contype in ('p', 'u', 'x'))
    union all
    select format('alter table order_search_keys add constraint %I %s', conname, pg_get_constraintdef(oid)),
           format('alter table order_search_keys drop constraint %I', conname)
      from pg_constraint where conrelid = 'order_search_keys'::regclass and contype = 'p';
select take from later \gexec

-- The customer's come first, so that both sizes have the same ones. One in a hundred is open; of those one in seven is late.
insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, purchase_order, status, status_code,
        ordered_at, promised_on, expected_on, delivered_at, total, currency, summary, line_count, sort_at, source_open, row_hash,
        first_seen_at, changed_at)
    select own.tenant_id, pg_temp.of('order', n), case when n <= :own then own.customer_id else pg_temp.of('account', (n - :own) / 4000 + 1) end,
           pg_temp.of('connector', 1), n::text, 'SO-' || 1000000 + n, case when n % 5 > 0 then 'PO-' || 77000 + n end, s.status,
           left(s.status, 1), at.ordered, at.ordered::date + 14, at.ordered::date + 14 + (n % 7 = 0)::int * 6,
           case when s.status = 'delivered' then at.ordered + interval '12 days' end, (n % 5000 * 1.25)::numeric(24, 4), 'USD',
           'Centrifugal pump CP-40, 2 more', n % 5 + 1, at.ordered, s.status not in ('delivered', 'cancelled'), '\x00', at.ordered, at.ordered
      from own, generate_series(1::bigint, :all) n
     cross join lateral (select case when n % 100 = 0 then (array['received', 'confirmed', 'in_production', 'shipped', 'on_hold'])[n / 100 % 5 + 1]
                                     when n % 50 = 7 then 'cancelled' else 'delivered' end as status) s
     cross join lateral (select date_trunc('minute', now()) - case when n % 100 = 0 then n % 3000 / 100 * interval '1 day'
                                     else interval '40 days' + n % 100000 * interval '11 minutes' end as ordered) at;
insert into order_search_keys (tenant_id, customer_id, key, order_id)
    select tenant_id, customer_id, k.key, id from orders
     cross join lateral (values ('SO' || substr(number, 4)), (substr(number, 4)), ('CP' || 10 + external_id::bigint % 90)) k (key);
insert into order_events (tenant_id, id, order_id, customer_id, kind, old, new, seen_at, source_at)
    select tenant_id, id, id, customer_id, 'status', 'received', status, sort_at, sort_at from orders where is_open;
select make from later \gexec
\o :out
\t on
\pset format unaligned
select 'first.portico.localhost __Host-session=' || translate(substr(encode(sha256('load 1'), 'base64'), 1, 43), '+/', '-_');
\o
commit;
vacuum (analyze);
