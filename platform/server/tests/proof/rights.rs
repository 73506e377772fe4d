//! Who may use what: one row a route, one rule, said without looking at what the program does.

use platform_web::route::Route;
use platform_web::{Access, Audience, Capability, StaffCapability};

/// What a route's parameter, or its form, names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    Nothing,
    /// A company's order.
    Order,
    /// A company's invoice, with a document.
    Invoice,
    /// A company's address.
    Address,
    /// A company.
    Customer,
    /// A company, and below it its order.
    CustomersOrder,
    /// A spare session of one contact.
    Session,
    /// A mailed link that another browser asked for and nobody has used.
    Link,
    /// A style sheet of the tenant's own look.
    Asset,
    /// A reorder of a company, asked for by its champion.
    Request,
    /// What nobody has made.
    Nonsense,
    /// A spare session of the first tenant's admin.
    StaffSession,
    /// A mailed link to the first tenant's console that another browser asked for.
    StaffLink,
    /// An account at a tracking provider; as a secret it is nobody's.
    Tracker,
    /// A list that the first company's admin keeps.
    View,
    /// The mailed link of a contact that stops mails about delays.
    Stop,
    /// Somebody of a company who was invited and is nobody else of this list.
    Person,
}

pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) aim: Aim,
    /// The module without which there is no such page.
    pub(crate) module: Option<&'static str>,
    /// Sent with the form; `{aim}` is what is aimed at.
    pub(crate) form: &'static [(&'static str, &'static str)],
    /// The answer to whoever may.
    pub(crate) may: u16,
    /// On public routes: the answer to somebody who is signed in, where it is another.
    pub(crate) signed_in: u16,
}

const fn row(method: &'static str, path: &'static str, may: u16) -> Row {
    Row { method, path, aim: Aim::Nothing, module: None, form: &[], may, signed_in: may }
}

impl Row {
    const fn aim(self, aim: Aim) -> Self {
        Self { aim, ..self }
    }

    const fn module(self, module: &'static str) -> Self {
        Self { module: Some(module), ..self }
    }

    const fn form(self, form: &'static [(&'static str, &'static str)]) -> Self {
        Self { form, ..self }
    }

    const fn signed_in(self, signed_in: u16) -> Self {
        Self { signed_in, ..self }
    }
}

/// An address that is one.
const ADDRESS: &[(&str, &str)] =
    &[("street", "1 New Road"), ("postal_code", "5003"), ("city", "Bergen"), ("country", "NO")];

