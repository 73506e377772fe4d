-- Fills an empty OrderFlow database; everything is dated relative to now, so that a demo looks right on any day.
--
--   psql -d orderflow -f generate.sql                        about 40 customers and 600 orders, with scripted ones
--   psql -d orderflow -v orders=5000000 -f generate.sql      for load: set-based, some minutes
--   -v customers=2000 -v orders=1000000                      how many accounts share them (default 40)
--
-- The same n gives the same order: "random" choices come from a hash of the order's position.

\set ON_ERROR_STOP on
\if :{?orders}
\else
    \set orders 600
\endif
\if :{?customers}
\else
    \set customers 40
\endif
set client_encoding = 'SQL_ASCII';
set client_min_messages = warning;
set timezone = 'America/Chicago';
set synchronous_commit = off;
set work_mem = '256MB';

begin;

-- A number in [0, 1) that depends on n and on what it is for.
create function pg_temp.dice(n bigint, salt int) returns double precision language sql immutable as
$$ select (hashint8($1 * 1009 + $2)::bigint & 2147483647) / 2147483648.0 $$;

create temp table g_scale as
select :orders::bigint as orders, :customers::bigint as customers,
       -- the demo crowds its orders toward today; a load database has an even history of six years
       (:orders <= 20000) as demo,
       case when :orders <= 20000 then 540.0 else 2190.0 end as span_days,
       case when :orders <= 20000 then 1.0 else 0.3 end as lead_scale;

insert into of_carrier values
    ('UPSN', 'UPS',               'https://www.ups.com/track?tracknum={no}'),
    ('FDXG', 'FedEx',             'https://www.fedex.com/fedextrack/?trknbr={no}'),
    ('OLDM', 'Old Dominion',      'https://www.odfl.com/us/en/tools/trace-track-ltl-freight.html?proNumber={no}'),
    ('DHLE', 'DHL Express',       'https://www.dhl.com/en/express/tracking.html?AWB={no}'),
    ('TFLT', 'TechFlow truck',    null),
    ('WCAL', 'Customer collects', null);

create temp table g_cust (k serial, cust_no text, cust_name text, city text, state text, zip text, country text);
insert into g_cust (cust_no, cust_name, city, state, zip, country) values
    ('BRW-1042', 'Brightwater Utilities', 'Duluth', 'MN', '55802', 'USA'),
    ('HAL-2210', 'Halvorsen Marine', 'Tacoma', 'WA', '98421', 'USA'),
    ('CED-1177', 'Cedar Ridge Brewing', 'Asheville', 'NC', '28801', 'USA'),
    ('NPC-3051', 'Northgate Pulp & Paper', 'Green Bay', 'WI', '54303', 'USA'),
    ('SOL-2874', 'Solano Food Processing', 'Fairfield', 'CA', '94534', 'USA'),
    ('APX-1408', 'Apex Refining', 'Beaumont', 'TX', '77701', 'USA'),
    ('KON-3307', E'K\xf6nig Apparatebau', 'Augsburg', null, '86159', 'DEU'),
    ('MRD-2046', 'Meridian Water District', 'Boise', 'ID', '83702', 'USA'),
    ('TSK-1933', 'Tsukuba Semicon', 'Tsukuba', null, '305-0032', 'JPN'),
    ('ORB-2519', 'Orbital Desalination', 'Corpus Christi', 'TX', '78401', 'USA'),
    ('GRN-1660', 'Greenfield Dairy Co-op', 'Tulare', 'CA', '93274', 'USA'),
    ('PLM-2782', 'Palmetto Chemicals', 'Charleston', 'SC', '29403', 'USA'),
    ('IRN-1215', 'Ironwood Mining', 'Elko', 'NV', '89801', 'USA'),
    ('LKS-3120', 'Lakeshore Hospital Group', 'Evanston', 'IL', '60201', 'USA'),
    ('VAN-2301', 'Vanterra Biofuels', 'Ames', 'IA', '50010', 'USA'),
    ('QTZ-1874', 'Quartz Hill Aggregates', 'Lancaster', 'CA', '93536', 'USA'),
    ('HRB-2933', 'Harbor Island Shipyard', 'Mobile', 'AL', '36602', 'USA'),
    ('DLT-1529', 'Delta Irrigation Supply', 'Greenville', 'MS', '38701', 'USA'),
    ('SNB-2168', 'Snowbank Refrigeration', 'Fargo', 'ND', '58102', 'USA'),
    ('CPR-3404', 'Copperline Metals', 'Tucson', 'AZ', '85701', 'USA');
