-- People of the tenant at the console: their second factor, their sessions. Their mailed links are in portal_auth_tokens.

alter table staff add column last_seen_at timestamptz;

-- Staff, workers and sign-in see a tenant's rows; a customer's transaction sees none of them.
create function wall.staff(target regclass) returns void language plpgsql as $$
begin
    perform wall.tenant(target);
    execute format('drop policy tenant on %s', target);
    execute format(
        'create policy tenant on %s using (
             tenant_id = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid)
             and (select current_setting(''app.customer_id'', true)) = ''all'')',
        target);
end $$;
revoke all on function wall.staff(regclass) from public;

-- A second factor: the secret of an authenticator (TOTP, RFC 6238). Of a person at most one is confirmed and one begun.
create table staff_factors (
    tenant_id uuid not null,
    id uuid not null,
    staff_id uuid not null,
    -- 160 random bits, sealed, bound to this table, column, tenant and row
    secret bytea not null,
    created_at timestamptz not null default now(),
    -- none until a code of it was typed once
    confirmed_at timestamptz,
    -- the newest step of thirty seconds whose code was accepted: no code of it or of an older one is accepted again
    last_step bigint not null default 0,
    -- wrong tries since `wrong_since`, in a quarter of an hour
    wrong int not null default 0,
    wrong_since timestamptz,
    primary key (tenant_id, id),
    constraint staff_factors_staff_fkey foreign key (tenant_id, staff_id) references staff (tenant_id, id) on delete cascade
);
create unique index staff_factors_confirmed on staff_factors (tenant_id, staff_id) where confirmed_at is not null;
create unique index staff_factors_begun on staff_factors (tenant_id, staff_id) where confirmed_at is null;
select wall.staff('staff_factors');

-- What opens the door when the authenticator is lost. Each works once.
create table staff_recovery_codes (
    tenant_id uuid not null,
    id uuid not null,
    factor_id uuid not null,
    -- HMAC-SHA-256 under the factor's secret, which is sealed: from the hash alone fifty bits could be guessed
    code_hash bytea not null constraint staff_recovery_codes_shape check (octet_length(code_hash) = 32),
    used_at timestamptz,
    primary key (tenant_id, id),
    constraint staff_recovery_codes_code_key unique (tenant_id, factor_id, code_hash),
    constraint staff_recovery_codes_factor_fkey foreign key (tenant_id, factor_id) references staff_factors (tenant_id, id) on delete cascade
);
select wall.staff('staff_recovery_codes');

-- A browser at the console. Until the second factor was shown, where one is due, it opens the pages of that step alone.
create table staff_sessions (
    tenant_id uuid not null,
    id uuid not null,
    staff_id uuid not null,
    -- SHA-256 of the cookie's 256 random bits
    token_hash bytea not null constraint staff_sessions_token_shape check (octet_length(token_hash) = 32),
    host text not null,
    user_agent text not null constraint staff_sessions_agent_shape check (length(user_agent) <= 400),
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    -- when the second factor was shown last
    proved_at timestamptz,
    revoked_at timestamptz,
    primary key (tenant_id, id),
    constraint staff_sessions_token_key unique (tenant_id, token_hash),
    constraint staff_sessions_staff_fkey foreign key (tenant_id, staff_id) references staff (tenant_id, id) on delete cascade,
    constraint staff_sessions_life check (expires_at <= created_at + interval '12 hours')
);
create index staff_sessions_by_staff on staff_sessions (tenant_id, staff_id, last_seen_at desc);
select wall.staff('staff_sessions');

-- Hints for those who keep a session in memory: who may come, or what is still due of them, has changed.
create function hint_staff_sessions() returns trigger language plpgsql as $$
begin
    perform pg_notify('sessions', old.tenant_id || ':staff');
    return null;
end $$;
create trigger staff_sessions_hint after delete or update of token_hash, host, proved_at, revoked_at, expires_at on staff_sessions
    for each row execute function hint_staff_sessions();
create trigger staff_hint after delete or update of email, name, role, active on staff
    for each row execute function hint_staff_sessions();
create trigger staff_factors_hint after delete or update of confirmed_at on staff_factors
    for each row execute function hint_staff_sessions();

-- The console's list of customers.
create index customers_by_name on customers (tenant_id, lower(name), id);
