-- The books: what a tenant's own system knows of a customer besides orders. Invoices, credit, addresses, and what can be
-- bought. Our copy, as in 0004_orders.sql: written by platform/connectors, read by the portal, behind the customer wall.

-- How far each entity of the books has been read: {"invoice": {"watermark": .., "sweep": .., "swept_at": ..,
-- "unknown": rows of accounts that no customer has, "error": ..}, ..}
-- and where on this machine the files lie that invoices name by their path; set by an operator, never by a mapping
alter table connectors add column books jsonb not null default '{}', add column documents_root text;

create table invoices (
    tenant_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    connector_id uuid not null,
    external_id text not null,
    kind text not null default 'invoice' constraint invoices_kind_known check (kind in ('invoice', 'credit_note')),
    number text not null,
    -- the source's key of the order; the order may be older than what we read, or gone
    order_key text,
    -- of a credit note: the source's key of the invoice that it corrects
    corrects_key text,
    status text not null constraint invoices_status_known check (status in ('open', 'partly_paid', 'paid', 'void')),
    issued_on date not null,
    due_on date,
    -- positive for credit notes too: their kind says which way
    total numeric(24, 4) not null,
    paid numeric(24, 4) not null default 0,
    currency text not null,
    purchase_order text,
    bill_to text,
    -- the source keeps the legal document; it is then never rendered by us
    document_kept boolean not null default false,
    -- when the runner shall look at that document; null when there is nothing to look for
    document_due_at timestamptz,
    -- the source's own word for "may still change"; the runner re-reads these often
    source_open boolean not null default false,
    row_hash bytea not null,
    first_seen_at timestamptz not null,
    changed_at timestamptz not null,
    -- the row vanished from the source
    deleted_at timestamptz,
    primary key (tenant_id, id),
    -- of one customer: an invoice that moves to another account is another invoice, so that what was shown to one customer
    -- (its lines, its document) never becomes the other's
    constraint invoices_external_key unique (tenant_id, connector_id, customer_id, external_id),
    constraint invoices_customer_id_key unique (tenant_id, customer_id, id),
    constraint invoices_customer_fkey foreign key (tenant_id, customer_id) references customers (tenant_id, id) on delete cascade,
    constraint invoices_connector_fkey foreign key (tenant_id, connector_id) references connectors (tenant_id, id) on delete cascade
) with (fillfactor = 85);
create unique index invoices_live_key on invoices (tenant_id, connector_id, external_id) where deleted_at is null;
create index invoices_list on invoices (tenant_id, customer_id, issued_on desc, id desc) where deleted_at is null;
create index invoices_unpaid on invoices (tenant_id, customer_id, due_on)
    include (kind, total, paid, currency) where deleted_at is null and status in ('open', 'partly_paid');
create index invoices_of_order on invoices (tenant_id, customer_id, connector_id, order_key) where deleted_at is null;
create index invoices_correcting on invoices (tenant_id, connector_id, corrects_key) where corrects_key is not null;
create index invoices_open_of_connector on invoices (tenant_id, connector_id, external_id) where deleted_at is null and source_open;
create index invoices_awaiting_document on invoices (tenant_id, connector_id, document_due_at)
    where deleted_at is null and document_due_at is not null;
select wall.customer('invoices');

create table invoice_lines (
    tenant_id uuid not null,
    invoice_id uuid not null,
    external_id text not null,
    customer_id uuid not null,
    position int not null,
    sku text,
    description text not null default '',
    unit text,
    quantity numeric(18, 4),
    unit_price numeric(24, 4),
    amount numeric(24, 4),
    primary key (tenant_id, invoice_id, external_id),
    constraint invoice_lines_invoice_fkey foreign key (tenant_id, customer_id, invoice_id)
        references invoices (tenant_id, customer_id, id) on update cascade on delete cascade
);
select wall.customer('invoice_lines');

-- The legal document as the source gave it. Only ever added to: what has been shown to a customer is kept, and a document
-- that changed in the source is another version beside it.
create table invoice_documents (
    tenant_id uuid not null,
    invoice_id uuid not null,
    version int not null,
    customer_id uuid not null,
    media_type text not null,
    bytes bytea not null constraint invoice_documents_size check (octet_length(bytes) between 1 and 20971520),
    sha256 bytea not null constraint invoice_documents_digest_shape check (octet_length(sha256) = 32),
    fetched_at timestamptz not null,
    primary key (tenant_id, invoice_id, version),
    constraint invoice_documents_invoice_fkey foreign key (tenant_id, customer_id, invoice_id)
        references invoices (tenant_id, customer_id, id) on update cascade on delete cascade
);
-- a PDF is compressed already
alter table invoice_documents alter column bytes set storage external;
select wall.customer('invoice_documents');

