//! Which network addresses belong to the public, so that a key's URL cannot lead inside.
//!
//! Part of `oauth::keys`. Sources: the IANA registries of special-purpose addresses (RFC 6890), RFC
//! 4291. What is reserved for anything else is not public: what comes to be allocated may wait for a
//! release, while a loop-back, a neighbour or a cloud's own address must never be asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are not anybody's on the public internet: address and length of its prefix.
const SPECIAL: [(Ipv4Addr, u32); 14] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Groups, and all that is reserved above them.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// The same of IPv6, within what is given out at all.
const SPECIAL_6: [(Ipv6Addr, u32); 4] = [
    // Among them tunnels that carry an IPv4 address.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
/// All that is given out.
const GIVEN_OUT: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// May an address be asked without the operator having named its host?
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !SPECIAL.iter().any(|block| in_block(address, *block)),
        IpAddr::V6(address) => {
            in_block_6(address, GIVEN_OUT)
                && !SPECIAL_6.iter().any(|block| in_block_6(address, *block))
        }
    }
}

fn in_block(address: Ipv4Addr, (block, bits): (Ipv4Addr, u32)) -> bool {
    (u32::from(address) ^ u32::from(block)).leading_zeros() >= bits
}

fn in_block_6(address: Ipv6Addr, (block, bits): (Ipv6Addr, u32)) -> bool {
    (u128::from(address) ^ u128::from(block)).leading_zeros() >= bits
}
