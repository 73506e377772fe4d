-- pgbench: somebody at the old program looks up an account's latest orders and opens one. Writes nothing. Variable: accounts.
\set account 4000 + random(1, :accounts)
select coalesce(max(ord_no), 0) as ord from (select ord_no from of_ordhdr where cust_no = 'ACC-' || :account order by ord_dt desc limit 20) o \gset
select * from of_ordhdr where ord_no = :ord;
select * from of_ordlin where ord_no = :ord order by lin_no;
select * from of_ordevt where ord_no = :ord order by evt_no;
