-- The inbox: where Portico leaves what customers ask for, beside the tables of an order system and never in them.
--
-- Run by the system's owner in its database (PostgreSQL 9.4 or newer), then set the role's password:
--   psql -d orderflow -f inbox.sql
--   alter role portico_inbox password '...'
-- Portico inserts rows and reads them back. It may not change or delete any, and it sees no other table.

create table portico_inbox (
    -- Portico's own id of the request: handed over twice, it is still one row
    id             uuid primary key,
    -- reorder, contact_change, address_change
    kind           varchar(20) not null,
    customer       varchar(80),
    customer_name  varchar(200) not null,
    person_name    varchar(200) not null,
    person_email   varchar(254) not null,
    purchase_order varchar(80),
    summary        varchar(300) not null,
    submitted_at   timestamp with time zone not null,
    payload        json not null,
    received_at    timestamp with time zone not null default now(),
    -- from here on written by the system's own people or programs; Portico reads it back within seconds
    state          varchar(10) not null default 'new' check (state in ('new', 'accepted', 'rejected')),
    erp_number     varchar(80),
    reason         varchar(300),
    answered_at    timestamp with time zone
);
create index portico_inbox_new on portico_inbox (received_at) where state = 'new';

-- The lines of reorders, for whoever reads no JSON.
create view portico_inbox_lines as
    select i.id, line.position, line.value ->> 'sku' as sku, (line.value ->> 'quantity')::numeric as quantity,
           line.value ->> 'unit' as unit, (line.value ->> 'unit_price')::numeric as unit_price,
           line.value ->> 'currency' as currency, line.value ->> 'replaces' as replaces
      from portico_inbox i, json_array_elements(i.payload -> 'lines') with ordinality as line (value, position)
     where i.kind = 'reorder';

do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'portico_inbox') then
        create role portico_inbox login nosuperuser nocreatedb nocreaterole connection limit 10;
    end if;
    execute 'grant connect on database ' || quote_ident(current_database()) || ' to portico_inbox';
end $$;
alter role portico_inbox set statement_timeout = '5s';
grant usage on schema public to portico_inbox;
grant select on portico_inbox to portico_inbox;
-- not state, erp_number, reason, answered_at: the answer is the owner's
grant insert (id, kind, customer, customer_name, person_name, person_email, purchase_order, summary, submitted_at, payload)
    on portico_inbox to portico_inbox;
