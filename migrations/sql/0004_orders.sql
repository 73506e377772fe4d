-- Orders: our copy of what a tenant's own system knows, and how we come by it.
--
-- Written by platform/connectors (the sync), read by platform/portal/src/orders. Rows of a customer are behind the
-- customer wall. Everything a page shows is here: no page ever asks the system itself.

-- A tenant's link to one system. Also the runner's lease: whoever raised `fence` last may write, nobody else.
create table connectors (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    kind text not null constraint connectors_kind_known check (kind in ('orders')),
    name text not null constraint connectors_name_shape check (length(name) between 1 and 80),
    -- the active mapping as it was written (TOML); the words of infra/docs/mapping.md
    mapping text not null,
    -- which of connector_mappings that is
    mapping_version int,
    -- sealed; bound to this table, column, tenant and row
    connection_url bytea not null,
    enabled boolean not null default true,
    -- grows with each change of mapping or address, so that a running sync starts anew
    revision bigint not null default 1,
    state text not null default 'new'
        constraint connectors_state_known check (state in ('new', 'loading', 'live', 'failing', 'refused')),
    lease_holder uuid,
    lease_until timestamptz,
    fence bigint not null default 0,
    last_hot_at timestamptz,
    last_watermark_at timestamptz,
    -- in the words of the source: its own stamp, its own clock
    watermark text,
    last_sweep_at timestamptz,
    -- where a sweep under way goes on after a restart: {"phase": "read" | "check", "after": key}
    sweep jsonb,
    sweep_requested_at timestamptz,
    -- every open order of the source was read at this moment or later
    data_as_of timestamptz,
    last_error text,
    -- who can mend it; the words of platform/connectors/src/health/trouble.rs
    last_error_kind text constraint connectors_error_kind_known check (last_error_kind in ('unreachable', 'login', 'full',
        'slow', 'locked', 'rights', 'misfit', 'refused', 'address', 'ours')),
    failed_since timestamptz,
    -- readers that cannot wait do not even try before this moment
    breaker_until timestamptz,
    -- our copy of an order last changed
    last_change_at timestamptz,
    -- what the last full sweep found: {"began_at", "read", "changed", "gone", "unknown"}
    last_sweep jsonb,
    -- {"code": count} of status codes that the mapping does not know
    unmapped jsonb not null default '{}',
    -- {"account": count} of accounts that no customer has; capped
    unknown_accounts jsonb not null default '{}',
    -- [{"key", "field", "what"}] of values that could not be read; capped
    warnings jsonb not null default '[]',
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint connectors_name_key unique (tenant_id, name)
) with (fillfactor = 50);
select wall.tenant('connectors');
select wall.system('connectors', 'sync');

-- Every mapping that a connector has had or may have. A version never changes; which one is active says the connector.
create table connector_mappings (
    tenant_id uuid not null,
    connector_id uuid not null,
    version int not null constraint connector_mappings_version_counts check (version > 0),
    text text not null constraint connector_mappings_text_size check (length(text) <= 200000),
    note text not null default '' constraint connector_mappings_note_shape check (length(note) <= 500),
    author text not null constraint connector_mappings_author_shape check (length(author) between 1 and 200),
    created_at timestamptz not null default now(),
    -- last became the active one; never, for a draft
    activated_at timestamptz,
    activated_by text,
    primary key (tenant_id, connector_id, version),
    constraint connector_mappings_activated_whole check ((activated_at is null) = (activated_by is null)),
    constraint connector_mappings_connector_fkey foreign key (tenant_id, connector_id)
        references connectors (tenant_id, id) on delete cascade
);
select wall.tenant('connector_mappings');

-- The kill switch, and who used it. While a row of a connector is open, nobody sends its source a statement.
create table connector_stops (
    tenant_id uuid not null,
    id uuid not null,
    connector_id uuid not null,
    stopped_at timestamptz not null,
    stopped_by text not null constraint connector_stops_by_shape check (length(stopped_by) between 1 and 200),
    reason text not null constraint connector_stops_reason_shape check (length(reason) between 1 and 500),
    resumed_at timestamptz,
    resumed_by text,
    primary key (tenant_id, id),
    constraint connector_stops_resumed_whole check ((resumed_at is null) = (resumed_by is null)),
    constraint connector_stops_connector_fkey foreign key (tenant_id, connector_id)
        references connectors (tenant_id, id) on delete cascade
);
create unique index connector_stops_open on connector_stops (tenant_id, connector_id) where resumed_at is null;
create index connector_stops_recent on connector_stops (tenant_id, connector_id, stopped_at desc);
select wall.tenant('connector_stops');
select wall.system('connector_stops', 'sync');

