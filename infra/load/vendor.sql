-- The customers of a vendor whose order system is read, their people and sessions. Run as a superuser over a migrated
-- database with two tenants, first and second. Variables: accounts (of the order system, ACC-4001 and on), sessions (of the
-- first vendor's customers), others (of the second's; it has the orders of second.sql). Prints nothing.
\set ON_ERROR_STOP on
begin;
set local session_replication_role = replica;
create function pg_temp.of(kind text, n bigint) returns uuid language sql immutable as
    $$ select overlay(overlay(md5(kind || n)::text placing '7' from 13) placing '0199' from 1 for 4)::uuid $$;
create function pg_temp.cookie(n bigint) returns text language sql immutable as
    $$ select translate(substr(encode(sha256(convert_to('load ' || n, 'UTF8')), 'base64'), 1, 43), '+/', '-_') $$;
-- as identity's secret::hash: each part with its length before it
create function pg_temp.stored(cookie text) returns bytea language sql immutable as
    $$ select sha256('\x0700000000000000'::bytea || 'session'::bytea || '\x2b00000000000000'::bytea || cookie::bytea) $$;

insert into customers (tenant_id, id, name, external_key)
    select id, pg_temp.of(slug || ' account', n), 'Account ' || n, 'ACC-' || 4000 + n from tenants, generate_series(1, :accounts) n;
create temp table visitor on commit drop as
    select t.id as tenant_id, s.n, pg_temp.of(t.slug || ' account', (s.n - 1) % :accounts + 1) as customer_id, pg_temp.of('contact', s.n) as contact_id,
           t.slug || '.portico.localhost' as host
      from generate_series(1, :sessions + :others) s (n) join tenants t on t.slug = case when s.n > :sessions then 'second' else 'first' end;
-- nobody is written to: a mail server is not what is measured
insert into contacts (tenant_id, id, customer_id, email, name, role)
    select tenant_id, contact_id, customer_id, 'maya.okafor.' || n || '@brightwater.example', 'Maya Okafor', 'admin' from visitor;
insert into sessions (tenant_id, id, customer_id, contact_id, token_hash, host, user_agent, remember, expires_at)
    select tenant_id, pg_temp.of('session', n), customer_id, contact_id, pg_temp.stored(pg_temp.cookie(n)), host, 'Mozilla/5.0 Firefox/145.0',
           true, now() + interval '29 days' from visitor;
create table load_visitors as select n, host, '__Host-session=' || pg_temp.cookie(n) as cookie, tenant_id, customer_id from visitor;
commit;