pub(crate) const ROWS: &[Row] = &[
    row("GET", "/", 200),
    row("GET", "/portal", 303),
    row("GET", "/assets/{*path}", 200).aim(Aim::Asset),
    row("POST", "/preferences", 303).form(&[("scheme", "dark"), ("back", "/orders")]),
    row("GET", "/sign-in", 200).signed_in(303),
    row("POST", "/sign-in", 303).form(&[("email", "somebody@elsewhere.example")]),
    row("GET", "/sign-in/code", 303),
    row("POST", "/sign-in/code", 303).form(&[("code", "123456")]),
    // 409: this browser did not ask for it. On another tenant's host it is 404, see `expected`.
    row("GET", "/sign-in/{token}", 409).aim(Aim::Link),
    row("POST", "/sign-in/link", 409).aim(Aim::Link).form(&[("token", "{aim}")]),
    row("GET", "/signed-out", 200).signed_in(303),
    row("POST", "/sign-out", 303),
    row("GET", "/devices", 200),
    row("POST", "/devices/{session}/revocation", 303).aim(Aim::Session),
    row("POST", "/devices/others/revocation", 303),
    row("GET", "/orders", 200).module("orders"),
    row("GET", "/orders/events", 200).module("orders"),
    row("GET", "/orders/{id}", 200).module("orders").aim(Aim::Order),
    row("GET", "/orders/{id}/events", 200).module("orders").aim(Aim::Order),
    row("GET", "/orders/{id}/reorder", 200).module("orders").aim(Aim::Order),
    row("GET", "/reorders", 200).module("orders"),
    // 422: nothing of it is chosen.
    row("POST", "/reorders", 422).module("orders").aim(Aim::Order).form(&[("order", "{aim}")]),
    row("GET", "/reorders/{id}", 200).module("orders").aim(Aim::Request),
    row("POST", "/reorders/{id}/approval", 303).module("orders").aim(Aim::Request),
    row("POST", "/reorders/{id}/refusal", 303).module("orders").aim(Aim::Request).form(&[("reason", "no")]),
    row("POST", "/reorders/{id}/withdrawal", 303).module("orders").aim(Aim::Request),
    row("GET", "/answers/{token}", 404).aim(Aim::Nonsense),
    row("POST", "/answers/{token}", 404).aim(Aim::Nonsense).form(&[("answer", "accept")]),
    row("POST", "/webhooks/doors/{id}", 401).aim(Aim::Nonsense),
    row("GET", "/invoices", 200).module("invoices"),
    row("GET", "/invoices/list.csv", 200).module("invoices"),
    row("POST", "/invoices/archive", 200).module("invoices").aim(Aim::Invoice).form(&[("chosen", "{aim}")]),
    row("GET", "/invoices/{id}", 200).module("invoices").aim(Aim::Invoice),
    row("GET", "/invoices/{id}/document", 200).module("invoices").aim(Aim::Invoice),
    row("GET", "/account", 200).module("account"),
    row("GET", "/account/requests", 200).module("account"),
    row("GET", "/account/contact", 200).module("account"),
    row("POST", "/account/contact/change", 303)
        .module("account")
        .form(&[("name", "Somebody New"), ("email", "new@elsewhere.example")]),
    row("GET", "/account/addresses/new", 200).module("account"),
    row("POST", "/account/addresses", 303).module("account").form(ADDRESS),
    row("GET", "/account/addresses/{id}", 200).module("account").aim(Aim::Address),
    row("POST", "/account/addresses/{id}/change", 303).module("account").aim(Aim::Address).form(ADDRESS),
    row("POST", "/account/addresses/{id}/archival", 303).module("account").aim(Aim::Address),
    row("POST", "/account/addresses/{id}/restoration", 303).module("account").aim(Aim::Address),
    row("GET", "/account/statement", 200).module("account"),
    row("GET", "/account/statement.pdf", 200).module("account"),
    row("GET", "/account/statement.csv", 200).module("account"),
    row("GET", "/orders/list.csv", 200).module("orders"),
    row("POST", "/orders/{id}/watch", 303).module("orders").aim(Aim::Order),
    row("POST", "/orders/{id}/watch/end", 303).module("orders").aim(Aim::Order),
    // 422: there is no such colleague
    row("POST", "/orders/{id}/sharing", 422)
        .module("orders")
        .aim(Aim::Order)
        .form(&[("colleague", "x"), ("words", "look")]),
    row("POST", "/orders/views", 303).module("orders").form(&[("name", "mine"), ("show", "late"), ("q", "")]),
    row("POST", "/orders/views/{view}/removal", 303).module("orders").aim(Aim::View),
    row("GET", "/people", 200),
    row("GET", "/people/list.csv", 200),
    row("GET", "/people/new", 200),
    row("POST", "/people", 303).form(&[("name", "Ada"), ("email", "ada@new.example"), ("role", "user")]),
    row("GET", "/people/{id}", 200).aim(Aim::Person),
    row("POST", "/people/{id}/change", 303).aim(Aim::Person).form(&[("name", "Ada"), ("role", "champion")]),
    row("POST", "/people/{id}/deactivation", 303).aim(Aim::Person),
    row("POST", "/people/{id}/activation", 303).aim(Aim::Person),
    row("POST", "/people/{id}/invitation", 303).aim(Aim::Person),
    row("GET", "/mail/delays/{token}", 200).aim(Aim::Stop),
    row("POST", "/mail/delays/{token}", 401).aim(Aim::Tracker),
    row("POST", "/webhooks/tracking/{account}", 401).aim(Aim::Tracker),
];

