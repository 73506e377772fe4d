-- Invoices with their lines, credit notes, documents and balances. Included by generate.sql; needs its dice, g_ord, g_scale.
--
-- What left the plant is invoiced on that day. Most of what is due is paid; some in part, some late, some not at all.

create temp table g_inv as
select 90000 + row_number() over (order by o.n) as inv_no, o.n, o.ord_no, o.cust_no, demo, h.cust_po, t.net_days,
       least((started + greatest(0.02, left_after) * interval '1 day')::date, localtimestamp::date) as inv_dt,
       pg_temp.dice(o.n, 21) as luck
from g_ord o join of_ordhdr h on h.ord_no = o.ord_no join of_cust c on c.cust_no = o.cust_no
     left join of_terms t on t.terms_cd = c.terms_cd cross join g_scale
where o.stat in ('T', 'D', 'C', 'I');

insert into of_invlin (inv_no, lin_no, ord_lin, item_no, descr, uom, qty, unit_price, ext_amt)
select i.inv_no, l.lin_no, l.lin_no, l.item_no, l.descr, l.uom, l.qty_shp, l.unit_price, round(l.qty_shp * l.unit_price, 2)
from g_inv i join of_ordlin l on l.ord_no = i.ord_no and l.qty_shp > 0;
insert into of_invlin (inv_no, lin_no, item_no, descr, qty, unit_price, ext_amt)
select inv_no, 900, 'FREIGHT', 'Freight and handling', 1, 38 + n % 60, 38 + n % 60 from g_inv where n % 3 = 0;

create temp table g_due as
select i.*, inv_dt + coalesce(net_days, 30) as due_dt, a.amt,
       -- how much of it has come in
       case when inv_dt + coalesce(net_days, 30) < localtimestamp::date - 40 then case when luck < 0.985 then 1.0 else 0 end
            when inv_dt + coalesce(net_days, 30) < localtimestamp::date then case when luck < 0.75 then 1.0 when luck < 0.87 then 0.5 else 0 end
            when luck < 0.15 then 1.0 when luck < 0.22 then 0.3 else 0 end as part
from g_inv i join (select inv_no, sum(ext_amt) as amt from of_invlin group by inv_no) a using (inv_no);

-- Brightwater's, newest first: one of each situation that a page must tell; nothing else of theirs is open.
update g_due d set part = case s.r when 3 then 0.4 when 6 then 0.25 else case when s.r <= 5 then 0 else 1 end end,
    inv_dt = case s.r when 5 then localtimestamp::date - 57 when 6 then localtimestamp::date - 48 else inv_dt end,
    due_dt = case s.r when 5 then localtimestamp::date - 12 when 6 then localtimestamp::date - 3 else greatest(due_dt, case when s.r < 5
        then localtimestamp::date + 5 * s.r::int end) end
from (select inv_no, row_number() over (order by inv_dt desc, inv_no desc) as r from g_due where demo and cust_no = 'BRW-1042') s
where s.inv_no = d.inv_no;

insert into of_invhdr (inv_no, ord_no, cust_no, inv_stat, inv_dt, due_dt, inv_amt, paid_amt, last_upd, cust_po)
select inv_no, ord_no, cust_no, case when part = 1 then 'P' else 'O' end, inv_dt, due_dt, amt, round(amt * part, 2),
       case when part = 0 then inv_dt + interval '17 hours' else least(due_dt, localtimestamp::date - 1) + interval '11 hours' end, cust_po
from g_due where amt > 0;

-- One in fifty was written wrongly and is void; one in forty was credited in part.
update of_invhdr set inv_stat = 'V', paid_amt = 0 where inv_stat = 'P' and inv_no % 50 = 7;
insert into of_invhdr (inv_no, ord_no, cust_no, inv_stat, inv_dt, due_dt, inv_amt, paid_amt, last_upd, inv_type, ref_inv, cust_po)
select m.top + row_number() over (order by h.inv_no), h.ord_no, h.cust_no, case when h.inv_no % 3 = 0 then 'O' else 'P' end,
       least(h.inv_dt + 9, localtimestamp::date), null, -l.ext_amt, case when h.inv_no % 3 = 0 then 0 else -l.ext_amt end,
       h.last_upd, 'C', h.inv_no, h.cust_po
