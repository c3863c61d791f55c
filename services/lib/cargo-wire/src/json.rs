//! JSON read strictly: no key twice in one object, bounded depth, no NUL in any text, nothing after the value.
//!
//! A repeated key is how two readers of one document come to see two documents; Postgres text cannot hold NUL.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Deepest nesting of arrays and objects.
pub(crate) const DEPTH_MAX: usize = 32;

/// Reads one document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

fn checked<E: serde::de::Error>(text: String) -> Result<String, E> {
    if text.contains('\0') { Err(E::custom("a text contains a NUL character")) } else { Ok(text) }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        checked(value.to_owned()).map(Value::String)
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        checked(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let key = checked(key)?;
            if map.contains_key(&key) {
                let key: String = key.chars().take(40).collect();
                return Err(A::Error::custom(format_args!(
                    "the key `{}` occurs twice in one object",
                    key.escape_debug()
                )));
            }
            let value = access.next_value_seed(inner)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_readers_disagree_on() {
        for (text, why) in [
            (r#"{"a":1,"a":2}"#, "occurs twice"),
            (r#"{"b":[{"x":{"a":1,"\u0061":2}}]}"#, "occurs twice"),
            (r#"{"a":1} {"#, "trailing"),
            (r#"{"a":1}x"#, "trailing"),
            (r#"{"a":"b\u0000"}"#, "NUL"),
            (r#"{"a\u0000":1}"#, "NUL"),
            (r#"{"a":"\ud800"}"#, "hex escape"),
            (r#"{"a":1,}"#, "trailing comma"),
            ("", "EOF"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert!(parse(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err().to_string().contains("deeper"));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(DEPTH_MAX + 1), "}".repeat(DEPTH_MAX + 1));
        assert!(parse(objects.as_bytes()).unwrap_err().to_string().contains("deeper"));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_sound_documents(keys in proptest::collection::btree_map("[a-zé\"]{0,5}", any::<i64>(), 0..6), text in "[^\\x00]{0,20}") {
            let value = serde_json::json!({ "m": keys, "t": text, "f": 1.5, "n": null, "b": [true, {}] });
            prop_assert_eq!(parse(value.to_string().as_bytes()).unwrap(), value);
        }
    }
}
