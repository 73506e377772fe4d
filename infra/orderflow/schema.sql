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
    last_upd    timestamp,
    -- what the account owes, as the ledger's night run and the cashier left it
    ar_bal      numeric(14,2) not null default 0,
    curr_cd     char(3) not null default 'USD'
);

create table of_terms (
    terms_cd  char(4) primary key,
    terms_txt varchar(40) not null,
    net_days  smallint not null
);

-- No stamp here: nobody thought that addresses change. addr_type: B bill to, S ship to.
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
    addr_name varchar(40),
    dflt_flag char(1) not null default 'N',
    del_flag  char(1) not null default 'N',
    primary key (cust_no, addr_no)
);

create table of_item (
    item_no     char(20) primary key,
    descr       varchar(80) not null,
    uom         char(4) not null default 'EA',
    list_price  numeric(14,4),
    prod_line   char(3),
    replaced_by char(20),
    del_flag    char(1) not null default 'N',
    -- no longer made; the old way to say so was del_flag, and both are in use. No stamp here either.
    disc_flag   char(1) not null default 'N',
    qty_oh      numeric(12,3),
    qty_alc     numeric(12,3) not null default 0,
    lead_dd     smallint,
    -- nobody's business outside
    std_cost    numeric(14,4)
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
    last_upd timestamp not null,
    -- who signed for it, as the driver typed it
    dlv_sig  varchar(40)
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

-- inv_type: I invoice, C credit note (its amounts are negative). inv_stat: O open, P paid, V void. Money that came in part
-- shows in paid_amt alone.
create table of_invhdr (
    inv_no   integer primary key,
    ord_no   integer not null,
    cust_no  char(12) not null,
    inv_stat char(1) not null,
    inv_dt   date not null,
    due_dt   date,
    inv_amt  numeric(14,2) not null,
    paid_amt numeric(14,2) not null default 0,
    last_upd timestamp not null,
    inv_type char(1) not null default 'I',
    -- of a credit note: the invoice that it corrects
    ref_inv  integer,
    cust_po  varchar(30),
    curr_cd  char(3) not null default 'USD',
    bill_no  smallint not null default 1,
    del_flag char(1) not null default 'N'
);
create index of_invhdr_ix1 on of_invhdr (cust_no, inv_dt);
create index of_invhdr_ix2 on of_invhdr (ord_no);
create index of_invhdr_ix3 on of_invhdr (last_upd, inv_no);
create index of_invhdr_ix4 on of_invhdr (inv_no) where inv_stat = 'O';

create table of_invlin (
    inv_no     integer not null,
    lin_no     smallint not null,
    ord_lin    smallint,
    item_no    char(20),
    descr      varchar(80),
    uom        char(4) not null default 'EA',
    qty        numeric(12,3) not null,
    unit_price numeric,
    ext_amt    numeric(14,2),
    primary key (inv_no, lin_no)
);

-- The document as it was sent: in here since 2014, before that on the file server and here only where. The night run
-- files it, so the newest have none.
create table of_invdoc (
    inv_no   integer primary key,
    doc_name varchar(60),
    doc      bytea,
    doc_path varchar(200),
    doc_dt   timestamp
);
alter table of_invdoc alter column doc set storage external;

-- The page that the night run files: one PDF of Helvetica, written by hand as in those days.
create function of_print(in_inv integer) returns bytea language plpgsql stable as $$
declare
    head record;
    line record;
    y int := 610;
    page text := '';
    parts text[];
    pdf text := E'%PDF-1.4\n';
    marks text := E'xref\n0 7\n0000000000 65535 f \n';
    start int;
begin
    select h.*, c.cust_name, a.addr_1, a.city into head from of_invhdr h left join of_cust c on c.cust_no = h.cust_no
        left join of_custaddr a on a.cust_no = h.cust_no and a.addr_no = h.bill_no where h.inv_no = in_inv;
    if not found then
        return null;
    end if;
    page := page || of_print_at(50, 740, 'F2', 16, case head.inv_type when 'C' then 'Credit note ' else 'Invoice ' end || head.inv_no);
    page := page || of_print_at(50, 722, 'F1', 10, 'TechFlow Industries, 1800 West Cermak Road, Chicago IL 60608');
    page := page || of_print_at(50, 690, 'F1', 10, coalesce(head.cust_name, head.cust_no));
    page := page || of_print_at(50, 676, 'F1', 10, concat_ws(', ', head.addr_1, head.city));
    page := page || of_print_at(360, 690, 'F1', 10, 'Date ' || to_char(head.inv_dt, 'YYYY-MM-DD'));
    page := page || of_print_at(360, 676, 'F1', 10, 'Due ' || coalesce(to_char(head.due_dt, 'YYYY-MM-DD'), 'on receipt'));
    page := page || of_print_at(360, 662, 'F1', 10, 'Account ' || trim(head.cust_no) || ', order SO-' || head.ord_no);
    for line in select * from of_invlin where inv_no = in_inv order by lin_no limit 40 loop
        page := page || of_print_at(50, y, 'F1', 9, trim(coalesce(line.item_no, '')));
        page := page || of_print_at(140, y, 'F1', 9, left(coalesce(line.descr, ''), 52));
        page := page || of_print_at(400, y, 'F1', 9, trim(to_char(line.qty, '999990.##'), '. ') || ' ' || trim(line.uom));
        page := page || of_print_at(480, y, 'F1', 9, trim(to_char(line.ext_amt, 'FM999,999,990.00')));
        y := y - 13;
    end loop;
    page := page || of_print_at(400, y - 14, 'F2', 11, 'Total ' || head.curr_cd || ' ' || to_char(head.inv_amt, 'FM999,999,990.00'));
    parts := array[
        '<< /Type /Catalog /Pages 2 0 R >>',
        '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
        '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 4 0 R /F2 5 0 R >> >> /Contents 6 0 R >>',
        '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
        '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>',
        '<< /Length ' || octet_length(page) || E' >>\nstream\n' || page || E'endstream'];
    for i in 1 .. array_length(parts, 1) loop
        marks := marks || lpad(octet_length(pdf)::text, 10, '0') || E' 00000 n \n';
        pdf := pdf || i || E' 0 obj\n' || parts[i] || E'\nendobj\n';
    end loop;
    start := octet_length(pdf);
    pdf := pdf || marks || E'trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n' || start || E'\n%%EOF\n';
    return convert_to(pdf, 'SQL_ASCII');
end $$;

create function of_print_at(x int, y int, font text, size int, what text) returns text language sql immutable as
$$ select 'BT /' || $3 || ' ' || $4 || ' Tf ' || $1 || ' ' || $2 || ' Td (' ||
          replace(replace(replace($5, E'\\', E'\\\\'), '(', E'\\('), ')', E'\\)') || E') Tj ET\n' $$;
revoke execute on function of_print(integer) from public;

create sequence of_ord_no_seq start 48001;
create sequence of_shp_no_seq start 700001;
create sequence of_inv_no_seq start 90001;

-- What the owner of an ERP grants to Portico, and nothing more: read what the mapping names, three connections at most
-- (two of ours and one for the dry run). What things cost the owner, who sells to whom, and internal notes are not among it.
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
grant select on of_custaddr, of_carrier, of_terms, of_ordhdr, of_ordlin, of_shphdr, of_shplin, of_ordevt, of_invhdr, of_invlin,
    of_invdoc to portal_reader;
grant select (cust_no, cust_name, credit_lim, credit_hold, terms_cd, ar_bal, curr_cd, del_flag) on of_cust to portal_reader;
grant select (item_no, descr, uom, list_price, replaced_by, del_flag, disc_flag, qty_oh, qty_alc, lead_dd) on of_item to portal_reader;
