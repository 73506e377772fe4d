//! Planted books: a customer's invoices, credit, addresses and requests, each text with their word in it.

use platform_core::clock::SystemClock;
use platform_core::id::{OrderId, TenantId};
use platform_core::random::SystemRandom;
use uuid::Uuid;

/// What isolation aims at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Books {
    pub(crate) invoice: Uuid,
    pub(crate) address: Uuid,
}

/// Closed words and codes of these tables: no text of anybody.
pub(crate) const CLOSED: &[(&str, &str)] = &[
    ("account_standing", "currency"),
    ("addresses", "country"),
    ("addresses", "kind"),
    ("doors", "form"),
    ("doors", "request_kind"),
    ("invoice_documents", "media_type"),
    ("invoices", "currency"),
    ("invoices", "kind"),
    ("invoices", "status"),
    ("products", "currency"),
    ("products", "state"),
    ("request_events", "actor_kind"),
    ("request_events", "state"),
    ("requests", "kind"),
    ("requests", "state"),
    ("requests", "told"),
];

/// Of a tenant: its catalogue, how far its books were read, a door.
pub(crate) fn of_tenant(tenant: TenantId, connector: impl std::fmt::Display, word: &str) -> String {
    let door = OrderId::new(&SystemClock, &SystemRandom);
    format!(
        "; update connectors set books = '{{\"{word}\": 1}}', documents_root = '/{word}' where id = '{connector}';
         insert into products (tenant_id, connector_id, sku, description, unit, price, currency, replaced_by, row_hash, changed_at)
             values ('{tenant}', '{connector}', '{word}-sku', '{word} pump', '{word}', 3, 'USD', '{word}', '', now());
         insert into doors (tenant_id, id, request_kind, form, settings, secret, changed_at, last_error)
             values ('{tenant}', '{door}', 'contact_change', 'mail', '{{\"{word}\": 1}}', '\\x00', now(), '{word}')"
    )
}

/// Of a customer, who has these contacts already.
pub(crate) fn of_customer(
    tenant: TenantId,
    customer: impl std::fmt::Display,
    connector: impl std::fmt::Display,
    word: &str,
) -> (Books, String) {
    let id = || OrderId::new(&SystemClock, &SystemRandom).0;
    let books = Books { invoice: id(), address: id() };
    let (Books { invoice, address }, request, event) = (books, id(), id());
    let sql = format!(
        "insert into invoices (tenant_id, id, customer_id, connector_id, external_id, number, order_key, corrects_key, status, issued_on, due_on,
                 total, currency, purchase_order, bill_to, document_kept, row_hash, first_seen_at, changed_at)
             values ('{tenant}', '{invoice}', '{customer}', '{connector}', '{word}-i', 'INV-{word}', '{word}-k', '{word}-x', 'open',
                 current_date - 40, current_date - 10, 99, 'USD', 'PO-{word}', '{word} bills', true, '', now(), now());
         insert into invoice_lines (tenant_id, invoice_id, external_id, customer_id, position, sku, description, unit, quantity)
             values ('{tenant}', '{invoice}', '{word}-l', '{customer}', 1, '{word}-sku', '{word} pump', '{word}', 2);
         insert into invoice_documents (tenant_id, invoice_id, version, customer_id, media_type, bytes, sha256, fetched_at)
             values ('{tenant}', '{invoice}', 1, '{customer}', 'application/pdf', '%PDF {word}', sha256('%PDF {word}'), now());
         insert into account_standing (tenant_id, customer_id, connector_id, credit_limit, used, currency, terms, on_hold, as_of)
             values ('{tenant}', '{customer}', '{connector}', 100, 99, 'USD', '{word} terms', true, now());
         insert into addresses (tenant_id, id, customer_id, connector_id, external_id, kind, label, street, city, region, postal_code, country,
                 row_hash, changed_at)
             values ('{tenant}', '{address}', '{customer}', '{connector}', '{word}-a', 'ship_to', '{word} works', '{word} street', '{word} city',
                 '{word} region', '{word}', 'NO', '', now());
         insert into requests (tenant_id, id, customer_id, contact_id, kind, state, payload, summary, idempotency_key, request_hash, erp_number,
                 reason, last_error, created_at, changed_at)
             select '{tenant}', '{request}', '{customer}', id, 'address_change', 'submitted', '{{\"after\": {{\"street\": \"{word}\"}}}}',
                 '{word} asks', '{word}-{word}', '', '{word}', '{word}', '{word}', now(), now()
               from contacts where tenant_id = '{tenant}' and email = 'admin@{word}.example';
         insert into request_events (tenant_id, id, request_id, customer_id, at, actor_kind, state, erp_number, reason)
             values ('{tenant}', '{event}', '{request}', '{customer}', now(), 'system', 'submitted', '{word}', '{word}');"
    );
    (books, sql)
}
