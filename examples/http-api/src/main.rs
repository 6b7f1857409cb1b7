//! A small HTTP service. `BIND_IP` (default `0.0.0.0`) and `PORT` (default 8080) say where it listens; SIGTERM lets
//! open requests finish, for at most ten seconds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long open requests may take once the service was told to stop. A kubelet kills after 30 seconds.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http-api: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let address = address(std::env::var("BIND_IP").ok(), std::env::var("PORT").ok())?;
    // Handlers first: a signal that arrives while the socket opens must not kill the process.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener =
        TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    eprintln!("http-api: listening on http://{}", listener.local_addr()?);

    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let serve = axum::serve(listener, http_api::router()).with_graceful_shutdown(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        let _ = stopping.send(());
    });
    let overdue = async {
        // The sender lives as long as the server, so an error here means that the server ended by itself.
        if stopped.await.is_ok() {
            tokio::time::sleep(GRACE).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = async { serve.await } => result?,
        () = overdue => eprintln!("http-api: requests were still open after {GRACE:?}"),
    }
    Ok(())
}

/// The socket address to listen on; `None` stands for a variable that is not set.
fn address(host: Option<String>, port: Option<String>) -> Result<SocketAddr, String> {
    let ip = match host {
        Some(text) => text.parse().map_err(|_| format!("BIND_IP={text:?} is not an IP address"))?,
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let port = match port {
        Some(text) => text.parse().map_err(|_| format!("PORT={text:?} is not a number from 0 to 65535"))?,
        None => 8080,
    };
    Ok(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn address_from_the_environment() {
        let cases = [
            (None, None, "0.0.0.0:8080"),
            (None, Some("3000"), "0.0.0.0:3000"),
            (Some("127.0.0.1"), Some("0"), "127.0.0.1:0"),
            (Some("::1"), None, "[::1]:8080"),
        ];
        for (host, port, want) in cases {
            let got = address(host.map(str::to_owned), port.map(str::to_owned));
            assert_eq!(got, Ok(want.parse().unwrap()));
        }
    }

    #[test]
    fn a_bad_value_is_named() {
        for port in ["", "http", "65536", "-1"] {
            assert!(address(None, Some(port.to_owned())).unwrap_err().starts_with("PORT="), "{port:?}");
        }
        assert!(address(Some("localhost".to_owned()), None).unwrap_err().starts_with("BIND_IP="));
    }
}
