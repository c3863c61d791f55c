//! Texts people give to things: names to show and e-mail addresses.

use crate::{Error, Result};

/// Most characters of a name to show.
pub(crate) const NAME_MAX: usize = 100;

/// Checks a name to show: one line of 1 to [`NAME_MAX`] characters, without control characters.
pub(crate) fn name(text: &str) -> Result<String> {
    let text = text.trim();
    let fits = (1..=NAME_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Error::invalid("name_invalid", format!("a name is one line of 1 to {NAME_MAX} characters")))
    }
}

/// Checks an e-mail address as far as a machine can, and folds it to the form in which addresses are compared.
pub(crate) fn email(text: &str) -> Result<String> {
    let text = text.trim();
    let form = text.len() <= 254
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
        });
    if form {
        Ok(text.to_ascii_lowercase())
    } else {
        // Not repeated: addresses of people stay out of logs.
        Err(Error::invalid("email_invalid", "this is not an e-mail address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        assert_eq!(name("  Acme Ltd ").unwrap(), "Acme Ltd");
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(email("Ada@Example.COM").unwrap(), "ada@example.com");
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@.c", &format!("{}@b.c", "x".repeat(260))] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
    }
}
