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
    -- the last report of the probe, as shown to people; none before the first look
    report jsonb,
    claimed_at timestamptz not null,
    checked_at timestamptz,
    next_check timestamptz,
    -- somebody waits for the outcome: the DNS is looked at every few seconds until then
    watched_until timestamptz,
    -- when the allowance of looks on demand is whole again (a token bucket)
    looks_until timestamptz,
    verified_at timestamptz,
    live_at timestamptz,
    -- when visitors first came here; a host that was certified before its DNS was switched has yet to arrive
    arrived_at timestamptz,
    -- since when the DNS has turned away
    moved_at timestamptz,
    -- since when something stands in the way of the next certificate
    troubled_since timestamptz,
    ended_at timestamptz,
    ended_why text constraint domains_end_known check (ended_why in ('released', 'expired', 'moved', 'taken')),
    primary key (tenant_id, id),
    constraint domains_label_key unique (tenant_id, label)
);
-- A claim blocks nobody; a proven host has one holder on the whole platform.
create unique index domains_holder on domains (host) where state in ('verified', 'live', 'moved');
create unique index domains_claim on domains (tenant_id, host) where state not in ('released', 'expired');
create index domains_due on domains (next_check) where next_check is not null;
create index domains_by_host on domains (host);
create index domains_redirects on domains (tenant_id, redirect_to) where redirect_to is not null;
select wall.tenant('domains');
select wall.system('domains', 'routes');

-- What happened to a domain. Written with the deed; the tenant's people are told afterwards.
create table domain_events (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id bigint generated always as identity,
    domain_id uuid not null,
    host text not null,
    at timestamptz not null,
    what text not null constraint domain_events_what_known check
        (what in ('claimed', 'verified', 'took', 'live', 'troubled', 'recovered', 'moved', 'returned', 'released', 'taken',
                  'expired', 'still_points')),
    detail jsonb not null default '{}',
    told_at timestamptz,
    primary key (tenant_id, id),
    constraint domain_events_domain_fkey foreign key (tenant_id, domain_id) references domains (tenant_id, id) on delete cascade
);
create index domain_events_of on domain_events (tenant_id, domain_id, at);
create index domain_events_untold on domain_events (tenant_id) where told_at is null;
create index domain_events_told on domain_events (tenant_id, told_at) where told_at is not null;
select wall.tenant('domain_events');
select wall.system('domain_events', 'routes');

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
-- start together register the same account; a new key is stored before the authority hears of it.
create table acme_accounts (
    id uuid primary key,
    directory text not null constraint acme_accounts_directory_key unique,
    key_sealed bytea not null,
    -- the key of a roll-over under way
    next_key_sealed bytea,
    -- grows with every roll-over: a process that holds an older one reads the row again
    key_version int not null default 1,
    -- the external account that ours was bound to
    eab_kid text,
    eab_sealed bytea,
    account_url text,
    contact text,
    created_at timestamptz not null,
    registered_at timestamptz,
    -- the authority does not work: since when, how often in a row, and when somebody tries again
    down_since timestamptz,
    down_faults int not null default 0,
    down_until timestamptz,
    down_reason text
);
select wall.platform('acme_accounts');

-- What may still be asked of an authority: token buckets after GCRA. `tat` is the moment at which the bucket is full
-- again; a take moves it by the price of one token, and is refused when that leads further than the bucket is deep.
create table acme_budgets (
    directory text not null,
    bucket text not null,
    tat timestamptz not null,
    primary key (directory, bucket)
);
create index acme_budgets_full on acme_budgets (tat);
select wall.platform('acme_budgets');

-- Hosts that shall have a certificate. The issuer works until each has one, and stops when the row is gone. `bulk` hosts
-- wait for those that a person waits for.
create table wanted_hosts (
    host text primary key,
    since timestamptz not null,
    bulk boolean not null default false,
    -- how the host is to be proven; null where the issuer chooses. dns-01 for a host that is not here yet, and whose
    -- _acme-challenge points at us
    prove_by text constraint wanted_hosts_prove_by_known check (prove_by in ('http-01', 'tls-alpn-01', 'dns-01'))
);
select wall.platform('wanted_hosts');

