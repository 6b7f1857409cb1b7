//! The routes, asked in memory.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_api::{About, Greeting, router};
use http_body_util::BodyExt;
use tower::ServiceExt;

async fn ask(method: Method, path: &str) -> (StatusCode, Vec<u8>) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = router().oneshot(request).await.unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn healthz_says_ok() {
    assert_eq!(ask(Method::GET, "/healthz").await, (StatusCode::OK, b"ok\n".to_vec()));
}

#[tokio::test]
async fn about_names_the_architecture_it_was_compiled_for() {
    let (status, body) = ask(Method::GET, "/").await;
    let about: About = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, about.name.as_str(), about.arch.as_str()),
        (StatusCode::OK, "http-api", std::env::consts::ARCH)
    );
}

#[tokio::test]
async fn greet_decodes_the_name() {
    let (status, body) = ask(Method::GET, "/greet/J%C3%BCrgen").await;
    let greeting: Greeting = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, greeting.message.as_str()), (StatusCode::OK, "Hello, Jürgen!"));
}

#[tokio::test]
async fn what_does_not_exist_is_an_error() {
    assert_eq!(ask(Method::GET, "/nothing").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(Method::POST, "/healthz").await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(ask(Method::GET, "/greet/%FF").await.0, StatusCode::BAD_REQUEST);
}
