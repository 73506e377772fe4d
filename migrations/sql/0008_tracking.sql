-- Tracking: what carriers say of parcels, who watches an order and was told of a delay, and lists kept under a name.
--
-- shipment_events, tracking_providers and tracking_inbox are written by platform/connectors/src/carriers, the rest by
-- platform/portal/src/orders.

-- A tenant's account at a tracking provider, who asks the carriers and tells us.
create table tracking_providers (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    kind text not null constraint tracking_providers_kind_known check (kind in ('aftership')),
    name text not null constraint tracking_providers_name_shape check (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    -- sealed; signs what the provider sends
    webhook_secret bytea not null,
    -- sealed; without it nothing is asked and only the webhook tells
    api_key bytea,
    -- where it is asked; another address than the provider's own is for tests
    api_url text not null constraint tracking_providers_url_shape check (api_url ~ '^https?://'),
    enabled boolean not null default true,
    next_poll_at timestamptz not null default now(),
    -- in a row; sets the pause
    failures int not null default 0,
    last_error text,
    last_event_at timestamptz,
    -- news of parcels that no order has; nothing of them is kept
    unknown_count bigint not null default 0,
    -- requests with a wrong signature or too old
    refused_count bigint not null default 0,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint tracking_providers_name_key unique (tenant_id, name)
);
select wall.tenant('tracking_providers');
select wall.system('tracking_providers', 'sync');

-- Messages that were taken in, so that one that comes again does nothing. Forgotten when they are too old to be taken.
create table tracking_inbox (
    tenant_id uuid not null,
    provider_id uuid not null,
    event_key text not null constraint tracking_inbox_key_shape check (length(event_key) between 1 and 200),
    received_at timestamptz not null,
    primary key (tenant_id, provider_id, event_key),
    constraint tracking_inbox_provider_fkey foreign key (tenant_id, provider_id)
        references tracking_providers (tenant_id, id) on delete cascade
);
create index tracking_inbox_old on tracking_inbox (tenant_id, provider_id, received_at);
select wall.tenant('tracking_inbox');

-- Tracking numbers as people and providers write them, without blanks and dashes. Collation "C" keeps the comparison
-- leakproof, so that row-level security leaves it on the index.
alter table shipments add column tracking_key text collate "C"
    generated always as (upper(regexp_replace(tracking_number, '[^A-Za-z0-9]', '', 'g')) collate "C") stored;
create index shipments_tracking on shipments (tenant_id, tracking_key) where tracking_key <> '';

-- Checkpoints, only ever added to. The sync rewrites `shipments`, so they hang on the order.
create table shipment_events (
    tenant_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    customer_id uuid not null,
    -- shipments.external_id
    shipment_id text not null,
    provider_id uuid not null,
    event_key text not null constraint shipment_events_key_shape check (length(event_key) between 1 and 200),
    kind text not null constraint shipment_events_kind_known check (kind in ('announced', 'in_transit', 'out_for_delivery',
        'attempted', 'ready_for_pickup', 'delivered', 'exception', 'returned', 'estimate')),
    message text not null default '',
    place text not null default '',
    at timestamptz not null,
    -- for an estimate: the day that the carrier names now
    expected_on date,
    signed_by text,
    seen_at timestamptz not null,
    primary key (tenant_id, id),
    constraint shipment_events_once unique (tenant_id, order_id, shipment_id, provider_id, event_key),
    constraint shipment_events_order_fkey foreign key (tenant_id, customer_id, order_id)
        references orders (tenant_id, customer_id, id) on update cascade on delete cascade,
    constraint shipment_events_provider_fkey foreign key (tenant_id, provider_id)
        references tracking_providers (tenant_id, id) on delete cascade
);
create index shipment_events_of_order on shipment_events (tenant_id, order_id, at desc);
select wall.customer('shipment_events');
revoke update, delete on shipment_events from portico_app, portico_operator;

-- Who wants to hear when the date of an order moves.
create table order_watches (
    tenant_id uuid not null,
    order_id uuid not null,
    contact_id uuid not null,
    customer_id uuid not null,
    since timestamptz not null,
    primary key (tenant_id, order_id, contact_id),
    -- without the customer: an order that the source moves to another account must not be held back by its old watchers
    constraint order_watches_order_fkey foreign key (tenant_id, order_id) references orders (tenant_id, id) on delete cascade,
    constraint order_watches_contact_fkey foreign key (tenant_id, customer_id, contact_id)
        references contacts (tenant_id, customer_id, id) on delete cascade
);
create index order_watches_of_contact on order_watches (tenant_id, contact_id);
select wall.customer('order_watches');

-- A contact's own word on mails about delays, and the secret of the link that stops them.
create table order_mail_choices (
    tenant_id uuid not null,
    contact_id uuid not null,
    customer_id uuid not null,
    delays boolean not null default true,
    token text not null constraint order_mail_choices_token_shape check (length(token) between 8 and 64),
    changed_at timestamptz not null,
    primary key (tenant_id, contact_id),
    constraint order_mail_choices_token_key unique (tenant_id, token),
    constraint order_mail_choices_contact_fkey foreign key (tenant_id, customer_id, contact_id)
        references contacts (tenant_id, customer_id, id) on delete cascade
);
select wall.customer('order_mail_choices');

-- Delays that were told, so that none is told twice: the newest row of an order says which day its readers know.
create table order_notices (
    tenant_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    customer_id uuid not null,
    was date not null,
    expected_on date not null,
    reason text,
    told int not null,
    told_at timestamptz not null,
    primary key (tenant_id, id),
    constraint order_notices_order_fkey foreign key (tenant_id, customer_id, order_id)
        references orders (tenant_id, customer_id, id) on update cascade on delete cascade
);
create index order_notices_of_order on order_notices (tenant_id, order_id, told_at desc);
select wall.customer('order_notices');

-- Lists that a contact keeps under a name: a filter and what was searched.
create table order_views (
    tenant_id uuid not null,
    id uuid not null,
    contact_id uuid not null,
    customer_id uuid not null,
    name text not null constraint order_views_name_shape check (length(name) between 1 and 40),
    filter text not null constraint order_views_filter_known check (filter in ('all', 'open', 'late', 'arriving', 'on_hold', 'delivered')),
    query text not null default '' constraint order_views_query_shape check (length(query) <= 120),
    created_at timestamptz not null,
    primary key (tenant_id, id),
    constraint order_views_contact_fkey foreign key (tenant_id, customer_id, contact_id)
        references contacts (tenant_id, customer_id, id) on delete cascade
);
create unique index order_views_name_key on order_views (tenant_id, contact_id, name);
select wall.customer('order_views');

-- The address of the link that stops a mail (RFC 8058), where it has one.
alter table mail_outbox add column unsubscribe text;

-- What was delivered, in the order of lists: a customer has many of these, and those with other ends lie between.
create index orders_delivered on orders (tenant_id, customer_id, sort_at desc, id desc)
    where deleted_at is null and status = 'delivered';

-- What is held: few, and the only orders whose reason a customer's overview looks at, so that all its other counts are read
-- from orders_open alone.
create index orders_held on orders (tenant_id, customer_id, sort_at desc, id desc) where deleted_at is null and status = 'on_hold';