from (select max(inv_no) as top from of_invhdr) m, of_invhdr h join of_invlin l on l.inv_no = h.inv_no and l.lin_no = 1
where h.inv_stat = 'P' and l.ext_amt > 0 and h.inv_no % 40 = 11 and h.cust_no <> 'BRW-1042';
-- Brightwater's own two: a void one, and a credit note that is still to be used
update of_invhdr set inv_stat = 'V', paid_amt = 0 where inv_no = (select inv_no from of_invhdr where cust_no = 'BRW-1042'
    and inv_stat = 'P' order by inv_dt desc, inv_no desc offset 2 limit 1);
insert into of_invhdr (inv_no, ord_no, cust_no, inv_stat, inv_dt, due_dt, inv_amt, paid_amt, last_upd, inv_type, ref_inv, cust_po)
select m.top + 1, h.ord_no, h.cust_no, 'O', localtimestamp::date - 6, null, -l.ext_amt, 0, localtimestamp - interval '6 days', 'C', h.inv_no, h.cust_po
from (select max(inv_no) as top from of_invhdr) m, of_invhdr h join of_invlin l on l.inv_no = h.inv_no and l.lin_no = 1, g_scale
where demo and h.cust_no = 'BRW-1042' and h.inv_stat = 'P' order by h.inv_dt desc, h.inv_no desc limit 1;
insert into of_invlin (inv_no, lin_no, ord_lin, item_no, descr, uom, qty, unit_price, ext_amt)
select h.inv_no, 1, l.ord_lin, l.item_no, left('Returned: ' || l.descr, 80), l.uom, l.qty, l.unit_price, -l.ext_amt
from of_invhdr h join of_invlin l on l.inv_no = h.ref_inv and l.lin_no = 1 where h.inv_type = 'C';

-- What is owed, and how far the credit reaches: Brightwater has used 84 % of it, open orders included; Cedar Ridge more than there is.
update of_cust c set ar_bal = b.owed from (select cust_no, sum(inv_amt - paid_amt) as owed from of_invhdr where inv_stat = 'O' group by cust_no) b
where b.cust_no = c.cust_no;
-- invoices and what is ordered and not invoiced yet, together (NaN is greater than any sum)
update of_cust set credit_lim = round((ar_bal + coalesce((
        select sum(h.ord_amt) from of_ordhdr h
         where h.cust_no = 'BRW-1042' and h.ord_stat not in ('D', 'C', 'X') and h.del_flag <> 'Y' and h.ord_amt < 10000000
           and not exists (select 1 from of_invhdr i where i.ord_no = h.ord_no)), 0)) / 0.84, -2)
 where cust_no = 'BRW-1042' and ar_bal > 0;
update of_cust set credit_lim = greatest(500, round(ar_bal * 0.9, -2)) where cust_no = 'CED-1177';

-- Documents: the night run files them, so those of the last two days are not there yet; the oldest are on the file server.
insert into of_invdoc (inv_no, doc_name, doc, doc_path, doc_dt)
select inv_no, 'INV' || to_char(inv_no, 'FM000000') || '.pdf',
       case when old then null when demo then of_print(inv_no) end,
       case when old or not demo then to_char(inv_dt, 'YYYY') || E'\\INV' || to_char(inv_no, 'FM000000') || '.pdf' end, inv_dt + interval '22 hours'
from (select h.*, demo, inv_dt < localtimestamp::date - 300 as old from of_invhdr h, g_scale where inv_dt < localtimestamp::date - 2) h;
