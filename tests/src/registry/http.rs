//! Enough of an HTTP/1.1 server for a registry, a token server and a proxy: a thread for each connection, bodies with a
//! length or in chunks, `Expect: 100-continue`, and control over when a connection ends.

mod message;
mod server;
mod tls;

pub use message::{Answer, Head, Headers, Request};
pub use server::{Connection, Flow, Handler, HttpServer};
pub use tls::{Stream, Tls};