/// Signing in at the console, the second step, one's own safety, and the screens.
pub(crate) const CONSOLE_ROWS: &[Row] = &[
    row("GET", "/console/sign-in", 200).signed_in(303),
    row("POST", "/console/sign-in", 303).form(&[("email", "somebody@elsewhere.example")]),
    row("GET", "/console/sign-in/code", 303),
    row("POST", "/console/sign-in/code", 303).form(&[("code", "123456")]),
    row("GET", "/console/sign-in/{token}", 409).aim(Aim::StaffLink),
    row("POST", "/console/sign-in/link", 409).aim(Aim::StaffLink).form(&[("token", "{aim}")]),
    row("GET", "/console/second-factor", 200),
    row("POST", "/console/second-factor", 422).form(&[("code", "12345")]),
    row("GET", "/console/second-factor/enrolment", 200),
    row("POST", "/console/second-factor/enrolment", 303),
    // Nothing was begun in a session that is this fresh.
    row("POST", "/console/second-factor/enrolment/confirmation", 303).form(&[("code", "12345")]),
    row("GET", "/console/security", 200),
    row("POST", "/console/security/devices/{session}/revocation", 303).aim(Aim::StaffSession),
    row("POST", "/console/security/devices/others/revocation", 303),
    row("POST", "/console/security/recovery-codes", 200),
    row("POST", REMOVAL, 303),
    row("POST", "/console/sign-out", 303),
    row("GET", "/console/signed-out", 200).signed_in(303),
    row("GET", "/console", 200),
    row("GET", "/console/customers", 200),
    row("GET", "/console/customers/{customer}", 200).aim(Aim::Customer),
    row("GET", "/console/customers/{customer}/orders", 200).module("orders").aim(Aim::Customer),
    row("GET", "/console/customers/{customer}/orders/{order}", 200).module("orders").aim(Aim::CustomersOrder),
    row("GET", "/console/requests", 200),
    row("GET", "/console/requests/{id}", 200).aim(Aim::Request),
    row("POST", "/console/requests/{id}/hand-over", 303).aim(Aim::Request),
    // 422: no reason was given.
    row("POST", "/console/requests/{id}/rejection", 422).aim(Aim::Request),
    row("POST", "/console/requests/{id}/approval", 303).aim(Aim::Request),
];

/// Whose role demands a second factor has no such page.
const REMOVAL: &str = "/console/security/second-factor/removal";

/// The row of a route.
pub(crate) fn row_of(method: &str, path: &str) -> Option<&'static Row> {
    rows().find(|row| row.method == method && row.path == path)
}

pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(CONSOLE_ROWS)
}

/// Who asks. All but the last three stand before the tenant that the aims belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Anonymous,
    Admin,
    Champion,
    User,
    /// Another customer of the same tenant.
    Neighbour,
    /// Another tenant's customer, with the session of that tenant's host.
    Smuggler,
    /// Somebody whose session was ended from another device.
    Revoked,
    /// Somebody who may no longer come.
    Deactivated,
    /// Another tenant's customer on their own host, asking for the first tenant's things.
    Stranger,
    /// A customer of a tenant that is suspended, asking for their own.
    Suspended,
    /// A customer of a tenant without modules, asking for their own.
    Plain,
    /// The tenant's own people.
    StaffAdmin,
    StaffCsm,
    StaffAgent,
    /// One whose session was ended.
    StaffRevoked,
    /// Another tenant's, with the session of that tenant's host.
    StaffSmuggler,
    /// Another tenant's on their own host, asking for the first tenant's things.
    StaffStranger,
    /// Of a tenant that is suspended.
    StaffSuspended,
}