-- What reading a source costs it: a row an hour and kind of row, added to in batches by whoever reads, kept for 90 days.
create table connector_usage (
    tenant_id uuid not null,
    connector_id uuid not null,
    hour timestamptz not null,
    -- what was read: a section of the mapping ("order"), "catalogue", "session" or "dry_run"
    entity text not null,
    statements bigint not null,
    rows_read bigint not null,
    busy_micros bigint not null,
    longest_micros bigint not null,
    -- open at once, at most
    connections int not null,
    -- statements that were given up: before a lock, for their time, for anything else
    lock_waits bigint not null,
    timeouts bigint not null,
    failures bigint not null,
    primary key (tenant_id, connector_id, hour, entity),
    constraint connector_usage_connector_fkey foreign key (tenant_id, connector_id)
        references connectors (tenant_id, id) on delete cascade
) with (fillfactor = 50);
select wall.tenant('connector_usage');

-- When a code that the mapping does not know was met, and on which order. Which are met now says connectors.unmapped.
create table connector_codes (
    tenant_id uuid not null,
    connector_id uuid not null,
    code text not null,
    -- the number of an order that bears it
    example text not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    primary key (tenant_id, connector_id, code),
    constraint connector_codes_connector_fkey foreign key (tenant_id, connector_id)
        references connectors (tenant_id, id) on delete cascade
) with (fillfactor = 50);
select wall.tenant('connector_codes');

create table orders (
    tenant_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    connector_id uuid not null,
    external_id text not null,
    number text not null,
    purchase_order text,
    status text not null constraint orders_status_known check (status in ('received', 'confirmed', 'in_production',
        'on_hold', 'backordered', 'partially_shipped', 'shipped', 'delivered', 'cancelled', 'in_progress')),
    -- the source's own code, for staff; never shown to a customer
    status_code text not null default '',
    hold_reason text,
    ordered_at timestamptz,
    requested_on date,
    promised_on date,
    expected_on date,
    shipped_at timestamptz,
    delivered_at timestamptz,
    total numeric(24, 4),
    currency text,
    ship_to text,
    contact text,
    carrier text,
    note text,
    -- why the date or the state last changed, in the source's words
    reason text,
    -- the first lines in one sentence, so that a list needs no join
    summary text not null default '',
    line_count int not null default 0,
    -- where the order stands in a list, newest first; never null, unlike ordered_at
    sort_at timestamptz not null,
    is_open boolean not null generated always as (status not in ('delivered', 'cancelled')) stored,
    -- the source's own word for "may still change"; the runner re-reads these
    source_open boolean not null,
    row_hash bytea not null,
    first_seen_at timestamptz not null,
    -- a customer-visible change was last seen at this moment
    changed_at timestamptz not null,
    -- the row vanished from the source
    deleted_at timestamptz,
    primary key (tenant_id, id),
    constraint orders_external_key unique (tenant_id, connector_id, external_id),
    -- children carry the customer too, and follow when the source moves an order to another account
    constraint orders_customer_id_key unique (tenant_id, customer_id, id),
    constraint orders_customer_fkey foreign key (tenant_id, customer_id) references customers (tenant_id, id) on delete cascade,
    constraint orders_connector_fkey foreign key (tenant_id, connector_id) references connectors (tenant_id, id) on delete cascade
) with (fillfactor = 85);
create index orders_list on orders (tenant_id, customer_id, sort_at desc, id desc) where deleted_at is null;
-- lists and counts of what is still to come: a customer has few of these, however long the history
create index orders_open on orders (tenant_id, customer_id, sort_at desc, id desc) include (status, promised_on, expected_on)
    where deleted_at is null and is_open;
-- open pages ask for the greatest; of removed orders too, because a removal is a change
create index orders_changed on orders (tenant_id, customer_id, changed_at desc);
-- the runner: which orders were open at last sight, to find those that left the source's open set
create index orders_open_of_connector on orders (tenant_id, connector_id, external_id) where deleted_at is null and source_open;
select wall.customer('orders');

create table order_lines (
    tenant_id uuid not null,
    order_id uuid not null,
    external_id text not null,
    customer_id uuid not null,
    position int not null,
    sku text,
    description text not null default '',
    unit text,
    quantity numeric(18, 4),
    shipped numeric(18, 4),
    backordered numeric(18, 4),
    cancelled numeric(18, 4),
    unit_price numeric(24, 4),
    amount numeric(24, 4),
    promised_on date,
    expected_on date,
    primary key (tenant_id, order_id, external_id),
    constraint order_lines_order_fkey foreign key (tenant_id, customer_id, order_id)
        references orders (tenant_id, customer_id, id) on update cascade on delete cascade
);
select wall.customer('order_lines');

