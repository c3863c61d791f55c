//! Texts from outside, made fit for an error message.

/// The beginning of a text with its control characters escaped: an error ends up on a terminal, which they could steer.
pub(crate) fn shown(text: &str, characters: usize) -> String {
    text.chars().take(characters).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_it_steers_a_terminal() {
        assert_eq!(shown("a\u{1b}[31m\n\u{85}é", 40), "a\\u{1b}[31m\\n\\u{85}é");
        assert_eq!(shown("abcdef", 3), "abc");
    }
}
