-- The tenant wall and the tables of platform/core.
--
-- Roles (made by `migrations::prepare_roles`, because they belong to the server and not to one database):
--   portico_owner     owns everything, migrates, never serves
--   portico_app       serves; NOSUPERUSER NOBYPASSRLS; sees what the two settings below let it see
--   portico_operator  people of the platform, through OperatorTx, which writes operator_log
--
-- Settings, all of them local to one transaction:
--   app.tenant_id     the tenant; unset or '' matches no row
--   app.customer_id   a customer, or the word 'all' for staff and workers; unset or '' matches no row
--   app.system        the purpose of a SystemTx; opens only the tables that name this purpose

create schema wall;
revoke all on schema wall from public;

-- A table of one tenant: enabled, forced, one policy for everybody, one for operators.
create function wall.tenant(target regclass) returns void language plpgsql as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format(
        'create policy tenant on %s using (tenant_id = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))',
        target);
    execute format('create policy operator on %s to portico_operator using (true)', target);
    execute format('grant select, insert, update, delete on %s to portico_app, portico_operator', target);
end $$;

-- A table of one customer of one tenant. 'all' is a word and not an absence, so that a forgotten setting shows nothing.
create function wall.customer(target regclass) returns void language plpgsql as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format(
        'create policy tenant on %s using (
             tenant_id = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid)
             and ((select current_setting(''app.customer_id'', true)) = ''all''
                  or customer_id = (select nullif(nullif(current_setting(''app.customer_id'', true), ''all''), '''')::uuid)))',
        target);
    execute format('create policy operator on %s to portico_operator using (true)', target);
    execute format('grant select, insert, update, delete on %s to portico_app, portico_operator', target);
end $$;

-- Lets one SystemTx purpose see the rows of all tenants of one table. The purposes are a closed list.
create function wall.system(target regclass, purpose text) returns void language plpgsql as $$
begin
    if purpose not in ('routes', 'certificates', 'jobs', 'mail', 'sync', 'boot') then
        raise exception 'unknown system purpose %', purpose;
    end if;
    execute format('create policy %I on %s to portico_app using ((select current_setting(''app.system'', true)) = %L)',
        'system_' || purpose, target, purpose);
end $$;

-- A table of the platform, without a tenant (certificates know hosts only).
create function wall.platform(target regclass) returns void language plpgsql as $$
begin
    execute format('grant select, insert, update, delete on %s to portico_app, portico_operator', target);
end $$;

revoke all on all functions in schema wall from public;

create table tenants (
    id uuid primary key,
    slug text not null constraint tenants_slug_key unique
        constraint tenants_slug_shape check (slug ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
    name text not null constraint tenants_name_shape check (length(name) between 1 and 120),
    status text not null default 'active' constraint tenants_status_known check (status in ('active', 'suspended')),
    plan text not null default 'standard',
    locale text not null default 'en',
    time_zone text not null default 'UTC',
    modules text[] not null default '{}',
    brand jsonb not null default '{}',
    -- grows with each change of brand, so that caches compare a number and not a document
    brand_version bigint not null default 1,
    created_at timestamptz not null default now()
);
alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenant on tenants using (id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy operator on tenants to portico_operator using (true);
grant select, update on tenants to portico_app;
grant select, insert, update, delete on tenants to portico_operator;
select wall.system('tenants', 'routes');
select wall.system('tenants', 'boot');
select wall.system('tenants', 'sync');

create table customers (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    name text not null constraint customers_name_shape check (length(name) between 1 and 200),
    -- the account number in the tenant's own systems; how orders of a connector find their customer
    external_key text,
    time_zone text,
    status text not null default 'active' constraint customers_status_known check (status in ('active', 'suspended')),
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint customers_external_key_key unique (tenant_id, external_key)
);
select wall.tenant('customers');
drop policy tenant on customers;
-- the customer's own row is behind the customer wall too: its id is the customer_id
create policy tenant on customers using (
    tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    and ((select current_setting('app.customer_id', true)) = 'all'
         or id = (select nullif(nullif(current_setting('app.customer_id', true), 'all'), '')::uuid)));

create table contacts (
    tenant_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    email text not null constraint contacts_email_shape check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and length(email) <= 254),
    name text not null constraint contacts_name_shape check (length(name) between 1 and 120),
    role text not null default 'user' constraint contacts_role_known check (role in ('admin', 'champion', 'user')),
    locale text,
    active boolean not null default true,
    last_seen_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint contacts_customer_fkey foreign key (tenant_id, customer_id) references customers (tenant_id, id) on delete cascade,
    -- sessions refer to a contact together with its customer, so that neither can be swapped alone
    constraint contacts_customer_id_key unique (tenant_id, customer_id, id)
);
create unique index contacts_email_key on contacts (tenant_id, customer_id, lower(email));
create index contacts_by_email on contacts (tenant_id, lower(email));
select wall.customer('contacts');

create table staff (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    email text not null constraint staff_email_shape check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and length(email) <= 254),
    name text not null,
    role text not null constraint staff_role_known check (role in ('cs_admin', 'csm', 'agent')),
    active boolean not null default true,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id)
);
create unique index staff_email_key on staff (tenant_id, lower(email));
select wall.tenant('staff');

-- Work to be done later. Claimed with a lease and a fence: a worker that slept past its lease cannot mark the row.
create table jobs (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    kind text not null,
    payload jsonb not null,
    dedupe_key text,
    attempts int not null default 0,
    max_attempts int not null default 10,
    due_at timestamptz not null default now(),
    lease_until timestamptz,
    fence bigint not null default 0,
    done_at timestamptz,
    failed_at timestamptz,
    last_error text,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id)
);
create unique index jobs_dedupe on jobs (tenant_id, kind, dedupe_key) where done_at is null and failed_at is null;
create index jobs_due on jobs (due_at) where done_at is null and failed_at is null;
select wall.tenant('jobs');
select wall.system('jobs', 'jobs');

-- Mails, written in the transaction that causes them; a job of kind `send_mail` delivers each.
create table mail_outbox (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    to_address text not null,
    to_name text not null default '',
    from_name text not null,
    reply_to text,
    subject text not null,
    -- text and HTML, sealed: bodies hold live sign-in links, and a dump must not
    body bytea,
    -- made once, so that a mail sent twice by a crash in the window is one mail to its reader
    message_id text not null,
    attempts int not null default 0,
    sent_at timestamptz,
    failed_at timestamptz,
    last_error text,
    erase_body_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id)
);
create index mail_outbox_erase on mail_outbox (erase_body_at) where body is not null;
create index mail_outbox_recent on mail_outbox (tenant_id, created_at desc);
select wall.tenant('mail_outbox');
select wall.system('mail_outbox', 'mail');

create table audit_log (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    at timestamptz not null default now(),
    actor_kind text not null constraint audit_log_actor_known check (actor_kind in ('contact', 'staff', 'operator', 'system')),
    actor_id uuid,
    customer_id uuid,
    action text not null,
    object_kind text not null,
    object_id text not null,
    detail jsonb not null default '{}',
    primary key (tenant_id, id)
);
create index audit_log_recent on audit_log (tenant_id, at desc);
select wall.tenant('audit_log');
revoke update, delete on audit_log from portico_app, portico_operator;

-- What people of the platform did, and why. Insert only; nobody but the owner may change it.
create table operator_log (
    id uuid primary key,
    at timestamptz not null default now(),
    actor text not null,
    reason text not null,
    backend_pid int not null default pg_backend_pid()
);
grant insert, select on operator_log to portico_operator;
