-- The edge: custom domains of tenants (tenant-router) and the certificates of hosts (acme).
--
-- acme's tables know hosts and no tenant: whoever may read a host's certificate may serve the host. Private keys in them
-- are sealed with a key that is not in this database.

-- A host that a tenant wants to serve, and how far it has got. `label` is the unguessable target of the CNAME and is never
-- used twice, so that a CNAME left behind by a former owner can never come to point at another tenant.
create table domains (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    host text not null constraint domains_host_shape check (host = lower(host) and length(host) between 3 and 253),
    label text not null,
    -- the proof that goes into a TXT record when the host cannot be a CNAME
    nonce text not null,
    state text not null default 'claimed' constraint domains_state_known check
        (state in ('claimed', 'waiting_dns', 'verified', 'live', 'moved', 'released', 'blocked', 'expired')),
    -- which record proved the ownership
    proof text constraint domains_proof_known check (proof in ('cname', 'txt')),
    -- another host of the same tenant that this one redirects to
    redirect_to text,
    -- the last report of the checks, as shown to people
    report jsonb not null default '[]',
    claimed_at timestamptz not null,
    checked_at timestamptz,
    next_check timestamptz,
    verified_at timestamptz,
    live_at timestamptz,
    ended_at timestamptz,
    primary key (tenant_id, id),
    constraint domains_label_key unique (tenant_id, label)
);
-- A claim blocks nobody; a proven host has one holder on the whole platform.
create unique index domains_holder on domains (host) where state in ('verified', 'live', 'moved');
create unique index domains_claim on domains (tenant_id, host) where state not in ('released', 'expired');
create index domains_due on domains (next_check) where next_check is not null;
create index domains_by_host on domains (host);
select wall.tenant('domains');
select wall.system('domains', 'routes');

-- Hints for the route table. A lost hint is made good by the table's own look every minute.
create function hint_domain_route() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and (old.host, old.state, old.redirect_to) is not distinct from (new.host, new.state, new.redirect_to) then
        return null;
    end if;
    if tg_op in ('UPDATE', 'DELETE') then
        perform pg_notify('routes', 'host ' || old.host);
    end if;
    if tg_op = 'INSERT' or (tg_op = 'UPDATE' and new.host <> old.host) then
        perform pg_notify('routes', 'host ' || new.host);
    end if;
    return null;
end $$;
create trigger domains_route after insert or delete or update of host, state, redirect_to on domains
    for each row execute function hint_domain_route();

create function hint_tenant_route() returns trigger language plpgsql as $$
begin
    perform pg_notify('routes', 'tenant ' || coalesce(new.id, old.id)::text);
    return null;
end $$;
create trigger tenants_route after insert or delete or update of slug, status on tenants
    for each row execute function hint_tenant_route();

-- The platform's account at one certificate authority. The key is stored before the account exists, so that nodes that
-- start together register the same account.
create table acme_accounts (
    id uuid primary key,
    directory text not null constraint acme_accounts_directory_key unique,
    key_sealed bytea not null,
    account_url text,
    contact text,
    created_at timestamptz not null,
    registered_at timestamptz
);
select wall.platform('acme_accounts');

-- Hosts that shall have a certificate. The issuer works until each has one, and stops when the row is gone.
create table wanted_hosts (
    host text primary key,
    since timestamptz not null
);
select wall.platform('wanted_hosts');

-- One order a host, from the first step to the installed certificate; every step is one commit. `fence` grows with each
-- claim, and a worker that slept past its lease finds that its writes match no row.
create table acme_orders (
    id uuid primary key,
    host text not null,
    step text not null constraint acme_orders_step_known check
        (step in ('new', 'keyed', 'ordered', 'challenged', 'answered', 'ready', 'finalized', 'done', 'dropped')),
    order_url text,
    key_sealed bytea,
    -- attempts since the last success; steers the wait before the next one
    attempts int not null default 0,
    -- orders placed at the authority for this row
    orders int not null default 0,
    due timestamptz not null,
    lease_until timestamptz,
    fence bigint not null default 0,
    -- the newest twenty failures: at, step, who, text
    errors jsonb not null default '[]',
    created_at timestamptz not null,
    finished_at timestamptz
);
create unique index acme_orders_open on acme_orders (host) where step not in ('done', 'dropped');
create index acme_orders_due on acme_orders (due) where step not in ('done', 'dropped');
create index acme_orders_by_host on acme_orders (host, created_at desc);
select wall.platform('acme_orders');

create function hint_order() returns trigger language plpgsql as $$
begin
    perform pg_notify('acme_orders', new.host);
    return null;
end $$;
create trigger acme_orders_hint after insert on acme_orders for each row execute function hint_order();

-- Answers to challenges, committed before the authority is told to look; any node gives them. `host` is the name under
-- proof, without `*.`. `answer` is the key authorization (http-01), the SHA-256 digest of it in lower-case hexadecimal
-- (tls-alpn-01), or the value of the TXT record (dns-01).
create table acme_challenges (
    host text not null,
    kind text not null default 'http-01' constraint acme_challenges_kind_known check
        (kind in ('http-01', 'tls-alpn-01', 'dns-01')),
    token text not null,
    answer text not null,
    order_id uuid not null references acme_orders (id) on delete cascade,
    expires timestamptz not null,
    primary key (host, kind, token)
);
create index acme_challenges_expiry on acme_challenges (expires);
create index acme_challenges_order on acme_challenges (order_id);
select wall.platform('acme_challenges');

create table certificates (
    id uuid primary key,
    -- the name it was ordered for; `*.name` for a wildcard
    host text not null,
    names text[] not null,
    chain text not null,
    key_sealed bytea not null,
    serial text not null,
    issuer text not null,
    directory text not null,
    not_before timestamptz not null,
    not_after timestamptz not null,
    renew_at timestamptz not null,
    created_at timestamptz not null,
    superseded_at timestamptz
);
create unique index certificates_current on certificates (host) where superseded_at is null;
create index certificates_renewal on certificates (renew_at) where superseded_at is null;
select wall.platform('certificates');

create function hint_certificate() returns trigger language plpgsql as $$
begin
    perform pg_notify('certificates', new.host);
    return null;
end $$;
create trigger certificates_hint after insert or update of superseded_at on certificates
    for each row execute function hint_certificate();
