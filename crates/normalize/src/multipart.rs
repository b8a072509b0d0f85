//! `multipart/form-data` as a whole body in memory: the parts, as slices of it.
//!
//! Format: RFC 7578 over RFC 2046 section 5.1.1. Bounded in parts; a body that ends before its closing boundary is refused as a
//! whole, since what is missing cannot be told.

use crate::{Reason, Rejection};

/// Most parts of one body.
const MAX_PARTS: usize = 50_000;
/// Most bytes of the headers of one part.
const MAX_HEAD: usize = 8 << 10;
/// Longest boundary (RFC 2046 section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// One part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its `Content-Type`; empty where it has none.
    pub content_type: &'a str,
    /// Its `Content-Encoding`; empty for none.
    pub encoding: &'a str,
    /// What it holds, as it came.
    pub body: &'a [u8],
}

/// The boundary that a header `Content-Type` names.
///
/// # Errors
/// A [`Rejection`] where it names none.
pub fn boundary(given: &str) -> Result<String, Rejection> {
    let is_form = given.get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"));
    let boundary = is_form.then(|| parameter(given, "boundary")).flatten();
    boundary.filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len())).map(str::to_owned).ok_or_else(|| {
        let message = "is not multipart/form-data with a boundary of 1 to 70 characters";
        Rejection::new(Reason::WrongType, "content-type", message)
    })
}

/// The parts of a body.
///
/// # Errors
/// A [`Rejection`] where it is no whole form.
pub fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, Rejection> {
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    // The first boundary may open the body, with no line before it.
    let mut rest = match body.strip_prefix(&delimiter[2..]) {
        Some(rest) => rest,
        None => find(body, &delimiter).map(|at| &body[at + delimiter.len()..]).ok_or_else(|| broken("holds no boundary"))?,
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        if parts.len() == MAX_PARTS {
            return Err(Rejection::new(Reason::TooLarge, "body", format!("has more than {MAX_PARTS} parts")));
        }
        let line = find(rest, b"\r\n").ok_or_else(|| broken("ends behind a boundary"))?;
        rest = &rest[line + 2..];
        let end = find(rest, &delimiter).ok_or_else(|| broken("ends before its closing boundary"))?;
        parts.push(part(&rest[..end])?);
        rest = &rest[end + delimiter.len()..];
    }
}

fn broken(how: &str) -> Rejection {
    Rejection::new(Reason::Malformed, "body", format!("{how}, which no multipart form does"))
}

fn part(bytes: &[u8]) -> Result<Part<'_>, Rejection> {
    let head = if bytes.starts_with(b"\r\n") {
        0
    } else {
        find(bytes, b"\r\n\r\n").ok_or_else(|| broken("has a part without headers"))? + 2
    };
    let (lines, body) = bytes.split_at(head);
    if lines.len() > MAX_HEAD {
        return Err(broken("has a part with too long headers"));
    }
    let lines = std::str::from_utf8(lines).map_err(|_| broken("has headers that are not UTF-8"))?;
    let mut part = Part { body: body.get(2..).unwrap_or_default(), ..Part::default() };
    for (name, value) in lines.split("\r\n").filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-disposition") {
            part.name = parameter(value, "name").unwrap_or_default();
        } else if name.eq_ignore_ascii_case("content-type") {
            part.content_type = value;
        } else if name.eq_ignore_ascii_case("content-encoding") {
            part.encoding = value;
        }
    }
    Ok(part)
}

/// A parameter of a header's value, with or without quotes.
fn parameter<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (found, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(found.trim_end());
        }
        rest = next.trim_start().strip_prefix(';')?;
    }
}

/// Where the needle first stands. Boundaries begin with a line end, which is rare in JSON and cheap to look for.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "--b\r\nContent-Disposition: form-data; name=\"post.1\"; filename=\"blob\"\r\nContent-Type: application/json\r\n\r\n{}\r\n\
        --b\r\ncontent-disposition: form-data; name=attachment.1.a\r\nContent-Encoding: gzip\r\n\r\n\r\n-\r\n--c\r\n--b--\r\n";

    #[test]
    fn parts_are_told_apart() {
        let parts = parts(BODY.as_bytes(), "b").unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].name, parts[0].content_type, parts[0].body), ("post.1", "application/json", b"{}".as_slice()));
        assert_eq!((parts[1].name, parts[1].encoding, parts[1].body), ("attachment.1.a", "gzip", b"\r\n-\r\n--c".as_slice()));
    }

    #[test]
    fn no_cut_and_no_noise_panics() {
        for end in 0..BODY.len() - 4 {
            assert!(parts(&BODY.as_bytes()[..end], "b").is_err(), "cut at {end}");
        }
        for noise in ["", "--b", "--b--", "--b\r\n\r\n\r\n--b--", "\r\n--b\r\n--b--", "--b\r\n\r\n--b--", "x\r\n--b--"] {
            let _ = parts(noise.as_bytes(), "b");
        }
        assert_eq!(parts(b"--b--", "b").unwrap(), []);
        let many = "--b\r\n\r\n".to_owned() + &"\r\n--b\r\n\r\n".repeat(MAX_PARTS) + "\r\n--b--";
        assert_eq!(parts(many.as_bytes(), "b").unwrap_err().reason, Reason::TooLarge);
    }

    #[test]
    fn the_boundary_is_in_the_header() {
        let of = |text: &str| boundary(text).ok();
        assert_eq!(of("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(of("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"").as_deref(), Some("a b"));
        for bad in ["multipart/form-data", "application/json; boundary=a", "multipart/form-data; boundary=", ""] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
