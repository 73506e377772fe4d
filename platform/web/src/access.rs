//! Who may use a route: the words that slices declare, and the proof that a handler really asked.
//!
//! Which role holds which capability is `identity`'s affair; this file only names them, because navigation, the route
//! list and the isolation test speak of them too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;

/// A right that a contact may hold inside their own company. Never a right over another customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Orders, shipments and their papers.
    Orders,
    /// Invoices, credit and statements.
    Finance,
    /// Placing an order again.
    Reorder,
    /// Support tickets.
    Tickets,
    /// Tickets of colleagues, not only one's own.
    CompanyTickets,
    /// The success plan and its tasks.
    Plan,
    /// How much of the product is used, and by whom.
    Usage,
    /// Files that the tenant and the company share.
    Documents,
    /// Courses and webinars.
    Training,
    /// The knowledge base.
    Knowledge,
    /// The company's people: inviting, changing roles, deactivating.
    People,
    /// Addresses and contact data of the company.
    Company,
}

impl Capability {
    /// Every capability, in the order of the table in `identity`.
    pub const ALL: [Self; 12] = [
        Self::Orders,
        Self::Finance,
        Self::Reorder,
        Self::Tickets,
        Self::CompanyTickets,
        Self::Plan,
        Self::Usage,
        Self::Documents,
        Self::Training,
        Self::Knowledge,
        Self::People,
        Self::Company,
    ];

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of capabilities. Small enough to copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// These and no others.
    #[must_use]
    pub const fn of(list: &[Capability]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < list.len() {
            bits |= list[at].bit();
            at += 1;
        }
        Self(bits)
    }

    #[must_use]
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }
}

/// A right that a person of the tenant may hold, over all of the tenant's customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffCapability {
    /// The list of customers, and their people.
    Customers,
    /// A customer's orders as that customer sees them.
    Orders,
    /// The queue of what customers asked for.
    Requests,
    /// Figures over all customers.
    Reports,
    /// The links to the tenant's own systems.
    Connectors,
    /// Hosts and their certificates.
    Domains,
    /// The tenant's own people.
    Team,
}

impl StaffCapability {
    /// Every capability, in the order of the table in `identity`.
    pub const ALL: [Self; 7] = [
        Self::Customers,
        Self::Orders,
        Self::Requests,
        Self::Reports,
        Self::Connectors,
        Self::Domains,
        Self::Team,
    ];

    /// Above those of [`Capability`], so that one number can hold both kinds.
    const fn bit(self) -> u32 {
        1 << (16 + self as u32)
    }
}

/// A set of staff capabilities. Small enough to copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StaffCapabilities(u32);

impl StaffCapabilities {
    /// These and no others.
    #[must_use]
    pub const fn of(list: &[StaffCapability]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < list.len() {
            bits |= list[at].bit();
            at += 1;
        }
        Self(bits)
    }

    #[must_use]
    pub const fn has(self, capability: StaffCapability) -> bool {
        self.0 & capability.bit() != 0
    }
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Everybody who reached the tenant's host.
    Public,
    /// A person of the tenant with a session that is not complete: the pages of the second factor.
    Arriving,
    /// Every person of the tenant who is signed in, whatever their role.
    AnyStaff,
    /// A person of the tenant who holds this capability.
    Staff(StaffCapability),
    /// Every contact who is signed in, whatever their role.
    SignedIn,
    /// A contact who holds this capability.
    Contact(Capability),
    /// Another program, which proves itself in the request (a signature); no cookie and no CSRF token is asked for.
    Machine,
}

/// Bit of [`Proof`] for [`Access::SignedIn`]; capabilities use the bits below.
const SIGNED_IN: u32 = 1 << 31;
const MACHINE: u32 = 1 << 30;
const ANY_STAFF: u32 = 1 << 29;
const ARRIVING: u32 = 1 << 28;

/// What the extractors of a request have proved so far. A route that declares a right which no extractor proved is
/// answered with 500 instead of its page: a forgotten extractor shows in the first test and leaks nothing.
#[derive(Debug, Clone, Default)]
pub struct Proof(Arc<AtomicU32>);

impl Proof {
    /// Said by the extractor that has checked it. A capability proves being signed in too.
    pub fn prove(&self, access: Access) {
        let bits = match access {
            Access::Public => 0,
            Access::SignedIn => SIGNED_IN,
            Access::Contact(capability) => SIGNED_IN | capability.bit(),
            Access::Machine => MACHINE,
            Access::Arriving => ARRIVING,
            Access::AnyStaff => ANY_STAFF,
            Access::Staff(capability) => ANY_STAFF | capability.bit(),
        };
        self.0.fetch_or(bits, Ordering::Relaxed);
    }

    pub(crate) fn covers(&self, access: Access) -> bool {
        let needed = match access {
            Access::Public => return true,
            Access::SignedIn => SIGNED_IN,
            Access::Contact(capability) => capability.bit(),
            Access::Machine => MACHINE,
            Access::Arriving => ARRIVING,
            Access::AnyStaff => ANY_STAFF,
            Access::Staff(capability) => capability.bit(),
        };
        self.0.load(Ordering::Relaxed) & needed != 0
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Capabilities, Capability, Proof, StaffCapabilities, StaffCapability};

    #[test]
    fn sets_hold_what_they_were_given() {
        let set = Capabilities::of(&[Capability::Orders, Capability::Company]);
        let held: Vec<_> = Capability::ALL.into_iter().filter(|capability| set.has(*capability)).collect();
        assert_eq!(held, [Capability::Orders, Capability::Company]);
    }

    #[test]
    fn a_proof_covers_no_more_than_was_proved() {
        let proof = Proof::default();
        assert!(proof.covers(Access::Public) && !proof.covers(Access::SignedIn));
        proof.prove(Access::Contact(Capability::Orders));
        assert!(proof.covers(Access::SignedIn) && proof.covers(Access::Contact(Capability::Orders)));
        assert!(!proof.covers(Access::Contact(Capability::Finance)) && !proof.covers(Access::Machine));
        for capability in StaffCapability::ALL {
            assert!(!proof.covers(Access::Staff(capability)), "a contact's proof covers {capability:?}");
        }
        assert!(!proof.covers(Access::AnyStaff) && !proof.covers(Access::Arriving));
    }

    #[test]
    fn a_proof_of_staff_covers_nothing_of_contacts() {
        let proof = Proof::default();
        proof.prove(Access::Arriving);
        assert!(proof.covers(Access::Arriving) && !proof.covers(Access::AnyStaff));
        proof.prove(Access::Staff(StaffCapability::Requests));
        assert!(proof.covers(Access::AnyStaff) && proof.covers(Access::Staff(StaffCapability::Requests)));
        assert!(!proof.covers(Access::Staff(StaffCapability::Team)) && !proof.covers(Access::SignedIn));
        for capability in Capability::ALL {
            assert!(!proof.covers(Access::Contact(capability)), "staff's proof covers {capability:?}");
        }
        let set = StaffCapabilities::of(&[StaffCapability::Customers, StaffCapability::Team]);
        assert!(set.has(StaffCapability::Team) && !set.has(StaffCapability::Orders));
    }
}
