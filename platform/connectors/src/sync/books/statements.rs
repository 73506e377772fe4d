//! The statements that write a page of the books. Rows come as one JSON list.

/// `changed_at` of a first sight is the day of the invoice, so that a first load is no news. Newer documents are looked for
/// before older ones: a millisecond a day.
pub(super) const WRITE_INVOICES: &str = "
    insert into invoices (tenant_id, connector_id, id, customer_id, external_id, kind, number, order_key, corrects_key, status,
        issued_on, due_on, total, paid, currency, purchase_order, bill_to, document_kept, document_due_at, source_open, row_hash,
        first_seen_at, changed_at)
    select $1, $2, r.id, r.customer_id, r.external_id, r.kind, r.number, r.order_key, r.corrects_key, r.status,
        r.issued_on, r.due_on, r.total, r.paid, r.currency, r.purchase_order, r.bill_to, r.document_kept,
        case when r.document_kept then $4 + greatest($4::date - r.issued_on, 0) * interval '1 millisecond' end,
        r.source_open, r.row_hash, $4, least($4, r.issued_on::timestamptz)
      from jsonb_to_recordset($3) as r(id uuid, customer_id uuid, external_id text, kind text, number text, order_key text,
        corrects_key text, status text, issued_on date, due_on date, total numeric, paid numeric, currency text,
        purchase_order text, bill_to text, document_kept boolean, source_open boolean, row_hash bytea)
    on conflict (tenant_id, connector_id, customer_id, external_id) do update set
        kind = excluded.kind, number = excluded.number, order_key = excluded.order_key, corrects_key = excluded.corrects_key,
        status = excluded.status, issued_on = excluded.issued_on, due_on = excluded.due_on, total = excluded.total,
        paid = excluded.paid, currency = excluded.currency, purchase_order = excluded.purchase_order,
        bill_to = excluded.bill_to,
        document_kept = excluded.document_kept or exists (select from invoice_documents d
            where d.tenant_id = invoices.tenant_id and d.invoice_id = invoices.id),
        document_due_at = excluded.document_due_at, source_open = excluded.source_open, row_hash = excluded.row_hash,
        changed_at = $4, deleted_at = null";

pub(super) const CLEAR_INVOICE_LINES: &str =
    "delete from invoice_lines where tenant_id = $1 and invoice_id = any($2)";

pub(super) const WRITE_INVOICE_LINES: &str = "
    insert into invoice_lines (tenant_id, invoice_id, external_id, customer_id, position, sku, description, unit, quantity,
        unit_price, amount)
    select $1, r.invoice_id, r.external_id, r.customer_id, r.position, r.sku, r.description, r.unit, r.quantity,
        r.unit_price, r.amount
      from jsonb_to_recordset($2) as r(invoice_id uuid, external_id text, customer_id uuid, position int, sku text,
        description text, unit text, quantity numeric, unit_price numeric, amount numeric)";

pub(super) const REMOVE_INVOICES: &str = "
    update invoices set deleted_at = $3, changed_at = $3, source_open = false, document_due_at = null
     where tenant_id = $1 and id = any($2) and deleted_at is null";

/// What is unchanged is written again only for its `as_of`, and not at every reading.
pub(super) const WRITE_CREDITS: &str = "
    insert into account_standing as s (tenant_id, customer_id, connector_id, credit_limit, used, currency, terms, on_hold, as_of)
    select $1, r.customer_id, $2, r.credit_limit, r.used, r.currency, r.terms, r.on_hold, $4
      from jsonb_to_recordset($3) as r(customer_id uuid, credit_limit numeric, used numeric, currency text, terms text,
        on_hold boolean)
    on conflict (tenant_id, customer_id, connector_id) do update set credit_limit = excluded.credit_limit,
        used = excluded.used, currency = excluded.currency, terms = excluded.terms, on_hold = excluded.on_hold,
        as_of = excluded.as_of";

pub(super) const WRITE_ADDRESSES: &str = "
    insert into addresses (tenant_id, id, customer_id, connector_id, external_id, kind, label, street, city, region,
        postal_code, country, is_default, row_hash, changed_at)
    select $1, r.id, r.customer_id, $2, r.external_id, r.kind, r.label, r.street, r.city, r.region, r.postal_code,
        r.country, r.is_default, r.row_hash, $4
      from jsonb_to_recordset($3) as r(id uuid, customer_id uuid, external_id text, kind text, label text, street text,
        city text, region text, postal_code text, country text, is_default boolean, row_hash bytea)
    on conflict (tenant_id, connector_id, customer_id, external_id) do update set kind = excluded.kind,
        label = excluded.label, street = excluded.street, city = excluded.city, region = excluded.region,
        postal_code = excluded.postal_code, country = excluded.country, is_default = excluded.is_default,
        row_hash = excluded.row_hash, changed_at = $4, deleted_at = null";

pub(super) const WRITE_PRODUCTS: &str = "
    insert into products (tenant_id, connector_id, sku, description, unit, price, currency, state, replaced_by, available,
        lead_days, row_hash, changed_at)
    select $1, $2, r.sku, r.description, r.unit, r.price, r.currency, r.state, r.replaced_by, r.available, r.lead_days,
        r.row_hash, $4
      from jsonb_to_recordset($3) as r(sku text, description text, unit text, price numeric, currency text, state text,
        replaced_by text, available numeric, lead_days int, row_hash bytea)
    on conflict (tenant_id, connector_id, sku) do update set description = excluded.description, unit = excluded.unit,
        price = excluded.price, currency = excluded.currency, state = excluded.state, replaced_by = excluded.replaced_by,
        available = excluded.available, lead_days = excluded.lead_days, row_hash = excluded.row_hash, changed_at = $4,
        deleted_at = null";
