//! Manifests for Kubernetes.

use std::collections::BTreeSet;

use serde::Serialize;

use super::error::ScaffoldError;
use super::outline::Outline;
use super::part::Part;
use super::sheet::Sheet;
use super::text::fill;

#[derive(Serialize)]
struct Values<'a> {
    image: &'a Outline,
    name: String,
    user: u32,
    group: u32,
    architectures: Vec<String>,
    repository: &'a str,
    reference: String,
    ports: Vec<Port>,
}

#[derive(Serialize)]
struct Port {
    name: String,
    number: String,
    protocol: String,
}

/// An image's Deployment, and a Service for its ports; the words say why it can have none.
pub(super) fn sheet(image: &Outline) -> Result<Result<Sheet, String>, ScaffoldError> {
    let Some((user, group)) = image.user.filter(|(user, _)| *user != 0) else {
        return Ok(Err(format!(
            "kubernetes/{}.yaml is left out: its pods would run as root or as a user without a number, which \
             runAsNonRoot refuses; set `user = \"65532:65532\"`",
            image.name
        )));
    };
    // https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-arch: GOARCH, as in an image.
    let architectures: BTreeSet<&str> =
        image.platforms.iter().map(|platform| platform.architecture().as_str()).collect();
    let values = Values {
        name: dns_label(&image.name),
        user,
        group,
        architectures: architectures.into_iter().map(str::to_owned).collect(),
        repository: &image.repository,
        reference: format!("{}:{}", image.repository, image.tag),
        ports: image.ports.iter().map(|port| of_text(port)).collect(),
        image,
    };
    let path = format!("kubernetes/{}.yaml", image.name);
    Ok(Ok(Sheet::ours(Part::Kubernetes, path, fill("kubernetes.yaml", &values)?)))
}

/// `8080` or `53/udp`. A port's name has at most 15 characters: `sctp-65535` has 10.
fn of_text(text: &str) -> Port {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    Port {
        name: format!("{protocol}-{number}"),
        number: number.to_owned(),
        protocol: protocol.to_ascii_uppercase(),
    }
}

/// A name that Services take too: at most 63 lower-case letters, digits and hyphens, a letter first (RFC 1035 label).
fn dns_label(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let begins = plain.starts_with(|c: char| c.is_ascii_alphabetic());
    let whole = if begins { plain } else { format!("app-{plain}") };
    let short: String = whole.to_ascii_lowercase().chars().take(63).collect();
    short.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        assert_eq!(dns_label("web_shop.api"), "web-shop-api");
        assert_eq!(dns_label("2048"), "app-2048");
        let long = dns_label(&"a-".repeat(60));
        assert!(long.len() <= 63 && long.ends_with('a'), "{long}");
    }
}