insert into g_cust (cust_no, cust_name, city, state, zip, country)
select 'ACC-' || (4000 + i), initcap(w[1 + (i * 7) % 12]) || ' ' || (array['Industries','Process','Works','Supply','Energy'])[1 + i % 5]
       || case when i > 60 then ' ' || i else '' end, 'Springfield', 'IL', '62701', 'USA'
from g_scale, (select array['allegheny','bluestem','cascade','dunmore','eastport','fairmont','granite','hollis','juniper','kestrel',
    'larkin','monarch'] as w) words, generate_series(1, greatest(0, customers - 20)::int) i;

insert into of_cust (cust_no, cust_name, credit_lim, credit_hold, terms_cd, sls_rep, last_upd)
select cust_no, cust_name, 25000 * (1 + k % 12), case when cust_no = 'CED-1177' then 'Y' else 'N' end,
       (array['N30','N45','N60','COD'])[1 + k % 4], 'R' || (10 + k % 7), localtimestamp - interval '200 days'
from g_cust;
insert into of_custaddr (cust_no, addr_no, addr_type, addr_1, addr_2, city, state, zip, country)
select cust_no, a, case when a = 1 then 'B' else 'S' end,
       case when a = 1 then (100 + k * 3 % 900) || ' Commerce Street' else 'Receiving, dock ' || a end,
       case when a > 1 then (400 + k * 7 % 500) || ' Plant Road' end, city, state, zip, country
from g_cust, generate_series(1, 3) a where a < 3 or k % 3 = 1;

create temp table g_family (f int, code text, line text, what text, uom text, base numeric, sizes text[]);
insert into g_family values
    (0,  'PMP-CX', 'PMP', 'CX centrifugal pump, cast iron, %s', 'EA', 1840, array['40-160','50-200','65-250','80-315','100-400']),
    (1,  'PMP-MD', 'PMP', 'MagDrive process pump, 316 SS, %s', 'EA', 3260, array['1 in','1-1/2 in','2 in','3 in']),
    (2,  'PMP-DP', 'PMP', 'Air-operated diaphragm pump, PTFE, %s', 'EA', 960, array['1/2 in','1 in','1-1/2 in','2 in']),
    (3,  'VLV-BF', 'VLV', 'Butterfly valve, lug, EPDM seat, %s', 'EA', 214, array['DN50','DN80','DN100','DN150','DN200','DN300']),
    (4,  'VLV-BL', 'VLV', 'Ball valve, 3-piece, full port, %s', 'EA', 96, array['1/2 in','3/4 in','1 in','1-1/2 in','2 in','3 in']),
    (5,  'VLV-GT', 'VLV', 'Gate valve, resilient wedge, %s', 'EA', 388, array['DN80','DN100','DN150','DN200','DN250']),
    (6,  'VLV-CK', 'VLV', 'Check valve, dual plate, wafer, %s', 'EA', 172, array['DN50','DN80','DN100','DN150']),
    (7,  'ACT-EL', 'ACT', 'Electric actuator, quarter turn, %s', 'EA', 742, array['60 Nm','150 Nm','400 Nm','1000 Nm']),
    (8,  'ACT-PN', 'ACT', 'Pneumatic actuator, double acting, %s', 'EA', 268, array['F05','F07','F10','F12']),
    (9,  'FLM-MG', 'INS', 'Magnetic flowmeter, hard rubber, %s', 'EA', 1490, array['DN25','DN50','DN80','DN150']),
    (10, 'PRS-TX', 'INS', 'Pressure transmitter, 4-20 mA, %s', 'EA', 412, array['0-6 bar','0-16 bar','0-40 bar']),
    (11, 'LVL-RD', 'INS', 'Radar level sensor, 80 GHz, %s', 'EA', 985, array['10 m','20 m']),
    (12, 'SEA-MC', 'SPR', 'Mechanical seal, SiC/SiC/Viton, %s', 'EA', 158, array['24 mm','33 mm','43 mm','55 mm']),
    (13, 'GSK-SW', 'SPR', 'Spiral wound gasket, 316/graphite, %s', 'PK', 18.4, array['2 in','3 in','4 in','6 in','8 in']),
    (14, 'BRG-KT', 'SPR', 'Bearing kit, CX pump, frame %s', 'KT', 131.5, array['A','B','C']),
    (15, 'IMP-SS', 'SPR', 'Impeller, duplex, for CX %s', 'EA', 476, array['50-200','65-250','80-315']),
    (16, 'HSE-CH', 'HSE', 'Chemical hose, UHMWPE, %s', 'M', 42.8, array['1 in','1-1/2 in','2 in']),
    (17, 'SKD-DS', 'SYS', 'Dosing skid, duplex, %s', 'EA', 18450, array['60 l/h','200 l/h']),
    (18, 'CTL-VF', 'SYS', 'Variable speed drive, IP55, %s', 'EA', 1120, array['2.2 kW','5.5 kW','11 kW','22 kW']);