create table shipments (
    tenant_id uuid not null,
    order_id uuid not null,
    external_id text not null,
    customer_id uuid not null,
    number text not null,
    status text not null constraint shipments_status_known check (status in ('packed', 'in_transit', 'delivered', 'returned')),
    carrier text,
    tracking_number text,
    tracking_url text constraint shipments_tracking_url_shape check (tracking_url ~ '^https?://'),
    shipped_at timestamptz,
    expected_on date,
    delivered_at timestamptz,
    signed_by text,
    primary key (tenant_id, order_id, external_id),
    constraint shipments_order_fkey foreign key (tenant_id, customer_id, order_id)
        references orders (tenant_id, customer_id, id) on update cascade on delete cascade
);
select wall.customer('shipments');

create table shipment_lines (
    tenant_id uuid not null,
    order_id uuid not null,
    shipment_id text not null,
    external_id text not null,
    customer_id uuid not null,
    -- the line's external_id; the source may ship what it has no line for
    line_id text,
    quantity numeric(18, 4),
    primary key (tenant_id, order_id, shipment_id, external_id),
    constraint shipment_lines_order_fkey foreign key (tenant_id, customer_id, order_id)
        references orders (tenant_id, customer_id, id) on update cascade on delete cascade,
    constraint shipment_lines_shipment_fkey foreign key (tenant_id, order_id, shipment_id)
        references shipments (tenant_id, order_id, external_id) on delete cascade
);
select wall.customer('shipment_lines');

-- History, only ever added to: what the source's own log says, and every change that we saw ourselves.
create table order_events (
    tenant_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    customer_id uuid not null,
    kind text not null constraint order_events_kind_known check (kind in ('received', 'status', 'promised', 'expected', 'hold',
        'released', 'shipped', 'delivered', 'cancelled', 'removed', 'restored', 'note')),
    old text,
    new text,
    reason text,
    -- when it happened by the source's word; when we saw it ourselves
    source_at timestamptz,
    seen_at timestamptz not null,
    -- the row of the source's log; null when we saw the change ourselves
    external_id text,
    primary key (tenant_id, id),
    constraint order_events_external_key unique (tenant_id, order_id, external_id),
    constraint order_events_order_fkey foreign key (tenant_id, customer_id, order_id)
        references orders (tenant_id, customer_id, id) on update cascade on delete cascade
);
create index order_events_of_order on order_events (tenant_id, order_id);
create index order_events_recent on order_events (tenant_id, customer_id, (coalesce(source_at, seen_at)) desc, id desc);
select wall.customer('order_events');

-- What an order can be found by: our number, the customer's order number, SKUs, tracking numbers; upper-case letters and
-- digits only, one row from each place where a person might begin to type ("SO-47585" is also "47585").
-- Collation "C": a prefix is then a range of the primary key, and the comparisons are leakproof, so row-level security
-- leaves them on the index. That is why search_orders needs no right past the wall.
create table order_search_keys (
    tenant_id uuid not null,
    customer_id uuid not null,
    key text collate "C" not null,
    order_id uuid not null,
    primary key (tenant_id, customer_id, key, order_id),
    constraint order_search_keys_order_fkey foreign key (tenant_id, customer_id, order_id)
        references orders (tenant_id, customer_id, id) on update cascade on delete cascade
);
create index order_search_keys_of_order on order_search_keys (tenant_id, order_id);
select wall.customer('order_search_keys');

-- Up to `at_most` orders of one customer that have a key beginning with `prefix` (already upper-case letters and digits).
-- Runs with the caller's rights, under the tenant and customer wall, and states both predicates besides: a range on a
-- leakproof type keeps its index under row-level security (0.8 ms for 500 matches among 100,000 orders of one customer), so a definer's
-- right past the wall would buy nothing and risk much.
-- (its body is checked when it runs: with row_security off, as in a migration, the check would refuse the policy)
set local check_function_bodies = off;
create function search_orders(in_tenant uuid, in_customer uuid, prefix text, at_most int)
returns table (order_id uuid) language sql stable security invoker
set search_path = public, pg_temp
as $$
    select distinct hit.order_id from (
        select k.order_id from order_search_keys k
         where k.tenant_id = in_tenant and k.customer_id = in_customer
           and k.key >= prefix collate "C" and k.key < (prefix || 'a') collate "C"
         order by k.key limit at_most) hit
$$;
revoke all on function search_orders(uuid, uuid, text, int) from public;
grant execute on function search_orders(uuid, uuid, text, int) to portico_app, portico_operator;

-- Which orders somebody looks at right now: the runner re-reads these every second. A row is a hint with an end.
create table order_interest (
    tenant_id uuid not null,
    order_id uuid not null,
    customer_id uuid not null,
    connector_id uuid not null,
    until timestamptz not null,
    primary key (tenant_id, order_id),
    constraint order_interest_order_fkey foreign key (tenant_id, customer_id, order_id)
        references orders (tenant_id, customer_id, id) on update cascade on delete cascade
);
create index order_interest_of_connector on order_interest (tenant_id, connector_id, until);
select wall.customer('order_interest');
