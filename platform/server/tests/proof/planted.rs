//! Tenants and customers whose every text holds a word of their own, so that a word in the wrong place is a leak.

use platform_core::clock::SystemClock;
use platform_core::id::{ConnectorId, ContactId, CustomerId, OrderId, RequestId, StaffId, TenantId};
use platform_core::random::SystemRandom;
use themes::{Brand, samples};

use crate::books::{self, Books};
use crate::ground::Ground;
use crate::links;

/// A tenant; its slug is its word.
#[derive(Debug, Clone)]
pub(crate) struct Vendor {
    pub(crate) id: TenantId,
    pub(crate) word: &'static str,
    connector: ConnectorId,
}

/// A customer with one order and the contacts `admin@WORD.example`, `champion@`, `user@`, and `guest@`, who is a user too.
#[derive(Debug, Clone)]
pub(crate) struct Company {
    pub(crate) id: CustomerId,
    pub(crate) word: &'static str,
    pub(crate) order: OrderId,
    pub(crate) request: RequestId,
    pub(crate) books: Books,
}

impl Company {
    pub(crate) fn email(&self, name: &str) -> String {
        format!("{name}@{}.example", self.word)
    }
}

/// Columns of text that hold no text of anybody: words of closed lists, languages, zones.
const CLOSED: &[(&str, &str)] = &[
    ("audit_log", "actor_kind"),
    ("connectors", "kind"),
    ("connectors", "state"),
    ("contacts", "locale"),
    ("contacts", "role"),
    ("customers", "status"),
    ("customers", "time_zone"),
    ("domain_events", "what"),
    ("domains", "ended_why"),
    ("domains", "proof"),
    ("domains", "state"),
    ("order_events", "kind"),
    ("orders", "currency"),
    ("orders", "status"),
    // A secret that its own mail alone shows; the page behind it has it in its address.
    ("order_mail_choices", "token"),
    ("order_views", "filter"),
    ("shipment_events", "kind"),
    ("shipments", "status"),
    ("staff", "role"),
    ("portal_auth_tokens", "audience"),
    ("tenants", "locale"),
    ("tenants", "modules"),
    ("tenants", "plan"),
    ("tenants", "status"),
    ("tenants", "time_zone"),
    ("tracking_providers", "kind"),
];

pub(crate) async fn vendor(ground: &Ground, word: &'static str, modules: &str) -> Vendor {
    let (vendor, sql) = vendor_sql(word, modules);
    ground.sql(&sql).await;
    vendor
}