create temp table g_item as
select row_number() over (order by f, s) - 1 as k, code || '-' || to_char(s * 10, 'FM000') as item_no, replace(what, '%s', sizes[s]) as descr,
       uom, line, round(base * (0.7 + 0.42 * s), 2) as price
from g_family, generate_series(1, 6) s where s <= array_length(sizes, 1);
insert into of_item (item_no, descr, uom, list_price, prod_line) select item_no, descr, uom, price, line from g_item;
update of_item set replaced_by = 'PMP-DP-030', del_flag = 'Y' where item_no = 'PMP-DP-020';

\ir items.sql

-- The plan: one row an order, in the order of time. Every thirteenth of the demo is Brightwater's.
create temp table g_plan as
select n, 47000 + n as ord_no, c.cust_no, age, lead, lead * (0.9 + 0.35 * pg_temp.dice(n, 3)) as took,
       (1 + floor(power(pg_temp.dice(n, 4), 2) * 7))::int as nlines, pg_temp.dice(n, 5) as luck, 0 as script
from (
    select n, demo, customers, pg_temp.dice(n, 1) as pick, (5 + 40 * pg_temp.dice(n, 2)) * lead_scale as lead,
           span_days * case when demo then power((orders - n) / orders::double precision, 2)
                            else (orders - n) / orders::double precision end as age
    from g_scale, generate_series(1, orders) n
) d join g_cust c on c.k = case when demo and n % 13 = 0 then 1 else 2 + floor(power(pick, 1.4) * (customers - 1))::int end;

-- Scripted orders: the newest of Brightwater's, one of each situation that a page must tell.
update g_plan p set script = s.r
from (select n, row_number() over (order by n desc) as r from g_plan, g_scale where demo and cust_no = 'BRW-1042') s
where s.n = p.n and s.r <= 16;
create temp table g_script (script int, stat text, hold text, age float8, prom float8, cur float8, nlines int, reason text);
insert into g_script values
    (1,  'N', '', 0.06, 21, 21, 3,  null),
    (2,  'A', '', 1.2,  18, 18, 2,  null),
    (3,  'P', '', 9,    24, 24, 40, null),
    (4,  'P', '', 38,   -6, 4,  3,  'Casting rejected at inspection, recast under way'),
    (5,  'P', '', 44,   -2, 11, 2,  'Supplier short on actuators'),
    (6,  'T', '', 24,   2,  2,  4,  null),
    (7,  'T', '', 19,   1,  1,  1,  null),
    (8,  'I', '', 27,   3,  9,  5,  'Impellers follow in a second parcel'),
    (9,  'B', '', 21,   5,  26, 2,  'Waiting for duplex bar stock'),
    (10, 'H', 'CR', 5,  16, 16, 2,  'Credit limit reached, with accounting'),
    (11, 'X', '', 14,   10, 10, 1,  'Cancelled by customer, ordered twice'),
    (12, 'H', 'EN', 12, 20, 20, 3,  'Drawing approval outstanding'),
    (13, 'P', '', 33,   6,  13, 3,  'Test stand occupied'),
    (14, 'D', '', 30,   -1, -1, 3,  null),
    (15, 'T', '', 29,   -1, 1,  6,  'Snow on I-35, carrier delay'),
    (16, 'P', '', 26,   4,  4,  2,  null);

