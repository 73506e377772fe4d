-- OrderFlow 4.2, the order system of an industrial vendor: its database as its makers left it.
--
-- A stand-in for the systems that Portico reads and does not own. It was designed around 2009 and it runs on
-- PostgreSQL 9.4 at its owner's, so nothing here may need a younger server (a test reads these files for words that
-- 9.4 does not know). Its warts are the point, see README.md beside this file.
--
-- Run inside an empty database of its own:
--   createdb --encoding=SQL_ASCII --template=template0 --locale=C orderflow
--   psql -d orderflow -f schema.sql

set client_min_messages = warning;

create table of_cust (
    cust_no     char(12) primary key,
    cust_name   varchar(60) not null,
    credit_lim  numeric(14,2),
    credit_hold char(1) not null default 'N',
    terms_cd    char(4) not null default 'N30',
    sls_rep     char(4),
    del_flag    char(1) not null default 'N',
    last_upd    timestamp
);

-- No stamp here: nobody thought that addresses change.
create table of_custaddr (
    cust_no   char(12) not null,
    addr_no   smallint not null,
    addr_type char(1) not null,
    addr_1    varchar(60),
    addr_2    varchar(60),
    city      varchar(40),
    state     char(2),
    zip       char(10),
    country   char(3) not null default 'USA',
    primary key (cust_no, addr_no)
);

create table of_item (
    item_no     char(20) primary key,
    descr       varchar(80) not null,
    uom         char(4) not null default 'EA',
    list_price  numeric(14,4),
    prod_line   char(3),
    replaced_by char(20),
    del_flag    char(1) not null default 'N'
);

create table of_carrier (
    carr_cd   char(4) primary key,
    carr_name varchar(40) not null,
    track_url varchar(120)
);

-- ord_stat: N new, A acknowledged, P production, H hold, B backordered, I shipped in part, S shipped, D delivered,
-- C closed, X cancelled. Others turn up and nobody knows who wrote them.
-- All stamps are the wall clock of the plant in Chicago. 'infinity' in prom_dt means "not promised yet".
create table of_ordhdr (
    ord_no     integer primary key,
    cust_no    char(12) not null,
    cust_po    varchar(30),
    ord_stat   char(1) not null,
    hold_cd    char(2) not null default '',
    ord_dt     timestamp not null,
    req_dt     date,
    prom_dt    timestamp,
    curr_dt    timestamp,
    ship_via   char(4),
    addr_no    smallint,
    ord_amt    numeric,
    curr_cd    char(3) not null default 'USD',
    contact_nm varchar(40),
    ord_note   text,
    chg_reason varchar(120),
    del_flag   char(1) not null default 'N',
    last_upd   timestamp not null
);
create index of_ordhdr_ix1 on of_ordhdr (cust_no, ord_dt);
create index of_ordhdr_ix2 on of_ordhdr (last_upd, ord_no);
create index of_ordhdr_ix3 on of_ordhdr (ord_no) where ord_stat not in ('D', 'C', 'X');

-- No stamp here either: a line changes and its header may or may not be touched.
create table of_ordlin (
    ord_no     integer not null,
    lin_no     smallint not null,
    item_no    char(20) not null,
    descr      varchar(80),
    uom        char(4) not null default 'EA',
    qty_ord    numeric(12,3) not null,
    qty_shp    numeric(12,3) not null default 0,
    qty_bo     numeric(12,3) not null default 0,
    qty_can    numeric(12,3) not null default 0,
    unit_price numeric,
    prom_dt    date,
    del_flag   char(1) not null default 'N',
    primary key (ord_no, lin_no)
);

-- shp_stat: P packed, T in transit, D delivered, R returned to sender
create table of_shphdr (
    shp_no   integer primary key,
    ord_no   integer not null,
    carr_cd  char(4),
    track_no varchar(40),
    shp_stat char(1) not null,
    shp_dt   timestamp,
    est_dt   date,
    dlv_dt   timestamp,
    wght     numeric(10,2),
    last_upd timestamp not null
);
create index of_shphdr_ix1 on of_shphdr (ord_no);

create table of_shplin (
    shp_no integer not null,
    seq_no smallint not null,
    ord_no integer not null,
    lin_no smallint not null,
    qty    numeric(12,3) not null,
    primary key (shp_no, seq_no)
);

-- evt_cd: NW taken, ST status, PD promised date, CD current date, HD hold, HR hold released, SH shipped, DL delivered,
-- CX cancelled. old_val and new_val are what the old programs printed.
create table of_ordevt (
    evt_no  bigserial primary key,
    ord_no  integer not null,
    evt_dt  timestamp not null,
    evt_cd  char(2) not null,
    old_val varchar(40),
    new_val varchar(40),
    reason  varchar(120),
    user_id char(8) not null default 'BATCH'
);
create index of_ordevt_ix1 on of_ordevt (ord_no, evt_no);

create table of_ordnote (
    ord_no   integer not null,
    seq_no   smallint not null,
    internal char(1) not null default 'Y',
    note_txt text,
    primary key (ord_no, seq_no)
);

create table of_invhdr (
    inv_no   integer primary key,
    ord_no   integer not null,
    cust_no  char(12) not null,
    inv_stat char(1) not null,
    inv_dt   date not null,
    due_dt   date,
    inv_amt  numeric(14,2) not null,
    paid_amt numeric(14,2) not null default 0,
    last_upd timestamp not null
);
create index of_invhdr_ix1 on of_invhdr (cust_no, inv_dt);
create index of_invhdr_ix2 on of_invhdr (ord_no);

create sequence of_ord_no_seq start 48001;
create sequence of_shp_no_seq start 700001;
create sequence of_inv_no_seq start 90001;

-- What the owner of an ERP grants to Portico, and nothing more: read what the mapping names, three connections at most
-- (two of ours and one for the dry run). Customer prices of items and credit limits are not among it.
do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'portal_reader') then
        create role portal_reader login nosuperuser nocreatedb nocreaterole connection limit 3;
    end if;
    execute 'revoke all on database ' || quote_ident(current_database()) || ' from public';
    execute 'grant connect on database ' || quote_ident(current_database()) || ' to portal_reader';
end $$;
alter role portal_reader set statement_timeout = '2s';
alter role portal_reader set default_transaction_read_only = on;
revoke all on schema public from public;
grant usage on schema public to portal_reader;
grant select on of_custaddr, of_carrier, of_ordhdr, of_ordlin, of_shphdr, of_shplin, of_ordevt, of_invhdr to portal_reader;
grant select (cust_no, cust_name, credit_hold, del_flag) on of_cust to portal_reader;
grant select (item_no, descr, uom, replaced_by, del_flag) on of_item to portal_reader;
