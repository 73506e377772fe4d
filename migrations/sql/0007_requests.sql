-- Requests: what a customer asks of the tenant's own system (reorder, change of contact or address), and the doors through
-- which they are handed over. Written by platform/connectors (requests, doors); pages read them. We never write the
-- system's own tables: a request waits here, visibly, until the other side has said yes or no.

create table requests (
    tenant_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    -- who asked
    contact_id uuid not null,
    kind text not null constraint requests_kind_known check (kind in ('reorder', 'contact_change', 'address_change')),
    state text not null constraint requests_state_known
        check (state in ('awaiting_approval', 'submitted', 'handed_over', 'accepted', 'rejected', 'withdrawn')),
    -- lines of a reorder, or before and after of a change
    payload jsonb not null,
    -- one sentence, for lists
    summary text not null constraint requests_summary_shape check (length(summary) between 1 and 300),
    -- from the form, so that a double submit, a back button and two tabs are one request; and what was asked under it
    idempotency_key text not null constraint requests_idempotency_key_shape check (length(idempotency_key) between 8 and 200),
    request_hash bytea not null,
    -- who approved or declined it at the customer
    approver_id uuid,
    -- the number that the tenant's system gave it
    erp_number text,
    -- why it was rejected, in the words of whoever did
    reason text,
    -- of the hand-over: begun so often, and what went wrong last
    attempts int not null default 0,
    last_error text,
    handed_over_at timestamptz,
    -- states of which the person was told by mail
    told text[] not null default '{}',
    created_at timestamptz not null,
    changed_at timestamptz not null,
    primary key (tenant_id, id),
    constraint requests_customer_id_key unique (tenant_id, customer_id, id),
    constraint requests_idempotency_key unique (tenant_id, customer_id, kind, idempotency_key),
    constraint requests_contact_fkey foreign key (tenant_id, customer_id, contact_id)
        references contacts (tenant_id, customer_id, id) on delete cascade,
    constraint requests_approver_fkey foreign key (tenant_id, customer_id, approver_id)
        references contacts (tenant_id, customer_id, id) on delete set null (approver_id)
) with (fillfactor = 85);
create index requests_list on requests (tenant_id, customer_id, created_at desc, id desc);
-- the reconciler: few are open at a time, however many there were
create index requests_open on requests (tenant_id, kind, state, changed_at)
    where state in ('awaiting_approval', 'submitted', 'handed_over');
select wall.customer('requests');

-- What became of a request, only ever added to.
create table request_events (
    tenant_id uuid not null,
    id uuid not null,
    request_id uuid not null,
    customer_id uuid not null,
    at timestamptz not null,
    actor_kind text not null constraint request_events_actor_known check (actor_kind in ('contact', 'staff', 'system')),
    actor_id uuid,
    state text not null constraint request_events_state_known
        check (state in ('awaiting_approval', 'submitted', 'handed_over', 'accepted', 'rejected', 'withdrawn')),
    erp_number text,
    reason text,
    primary key (tenant_id, id),
    constraint request_events_request_fkey foreign key (tenant_id, customer_id, request_id)
        references requests (tenant_id, customer_id, id) on delete cascade
);
create index request_events_of_request on request_events (tenant_id, request_id, at);
select wall.customer('request_events');
revoke update, delete on request_events from portico_app, portico_operator;

-- How a tenant's requests of one kind are handed over.
create table doors (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id uuid not null,
    request_kind text not null constraint doors_request_kind_known
        check (request_kind in ('reorder', 'contact_change', 'address_change')),
    form text not null constraint doors_form_known check (form in ('inbox', 'webhook', 'mail', 'file')),
    -- of its form, without secrets; infra/docs/doors.md
    settings jsonb not null default '{}',
    -- the inbox's address with its password, or the key that signs; sealed, bound to this table, column, tenant and row
    secret bytea not null,
    enabled boolean not null default true,
    last_used_at timestamptz,
    last_error text,
    failed_since timestamptz,
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint doors_request_kind_key unique (tenant_id, request_kind)
);
select wall.tenant('doors');
select wall.system('doors', 'sync');

-- What a tenant demands of a reorder.
create table reorder_rules (
    tenant_id uuid not null references tenants (id) on delete cascade,
    purchase_order_required boolean not null default false,
    -- a reorder of more than this needs a yes of the customer's admin; null: none does
    approval_over numeric(24, 4) constraint reorder_rules_approval_over_shape check (approval_over >= 0),
    primary key (tenant_id)
);
select wall.tenant('reorder_rules');