create temp table g_ord as
select p.n, p.ord_no, p.cust_no, p.script, coalesce(s.nlines, p.nlines) as nlines, p.luck, coalesce(s.age, p.age) as age,
       coalesce(s.age + s.prom, p.lead) as lead, coalesce(s.hold, '') as hold, s.reason as reason,
       case when s.script is not null then s.stat
            when luck < 0.03 then 'X'
            when p.age > p.took + 30 then 'C'
            when p.age > p.took + 3 * lead_scale then 'D'
            when p.age > p.took then 'T'
            when luck < 0.06 then 'H'
            when p.age > p.lead * 0.6 and luck < 0.11 then 'B'
            when p.age > p.lead * 0.7 and luck < 0.25 then 'I'
            when p.age > p.lead * 0.25 then 'P'
            when p.age > p.lead * 0.06 then 'A' else 'N' end as stat,
       -- when it leaves or left the plant
       case when s.script is not null then s.age + s.cur - 3 else p.took - 3 * lead_scale end as left_after,
       case when s.script is not null then s.age + s.cur
            when p.age > p.lead and p.took > p.age then ceil(p.age + 3 + 6 * p.luck)
            when luck > 0.86 then p.lead + 4 + 10 * (luck - 0.86) * 7 else p.lead end as now_lead
from g_plan p left join g_script s on s.script = p.script cross join g_scale;
-- T is not a code of OrderFlow: it means shipped and on its way, while S there says only that it left
alter table g_ord add started timestamp;
update g_ord set started = case when age < 1 then date_trunc('minute', localtimestamp - age * interval '1 day')
    else date_trunc('day', localtimestamp - age * interval '1 day') + (450 + n * 7 % 570) * interval '1 minute' end;
analyze g_ord;

insert into of_ordlin (ord_no, lin_no, item_no, descr, uom, qty_ord, qty_shp, qty_bo, qty_can, unit_price, prom_dt)
select ord_no, lin_no, item_no, descr, uom, qty,
       case when stat in ('T', 'D', 'C') then qty
            when stat = 'I' and lin_no < nlines then qty
            when stat = 'I' and nlines = 1 then floor(qty / 2) else 0 end,
       case when stat = 'B' and lin_no = nlines then qty
            when stat = 'I' and lin_no = nlines then qty - case when nlines = 1 then floor(qty / 2) else 0 end else 0 end,
       case when stat = 'X' then qty else 0 end,
       -- one line in ten has a price of its own; list prices rose by four per cent 200 days ago
       round(price * (case when pg_temp.dice(o.n * 50 + lin_no, 7) < 0.1 then 0.93 when age > 200 then 0.96 else 1 end)::numeric, 2),
       (started + now_lead * interval '1 day')::date
from (
    select o.*, l as lin_no, floor(pg_temp.dice(o.n * 50 + l, 8) * (select count(*) from g_item))::int as pick,
           (1 + floor(power(pg_temp.dice(o.n * 50 + l, 9), 3) * 24))::numeric as qty
    from g_ord o, generate_series(1, o.nlines) l
) o join g_item i on i.k = o.pick;

