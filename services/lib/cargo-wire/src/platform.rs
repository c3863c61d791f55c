//! The `target` of a dependency: a target triple, or a `cfg(…)` expression written as cargo writes it.
//!
//! `Cargo.toml` keeps the author's spacing while the publish JSON holds cargo's rendering, so both are brought to one
//! form before they are compared. Never evaluates an expression. Grammar: `cargo-platform`.

/// Longest `target`, in bytes.
const LENGTH_MAX: usize = 1024;
/// Deepest nesting of `not`, `all` and `any`.
const DEPTH_MAX: usize = 32;

/// The one form of a target, or `None` when cargo could not read it (one such line would spoil the index entry).
pub(crate) fn normalise(target: &str) -> Option<String> {
    if target.is_empty() || target.len() > LENGTH_MAX {
        return None;
    }
    let Some(inner) = target.strip_prefix("cfg(").and_then(|rest| rest.strip_suffix(')')) else {
        let triple = target.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        return triple.then(|| target.to_owned());
    };
    let mut reader = Reader { rest: inner };
    let mut out = String::from("cfg(");
    reader.expression(&mut out, 0)?;
    reader.space();
    reader.rest.is_empty().then(|| {
        out.push(')');
        out
    })
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: char) -> bool {
        self.space();
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    fn identifier(&mut self) -> Option<&'a str> {
        self.space();
        let raw = if self.rest.starts_with("r#") { 2 } else { 0 };
        let body = &self.rest[raw..];
        let end = body.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(body.len());
        if end == 0 || body.as_bytes()[0].is_ascii_digit() {
            return None;
        }
        let (name, rest) = self.rest.split_at(raw + end);
        self.rest = rest;
        Some(name)
    }

    fn expression(&mut self, out: &mut String, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        let name = self.identifier()?;
        out.push_str(name);
        if matches!(name, "all" | "any" | "not") && self.take('(') {
            out.push('(');
            let mut count = 0;
            while !self.take(')') {
                if count > 0 {
                    out.push_str(", ");
                }
                self.expression(out, depth + 1)?;
                count += 1;
                if !self.take(',') {
                    if !self.take(')') {
                        return None;
                    }
                    break;
                }
            }
            out.push(')');
            return (name != "not" || count == 1).then_some(());
        }
        if self.take('=') {
            self.space();
            let (value, rest) = self.rest.strip_prefix('"')?.split_once('"')?;
            if value.chars().any(char::is_control) {
                return None;
            }
            self.rest = rest;
            out.push_str(" = \"");
            out.push_str(value);
            out.push('"');
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table() {
        for (written, form) in [
            ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"),
            ("thumbv7em-none.json", "thumbv7em-none.json"),
            ("cfg(unix)", "cfg(unix)"),
            ("cfg( unix )", "cfg(unix)"),
            ("cfg(target_os=\"linux\")", "cfg(target_os = \"linux\")"),
            ("cfg(any(unix,windows,))", "cfg(any(unix, windows))"),
            ("cfg(all())", "cfg(all())"),
            ("cfg(not (any(a , b = \"c d\")))", "cfg(not(any(a, b = \"c d\")))"),
            ("cfg(true)", "cfg(true)"),
            ("cfg(r#true)", "cfg(r#true)"),
            ("cfg(all)", "cfg(all)"),
        ] {
            assert_eq!(normalise(written).as_deref(), Some(form), "{written}");
        }
        for bad in [
            "",
            "a b",
            "a/b",
            "cfg()",
            "cfg(a b)",
            "cfg(a=b)",
            "cfg(a=\"b)",
            "cfg(any(a b))",
            "cfg(any(a)",
            "cfg(a))",
            "cfg(not(a,b))",
            "cfg(not())",
            "cfg(any(,))",
            "cfg(1a)",
            "cfg(a = \"\n\")",
            "cfg(foo(a))",
            "cfg(a",
            "cfg(r#)",
        ] {
            assert_eq!(normalise(bad), None, "{bad}");
        }
        let deep = format!("cfg({}a{})", "not(".repeat(40), ")".repeat(40));
        assert_eq!(normalise(&deep), None);
    }

    proptest! {
        #[test]
        fn normal_form_is_stable(text in "(cfg\\()?[a-c(),=\" ]{0,24}\\)?") {
            if let Some(form) = normalise(&text) {
                prop_assert_eq!(normalise(&form), Some(form.clone()));
            }
        }
    }
}
