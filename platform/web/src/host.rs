//! Where a request arrived. The server's composition puts a [`Host`] into the extensions of every request, made from
//! the route table's row; nothing here reads the `Host` header or a forwarding header.

use std::net::{IpAddr, Ipv6Addr};

use platform_core::id::TenantId;

/// The tenant's host of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub tenant: TenantId,
    /// Canonical DNS name, lower case, no port.
    pub host: String,
    /// The tenant's own people may work here: not a host that was set up for a customer.
    pub console: bool,
    /// `https://host[:port]`, without a slash. Links in mails begin with it.
    pub origin: String,
    /// The other end of the TCP connection.
    pub peer: IpAddr,
}

impl Host {
    /// Whom limits count together: an IPv4 address, or the /64 that one IPv6 subscriber has to themselves.
    #[must_use]
    pub fn peer_network(&self) -> IpAddr {
        network(self.peer)
    }
}

pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn a_subscriber_is_counted_as_one() {
        let text = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(text("2001:db8:1:2:aaaa::1"), "2001:db8:1:2::");
        assert_eq!(text("2001:db8:1:2:aaaa::1"), text("2001:db8:1:2:bbbb::9"));
        assert_eq!(text("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
