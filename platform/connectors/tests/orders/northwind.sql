-- The tables of Northwind's PostgreSQL port that the example mapping reads, with a few rows of our own.
create table customers (customer_id varchar(5) primary key, company_name varchar(40) not null, contact_name varchar(30), city varchar(15));
create table employees (employee_id smallint primary key, last_name varchar(20) not null, first_name varchar(10) not null);
create table shippers (shipper_id smallint primary key, company_name varchar(40) not null, phone varchar(24));
create table products (product_id smallint primary key, product_name varchar(40) not null, quantity_per_unit varchar(20), unit_price real,
    discontinued integer not null);
create table orders (order_id smallint primary key, customer_id varchar(5) references customers, employee_id smallint references employees,
    order_date date, required_date date, shipped_date date, ship_via smallint references shippers (shipper_id), freight real,
    ship_name varchar(40), ship_address varchar(60), ship_city varchar(15), ship_region varchar(15), ship_postal_code varchar(10),
    ship_country varchar(15));
create table order_details (order_id smallint not null references orders, product_id smallint not null references products,
    unit_price real not null, quantity smallint not null, discount real not null, primary key (order_id, product_id));
insert into customers values ('BRW-1', 'Brightwater Utilities', 'Maya Okafor', 'Duluth'), ('OTHER', 'Somebody Else', null, null);
insert into employees values (1, 'Reyes', 'Dana');
insert into shippers values (1, 'Speedy Freight', '555-0100'), (2, 'United Parcel', null);
insert into products values (11, 'Gasket, spiral wound', '10 a box', 14, 0), (42, 'Ball valve, brass', '1 piece', 9.8, 0),
    (72, 'Hose, UHMWPE', '5 m', 34.8, 1);
insert into orders values
    (10248, 'BRW-1', 1, '1996-07-04', '1996-08-01', '1996-07-16', 2, 32.38, 'Brightwater, dock 2', '4 Plant Road', 'Duluth', 'MN', '55802', 'USA'),
    (11077, 'BRW-1', 1, '1998-05-06', '1998-06-03', null, 1, 8.53, 'Brightwater', '1 Commerce St', 'Duluth', null, null, 'USA'),
    (11078, 'OTHER', 1, '1998-05-07', null, null, null, null, null, null, null, null, null, null);
insert into order_details values (10248, 11, 14, 12, 0), (10248, 42, 9.8, 10, 0), (10248, 72, 34.8, 5, 0.15), (11077, 42, 9.8, 3, 0.05);
grant usage on schema public to portal_reader;
grant select on all tables in schema public to portal_reader;