-- One order a host, from the first step to the installed certificate; every step is one commit. `fence` grows with each
-- claim, and a worker that slept past its lease finds that its writes match no row.
create table acme_orders (
    id uuid primary key,
    host text not null,
    step text not null constraint acme_orders_step_known check
        (step in ('new', 'keyed', 'ordered', 'challenged', 'answered', 'ready', 'finalized', 'done', 'dropped')),
    -- 0 urgent, 1 first issue, 2 renewal, 3 bulk
    lane smallint not null default 1 constraint acme_orders_lane_known check (lane between 0 and 3),
    -- the authority it is, or will be, placed at
    directory text not null default '',
    -- how the name is proven; null until chosen
    challenge text constraint acme_orders_challenge_known check (challenge in ('http-01', 'tls-alpn-01', 'dns-01')),
    -- the certificate it renews, and that one's name at the authority (RFC 9773) until the authority objects to it
    renews uuid,
    replaces text,
    -- whether it takes a token of the authority's limit on new orders
    spends boolean not null default true,
    order_url text,
    key_sealed bytea,
    -- attempts since the last success; steers the wait before the next one
    attempts int not null default 0,
    -- orders placed at the authority for this row
    orders int not null default 0,
    due timestamptz not null,
    -- faults of the authority that last beyond this moment lead to the next authority
    deadline timestamptz,
    lease_until timestamptz,
    fence bigint not null default 0,
    -- the newest twenty failures: at, step, who, authority, text
    errors jsonb not null default '[]',
    created_at timestamptz not null,
    finished_at timestamptz
);
create unique index acme_orders_open on acme_orders (host) where step not in ('done', 'dropped');
create index acme_orders_by_host on acme_orders (host, created_at desc);
create index acme_orders_finished on acme_orders (finished_at) where finished_at is not null;
-- those that wait for a token; those that need none; those in somebody's hands
create index acme_orders_waiting on acme_orders (directory, lane, (attempts > 0), due) where step = 'new' and spends;
create index acme_orders_free on acme_orders (lane, (attempts > 0), due)
    where step not in ('done', 'dropped') and not (step = 'new' and spends);
create index acme_orders_leased on acme_orders (lease_until) where lease_until is not null;
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
    -- none: a text of our own, to see whether port 80 of a host is ours through whatever stands in front of it
    order_id uuid references acme_orders (id) on delete cascade,
    expires timestamptz not null,
    primary key (host, kind, token)
);
create index acme_challenges_expiry on acme_challenges (expires);
create index acme_challenges_order on acme_challenges (order_id);
create index acme_challenges_dns on acme_challenges (host) where kind = 'dns-01';
select wall.platform('acme_challenges');

create table certificates (
    id uuid primary key,
    -- the name it was ordered for; `*.name` for a wildcard
    host text not null,
    names text[] not null,
    chain text not null,
    -- erased some time after a successor took over, and at once when the certificate is revoked
    key_sealed bytea,
    serial text not null,
    issuer text not null,
    directory text not null,
    not_before timestamptz not null,
    not_after timestamptz not null,
    -- by the authority's window where it gives one, else by the length of life
    renew_at timestamptz not null,
    -- to be replaced at once, whatever the pace: revoked, or about to be
    hurry boolean not null default false,
    -- the authority's name for it and the window that it suggests (RFC 9773), and when to ask again
    ari_id text,
    window_start timestamptz,
    window_end timestamptz,
    ari_next timestamptz,
    -- since when nobody wants the host
    unwanted_since timestamptz,
    created_at timestamptz not null,
    superseded_at timestamptz
) with (
    -- Each certificate is asked about four times a day, and an update copies the row: chain and key, which never change,
    -- are kept out of it.
    toast_tuple_target = 256
);
create unique index certificates_current on certificates (host) where superseded_at is null;
create index certificates_renewal on certificates (renew_at) where superseded_at is null;
create index certificates_ari on certificates (ari_next) where superseded_at is null and ari_next is not null;
-- what the sweep looks for: keys to erase, and rows to forget
create index certificates_keys on certificates (superseded_at) where superseded_at is not null and key_sealed is not null;
create index certificates_forgotten on certificates (not_after) where superseded_at is not null;
select wall.platform('certificates');

-- Certificates that the authority shall revoke. The key is gone before: the account signs the request.
create table acme_revocations (
    id uuid primary key,
    certificate_id uuid not null constraint acme_revocations_certificate_key unique references certificates (id) on delete cascade,
    -- RFC 5280: 1 keyCompromise, 4 superseded, 5 cessationOfOperation
    reason smallint not null constraint acme_revocations_reason_known check (reason in (1, 4, 5)),
    attempts int not null default 0,
    due timestamptz not null,
    error text,
    created_at timestamptz not null,
    done_at timestamptz
);
create index acme_revocations_due on acme_revocations (due) where done_at is null;
select wall.platform('acme_revocations');

create function hint_certificate() returns trigger language plpgsql as $$
begin
    perform pg_notify('certificates', new.host);
    return null;
end $$;
create trigger certificates_hint after insert or update of superseded_at on certificates
    for each row execute function hint_certificate();
