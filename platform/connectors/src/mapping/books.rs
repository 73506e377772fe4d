//! The books in a mapping: invoices with lines and documents, credit, addresses, products. Each may be left out.

use std::collections::BTreeMap;

use super::entity::{self, Codes, Entity, Spec};
use super::reader::{Fault, Section};
use crate::books::{AddressKind, InvoiceKind, InvoiceStatus};

/// How the books are read.
#[derive(Debug, Clone, Default)]
pub struct Books {
    pub invoice: Option<Entity>,
    pub invoice_line: Option<Entity>,
    pub invoice_document: Option<Entity>,
    pub credit: Option<Entity>,
    pub address: Option<Entity>,
    pub product: Option<Entity>,
    pub invoice_statuses: BTreeMap<String, InvoiceStatus>,
    pub invoice_kinds: BTreeMap<String, InvoiceKind>,
    pub address_kinds: BTreeMap<String, AddressKind>,
    /// The source's word for a country and its two letters in ISO 3166.
    pub countries: BTreeMap<String, String>,
}

const INVOICE: Spec = Spec {
    name: "invoice",
    keys: &["key"],
    required: &["number", "account", "issued_on", "total", "open"],
    optional: &[
        "kind",
        "order",
        "corrects",
        "status",
        "due_on",
        "paid",
        "currency",
        "purchase_order",
        "bill_to",
        "document",
        "document_version",
        "updated_at",
    ],
    codes: &[
        Codes {
            key: "statuses",
            is_known: |word| InvoiceStatus::from_word(word).is_some(),
            words: InvoiceStatus::WORDS,
            required: false,
        },
        Codes {
            key: "kinds",
            is_known: |word| InvoiceKind::from_word(word).is_some(),
            words: InvoiceKind::WORDS,
            required: false,
        },
    ],
    walked: true,
};
const INVOICE_LINE: Spec = Spec {
    name: "invoice_line",
    keys: &["invoice", "key"],
    required: &[],
    optional: &["position", "sku", "description", "unit", "quantity", "unit_price", "amount"],
    codes: &[],
    walked: false,
};
const INVOICE_DOCUMENT: Spec = Spec {
    name: "invoice_document",
    keys: &["invoice"],
    required: &[],
    optional: &["bytes", "path"],
    codes: &[],
    walked: true,
};
const CREDIT: Spec = Spec {
    name: "credit",
    keys: &["account"],
    required: &[],
    optional: &["limit", "used", "currency", "terms", "on_hold"],
    codes: &[],
    walked: true,
};
const ADDRESS: Spec = Spec {
    name: "address",
    keys: &["account", "key"],
    required: &[],
    optional: &["kind", "label", "street", "city", "region", "postal_code", "country", "default"],
    codes: &[
        Codes {
            key: "kinds",
            is_known: |word| AddressKind::from_word(word).is_some(),
            words: AddressKind::WORDS,
            required: false,
        },
        Codes { key: "countries", is_known: is_country, words: "two capitals of ISO 3166", required: false },
    ],
    walked: true,
};
const PRODUCT: Spec = Spec {
    name: "product",
    keys: &["key"],
    required: &[],
    optional: &[
        "description",
        "unit",
        "price",
        "currency",
        "discontinued",
        "replaced_by",
        "available",
        "lead_days",
    ],
    codes: &[],
    walked: true,
};

/// Two capitals.
pub(crate) fn is_country(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl Books {
    pub(super) fn read(root: &mut Section<'_>, faults: &mut Vec<Fault>) -> Self {
        let mut entity = |spec: &'static Spec| entity::read(root, spec, faults);
        let invoice = entity(&INVOICE);
        let address = entity(&ADDRESS);
        let mut books = Self {
            invoice_line: entity(&INVOICE_LINE),
            invoice_document: entity(&INVOICE_DOCUMENT),
            credit: entity(&CREDIT),
            product: entity(&PRODUCT),
            ..Self::default()
        };
        if let Some(invoice) = &invoice {
            books.invoice_statuses = invoice.words("statuses", InvoiceStatus::from_word);
            books.invoice_kinds = invoice.words("kinds", InvoiceKind::from_word);
        }
        if let Some(address) = &address {
            books.address_kinds = address.words("kinds", AddressKind::from_word);
            books.countries = address.words("countries", |word| Some(word.to_owned()));
        }
        for child in ["invoice_line", "invoice_document"] {
            if root.value(child).is_some() && root.value("invoice").is_none() {
                root.fault(child, "needs [invoice]");
            }
        }
        (books.invoice, books.address) = (invoice, address);
        faults.extend(books.document_faults());
        books
    }

    /// A document is one of two things, and an invoice says whether it has one.
    fn document_faults(&self) -> Vec<Fault> {
        let Some(document) = &self.invoice_document else { return Vec::new() };
        let mut faults = Vec::new();
        let mut fault = |key: &str, what: &str| faults.push(Fault { key: key.into(), what: what.into() });
        let bytes = document.field("bytes");
        if bytes.is_none() && document.field("path").is_none() {
            fault("invoice_document", "needs `bytes` (a bytea column) or `path`");
        }
        if bytes.is_some_and(|bytes| bytes.plain().is_none()) {
            fault("invoice_document.bytes", "must be a bare column");
        }
        if self.invoice.as_ref().is_some_and(|invoice| invoice.field("document").is_none()) {
            fault("invoice.document", "is missing: say which invoices have a document");
        }
        faults
    }

    /// All entities of the books that are mapped.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        [
            &self.invoice,
            &self.invoice_line,
            &self.invoice_document,
            &self.credit,
            &self.address,
            &self.product,
        ]
        .into_iter()
        .flatten()
    }
}
