//! The examples of `crossdock-registry` against Debian's registry.

#![expect(dead_code, reason = "the examples' own `main`, and what only that needs")]

use std::io::Read;

use crossdock_oci::{Blob, Descriptor, Digest, Layout, Repository, Tag, media_type};
use crossdock_registry::{Registry, Selector, Settings};
use crossdock_tests::registry::{Distribution, Sample};
use serde_json::json;
use tempfile::TempDir;

#[path = "../../crates/registry/examples/copy.rs"]
mod copy;
#[path = "../../crates/registry/examples/list.rs"]
mod list;
#[path = "../../crates/registry/examples/pull.rs"]
mod pull;
#[path = "../../crates/registry/examples/push.rs"]
mod push;

#[test]
fn the_examples_of_the_client_push_list_copy_and_pull() {
    let registry = Distribution::start();
    let directory = TempDir::new().unwrap();
    let sample = Sample::write(&directory.path().join("sample"), 1, 1000);
    let [team, prod] = ["team/app", "prod/app"]
        .map(|path| format!("{}/{path}", registry.host()).parse::<Repository>().unwrap());
    let tag: Tag = "1.0".parse().unwrap();

    let pushed = push::push(Settings::new(), sample.directory.to_str().unwrap(), &team, tag.clone()).unwrap();
    assert_eq!(pushed.digest.to_string(), sample.digest);
    assert!(!pushed.unchanged);

    let artifact = put_artifact(&team, &pushed.digest);
    let referrers_of = |repository: &Repository| {
        let listed = list::list(Settings::new(), repository).unwrap();
        let image = listed.into_iter().find(|listed| listed.tag == "1.0").unwrap();
        assert_eq!(image.digest, pushed.digest);
        image.referrers.iter().map(|referrer| referrer.descriptor.digest).collect::<Vec<_>>()
    };
    assert_eq!(referrers_of(&team), [artifact]);

    let (copied, carried) = copy::copy(Settings::new(), &team, &prod, &tag).unwrap();
    assert_eq!((copied.digest, copied.sent), (pushed.digest, 0), "blobs are mounted");
    assert_eq!((carried.referrers, carried.left), (vec![artifact], vec![]));
    assert_eq!(referrers_of(&prod), [artifact]);

    let layout = directory.path().join("pulled");
    let reference = format!("{prod}:1.0").parse().unwrap();
    let pulled = pull::pull(Settings::new(), &reference, layout.to_str().unwrap()).unwrap();
    assert_eq!(pulled, pushed.digest);
    Layout::open(layout).unwrap().blobs().verify(&pulled).unwrap();
}

/// Writes an artifact about an image.
fn put_artifact(repository: &Repository, image: &Digest) -> Digest {
    let registry = Registry::new(Settings::new()).unwrap();
    let subject = registry.manifest(repository, &Selector::Digest(*image)).unwrap().descriptor;
    let blob = Blob { digest: Digest::of(b"{}"), size: 2 };
    let open = |at| Ok(Box::new(&b"{}"[at as usize..]) as Box<dyn Read + Send>);
    registry.put_blob(repository, &blob, &open).unwrap();
    let empty = Descriptor::new("application/vnd.oci.empty.v1+json", blob);
    let bytes = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": "application/vnd.example",
        "config": empty, "layers": [empty], "subject": subject,
    });
    registry.put_referrer(repository, media_type::MANIFEST, bytes.to_string().as_bytes(), image).unwrap()
}
