//! From where a credential may be used: networks, and the addresses that requests come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a request comes from that nobody passed on: the machine of the test.
pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    start: IpAddr,
    bits: u32,
}

/// An address as a number that begins with its bits. An IPv4 address in IPv6 clothes is the IPv4 address.
fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// What is left of a number when it is cut after its first bits.
fn cut(number: u128, bits: u32) -> u128 {
    if bits == 0 { 0 } else { number & (u128::MAX << (128 - bits)) }
}

impl Network {
    /// A well-formed text of the test's own: a network, or a single address.
    fn of(text: &str) -> Self {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let written: IpAddr = address.parse().expect("a well-formed address");
        let start = written.to_canonical();
        let clothes = if start.is_ipv4() && written.is_ipv6() { 96 } else { 0 };
        let whole = if start.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(whole, |bits| bits.parse::<u32>().expect("a well-formed length") - clothes);
        let first = cut(number(start), bits);
        let start = match start {
            IpAddr::V4(_) => Ipv4Addr::from_bits(u32::try_from(first >> 96).expect("32 bits")).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(first).into(),
        };
        Self { start, bits }
    }

    fn holds(&self, address: IpAddr) -> bool {
        self.start.is_ipv4() == address.to_canonical().is_ipv4()
            && cut(number(address), self.bits) == number(self.start)
    }

    fn covers(&self, narrow: &Self) -> bool {
        self.bits <= narrow.bits && self.holds(narrow.start)
    }
}

/// The networks in the form in which they are shown.
pub(crate) fn shown(sources: &[String]) -> Vec<String> {
    let shown = |text: &String| {
        let Network { start, bits } = Network::of(text);
        format!("{start}/{bits}")
    };
    sources.iter().map(shown).collect()
}

/// Whether a credential that is bound to these networks may be used from an address; one that is bound to none, from any.
pub(crate) fn admit(sources: &[String], address: IpAddr) -> bool {
    sources.is_empty() || sources.iter().any(|text| Network::of(text).holds(address))
}

/// Whether whatever is bound to `narrow` can be used from nowhere but where `wide` can.
pub(crate) fn cover(wide: &[String], narrow: &[String]) -> bool {
    let covered = |text: &String| wide.iter().any(|wide| Network::of(wide).covers(&Network::of(text)));
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(covered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_addresses_of_their_kind() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (source, address, held) in [
            ("127.0.0.0/8", "127.0.0.1", true),
            ("203.0.113.9/25", "203.0.113.127", true),
            ("203.0.113.9/25", "203.0.113.128", false),
            ("203.0.113.7", "::ffff:203.0.113.7", true),
            ("::ffff:198.51.100.0/120", "198.51.100.255", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "127.0.0.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            assert_eq!(admit(&texts(&[source]), address.parse().unwrap()), held, "{source} {address}");
        }
        assert_eq!(
            shown(&texts(&["203.0.113.9/25", "::ffff:10.1.2.3", "2001:db8::5/32"])),
            ["203.0.113.0/25", "10.1.2.3/32", "2001:db8::/32"]
        );
        let net = texts(&["203.0.113.0/24"]);
        assert!(cover(&[], &[]) && cover(&[], &net) && !cover(&net, &[]));
        assert!(cover(&net, &texts(&["203.0.113.7", "203.0.113.0/24"])) && !cover(&net, &texts(&["203.0.112.0/23"])));
    }
}
