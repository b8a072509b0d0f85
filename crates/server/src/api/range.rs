//! Which bytes a request asks for (RFC 9110, section 14).

use axum::http::{HeaderMap, header};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything; also where more than one range is asked for, which a server may ignore.
    All,
    /// The bytes from `from` to before `to`; never none.
    Part {
        /// First byte.
        from: u64,
        /// Behind the last byte.
        to: u64,
    },
    /// A range that is outside.
    Nothing,
}

/// Which of the `size` bytes of what has that strong tag are asked for.
pub(super) fn asked(headers: &HeaderMap, tag: &str, size: u64) -> Asked {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // The client has a part of something: the rest is of use only where that is still the same.
    if text(header::IF_RANGE).is_some_and(|known| known != tag) {
        return Asked::All;
    }
    let Some(ranges) = text(header::RANGE).and_then(|value| value.strip_prefix("bytes=")) else { return Asked::All };
    let Some((from, to)) = ranges.split_once('-').filter(|_| !ranges.contains(',')) else { return Asked::All };
    let number = |text: &str| text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse::<u64>().unwrap_or(u64::MAX));
    match (from.trim(), to.trim()) {
        ("", "") => Asked::All,
        ("", last) => match number(last) {
            Some(0) => Asked::Nothing,
            Some(last) if size > 0 => Asked::Part { from: size.saturating_sub(last), to: size },
            Some(_) => Asked::Nothing,
            None => Asked::All,
        },
        (from, to) => match (number(from), if to.is_empty() { Some(u64::MAX) } else { number(to) }) {
            (Some(from), Some(to)) if from > to => Asked::All,
            (Some(from), Some(_)) if from >= size => Asked::Nothing,
            (Some(from), Some(to)) => Asked::Part { from, to: to.saturating_add(1).min(size) },
            _ => Asked::All,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, expect: Asked) {
        let headers = HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())]);
        assert_eq!(asked(&headers, "\"t\"", 100), expect, "{range}");
    }

    #[test]
    fn a_range_is_read_and_what_is_none_asks_for_all() {
        check("bytes=0-9", Asked::Part { from: 0, to: 10 });
        check("bytes=90-", Asked::Part { from: 90, to: 100 });
        check("bytes=90-1000", Asked::Part { from: 90, to: 100 });
        check("bytes=99-99", Asked::Part { from: 99, to: 100 });
        check("bytes=-10", Asked::Part { from: 90, to: 100 });
        check("bytes=-1000", Asked::Part { from: 0, to: 100 });
        check(&format!("bytes=0-{}", u64::MAX), Asked::Part { from: 0, to: 100 });
        check("bytes=0-99999999999999999999999", Asked::Part { from: 0, to: 100 });
        for outside in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            check(outside, Asked::Nothing);
        }
        for all in ["bytes=", "bytes=-", "bytes=9-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=+1-2", "0-1"] {
            check(all, Asked::All);
        }
    }

    #[test]
    fn the_rest_of_something_else_is_not_sent() {
        let with = |tag: &str| {
            let headers = [(header::RANGE, "bytes=1-".parse().unwrap()), (header::IF_RANGE, tag.parse().unwrap())];
            asked(&HeaderMap::from_iter(headers), "\"t\"", 100)
        };
        assert_eq!(with("\"t\""), Asked::Part { from: 1, to: 100 });
        assert_eq!(with("\"u\""), Asked::All);
        assert_eq!(with("W/\"t\""), Asked::All);
    }
}
