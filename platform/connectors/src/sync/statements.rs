//! The statements that write a page of orders. Rows come as one JSON list, whose fields are named in `rows`.

/// `changed_at` of a first sight is what the source says, so that a first load is not "everything changed today".
pub(super) const WRITE_ORDERS: &str = "
    insert into orders (tenant_id, connector_id, id, customer_id, external_id, number, purchase_order, status, status_code,
        hold_reason, ordered_at, requested_on, promised_on, expected_on, shipped_at, delivered_at, total, currency, ship_to,
        contact, carrier, note, reason, summary, line_count, sort_at, source_open, row_hash, first_seen_at, changed_at)
    select $1, $2, r.id, r.customer_id, r.external_id, r.number, r.purchase_order, r.status, r.status_code,
        r.hold_reason, r.ordered_at, r.requested_on, r.promised_on, r.expected_on, r.shipped_at, r.delivered_at, r.total,
        r.currency, r.ship_to, r.contact, r.carrier, r.note, r.reason, r.summary, r.line_count, r.sort_at, r.source_open,
        r.row_hash, $4, r.changed_at
      from jsonb_to_recordset($3) as r(id uuid, customer_id uuid, external_id text, number text, purchase_order text,
        status text, status_code text, hold_reason text, ordered_at timestamptz, requested_on date, promised_on date,
        expected_on date, shipped_at timestamptz, delivered_at timestamptz, total numeric, currency text, ship_to text,
        contact text, carrier text, note text, reason text, summary text, line_count int, sort_at timestamptz,
        source_open boolean, row_hash bytea, changed_at timestamptz)
    on conflict (tenant_id, connector_id, external_id) do update set
        customer_id = excluded.customer_id, number = excluded.number, purchase_order = excluded.purchase_order,
        status = excluded.status, status_code = excluded.status_code, hold_reason = excluded.hold_reason,
        ordered_at = excluded.ordered_at, requested_on = excluded.requested_on, promised_on = excluded.promised_on,
        expected_on = excluded.expected_on, shipped_at = excluded.shipped_at, delivered_at = excluded.delivered_at,
        total = excluded.total, currency = excluded.currency, ship_to = excluded.ship_to, contact = excluded.contact,
        carrier = excluded.carrier, note = excluded.note, reason = excluded.reason, summary = excluded.summary,
        line_count = excluded.line_count, sort_at = coalesce(excluded.ordered_at, orders.sort_at),
        source_open = excluded.source_open, row_hash = excluded.row_hash, changed_at = $4, deleted_at = null";

pub(super) const WRITE_EVENTS: &str = "
    insert into order_events (tenant_id, id, order_id, customer_id, kind, old, new, reason, source_at, seen_at, external_id)
    select $1, r.id, r.order_id, r.customer_id, r.kind, r.old, r.new, r.reason, r.source_at, $3, r.external_id
      from jsonb_to_recordset($2) as r(id uuid, order_id uuid, customer_id uuid, kind text, old text, new text,
        reason text, source_at timestamptz, external_id text)
    on conflict (tenant_id, order_id, external_id) do nothing";

pub(super) const CLEAR_CHILDREN: [&str; 4] = [
    "delete from shipment_lines where tenant_id = $1 and order_id = any($2)",
    "delete from shipments where tenant_id = $1 and order_id = any($2)",
    "delete from order_lines where tenant_id = $1 and order_id = any($2)",
    "delete from order_search_keys where tenant_id = $1 and order_id = any($2)",
];

pub(super) const WRITE_LINES: &str = "
    insert into order_lines (tenant_id, order_id, external_id, customer_id, position, sku, description, unit, quantity,
        shipped, backordered, cancelled, unit_price, amount, promised_on, expected_on)
    select $1, r.order_id, r.external_id, r.customer_id, r.position, r.sku, r.description, r.unit, r.quantity,
        r.shipped, r.backordered, r.cancelled, r.unit_price, r.amount, r.promised_on, r.expected_on
      from jsonb_to_recordset($2) as r(order_id uuid, external_id text, customer_id uuid, position int, sku text,
        description text, unit text, quantity numeric, shipped numeric, backordered numeric, cancelled numeric,
        unit_price numeric, amount numeric, promised_on date, expected_on date)";

pub(super) const WRITE_SHIPMENTS: &str = "
    insert into shipments (tenant_id, order_id, external_id, customer_id, number, status, carrier, tracking_number,
        tracking_url, shipped_at, expected_on, delivered_at, signed_by)
    select $1, r.order_id, r.external_id, r.customer_id, r.number, r.status, r.carrier, r.tracking_number,
        r.tracking_url, r.shipped_at, r.expected_on, r.delivered_at, r.signed_by
      from jsonb_to_recordset($2) as r(order_id uuid, external_id text, customer_id uuid, number text, status text,
        carrier text, tracking_number text, tracking_url text, shipped_at timestamptz, expected_on date,
        delivered_at timestamptz, signed_by text)";

pub(super) const WRITE_SHIPMENT_LINES: &str = "
    insert into shipment_lines (tenant_id, order_id, shipment_id, external_id, customer_id, line_id, quantity)
    select $1, r.order_id, r.shipment_id, r.external_id, r.customer_id, r.line_id, r.quantity
      from jsonb_to_recordset($2) as r(order_id uuid, shipment_id text, external_id text, customer_id uuid,
        line_id text, quantity numeric)";

pub(super) const WRITE_SEARCH_KEYS: &str = "
    insert into order_search_keys (tenant_id, customer_id, key, order_id)
    select $1, r.customer_id, r.key, r.order_id
      from jsonb_to_recordset($2) as r(customer_id uuid, key text, order_id uuid)";
