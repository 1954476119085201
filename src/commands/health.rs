//! `saplink health`: whether a service on this machine is ready, for images that have no other program.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::cli::HealthArgs;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The beginning of an answer that is looked at.
const STATUS: usize = "HTTP/1.1 200".len();

/// Asks `/readyz`.
pub fn run(args: &HealthArgs) -> Result<()> {
    let address = reachable(args.listen);
    let status = status(address).with_context(|| format!("no answer from {address}"))?;
    if !status.ends_with(" 200") {
        bail!("{address} is not ready ({status})");
    }
    println!("{address} is ready");
    Ok(())
}

/// Where a service that listens on `listen` is reached from its own machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn status(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut status = [0; STATUS];
    stream.read_exact(&mut status)?;
    Ok(String::from_utf8_lossy(&status).into_owned())
}
