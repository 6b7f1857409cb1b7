//! The table of proxies: what Go answers, and what this crate answers.

use crossdock_registry::proxy::{ProxyProtocol, ProxyRules};
use crossdock_registry::{Origin, Scheme};

#[test]
fn the_table_of_proxies() {
    let mut failed = Vec::new();
    let rows = include_str!("proxy.tsv").lines().filter(|line| !line.starts_with('#'));
    for (number, row) in rows.enumerate() {
        let columns: Vec<&str> = row.split('\t').collect();
        let expected = columns.get(3).unwrap_or(&columns[2]);
        let found = answer(columns[0], columns[1]);
        if found != *expected {
            failed.push(format!("{number}: {} {}: {found} instead of {expected}", columns[0], columns[1]));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn an_error_shows_no_password() {
    let rules = rules("HTTPS_PROXY=http://user:hunter2%zz@proxy:3128");
    let origin = Origin::new(Scheme::Https, &"ghcr.io".parse().unwrap());
    let error = rules.proxy_for(&origin).unwrap_err();
    assert_eq!(
        error.to_string(),
        "HTTPS_PROXY is not the address of a proxy: a percent sign in the user or password is not followed by two \
         hexadecimal digits; set it to `http://HOST:PORT`"
    );
    assert!(!format!("{rules:?}{error:?}").contains("hunter2"));
}

fn rules(variables: &str) -> ProxyRules {
    let pairs = variables.split('|').filter_map(|variable| variable.split_once('='));
    ProxyRules::from_variables(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Writes the proxy of a request as the table does.
fn answer(variables: &str, url: &str) -> String {
    let (scheme, host) = url.split_once("://").expect("the table has URLs");
    let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
    let origin = Origin::new(scheme, &host.parse().expect("the table has valid hosts"));
    let rules = rules(variables);
    match rules.proxy_for(&origin) {
        Err(_) => "error".to_owned(),
        Ok(None) => "direct".to_owned(),
        Ok(Some(proxy)) => {
            let name = match proxy.protocol {
                ProxyProtocol::Socks5 => "socks5",
                _ => proxy.origin.scheme.as_str(),
            };
            let address = match proxy.origin.host.port() {
                Some(_) => proxy.origin.host.to_string(),
                None => format!("{}:{}", proxy.origin.host, proxy.origin.port()),
            };
            let user = proxy.user.as_ref().map(|(user, password)| format!(" {user} {}", password.expose()));
            format!("{name}://{address}{}", user.unwrap_or_default())
        }
    }
}
