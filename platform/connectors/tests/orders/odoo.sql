-- What Odoo 16 and later keep of sales and deliveries, as far as the example mapping reads it, with rows of our own.
create table res_partner (id serial primary key, ref varchar, name varchar, street varchar, zip varchar, city varchar,
    commercial_partner_id integer, active boolean default true, write_date timestamp);
create table res_currency (id serial primary key, name varchar not null);
create table product_product (id serial primary key, default_code varchar);
create table delivery_carrier (id serial primary key, name jsonb);
create table sale_order (id serial primary key, name varchar not null, partner_id integer, partner_shipping_id integer, client_order_ref varchar,
    state varchar, delivery_status varchar, date_order timestamp, commitment_date timestamp, effective_date timestamp, amount_total numeric,
    currency_id integer, write_date timestamp);
create index on sale_order (write_date);
create table sale_order_line (id serial primary key, order_id integer not null, sequence integer, product_id integer, name text, display_type varchar,
    product_uom_qty numeric, qty_delivered numeric, price_unit numeric, price_subtotal numeric);
create index on sale_order_line (order_id);
create table stock_picking (id serial primary key, name varchar, sale_id integer, state varchar, carrier_id integer, carrier_tracking_ref varchar,
    scheduled_date timestamp, date_done timestamp);
create index on stock_picking (sale_id);
create table stock_move (id serial primary key, picking_id integer, sale_line_id integer, product_uom_qty numeric, state varchar);
insert into res_partner (id, ref, name, street, zip, city, commercial_partner_id) values
    (7, 'BRW-1042', 'Brightwater Utilities', '1 Commerce St', '55802', 'Duluth', 7),
    (8, null, 'Maya Okafor', '4 Plant Road', '55802', 'Duluth', 7), (9, 'ELSE', 'Somebody Else', null, null, null, 9);
insert into res_currency values (1, 'EUR');
insert into product_product values (31, 'FURN_0096'), (32, null);
insert into delivery_carrier values (3, '{"en_US": "Bpost", "fr_BE": "Bpost France"}');
insert into sale_order values
    (1, 'S00001', 8, 8, 'PO-77', 'sale', 'partial', '2026-11-02 09:15:00', '2026-11-30 23:30:00', null, 1210.5, 1, '2026-11-20 10:00:00'),
    (2, 'S00002', 7, 7, null, 'sale', null, '2026-11-19 09:15:00', null, null, 99, 1, '2026-11-19 10:00:00'),
    (3, 'S00003', 7, 7, null, 'draft', null, '2026-11-19 09:15:00', null, null, 99, 1, '2026-11-19 10:00:00'),
    (4, 'S00004', 9, 9, null, 'cancel', 'pending', '2026-10-01 09:15:00', null, null, 5, 1, '2026-10-05 10:00:00');
insert into sale_order_line values
    (1, 1, 10, 31, 'Customisable desk', null, 2, 1, 500, 1000), (2, 1, 11, null, 'Spare parts', 'line_section', 0, 0, 0, 0),
    (3, 1, 12, 32, E'Screws\nbox of 100', null, 10, 10, 21.05, 210.5);
insert into stock_picking values (5, 'WH/OUT/00005', 1, 'done', 3, 'BE0001', '2026-11-18 08:00:00', '2026-11-18 12:00:00'),
    (6, 'WH/OUT/00006', 1, 'assigned', 3, null, '2026-11-28 08:00:00', null), (7, 'WH/OUT/00007', 1, 'cancel', 3, null, null, null);
insert into stock_move values (1, 5, 1, 1, 'done'), (2, 5, 3, 10, 'done'), (3, 6, 1, 1, 'assigned');
grant usage on schema public to portal_reader;
grant select on all tables in schema public to portal_reader;
