//! The name of a git object: twenty bytes of SHA-1, forty hexadecimal digits on the wire.

use std::fmt;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The id of a git object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 20]);

impl ObjectId {
    /// Wraps twenty bytes, as a store keeps them.
    pub const fn new(bytes: [u8; 20]) -> ObjectId {
        ObjectId(bytes)
    }

    /// Reads exactly forty hexadecimal digits of either case, as git does.
    pub fn from_hex(hex: &[u8]) -> Option<ObjectId> {
        let (pairs, rest) = hex.as_chunks::<2>();
        if !rest.is_empty() || pairs.len() != 20 {
            return None;
        }
        let mut bytes = [0; 20];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(ObjectId(bytes))
    }

    /// The twenty bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The forty lower-case digits.
    pub fn to_hex(&self) -> [u8; 40] {
        let mut hex = [0; 40];
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        hex
    }
}

/// The value of one hexadecimal digit.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The digit of a value below sixteen.
pub(crate) fn digit_of(value: usize) -> u8 {
    DIGITS[value & 15]
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_hex().iter().try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_forty_digits_are_an_id() {
        let hex = b"0123456789abcdefABCDEF000000000000000000";
        assert_eq!(ObjectId::from_hex(hex).unwrap().to_string().as_bytes(), hex.to_ascii_lowercase());
        for wrong in
            [&hex[..39], &hex[..38], b"", b"g123456789abcdefABCDEF000000000000000000", &[&hex[..], b"00"].concat()]
        {
            assert_eq!(ObjectId::from_hex(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn hex_round_trips(bytes: [u8; 20]) {
            let id = ObjectId::new(bytes);
            prop_assert_eq!(ObjectId::from_hex(&id.to_hex()), Some(id));
            prop_assert_eq!(ObjectId::from_hex(id.to_string().as_bytes()), Some(id));
        }
    }
}