/// The same for a database that is no ground.
pub(crate) fn vendor_sql(word: &'static str, modules: &str) -> (Vendor, String) {
    let (id, connector) =
        (TenantId::new(&SystemClock, &SystemRandom), ConnectorId::new(&SystemClock, &SystemRandom));
    let staff = StaffId::new(&SystemClock, &SystemRandom);
    let brand = Brand {
        name: format!("{word} Ltd"),
        welcome: Some(format!("{word} welcomes you")),
        ..samples::harrow()
    };
    let brand = serde_json::to_string(&brand).expect("a brand");
    let sql = format!(
            "insert into tenants (id, slug, name, modules, brand) values ('{id}', '{word}', '{word} Ltd', '{{{modules}}}', $j${brand}$j$);
             insert into staff (tenant_id, id, email, name, role) values ('{id}', '{staff}', 'csm@{word}.example', '{word} csm', 'csm');
             insert into connectors (tenant_id, id, kind, name, mapping, connection_url, enabled, state, watermark, sweep, last_error,
                                     data_as_of, unmapped, unknown_accounts, warnings)
             values ('{id}', '{connector}', 'orders', '{word} erp', '{word} map', '\\x00', false, 'live', '{word}', '{{\"{word}\": 1}}', '{word}',
                     now(), '{{\"{word}\": 1}}', '{{\"{word}\": 1}}', '[\"{word}\"]');
             insert into domains (tenant_id, id, host, label, nonce, state, redirect_to, report, claimed_at)
             values ('{id}', '{staff}', 'old.{word}.example', '{word}label', '{word}nonce', 'released', '{word}.example', '[\"{word}\"]', now());
             insert into domain_events (tenant_id, domain_id, host, at, what, detail, told_at)
             values ('{id}', '{staff}', 'old.{word}.example', now(), 'released', '{{\"{word}\": 1}}', now());
             insert into jobs (tenant_id, id, kind, payload, dedupe_key, last_error, done_at)
             values ('{id}', '{staff}', '{word}', '{{\"{word}\": 1}}', '{word}', '{word}', now());
             insert into mail_outbox (tenant_id, id, to_address, to_name, from_name, reply_to, subject, message_id, last_error, erase_body_at, sent_at)
             values ('{id}', '{staff}', 'x@{word}.example', '{word}', '{word}', 'y@{word}.example', '{word}', '{word}', '{word}', now(), now());
             insert into doors (tenant_id, id, request_kind, form, settings, secret, last_error)
             values ('{id}', '{staff}', 'reorder', 'file', '{{\"form\": \"file\", \"folder\": \"/{word}\"}}', '\\x00', '{word}');
             insert into products (tenant_id, connector_id, sku, description, unit, replaced_by, row_hash, changed_at)
             values ('{id}', '{connector}', '{word}-part', '{word} part', '{word}', '{word}-new', '\\x00', now());
             update mail_outbox set unsubscribe = 'https://{word}.example/' where tenant_id = '{id}';
             insert into tracking_providers (tenant_id, id, kind, name, webhook_secret, api_url, last_error)
             values ('{id}', '{staff}', 'aftership', '{word}-track', '\\x00', 'https://{word}.example', '{word}');
             insert into tracking_inbox (tenant_id, provider_id, event_key, received_at) values ('{id}', '{staff}', '{word}', now());
             insert into audit_log (tenant_id, id, actor_kind, action, object_kind, object_id, detail)
             values ('{id}', '{staff}', 'system', '{word}', '{word}', '{word}', '{{\"{word}\": 1}}')"
        );
    let more = [("boss", "cs_admin"), ("agent", "agent"), ("gone", "agent")].map(|(name, role)| {
        let staff = StaffId::new(&SystemClock, &SystemRandom);
        format!(
            ";insert into staff (tenant_id, id, email, name, role) values ('{id}', '{staff}', '{name}@{word}.example', '{word} {name}', '{role}')"
        )
    });
    let sql = sql
        + &books::of_tenant(id, connector, word)
        + &links::of_tenant(id, connector, word)
        + &more.concat();
    (Vendor { id, word, connector }, sql)
}

pub(crate) async fn company(ground: &Ground, vendor: &Vendor, word: &'static str) -> Company {
    let (company, sql) = company_sql(vendor, word);
    ground.sql(&sql).await;
    company
}

