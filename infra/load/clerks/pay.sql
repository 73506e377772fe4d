-- pgbench: the cashier books what came in for an unpaid invoice. Variables: first_invoice, last_invoice.
\set some random(:first_invoice, :last_invoice)
begin;
select coalesce(max(inv_no), 0) as inv, coalesce(max(cust_no), '') as account, coalesce(max(inv_amt - paid_amt), 0) as rest
  from (select inv_no, cust_no, inv_amt, paid_amt from of_invhdr where inv_stat = 'O' and inv_no > :some and inv_amt <> 'NaN'
         order by inv_no limit 1 for update) i \gset
update of_invhdr set paid_amt = inv_amt, inv_stat = 'P', last_upd = localtimestamp where inv_no = :inv;
update of_cust set ar_bal = ar_bal - :rest where cust_no = ':account';
insert into of_ordnote (ord_no, seq_no, internal, note_txt) values (-nextval('of_shp_no_seq'), 1, 'Y', 'Booked by the cashier');
commit;
