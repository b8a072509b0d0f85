//! What `repr()` writes of Python objects with fields: `ResponseFunctionToolCall(arguments='{}', name='get_weather', id=None)`.
//!
//! Read as the literal that the same fields would be in a dict, so that one parser with one bound of depth reads both.

use serde_json::Value;

use crate::python_literal;

/// The fields of a text that is one object, objects inside it included; `None` when it is not.
pub(crate) fn object(text: &str) -> Option<Value> {
    let text = text.trim();
    let name = text.split('(').next().filter(|name| !name.is_empty() && name.len() < text.len())?;
    let named = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) && text.ends_with(')');
    named.then(|| python_literal::parse(&as_literal(text))).flatten().filter(Value::is_object)
}

/// `Name(a=1, b=Other(c=2))` as `{'a':1, 'b':{'c':2}}`. What stands in quotes stays as it is.
fn as_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut closers = Vec::new();
    let mut word_start = None;
    let mut quote = None;
    let mut escaped = false;
    for c in text.chars() {
        if let Some(open) = quote {
            out.push(c);
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == open {
                quote = None;
            }
            continue;
        }
        match c {
            'a'..='z' | 'A'..='Z' | '_' => {
                word_start.get_or_insert(out.len());
                out.push(c);
                continue;
            }
            '0'..='9' | '.' if word_start.is_some() => {
                out.push(c);
                continue;
            }
            '(' => {
                let called = word_start.inspect(|start| out.truncate(*start)).is_some();
                closers.push(if called { '}' } else { ')' });
                out.push(if called { '{' } else { '(' });
            }
            ')' => out.push(closers.pop().unwrap_or(')')),
            '=' => {
                if let Some(start) = word_start {
                    out.insert(start, '\'');
                    out.push('\'');
                }
                out.push(':');
            }
            '\'' | '"' => {
                quote = Some(c);
                out.push(c);
            }
            c => out.push(c),
        }
        word_start = None;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, expect: impl Into<Option<Value>>) {
        assert_eq!(object(text), expect.into(), "{text}");
    }

    #[test]
    fn objects_are_read_as_their_fields() {
        check(
            r#"Call(arguments='{"city": "Z\\u00fc=(x)"}', id=None, n=-1.5, async_=None)"#,
            json!({"arguments": "{\"city\": \"Z\\u00fc=(x)\"}", "id": null, "n": -1.5, "async_": null}),
        );
        check(
            "a.Message(content=[Text(text=\"it's\", tags=(1, 'a')), Text(text='')], role='assistant')",
            json!({"content": [{"text": "it's", "tags": [1, "a"]}, {"text": ""}], "role": "assistant"}),
        );
    }

    #[test]
    fn anything_else_is_left() {
        for text in ["", "f", "(a=1)", "hello (world)", "Name(a=1", "Name(datetime.date(2026, 1, 1))", "Name(a=<obj>)"] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[A-Ca-c{}\\[\\]()'\"\\\\,=: 0-9.é]{0,64}") {
            let _ = object(&text);
        }
    }
}
