//! Decompresses bodies: gzip of one or more members (RFC 1952), and zstd of one or more frames.
//!
//! Invariant: bytes after the last member are an error of the body, so that nothing is lost.

use std::io;

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::http::problem::{Problem, ProblemKind};

/// The compressions of bodies.
const ENCODINGS: HeaderValue = HeaderValue::from_static("gzip, zstd");

#[derive(Clone, Copy)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// The encoding that `content-encoding` gives (RFC 9110, section 8.4.1); none if it is another one,
/// or several.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Some(Encoding::Identity) };
    let value = value.to_str().ok().filter(|_| values.next().is_none())?;
    let encodings = [
        ("identity", Encoding::Identity),
        ("gzip", Encoding::Gzip),
        ("x-gzip", Encoding::Gzip),
        ("zstd", Encoding::Zstd),
    ];
    encodings.into_iter().find(|(name, _)| value.trim().eq_ignore_ascii_case(name)).map(|(_, encoding)| encoding)
}

/// Replaces a compressed body by its content, and refuses an unknown compression.
pub(in crate::http) async fn decompress(mut request: Request, next: Next) -> Response {
    let Some(encoding) = encoding(request.headers()) else {
        let detail = "send content-encoding: gzip or zstd, one of them once, or no such header";
        let mut response = Problem::new(ProblemKind::UnsupportedEncoding, detail).into_response();
        response.headers_mut().insert(header::ACCEPT_ENCODING, ENCODINGS);
        return response;
    };
    let body = std::mem::take(request.body_mut());
    let compressed = |body: Body| StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    *request.body_mut() = match encoding {
        Encoding::Identity => body,
        Encoding::Gzip => {
            let mut decoder = GzipDecoder::new(compressed(body));
            decoder.multiple_members(true);
            Body::from_stream(ReaderStream::new(decoder))
        }
        Encoding::Zstd => {
            let mut decoder = ZstdDecoder::new(compressed(body));
            decoder.multiple_members(true);
            Body::from_stream(ReaderStream::new(decoder))
        }
    };
    if !matches!(encoding, Encoding::Identity) {
        request.headers_mut().remove(header::CONTENT_LENGTH);
    }
    request.headers_mut().remove(header::CONTENT_ENCODING);
    next.run(request).await
}
