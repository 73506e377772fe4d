-- pgbench: a clerk takes an order, as the old client does it. Variable: accounts.
\set account 4000 + random(1, :accounts)
\set lines random(1, 5)
\set first random(0, 60)
\set po random(30000, 99999)
begin;
select nextval('of_ord_no_seq') as ord \gset
insert into of_ordlin (ord_no, lin_no, item_no, descr, uom, qty_ord, unit_price)
    select :ord, row_number() over (), item_no, descr, uom, :lines, list_price
      from (select * from of_item where del_flag <> 'Y' and disc_flag <> 'Y' and list_price <> 'NaN' order by item_no offset :first limit :lines) i;
insert into of_ordhdr (ord_no, cust_no, cust_po, ord_stat, ord_dt, req_dt, prom_dt, curr_dt, ship_via, addr_no, ord_amt, last_upd)
    select :ord, 'ACC-' || :account, 'PO-' || :po, 'N', localtimestamp, localtimestamp::date + 25, 'infinity', 'infinity', 'UPSN', 2,
           sum(qty_ord * unit_price), localtimestamp from of_ordlin where ord_no = :ord;
insert into of_ordevt (ord_no, evt_dt, evt_cd, new_val, user_id) values (:ord, localtimestamp, 'NW', 'N', 'SIM');
commit;
