//! Checks `Host` and `Origin`: a page of another site must not use a service of this machine
//! through the browser of its user (DNS rebinding, cross-site requests).
//!
//! Invariant: probes are answered for every host, because orchestrators ask by address.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderValue, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::problem::{Problem, ProblemKind};

/// Paths of the probes.
pub(super) const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The host names by which clients may address the service.
#[derive(Clone)]
pub enum Hosts {
    /// Any name.
    Any,
    /// These names; with `loopback` also `localhost` and the loopback addresses.
    Listed {
        /// Lowercase names or addresses, without port.
        names: Arc<[String]>,
        /// Whether the service listens on a loopback address.
        loopback: bool,
    },
}

impl Hosts {
    /// The hosts of a service: `names`, and the names of this machine if it listens on a `loopback`
    /// address. Without names, a service on another address may be addressed by any name.
    pub fn new(names: &[String], loopback: bool) -> Self {
        if names.is_empty() && !loopback {
            return Self::Any;
        }
        Self::Listed { names: names.iter().map(|name| name.to_ascii_lowercase()).collect(), loopback }
    }

    fn allows(&self, host: &str) -> bool {
        let Self::Listed { names, loopback } = self else { return true };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        *loopback && is_loopback || names.contains(&host)
    }

    /// Whether the value of a header is an allowed host.
    fn allows_value(&self, value: &HeaderValue, host: impl Fn(&str) -> Option<String>) -> bool {
        matches!(self, Self::Any) || value.to_str().ok().and_then(host).is_some_and(|host| self.allows(&host))
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        let headers = request.headers();
        let authority = |value: &str| Some(value.parse::<Authority>().ok()?.host().to_owned());
        let origin = |value: &str| Some(value.parse::<Uri>().ok()?.host()?.to_owned());
        let hosts = headers.get_all(header::HOST);
        // HTTP/2 has the host in the URI. A request without any is not from a browser.
        if !hosts.iter().all(|host| self.allows_value(host, authority))
            || !request.uri().host().is_none_or(|host| self.allows(host))
        {
            let detail = "the service was started without this name; --allowed-hosts NAME adds it";
            return Err(Problem::new(ProblemKind::WrongHost, detail).at("host"));
        }
        if !headers.get_all(header::ORIGIN).iter().all(|value| self.allows_value(value, origin)) {
            let detail = "a page of another site sent this request; --allowed-hosts NAME allows pages of NAME";
            return Err(Problem::new(ProblemKind::WrongOrigin, detail).at("origin"));
        }
        Ok(())
    }
}

/// Passes a request on if its host and origin are of this service.
pub(super) async fn check_hosts(hosts: Hosts, request: Request, next: Next) -> Response {
    if !PROBES.contains(&request.uri().path())
        && let Err(problem) = hosts.check(&request)
    {
        return problem.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_service_has_the_names_of_this_machine_and_those_that_are_listed() {
        let listed = ["Saplink.Example".to_owned()];
        for (names, loopback, host, expected) in [
            (&[][..], true, "localhost", true),
            (&[], true, "LOCALHOST.", true),
            (&[], true, "127.0.0.2", true),
            (&[], true, "[::1]", true),
            (&[], true, "evil.example", false),
            (&[], true, "127.0.0.1.evil.example", false),
            (&[], true, "10.0.0.1", false),
            (&[], false, "evil.example", true),
            (&listed, true, "saplink.example", true),
            (&listed, true, "localhost", true),
            (&listed, false, "saplink.EXAMPLE", true),
            (&listed, false, "localhost", false),
        ] {
            assert_eq!(Hosts::new(names, loopback).allows(host), expected, "{names:?} {loopback} {host}");
        }
    }
}
