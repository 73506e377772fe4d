//! Whose addresses stand in front of a host: proxies that end TLS themselves, so that neither the host's CNAME nor its
//! true address is to be seen.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Cloudflare, IPv4: <https://www.cloudflare.com/ips-v4>.
const CLOUDFLARE_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(173, 245, 48, 0), 20),
    (Ipv4Addr::new(103, 21, 244, 0), 22),
    (Ipv4Addr::new(103, 22, 200, 0), 22),
    (Ipv4Addr::new(103, 31, 4, 0), 22),
    (Ipv4Addr::new(141, 101, 64, 0), 18),
    (Ipv4Addr::new(108, 162, 192, 0), 18),
    (Ipv4Addr::new(190, 93, 240, 0), 20),
    (Ipv4Addr::new(188, 114, 96, 0), 20),
    (Ipv4Addr::new(197, 234, 240, 0), 22),
    (Ipv4Addr::new(198, 41, 128, 0), 17),
    (Ipv4Addr::new(162, 158, 0, 0), 15),
    (Ipv4Addr::new(104, 16, 0, 0), 13),
    (Ipv4Addr::new(104, 24, 0, 0), 14),
    (Ipv4Addr::new(172, 64, 0, 0), 13),
    (Ipv4Addr::new(131, 0, 72, 0), 22),
];

/// Cloudflare, IPv6: <https://www.cloudflare.com/ips-v6>.
const CLOUDFLARE_V6: [([u16; 2], u32); 7] = [
    ([0x2400, 0xcb00], 32),
    ([0x2606, 0x4700], 32),
    ([0x2803, 0xf800], 32),
    ([0x2405, 0xb500], 32),
    ([0x2405, 0x8100], 32),
    ([0x2a06, 0x98c0], 29),
    ([0x2c0f, 0xf248], 32),
];

/// The proxy that an address belongs to.
#[must_use]
pub fn of(address: IpAddr) -> Option<&'static str> {
    let cloudflare = match address {
        IpAddr::V4(v4) => CLOUDFLARE_V4.iter().any(|(net, bits)| within_v4(v4, *net, *bits)),
        IpAddr::V6(v6) => CLOUDFLARE_V6.iter().any(|(net, bits)| within_v6(v6, *net, *bits)),
    };
    cloudflare.then_some("Cloudflare")
}

fn within_v4(address: Ipv4Addr, net: Ipv4Addr, bits: u32) -> bool {
    let mask = u32::MAX << (32 - bits);
    (address.to_bits() ^ net.to_bits()) & mask == 0
}

fn within_v6(address: Ipv6Addr, [first, second]: [u16; 2], bits: u32) -> bool {
    let net = Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0);
    let mask = u128::MAX << (128 - bits);
    (address.to_bits() ^ net.to_bits()) & mask == 0
}

#[cfg(test)]
mod tests {
    #[test]
    fn ranges_have_edges() {
        let of = |text: &str| super::of(text.parse().unwrap());
        for inside in
            ["104.16.0.0", "104.23.255.255", "104.27.255.255", "172.71.1.1", "2606:4700::1", "2a06:98c7::1"]
        {
            assert_eq!(of(inside), Some("Cloudflare"), "{inside}");
        }
        for outside in
            ["104.28.0.0", "104.15.255.255", "172.72.0.0", "1.1.1.1", "2606:4701::1", "2a06:98c8::1"]
        {
            assert_eq!(of(outside), None, "{outside}");
        }
    }
}