-- What was ordered before it was replaced, before it was discontinued, and before its price rose: in the scripted order that
-- has arrived, and in an old one.
create temp table g_past as
select ord_no, row_number() over (order by script desc, n desc) as r from g_ord, g_scale
where demo and cust_no = 'BRW-1042' and nlines >= 3 and (script = 14 or (script = 0 and stat = 'C'));
update of_ordlin l set item_no = p.item_no, descr = i.descr, uom = i.uom, unit_price = round(i.list_price * p.part, 2)
from g_past g, of_item i, (values (1, 'PMP-DP-020', 1.0), (2, 'PRS-TX-030', 1.0), (3, 'CTL-VF-020', 0.91)) p (lin_no, item_no, part)
where g.r <= 2 and l.ord_no = g.ord_no and l.lin_no = p.lin_no and i.item_no = p.item_no;

insert into of_ordhdr (ord_no, cust_no, cust_po, ord_stat, hold_cd, ord_dt, req_dt, prom_dt, curr_dt, ship_via, addr_no, ord_amt,
                       contact_nm, ord_note, chg_reason, last_upd)
select o.ord_no, o.cust_no,
       case (o.n % 4) when 0 then '4500' || to_char(o.n * 37 % 1000000, 'FM000000') when 1 then 'PO-' || (20000 + o.n)
            when 2 then left(o.cust_no, 3) || '/' || (o.n % 9000) || '-' || to_char(started, 'YY') else null end,
       case stat when 'T' then 'S' else stat end,
       case when stat = 'H' and hold = '' then (array['CR','EN','CU'])[1 + (o.n % 3)::int] else hold end,
       started, (started + (lead - 2) * interval '1 day')::date,
       case when stat = 'N' and script = 0 then 'infinity'::timestamp else date_trunc('day', started + lead * interval '1 day') end,
       case when stat = 'N' and script = 0 then 'infinity'::timestamp else date_trunc('day', started + now_lead * interval '1 day') end,
       (array['UPSN','FDXG','OLDM','DHLE','TFLT','UPSN'])[1 + (o.n % 6)::int], 2, a.amt,
       (array['Maya Okafor','Dana Reyes','Purchasing','L. Whitcomb',null])[1 + (o.n % 5)::int],
       case when o.n % 17 = 0 then 'Call before delivery, gate 4' when o.n % 23 = 0 then 'Ship complete' end,
       case when reason is not null then reason
            when now_lead > lead + 1 then (array['Supplier delay','Test stand occupied','Carrier delay','Rework after inspection'])[1 + (o.n % 4)::int] end,
       least(started + greatest(now_lead, 0.01) * interval '1 day', localtimestamp - interval '3 minutes' - (o.n % 50) * interval '7 minutes')
from g_ord o join (select ord_no, sum(qty_ord * unit_price) as amt from of_ordlin group by ord_no) a using (ord_no);

-- Parcels: two where there are four lines or more, three for the order that shows it.
create temp table g_ship as
select o.ord_no, o.n, s, 700000 + row_number() over (order by o.n, s) as shp_no, parcels, o.script, o.stat,
       started + greatest(0.02, left_after) * interval '1 day' + s * interval '3 hours' as shp_dt, started, now_lead, left_after, age
from (select g.*, case when script = 15 then 3 when nlines >= 4 then 2 else 1 end as parcels from g_ord g
      where stat in ('T', 'D', 'C', 'I')) o, generate_series(1, parcels) s;
insert into of_shphdr (shp_no, ord_no, carr_cd, track_no, shp_stat, shp_dt, est_dt, dlv_dt, wght, last_upd)
select shp_no, ord_no, carr, case carr
           when 'UPSN' then '1Z999AA1' || to_char(shp_no * 7919 % 10000000000, 'FM0000000000')
           when 'FDXG' then to_char(770000000000 + shp_no * 104729 % 1000000000, 'FM000000000000')
           when 'OLDM' then to_char(shp_no * 15485863 % 100000000000, 'FM00000000000')
           when 'DHLE' then to_char(shp_no * 32452843 % 10000000000, 'FM0000000000') end,
       case when stat in ('D', 'C') then 'D' when stat = 'I' and s = 1 and n % 2 = 0 then 'D' else 'T' end,
       least(shp_dt, localtimestamp - interval '2 hours'), (started + now_lead * interval '1 day')::date,
       case when stat in ('D', 'C') or (stat = 'I' and s = 1 and n % 2 = 0)
            then least(started + now_lead * interval '1 day', localtimestamp - interval '4 hours') end,
       12.5 + n % 300, least(shp_dt, localtimestamp - interval '2 hours')