/// The same for a database that is no ground.
pub(crate) fn company_sql(vendor: &Vendor, word: &'static str) -> (Company, String) {
    let id = CustomerId::new(&SystemClock, &SystemRandom);
    let order = OrderId::new(&SystemClock, &SystemRandom);
    let request = RequestId::new(&SystemClock, &SystemRandom);
    let (tenant, connector) = (vendor.id, vendor.connector);
    let mut sql = format!(
        "insert into customers (tenant_id, id, name, external_key) values ('{tenant}', '{id}', '{word} Inc', '{word}-1');
         insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, purchase_order, status, status_code, hold_reason,
             ordered_at, promised_on, expected_on, total, currency, ship_to, contact, carrier, note, reason, summary, line_count, sort_at,
             source_open, row_hash, first_seen_at, changed_at)
         values ('{tenant}', '{order}', '{id}', '{connector}', '{word}-k', 'SO-{word}', 'PO-{word}', 'on_hold', '{word}', '{word} hold',
             now(), current_date - 3, current_date + 2, 12.5, 'USD', '{word} dock', '{word} buyer', '{word} freight', '{word} note', '{word} reason',
             '{word} pumps', 1, now(), true, '\\x00', now(), now());
         insert into order_lines (tenant_id, order_id, external_id, customer_id, position, sku, description, unit, quantity)
             values ('{tenant}', '{order}', '{word}-l', '{id}', 1, '{word}-sku', '{word} pump', '{word}', 2);
         insert into shipments (tenant_id, order_id, external_id, customer_id, number, status, carrier, tracking_number, tracking_url, shipped_at, signed_by)
             values ('{tenant}', '{order}', '{word}-s', '{id}', '{word}-9', 'in_transit', '{word} freight', '{word}1Z', 'https://t.example/{word}', now(), '{word} dock hand');
         insert into shipment_lines (tenant_id, order_id, shipment_id, external_id, customer_id, line_id, quantity)
             values ('{tenant}', '{order}', '{word}-s', '{word}-sl', '{id}', '{word}-l', 1);
         insert into order_events (tenant_id, id, order_id, customer_id, kind, old, new, reason, seen_at, external_id)
             values ('{tenant}', '{order}', '{order}', '{id}', 'hold', '{word}', '{word}', '{word}', now(), '{word}');
         insert into shipment_events (tenant_id, id, order_id, customer_id, shipment_id, provider_id, event_key, kind, message, place, at,
                 signed_by, seen_at)
             select '{tenant}', '{order}', '{order}', '{id}', '{word}-s', p.id, '{word}', 'in_transit', '{word} scan', '{word} hub', now(),
                 '{word} hand', now() from tracking_providers p where p.tenant_id = '{tenant}';
         insert into order_notices (tenant_id, id, order_id, customer_id, was, expected_on, reason, told, told_at)
             values ('{tenant}', '{order}', '{order}', '{id}', current_date - 3, current_date + 2, '{word}', 0, now());
         insert into order_search_keys (tenant_id, customer_id, key, order_id) values ('{tenant}', '{id}', '{upper}', '{order}');",
        upper = word.to_uppercase()
    );
    for name in ["admin", "champion", "user", "guest"] {
        let role = if name == "guest" { "user" } else { name };
        let contact = ContactId::new(&SystemClock, &SystemRandom);
        sql += &format!(
            "insert into contacts (tenant_id, id, customer_id, email, name, role)
             values ('{tenant}', '{contact}', '{id}', '{name}@{word}.example', '{word} {name}', '{role}');
             insert into order_watches (tenant_id, order_id, contact_id, customer_id, since)
             values ('{tenant}', '{order}', '{contact}', '{id}', now());
             insert into order_mail_choices (tenant_id, contact_id, customer_id, token, changed_at)
             values ('{tenant}', '{contact}', '{id}', md5('{word} {name}'), now());
             insert into order_views (tenant_id, id, contact_id, customer_id, name, filter, query, created_at)
             values ('{tenant}', '{contact}', '{contact}', '{id}', '{word} {name}', 'late', '{word}', now());"
        );
    }
    sql += &format!(
        "insert into requests (tenant_id, id, customer_id, contact_id, kind, state, payload, summary, idempotency_key, request_hash,
                               erp_number, reason, last_error, created_at, changed_at)
         select tenant_id, '{request}', customer_id, id, 'reorder', 'awaiting_approval', '{{\"note\": \"{word} note\"}}', '{word} pumps',
                '{word}-form', '\\x00', '{word}-erp', '{word} reason', '{word} fault', now(), now()
           from contacts where email = 'champion@{word}.example';
         insert into request_events (tenant_id, id, request_id, customer_id, at, actor_kind, state, erp_number, reason)
         values ('{tenant}', '{request}', '{request}', '{id}', now(), 'system', 'awaiting_approval', '{word}-erp', '{word} reason');"
    );
    let (books, more) = books::of_customer(tenant, id, connector, word);
    (Company { id, word, order, request, books }, sql + &more)
}

/// Columns that hold text of people and hold neither of these words: nothing planted there could be missed.
pub(crate) async fn unplanted(ground: &Ground, words: [&str; 2]) -> Vec<String> {
    let columns = "select string_agg(c.table_name || ' ' || c.column_name, ',' order by 1) from information_schema.columns c
                     join information_schema.tables t using (table_schema, table_name)
                    where c.table_schema = 'public' and t.table_type = 'BASE TABLE'
                      and (c.data_type in ('text', 'jsonb', 'json') or c.udt_name = '_text')
                      and (c.table_name = 'tenants' or exists (select from information_schema.columns k
                           where k.table_schema = 'public' and k.table_name = c.table_name and k.column_name = 'tenant_id'))";
    let columns = ground.value(columns).await.expect("there are columns");
    let mut missing = Vec::new();
    for pair in columns.split(',') {
        let (table, column) = pair.split_once(' ').expect("table and column");
        if CLOSED.contains(&(table, column))
            || books::CLOSED.contains(&(table, column))
            || links::CLOSED.contains(&(table, column))
        {
            continue;
        }
        let [one, other] = words;
        let planted = format!(
            "select count(*)::text from {table} where {column}::text ilike any (array['%{one}%', '%{other}%'])"
        );
        if ground.value(&planted).await.as_deref() == Some("0") {
            missing.push(pair.replace(' ', "."));
        }
    }
    missing
}
