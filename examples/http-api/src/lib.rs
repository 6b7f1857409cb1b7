//! The routes of the service, apart from the process that serves them.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

/// The answer to `GET /`: the program and the platform that it was compiled for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub name: String,
    pub version: String,
    /// As Rust names it: `x86_64`, `aarch64`. Under emulation this is the program's, not the machine's.
    pub arch: String,
    pub os: String,
}

/// The answer to `GET /greet/{name}`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    pub message: String,
}

/// All routes of the service. `/healthz` is what a kubelet's probe asks.
pub fn router() -> Router {
    Router::new().route("/", get(about)).route("/healthz", get(healthz)).route("/greet/{name}", get(greet))
}

async fn about() -> Json<About> {
    Json(About {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        os: std::env::consts::OS.to_owned(),
    })
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn greet(Path(name): Path<String>) -> Json<Greeting> {
    Json(Greeting { message: format!("Hello, {name}!") })
}