from (select g_ship.*, (array['UPSN','FDXG','OLDM','DHLE','TFLT','UPSN'])[1 + ((n + s - 1) % 6)::int] as carr from g_ship) g;
insert into of_shplin
select shp_no, row_number() over (partition by shp_no order by l.lin_no), l.ord_no, l.lin_no, l.qty_shp
from g_ship s join of_ordlin l on l.ord_no = s.ord_no and l.qty_shp > 0 and (l.lin_no - 1) % s.parcels = s.s - 1;
delete from of_shphdr h where not exists (select 1 from of_shplin l where l.shp_no = h.shp_no);
update of_shphdr set dlv_sig = (array['M. OKAFOR','Receiving','D. Reyes','R. HALE','at gate',null])[1 + shp_no % 6] where dlv_dt is not null;

-- History: all of it in the demo, the last quarter for load (the old program purges its log).
insert into of_ordevt (ord_no, evt_dt, evt_cd, old_val, new_val, reason, user_id)
select ord_no, at, cd, o, w, why, usr from (
    select n, ord_no, started as at, 'NW' as cd, null::text as o, 'N' as w, null::text as why, 'WEB' as usr from g_ord
    union all select n, ord_no, started + least(lead * 0.06, age * 0.3) * interval '1 day', 'ST', 'N', 'A', null, 'JHOLT' from g_ord where stat <> 'N'
    union all select n, ord_no, started + least(lead * 0.25, age * 0.5) * interval '1 day', 'ST', 'A', 'P', null, 'MRP' from g_ord
        where stat in ('P', 'I', 'B', 'T', 'D', 'C')
    union all select n, ord_no, started + least(lead * 0.7, age * 0.8) * interval '1 day', 'CD',
        to_char(started + lead * interval '1 day', 'YYYY-MM-DD'), to_char(started + now_lead * interval '1 day', 'YYYY-MM-DD'),
        coalesce(reason, (array['Supplier delay','Test stand occupied','Carrier delay','Rework after inspection'])[1 + (n % 4)::int]), 'JHOLT'
        from g_ord where now_lead > lead + 1 and stat not in ('N', 'X', 'H')
    union all select n, ord_no, started + age * 0.6 * interval '1 day', 'HD', null, case hold when '' then (array['CR','EN','CU'])[1 + (n % 3)::int] else hold end,
        reason, 'CREDIT' from g_ord where stat = 'H'
    union all select n, ord_no, started + age * 0.7 * interval '1 day', 'CX', null, 'X', coalesce(reason, 'Cancelled by customer'), 'JHOLT' from g_ord where stat = 'X'
    union all select n, ord_no, started + age * 0.75 * interval '1 day', 'ST', 'P', 'B', reason, 'MRP' from g_ord where stat = 'B'
    union all select g.n, g.ord_no, h.shp_dt, 'SH', null, h.shp_no::text, null, 'DOCK2' from g_ship g join of_shphdr h on h.shp_no = g.shp_no
    union all select g.n, g.ord_no, h.dlv_dt, 'DL', null, h.shp_no::text, null, 'EDI' from g_ship g join of_shphdr h on h.shp_no = g.shp_no
        where h.dlv_dt is not null
) e, g_scale where demo or at > localtimestamp - interval '90 days'
order by at;

insert into of_ordnote select ord_no, 1, 'Y', 'Margin below target, approved by sales' from g_ord, g_scale where demo and n % 11 = 0;
\ir books.sql
\ir weird.sql

select setval('of_ord_no_seq', (select max(ord_no) from of_ordhdr where ord_no < 90000000)),
       setval('of_shp_no_seq', (select max(shp_no) from of_shphdr)),
       setval('of_inv_no_seq', (select max(inv_no) from of_invhdr));
commit;
analyze;