-- What the source says of a customer's credit. Exposure by open orders and overdue sums are ours to add up.
create table account_standing (
    tenant_id uuid not null,
    customer_id uuid not null,
    connector_id uuid not null,
    credit_limit numeric(24, 4),
    -- what is owed by the source's word; null where it keeps no sum, then the unpaid invoices are added up
    used numeric(24, 4),
    currency text,
    terms text,
    on_hold boolean not null default false,
    -- when the source was read
    as_of timestamptz not null,
    primary key (tenant_id, customer_id, connector_id),
    constraint account_standing_customer_fkey foreign key (tenant_id, customer_id) references customers (tenant_id, id) on delete cascade,
    constraint account_standing_connector_fkey foreign key (tenant_id, connector_id) references connectors (tenant_id, id) on delete cascade
) with (fillfactor = 70);
select wall.customer('account_standing');

create table addresses (
    tenant_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    connector_id uuid not null,
    external_id text not null,
    kind text not null constraint addresses_kind_known check (kind in ('ship_to', 'bill_to')),
    label text,
    -- street and building, a line each
    street text not null default '',
    city text,
    region text,
    postal_code text,
    -- ISO 3166, two letters; null where the source's word for the country is not known
    country text constraint addresses_country_shape check (country ~ '^[A-Z]{2}$'),
    is_default boolean not null default false,
    row_hash bytea not null,
    changed_at timestamptz not null,
    deleted_at timestamptz,
    -- by the customer, who does not want it offered any more; the source need not agree
    archived_at timestamptz,
    primary key (tenant_id, id),
    constraint addresses_external_key unique (tenant_id, connector_id, customer_id, external_id),
    constraint addresses_customer_fkey foreign key (tenant_id, customer_id) references customers (tenant_id, id) on delete cascade,
    constraint addresses_connector_fkey foreign key (tenant_id, connector_id) references connectors (tenant_id, id) on delete cascade
);
create index addresses_of_customer on addresses (tenant_id, customer_id) where deleted_at is null;
select wall.customer('addresses');

-- What can be bought: one catalogue for all customers of a tenant.
create table products (
    tenant_id uuid not null,
    connector_id uuid not null,
    sku text not null,
    description text not null default '',
    unit text,
    price numeric(24, 4),
    currency text,
    state text not null default 'active' constraint products_state_known check (state in ('active', 'discontinued')),
    replaced_by text,
    -- on hand and free; null where the source does not say
    available numeric(18, 4),
    lead_days int,
    row_hash bytea not null,
    changed_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, connector_id, sku),
    constraint products_connector_fkey foreign key (tenant_id, connector_id) references connectors (tenant_id, id) on delete cascade
);
select wall.tenant('products');

-- Hints for those who keep pages in memory: what a customer sees of the books has changed. One hint a customer and statement,
-- whoever writes; a catalogue is everybody's.
create function hint_books() returns trigger language plpgsql as $$
begin
    perform pg_notify('orders', hint) from (select distinct tenant_id || ':' || customer_id as hint from changed) c;
    return null;
end $$;
create trigger invoices_added after insert on invoices referencing new table as changed
    for each statement execute function hint_books();
create trigger invoices_changed after update on invoices referencing new table as changed
    for each statement execute function hint_books();
create trigger invoices_removed after delete on invoices referencing old table as changed
    for each statement execute function hint_books();
create trigger invoice_documents_added after insert on invoice_documents referencing new table as changed
    for each statement execute function hint_books();
create trigger addresses_added after insert on addresses referencing new table as changed
    for each statement execute function hint_books();
create trigger addresses_changed after update on addresses referencing new table as changed
    for each statement execute function hint_books();
create trigger addresses_removed after delete on addresses referencing old table as changed
    for each statement execute function hint_books();
create trigger account_standing_added after insert on account_standing referencing new table as changed
    for each statement execute function hint_books();

-- Credit is written at every reading; most often only the moment has changed.
create function hint_credit() returns trigger language plpgsql as $$
begin
    perform pg_notify('orders', new.tenant_id || ':' || new.customer_id);
    return null;
end $$;
create trigger account_standing_changed after update on account_standing for each row
    when ((old.credit_limit, old.used, old.currency, old.terms, old.on_hold)
        is distinct from (new.credit_limit, new.used, new.currency, new.terms, new.on_hold))
    execute function hint_credit();

create function hint_products() returns trigger language plpgsql as $$
begin
    perform pg_notify('orders', hint) from (select distinct tenant_id || ':*' as hint from changed) c;
    return null;
end $$;
create trigger products_added after insert on products referencing new table as changed
    for each statement execute function hint_products();
create trigger products_changed after update on products referencing new table as changed
    for each statement execute function hint_products();
