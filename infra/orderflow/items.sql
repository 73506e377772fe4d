-- Addresses, terms and what is on hand, beside what generate.sql made. Included by it; needs its dice and g_cust.

insert into of_terms values
    ('N30', 'Net 30 days', 30), ('N45', 'Net 45 days', 45), ('N60', 'Net 60 days', 60), ('COD', 'Cash on delivery', 0);

update of_item i set std_cost = round(list_price * 0.58, 4), lead_dd = 3 + abs(hashtext(trim(item_no))) % 40,
    qty_oh = case when prod_line = 'SYS' then 0 else abs(hashtext(trim(item_no) || 'oh')) % 160 end,
    qty_alc = abs(hashtext(trim(item_no) || 'al')) % 12;
-- gone with a successor (the old flag), gone without one (the new flag)
update of_item set replaced_by = 'PMP-DP-030', del_flag = 'Y', qty_oh = 0 where item_no = 'PMP-DP-020';
update of_item set disc_flag = 'Y', qty_oh = 2, qty_alc = 2 where item_no = 'PRS-TX-030';
update of_item set disc_flag = 'Y', replaced_by = 'VLV-GT-020', qty_oh = 0 where item_no = 'VLV-GT-010';

update of_custaddr set dflt_flag = 'Y', addr_name = 'Main plant' where addr_no = 2;
update of_custaddr set addr_name = 'Accounts payable' where addr_type = 'B';
update of_custaddr set addr_name = 'Dock ' || addr_no where addr_no > 2;
delete from of_custaddr where cust_no = 'BRW-1042';
insert into of_custaddr (cust_no, addr_no, addr_type, addr_name, addr_1, addr_2, city, state, zip, country, dflt_flag, del_flag) values
    ('BRW-1042', 1, 'B', 'Accounts payable', '103 Commerce Street', 'Suite 400', 'Duluth', 'MN', '55802', 'USA', 'Y', 'N'),
    ('BRW-1042', 2, 'S', 'Lakeside pumping station', 'Receiving, dock 2', '407 Plant Road', 'Duluth', 'MN', '55802', 'USA', 'Y', 'N'),
    ('BRW-1042', 3, 'S', 'Cloquet treatment works', 'Gate 4', '1180 Stanley Avenue', 'Cloquet', 'MN', '55720', 'USA', 'N', 'N'),
    ('BRW-1042', 4, 'S', 'Thunder Bay depot', '2150 Arthur Street West', null, 'Thunder Bay', 'ON', 'P7E 5N7', 'CAN', 'N', 'N'),
    ('BRW-1042', 5, 'S', 'Superior yard (closed)', '16 Winter Street', null, 'Superior', 'WI', '54880', 'USA', 'N', 'Y');
