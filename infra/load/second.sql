-- The second vendor's orders: copies of the first's, which nobody keeps in step. Run after the first vendor's are there.
\set ON_ERROR_STOP on
begin;
set local session_replication_role = replica;
create temp table pair on commit drop as
    select one.tenant_id as from_tenant, one.id as from_customer, two.tenant_id, two.id as customer_id
      from customers one join customers two using (external_key) join tenants a on a.id = one.tenant_id and a.slug = 'first'
      join tenants b on b.id = two.tenant_id and b.slug = 'second' where two.id in (select customer_id from load_visitors);
insert into connectors (tenant_id, id, kind, name, mapping, connection_url, enabled, state, data_as_of)
    select b.id, c.id, c.kind, c.name, c.mapping, c.connection_url, false, 'live', now() from connectors c, tenants b where b.slug = 'second';
insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, purchase_order, status, status_code, ordered_at, requested_on,
        promised_on, expected_on, shipped_at, delivered_at, total, currency, ship_to, contact, summary, line_count, sort_at, source_open, row_hash,
        first_seen_at, changed_at)
    select p.tenant_id, o.id, p.customer_id, connector_id, external_id, number, purchase_order, status, status_code, ordered_at, requested_on,
           promised_on, expected_on, shipped_at, delivered_at, total, currency, ship_to, contact, summary, line_count, sort_at, source_open, row_hash,
           first_seen_at, changed_at
      from orders o join pair p on p.from_tenant = o.tenant_id and p.from_customer = o.customer_id;
insert into order_lines (tenant_id, order_id, external_id, customer_id, position, sku, description, unit, quantity, unit_price)
    select p.tenant_id, l.order_id, l.external_id, p.customer_id, l.position, l.sku, l.description, l.unit, l.quantity, l.unit_price
      from order_lines l join pair p on p.from_tenant = l.tenant_id and p.from_customer = l.customer_id;
commit;
analyze;