use Who::{
    Admin, Anonymous, Champion, Deactivated, Neighbour, Plain, Revoked, Smuggler, StaffAdmin, StaffAgent,
    StaffCsm, StaffRevoked, StaffSmuggler, StaffStranger, StaffSuspended, Stranger, Suspended, User,
};

pub(crate) const EVERYBODY: [Who; 18] = [
    Anonymous,
    Admin,
    Champion,
    User,
    Neighbour,
    Smuggler,
    Revoked,
    Deactivated,
    Stranger,
    Suspended,
    Plain,
    StaffAdmin,
    StaffCsm,
    StaffAgent,
    StaffRevoked,
    StaffSmuggler,
    StaffStranger,
    StaffSuspended,
];

impl Who {
    pub(crate) fn is_signed_in(self) -> bool {
        matches!(self, Admin | Champion | User | Neighbour | Stranger | Plain)
    }

    pub(crate) fn is_staff(self) -> bool {
        matches!(self, StaffAdmin | StaffCsm | StaffAgent | StaffStranger)
    }

    /// Whether somebody is in on pages of this audience.
    fn is_in(self, path: &str) -> bool {
        match Audience::of(path) {
            Audience::Contacts => self.is_signed_in(),
            Audience::Staff => self.is_staff(),
        }
    }

    /// The same for the tenant's own people.
    fn may_as_staff(self, capability: StaffCapability) -> bool {
        use StaffCapability::{Customers, Orders, Reports, Requests};
        match self {
            StaffCsm => matches!(capability, Customers | Orders | Requests | Reports),
            StaffAgent => matches!(capability, Customers | Orders),
            _ => self.is_staff(),
        }
    }

    /// What roles may, said here once more: the program's own table is not to be believed.
    fn may(self, capability: Capability) -> bool {
        use Capability::{Finance, Knowledge, Orders, People, Tickets, Training};
        match self {
            Champion => !matches!(capability, Finance | People),
            User => matches!(capability, Orders | Tickets | Training | Knowledge),
            _ => self.is_signed_in(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Status(u16),
    /// To the sign-in page of this audience, and nothing else said.
    SignIn(Audience),
    /// The page that names nobody.
    Nobodys,
}

/// The rule. Nothing in here looks at what the program answered.
pub(crate) fn expected(route: &Route, row: &Row, who: Who) -> Expected {
    const MISSING: Expected = Expected::Status(404);
    if matches!(who, Suspended | StaffSuspended) {
        return Expected::Nobodys;
    }
    let elsewhere = matches!(who, Stranger | Plain | StaffStranger);
    match route.access {
        Access::Public if matches!(row.aim, Aim::Link | Aim::StaffLink | Aim::Stop) && elsewhere => MISSING,
        Access::Public if who.is_in(row.path) => Expected::Status(row.signed_in),
        Access::Public => Expected::Status(row.may),
        Access::Machine => Expected::Status(401),
        _ if !who.is_in(row.path) => Expected::SignIn(Audience::of(row.path)),
        Access::Staff(capability) if !who.may_as_staff(capability) => MISSING,
        Access::Arriving | Access::AnyStaff | Access::Staff(_) => match row.aim {
            Aim::StaffSession if who != StaffAdmin => MISSING,
            Aim::Request | Aim::Customer | Aim::CustomersOrder if who == StaffStranger => MISSING,
            _ if row.path == REMOVAL && matches!(who, StaffAdmin | StaffStranger) => MISSING,
            _ => Expected::Status(row.may),
        },
        Access::Contact(capability) if !who.may(capability) => MISSING,
        _ if row.module.is_some() && who == Plain => MISSING,
        _ => match row.aim {
            Aim::Order | Aim::Request | Aim::Invoice | Aim::Address | Aim::Person
                if matches!(who, Neighbour | Stranger) =>
            {
                MISSING
            }
            Aim::Session | Aim::View if who != Admin => MISSING,
            _ => Expected::Status(row.may),
        },
    }
}
