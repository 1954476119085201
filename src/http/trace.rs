//! Which request a line of the log is of, and which trace of its client's it belongs to (W3C Trace Context, section 3.2).
//!
//! Invariant: of what a client sends, hexadecimal digits of the right number reach the log and nothing else.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::http::{HeaderMap, HeaderName};

/// Carries a request's id in its answer.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: &str = "traceparent";

/// The id of the next request: unlike those of other processes, and in the log and the answer alone.
pub(super) fn next_id() -> String {
    static PROCESS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}", PROCESS.hash_one(REQUESTS.fetch_add(1, Ordering::Relaxed)))
}

/// What a client says that a request is part of, if it says so and says it rightly: the trace, the span in it, and flags.
pub(super) fn parent(headers: &HeaderMap) -> Option<(&str, &str, &str)> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let mut parts = value.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str| part.bytes().any(|b| b != b'0');
    // Later versions may add parts; version 00 has none, and ff is none.
    let whole = version != "00" || parts.next().is_none();
    let right = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    (right && whole && some(trace) && some(parent)).then_some((trace, parent, flags))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_trace_that_is_one_is_taken() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let taken = |value: &str| {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(TRACEPARENT), HeaderValue::from_str(value).unwrap())]);
            parent(&headers).map(|(trace, span, flags)| [trace, span, flags].join(" "))
        };
        for (right, flags) in [
            ("00-TRACE-b7ad6b7169203331-01", "01"),
            ("00-TRACE-b7ad6b7169203331-00", "00"),
            ("cc-TRACE-b7ad6b7169203331-01-what-else", "01"),
        ] {
            let expected = format!("{trace} b7ad6b7169203331 {flags}");
            assert_eq!(taken(&right.replace("TRACE", trace)), Some(expected), "{right}");
        }
        for wrong in [
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
            assert_eq!(taken(&wrong.replace("TRACE", trace)), None, "{wrong}");
        }
        assert_eq!(parent(&HeaderMap::new()), None);
    }

    #[test]
    fn ids_differ() {
        assert_eq!((0..1000).map(|_| next_id()).collect::<HashSet<_>>().len(), 1000);
    }
}
