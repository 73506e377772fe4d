-- What fifteen years of imports, scripts and typing leave behind. Included by generate.sql; needs its g_plan.
--
-- Each row here has broken some reader of this database before: bytes of Windows-1252 in a database without an encoding,
-- dates that no calendar has, numbers that no decimal holds, codes that no manual lists.

create temp table w as select ord_no, row_number() over (order by ord_no desc) as r
from of_ordhdr where cust_no in ('KON-3307', 'APX-1408', 'IRN-1215') and ord_stat not in ('N', 'X');

update of_ordhdr set ord_note = E'Pr\xfcfzeugnis 3.1 beilegen \x96 \x93wie immer\x94' where ord_no = (select ord_no from w where r = 1);
update of_ordhdr set contact_nm = E'J\xf6rg Wei\xdf', cust_po = E'  B-77\xb0  ' where ord_no = (select ord_no from w where r = 2);
update of_ordhdr set ord_amt = 'NaN' where ord_no = (select ord_no from w where r = 3);
update of_ordhdr set ord_amt = 1234567890123456789012345678901234567890.12 where ord_no = (select ord_no from w where r = 4);
update of_ordhdr set curr_dt = 'infinity' where ord_no = (select ord_no from w where r = 5);
update of_ordhdr set prom_dt = '-infinity', curr_dt = '20226-03-01' where ord_no = (select ord_no from w where r = 6);
update of_ordhdr set prom_dt = '1900-01-01', curr_dt = '1900-01-01' where ord_no = (select ord_no from w where r = 7);
update of_ordhdr set req_dt = '0044-03-15 BC' where ord_no = (select ord_no from w where r = 8);
update of_ordhdr set ord_stat = 'Q' where ord_no in (select ord_no from w where r in (9, 10, 11));
update of_ordhdr set cust_po = E'PO\x07 4711\tB\n' where ord_no = (select ord_no from w where r = 12);
update of_ordlin set descr = E'Flansch \xd8 80, gedr\xfcckt', unit_price = 'NaN' where lin_no = 1 and ord_no = (select ord_no from w where r = 2);
update of_ordlin set item_no = 'OLD 44/7', descr = null where lin_no = 1 and ord_no = (select ord_no from w where r = 13);
update of_ordlin set qty_ord = -2 where lin_no = 1 and ord_no = (select ord_no from w where r = 14);
update of_ordhdr set del_flag = 'Y' where ord_no in (select ord_no from w where r between 15 and 18);
delete from of_ordlin where ord_no = (select ord_no from w where r = 19);
update of_ordlin set del_flag = 'Y' where lin_no > 1 and ord_no = (select ord_no from w where r = 20);
update of_ordevt set reason = E'Gie\xdferei versp\xe4tet' where ord_no = (select ord_no from w where r = 21) and evt_cd in ('CD', 'NW');

-- an account that was merged away, and one that never existed here
insert into of_ordhdr (ord_no, cust_no, cust_po, ord_stat, ord_dt, prom_dt, curr_dt, ord_amt, last_upd)
values (46990, 'MERGED', 'LOST', 'P', localtimestamp - interval '9 days', 'infinity', 'infinity', 100, localtimestamp - interval '9 days'),
       (46991, 'brw-1042x', 'NEARLY', 'P', localtimestamp - interval '9 days', 'infinity', 'infinity', 100, localtimestamp - interval '9 days');
insert into of_ordlin (ord_no, lin_no, item_no, descr, qty_ord, unit_price) values (46990, 1, 'PMP-CX-010', 'CX', 1, 100), (46991, 1, 'PMP-CX-010', 'CX', 1, 100);

-- Invoices: dates that are none, sums that are none, states that nobody lists, papers that are not where they should be.
create temp table wi as select inv_no, row_number() over (order by inv_no desc) as r
from of_invhdr where cust_no in ('KON-3307', 'APX-1408', 'IRN-1215', 'NPC-3051') and inv_type = 'I';
update of_invhdr set due_dt = 'infinity' where inv_no = (select inv_no from wi where r = 1);
update of_invhdr set inv_dt = '1900-01-01' where inv_no = (select inv_no from wi where r = 2);
update of_invhdr set inv_amt = 'NaN' where inv_no = (select inv_no from wi where r = 3);
update of_invhdr set inv_stat = 'Z' where inv_no = (select inv_no from wi where r = 4);
update of_invhdr set cust_po = E'\xa7 12/\xdc' where inv_no = (select inv_no from wi where r = 5);
update of_invhdr set del_flag = 'Y' where inv_no = (select inv_no from wi where r = 6);
update of_invlin set descr = E'Dichtung \xd8 44', qty = 'NaN', unit_price = 'NaN' where lin_no = 1 and inv_no = (select inv_no from wi where r = 7);
delete from of_invlin where inv_no = (select inv_no from wi where r = 8);
delete from of_invdoc where inv_no in (select inv_no from wi where r between 9 and 12);
insert into of_invdoc (inv_no, doc_name, doc, doc_path, doc_dt)
select inv_no, 'odd.pdf', case when r = 9 then ''::bytea end, case when r = 10 then E'..\\..\\..\\etc\\passwd' when r = 11 then E'1999\\GONE.pdf' end,
       localtimestamp from wi where r between 9 and 12;
insert into of_invhdr (inv_no, ord_no, cust_no, inv_stat, inv_dt, due_dt, inv_amt, last_upd)
values (89990, 46990, 'MERGED', 'O', localtimestamp::date - 9, localtimestamp::date + 21, 100, localtimestamp - interval '9 days');
-- Addresses and items that were typed, not chosen.
update of_custaddr set addr_1 = E'Haupt\xadstra\xdfe 3', country = 'BRD' where cust_no = 'KON-3307' and addr_no = 2;
insert into of_item (item_no, descr, list_price, qty_oh) values
    (E'DN\xd8-44', 'Key that is no text', 12, 1), ('NAN-1', 'Price that is none', 'NaN', 'NaN'), ('NEG-1', 'Counted twice', 3, -7);
