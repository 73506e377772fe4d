-- pgbench: the plant does with some open order whatever comes next: it is confirmed, produced, shipped and invoiced,
-- delivered; sometimes it is late. Variables: low, high (numbers of orders).
\set some random(:low, :high)
\set luck random(1, 100)
begin;
select ord_no as ord, (ord_stat in ('P', 'I'))::int as ships, (ord_stat = 'S')::int as arrives, ord_stat as old,
       case ord_stat when 'P' then 'S' when 'I' then 'S' when 'S' then 'D' when 'A' then 'P' when 'B' then 'P' else 'A' end as new
  from (select ord_no, ord_stat from of_ordhdr where del_flag <> 'Y' and ord_stat not in ('D', 'C', 'X') and ord_no > :some
         order by ord_no limit 1 for update) o
union all select 0, 0, 0, 'N', 'N' order by 1 desc limit 1 \gset
\if :luck > 85
    update of_ordhdr set curr_dt = localtimestamp::date + 9, chg_reason = 'Test stand occupied', last_upd = localtimestamp where ord_no = :ord;
    insert into of_ordevt (ord_no, evt_dt, evt_cd, new_val, reason, user_id) values (:ord, localtimestamp, 'CD', 'later', 'Test stand occupied', 'SIM');
\else
    \if :ships
        select nextval('of_shp_no_seq') as shp, nextval('of_inv_no_seq') as inv \gset
        insert into of_shplin select :shp, row_number() over (order by lin_no), ord_no, lin_no, qty_ord - qty_shp from of_ordlin
            where ord_no = :ord and del_flag <> 'Y' and qty_shp < qty_ord;
        insert into of_shphdr (shp_no, ord_no, carr_cd, track_no, shp_stat, shp_dt, est_dt, last_upd)
            values (:shp, :ord, 'UPSN', '1Z999AA1' || :shp, 'T', localtimestamp, localtimestamp::date + 3, localtimestamp);
        update of_ordlin set qty_shp = qty_ord, qty_bo = 0 where ord_no = :ord and del_flag <> 'Y';
        insert into of_invlin (inv_no, lin_no, ord_lin, item_no, descr, uom, qty, unit_price, ext_amt)
            select :inv, lin_no, lin_no, item_no, descr, uom, qty_shp, unit_price, round(qty_shp * unit_price, 2) from of_ordlin where ord_no = :ord;
        insert into of_invhdr (inv_no, ord_no, cust_no, inv_stat, inv_dt, due_dt, inv_amt, last_upd, cust_po)
            select :inv, ord_no, cust_no, 'O', localtimestamp::date, localtimestamp::date + 30,
                   coalesce((select sum(ext_amt) from of_invlin where inv_no = :inv and ext_amt <> 'NaN'), 0), localtimestamp, cust_po
              from of_ordhdr where ord_no = :ord;
    \endif
    \if :arrives
        update of_shphdr set shp_stat = 'D', dlv_dt = localtimestamp, dlv_sig = 'Receiving', last_upd = localtimestamp where ord_no = :ord and shp_stat = 'T';
    \endif
    update of_ordhdr set ord_stat = ':new', hold_cd = '', last_upd = localtimestamp where ord_no = :ord;
    insert into of_ordevt (ord_no, evt_dt, evt_cd, old_val, new_val, user_id) values (:ord, localtimestamp, 'ST', ':old', ':new', 'SIM');
\endif
commit;
