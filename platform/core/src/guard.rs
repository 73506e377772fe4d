//! Which addresses we may connect to on somebody else's word: name servers and hosts that a probe is led to, systems that
//! a tenant names. Without this they could make us knock at our own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where we may connect on somebody else's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Addresses that the internet routes, and no others.
    Public,
    /// Any: in tests and in the demo, where everything is on loopback, and where the operator said so.
    Any,
}

impl Guard {
    /// Whether we may connect there.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Public => is_public(address),
        }
    }
}

/// Whether the internet routes an address.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let benchmark = a == 198 && (18..20).contains(&b);
    let relay = a == 192 && b == 88 && c == 99;
    !(a == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || protocol
        || benchmark
        || relay
        // Multicast, reserved and broadcast.
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    // 6to4 and NAT64 carry an IPv4 address that has to pass by itself.
    if first == 0x2002 {
        let [high, low] = [second.to_be_bytes(), third.to_be_bytes()];
        return is_public_v4(Ipv4Addr::new(high[0], high[1], low[0], low[1]));
    }
    if first == 0x64 && second == 0xff9b {
        return false;
    }
    // Only 2000::/3 is given out; documentation and Teredo lie within it.
    let documentation = first == 0x2001 && second == 0xdb8 || first == 0x3fff && second < 0x1000;
    let special = first == 0x2001 && second < 0x200;
    (first & 0xe000) == 0x2000 && !documentation && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_network_is_not_public() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.53",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert!(!is_public(address), "{text}");
            assert!(!Guard::Public.allows(address) && Guard::Any.allows(address));
        }
        for text in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1", "2002:0101:0101::1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
