-- Signing in: mailed links and codes, sessions, and what a tenant may set about them.

-- A tenant without a row has the defaults.
create table identity_settings (
    tenant_id uuid primary key references tenants (id) on delete cascade,
    -- how long a mailed link lives; a day at most
    link_hours int not null default 1 constraint identity_settings_link_known check (link_hours between 1 and 24),
    -- whether a link may be used in a browser that did not ask for it, after a page that names the account
    open_elsewhere boolean not null default false,
    -- sign-in mails in a quarter of an hour, all addresses together
    mail_cap int not null default 2000 constraint identity_settings_cap_known check (mail_cap between 1 and 1000000)
);
select wall.tenant('identity_settings');

-- A mailed sign-in link with its code. Written for unknown addresses too, so that both cost the same and count the
-- same; kept for two days, because the limits of a day are counted here.
create table portal_auth_tokens (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    -- who may use it: a contact of a customer, or a person of the tenant at the console. Limits count both together.
    audience text not null default 'contacts' constraint portal_auth_tokens_audience_known check (audience in ('contacts', 'staff')),
    -- SHA-256 of 256 random bits
    token_hash bytea not null constraint portal_auth_tokens_token_shape check (octet_length(token_hash) = 32),
    -- SHA-256 over this id, the browser's secret and six digits: without that secret, which is not here, the digits
    -- cannot be guessed from the hash
    code_hash bytea not null constraint portal_auth_tokens_code_shape check (octet_length(code_hash) = 32),
    code_tries int not null default 0,
    code_expires_at timestamptz not null,
    -- SHA-256 of the cookie of the browser that asked
    browser_hash bytea not null constraint portal_auth_tokens_browser_shape check (octet_length(browser_hash) = 32),
    host text not null,
    -- as compared: lower case
    address text not null constraint portal_auth_tokens_address_shape check (address = lower(address) and length(address) <= 254),
    -- the asking network: an IPv4 address or an IPv6 /64
    peer text not null,
    -- where to go afterwards: a path of this host
    next text not null constraint portal_auth_tokens_next_shape check (next like '/%'),
    remember boolean not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    consumed_at timestamptz,
    -- another link of the same address was used
    killed_at timestamptz,
    primary key (tenant_id, id),
    constraint portal_auth_tokens_token_key unique (tenant_id, token_hash),
    constraint portal_auth_tokens_life check (expires_at <= created_at + interval '24 hours')
);
create index portal_auth_tokens_by_address on portal_auth_tokens (tenant_id, address, created_at);
create index portal_auth_tokens_by_peer on portal_auth_tokens (tenant_id, peer, created_at);
create index portal_auth_tokens_by_browser on portal_auth_tokens (tenant_id, browser_hash, created_at);
create index portal_auth_tokens_by_age on portal_auth_tokens (tenant_id, created_at);
select wall.tenant('portal_auth_tokens');
drop policy tenant on portal_auth_tokens;
-- an address belongs to no customer before sign-in, and a signed-in customer has no business here
create policy tenant on portal_auth_tokens using (
    tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    and (select current_setting('app.customer_id', true)) = 'all');

-- A signed-in browser.
create table sessions (
    tenant_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    contact_id uuid not null,
    -- SHA-256 of the cookie's 256 random bits
    token_hash bytea not null constraint sessions_token_shape check (octet_length(token_hash) = 32),
    host text not null,
    user_agent text not null constraint sessions_agent_shape check (length(user_agent) <= 400),
    remember boolean not null,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    primary key (tenant_id, id),
    constraint sessions_token_key unique (tenant_id, token_hash),
    constraint sessions_contact_fkey foreign key (tenant_id, customer_id, contact_id)
        references contacts (tenant_id, customer_id, id) on delete cascade,
    constraint sessions_life check (expires_at <= created_at + interval '30 days')
);
create index sessions_by_contact on sessions (tenant_id, customer_id, contact_id, last_seen_at desc);
select wall.customer('sessions');

-- Hints for those who keep a session in memory: who may come, and what we know of them, has changed.
create function hint_sessions() returns trigger language plpgsql as $$
begin
    perform pg_notify('sessions', old.tenant_id || ':' || old.customer_id);
    return null;
end $$;
create trigger sessions_hint after delete or update of host, revoked_at, expires_at on sessions
    for each row execute function hint_sessions();
create trigger contacts_hint after delete or update of customer_id, email, name, role, locale, active on contacts
    for each row execute function hint_sessions();

create function hint_customer_sessions() returns trigger language plpgsql as $$
begin
    perform pg_notify('sessions', old.tenant_id || ':' || old.id);
    return null;
end $$;
create trigger customers_hint after delete or update of name, time_zone, status on customers
    for each row execute function hint_customer_sessions();

create function hint_tenant_sessions() returns trigger language plpgsql as $$
begin
    perform pg_notify('sessions', old.id || ':*');
    return null;
end $$;
create trigger tenants_hint after delete or update of status on tenants
    for each row execute function hint_tenant_sessions();
