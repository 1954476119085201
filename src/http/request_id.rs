//! The id of a request, and the trace of the client that it belongs to (W3C Trace Context, section
//! 3.2).
//!
//! Invariant: the only text of client headers that reaches the log is hexadecimal digits of a fixed
//! length.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::http::{HeaderMap, HeaderName};

/// The header of an answer that carries the id of the request.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: &str = "traceparent";

/// The id of the next request: 16 hexadecimal digits, different in every process.
pub(super) fn next_id() -> String {
    static PROCESS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}", PROCESS.hash_one(REQUESTS.fetch_add(1, Ordering::Relaxed)))
}

/// The trace, span and flags of a valid `traceparent`, in hexadecimal digits.
pub(super) fn trace_parent(headers: &HeaderMap) -> Option<(&str, &str, &str)> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let mut parts = value.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_nonzero = |part: &str| part.bytes().any(|b| b != b'0');
    // Later versions may add parts; version 00 has four, and version ff is invalid.
    let is_complete = version != "00" || parts.next().is_none();
    let is_valid = is_hex(version, 2) && version != "ff" && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
    (is_valid && is_complete && is_nonzero(trace) && is_nonzero(span)).then_some((trace, span, flags))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_valid_trace_parents_are_read() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let read = |value: &str| {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(TRACEPARENT), HeaderValue::from_str(value).unwrap())]);
            trace_parent(&headers).map(|(trace, span, flags)| [trace, span, flags].join(" "))
        };
        for (valid, flags) in [
            ("00-TRACE-b7ad6b7169203331-01", "01"),
            ("00-TRACE-b7ad6b7169203331-00", "00"),
            ("cc-TRACE-b7ad6b7169203331-01-what-else", "01"),
        ] {
            let expected = format!("{trace} b7ad6b7169203331 {flags}");
            assert_eq!(read(&valid.replace("TRACE", trace)), Some(expected), "{valid}");
        }
        for invalid in [
            "",
            "heart attack",
            "00-TRACE-b7ad6b7169203331",
            "00-TRACE-b7ad6b7169203331-01-more",
            "ff-TRACE-b7ad6b7169203331-01",
            "00-TRACE-0000000000000000-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-TRACEf-b7ad6b7169203331-01",
            "0x-TRACE-b7ad6b7169203331-01",
        ] {
            assert_eq!(read(&invalid.replace("TRACE", trace)), None, "{invalid}");
        }
        assert_eq!(trace_parent(&HeaderMap::new()), None);
    }

    #[test]
    fn ids_differ() {
        assert_eq!((0..1000).map(|_| next_id()).collect::<HashSet<_>>().len(), 1000);
    }
}
