//! The networks that credentials are bound to, as people write them.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// Reads a network, `10.0.0.0/8`, or a single address. Bits below the prefix are cleared; an IPv4 network in IPv6 clothes is the
/// IPv4 network, as requests from it are compared in that form.
#[must_use]
pub fn parse(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    Some(match network.trunc() {
        IpNet::V6(v6) => match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
            (Some(address), Some(prefix)) => IpNet::new(address.into(), prefix).ok()?,
            // A network that holds the IPv4 addresses among others would never match one of them.
            _ if v6.contains(&Ipv6Addr::from_bits(0xffff_0000_0000)) && v6.prefix_len() > 0 => return None,
            _ => IpNet::V6(v6),
        },
        v4 => v4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_one_form() {
        for (written, read) in [
            ("10.1.2.3", "10.1.2.3/32"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::1", "::1/128"),
            ("2001:db8::7/32", "2001:db8::/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(parse(written).unwrap().to_string(), read, "{written}");
        }
        for bad in ["", "x", "10.0.0.0/33", "10.0.0", "10.0.0.0/8 ", "::/129", "::/64"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
