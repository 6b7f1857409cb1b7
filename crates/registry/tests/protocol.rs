//! The client against a registry whose answers and faults each test chooses.

#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

mod fake;
mod transfers;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossdock_oci::{
    Blob, Descriptor, Digest, Document, ImageManifest, ImageSource, Index, Layout, LayoutLock, Pruning,
    Repository, Tag, media_type,
};
use crossdock_registry::credentials::{Credential, Helpers, Logins, OneHost, Search, Secret};
use crossdock_registry::proxy::{Proxy, ProxyRules};
use crossdock_registry::{
    ImageContent, Moved, Origin, PushOptions, Pushed, Registry, RegistryError, Remote, Selector, Settings,
    Unobserved, copy_into,
};
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Processes};
use fake::{Fake, Fault, Request};

fn client() -> Registry {
    let mut settings = Settings::new();
    settings.patience = Duration::from_millis(20);
    Registry::new(settings).unwrap()
}

/// An image for two platforms in a layout: an index, two manifests, two configurations, two layers.
struct Image {
    _directory: tempfile::TempDir,
    layout: Layout,
    _lock: LayoutLock,
    index: Descriptor,
    layer: Digest,
}

fn image(layer_size: usize) -> Image {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path().join("layout")).unwrap();
    let lock = layout.lock().unwrap();
    let blobs = layout.blobs();
    let mut layers = Vec::new();
    let manifests = ["amd64", "arm64"].map(|architecture| {
        let config = format!(
            r#"{{"architecture":"{architecture}","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}}}}"#
        );
        let config = Descriptor::new(media_type::CONFIG, blobs.put(config.as_bytes()).unwrap());
        let layer = blobs.put(&architecture.repeat(layer_size / 5 + 1).into_bytes()).unwrap();
        layers.push(layer.digest);
        let layers = vec![Descriptor::new(media_type::LAYER, layer)];
        let manifest = Document::new(ImageManifest::new(config, layers, BTreeMap::new())).unwrap();
        Descriptor::new(media_type::MANIFEST, blobs.put(&manifest.raw).unwrap())
    });
    let index = Document::new(Index::new(manifests.to_vec(), BTreeMap::new())).unwrap();
    let index = Descriptor::new(media_type::INDEX, blobs.put(&index.raw).unwrap());
    layout.publish(&lock, &index, &[], Pruning::ReplaceAll).unwrap();
    Image { _directory: directory, layout, _lock: lock, index, layer: layers[0] }
}

fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

fn push(registry: &Registry, fake: &Fake, image: &Image) -> Result<Pushed, RegistryError> {
    let options = PushOptions::new([tag("1.0")]);
    registry.push(image.layout.blobs(), &image.index, &fake.repository("team/app"), &options, &Unobserved)
}

fn is(request: &Request, method: &str, part: &str) -> bool {
    request.method == method && request.target.contains(part)
}

fn error(code: &str) -> String {
    format!(r#"{{"errors":[{{"code":"{code}","message":"the registry's words"}}]}}"#)
}

/// Checks that the tag names the whole image.
fn assert_complete(fake: &Fake, image: &Image) {
    let state = fake.state.lock().unwrap();
    assert_eq!(state.tags.get("1.0"), Some(&image.index.digest.to_string()));
    assert_eq!((state.manifests.len(), state.blobs.len()), (3, 4));
}

#[test]
fn children_come_before_their_index_and_the_tag_is_last() {
    let (fake, image) = (Fake::start(), image(1000));
    let pushed = push(&client(), &fake, &image).unwrap();
    assert_eq!((pushed.digest, pushed.unchanged), (image.index.digest, false));
    assert_complete(&fake, &image);
    let puts = fake.requests(&["PUT", "/manifests/"]);
    assert_eq!(puts.len(), 3, "{puts:?}");
    assert!(puts[2].ends_with("/manifests/1.0"), "{puts:?}");
    assert_eq!(fake.state.lock().unwrap().tags.len(), 1, "children are not tagged");
}

#[test]
fn an_unchanged_image_sends_nothing_and_a_deleted_child_is_healed() {
    let (fake, image, registry) = (Fake::start(), image(1000), client());
    push(&registry, &fake, &image).unwrap();
    fake.state.lock().unwrap().log.clear();
    assert!(push(&registry, &fake, &image).unwrap().unchanged);
    let log = fake.state.lock().unwrap().log.clone();
    // The tag and three documents.
    assert!(log.iter().all(|line| !line.starts_with('P')) && log.len() <= 4, "{log:?}");
    // A cleanup job deletes a manifest that no tag names, with its layer.
    {
        let mut state = fake.state.lock().unwrap();
        let index = image.index.digest.to_string();
        let child = state.manifests.keys().find(|digest| **digest != index).unwrap().clone();
        state.manifests.remove(&child);
        state.blobs.remove(&image.layer.to_string());
    }
    assert!(!push(&registry, &fake, &image).unwrap().unchanged);
    let present = fake.state.lock().unwrap().manifests.len();
    assert_eq!(present, 3);
}

#[test]
fn a_blob_that_a_registry_lost_is_sent_again_alone_if_that_is_asked_for() {
    let mut settings = Settings::new();
    settings.verify_pushes = true;
    let (fake, image, registry) = (Fake::start(), image(1000), Registry::new(settings).unwrap());
    push(&registry, &fake, &image).unwrap();
    fake.state.lock().unwrap().blobs.remove(&image.layer.to_string());
    assert!(
        push(&client(), &fake, &image).unwrap().unchanged,
        "only the tag and the documents are looked up"
    );
    fake.state.lock().unwrap().log.clear();
    let pushed = push(&registry, &fake, &image).unwrap();
    assert!(!pushed.unchanged && pushed.sent > 0 && pushed.sent < 2000, "{pushed:?}");
    assert_complete(&fake, &image);
    assert_eq!(fake.requests(&["PUT"]).len(), 1, "only the blob is written");
    assert!(push(&registry, &fake, &image).unwrap().unchanged);
}

#[test]
fn a_registry_that_refuses_to_show_blobs_is_believed_about_its_manifests() {
    let refuses = Arc::new(AtomicBool::new(false));
    let refusing = Arc::clone(&refuses);
    let fake = Fake::with(move |request, _| {
        let is_refused = refusing.load(Ordering::Relaxed) && is(request, "HEAD", "/blobs/");
        is_refused.then(|| Fault::Answer("403 Forbidden", &[], error("DENIED")))
    });
    let mut settings = Settings::new();
    settings.verify_pushes = true;
    let (image, registry) = (image(1000), Registry::new(settings).unwrap());
    push(&registry, &fake, &image).unwrap();
    refuses.store(true, Ordering::Relaxed);
    assert!(push(&registry, &fake, &image).unwrap().unchanged);
}

#[test]
fn an_early_413_is_heard_and_the_blob_is_sent_in_parts() {
    // Larger than all socket buffers, so that the client is still sending when the answer comes.
    let limit = 20_000_000;
    let fake = Fake::with(move |request, _| {
        let length: u64 = request.headers.get("content-length")?.parse().ok()?;
        (length > limit).then(|| Fault::Early("413 Payload Too Large", "<html>413</html>".into()))
    });
    let image = image(30_000_000);
    push(&client(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
    assert_eq!(fake.requests(&["PATCH"]).len(), 4, "two layers in parts of 16 MiB");
}

#[test]
fn early_refusals_are_reported_as_such() {
    for status in ["403 Forbidden", "401 Unauthorized"] {
        let fake = Fake::with(move |request, _| {
            is(request, "PUT", "/blobs/uploads/").then(|| Fault::Early(status, error("DENIED")))
        });
        let failure = push(&client(), &fake, &image(30_000_000)).unwrap_err();
        assert_eq!(failure.status(), status[..3].parse().ok(), "{failure}");
        assert!(failure.to_string().contains("the registry's words"), "{failure}");
        assert!(fake.state.lock().unwrap().tags.is_empty());
    }
}

#[test]
fn transient_faults_are_survived() {
    type Choose = fn(&Request, usize) -> Option<Fault>;
    let cases: [(&str, Choose); 13] = [
        ("503 for an upload", |request, before| {
            (is(request, "POST", "uploads") && before < 2)
                .then(|| Fault::Answer("503 Service Unavailable", &[], String::new()))
        }),
        ("429 with Retry-After", |request, before| {
            (is(request, "HEAD", "/blobs/") && before == 0)
                .then(|| Fault::Answer("429 Too Many Requests", &[("retry-after", "1")], String::new()))
        }),
        ("408 for bytes", |request, before| {
            (is(request, "PUT", "/blobs/uploads/1") && before == 0)
                .then(|| Fault::Answer("408 Request Timeout", &[], String::new()))
        }),
        ("400 without a code", |request, before| {
            (is(request, "PUT", "/blobs/uploads/1") && before == 0)
                .then(|| Fault::Answer("400 Bad Request", &[], "<html>slow</html>".into()))
        }),
        ("416", |request, before| {
            (is(request, "PUT", "/blobs/uploads/2") && before == 0)
                .then(|| Fault::Answer("416 Range Not Satisfiable", &[], String::new()))
        }),
        ("a forgotten upload", |request, before| {
            (is(request, "PUT", "/blobs/uploads/1") && before == 0)
                .then(|| Fault::Answer("404 Not Found", &[], error("BLOB_UPLOAD_UNKNOWN")))
        }),
        ("a reset while sending", |request, before| {
            (is(request, "PUT", "/blobs/uploads/1") && before == 0).then_some(Fault::Drop)
        }),
        ("a lost answer to bytes", |request, before| {
            (is(request, "PUT", "/blobs/uploads/2") && before == 0).then_some(Fault::DropAfter)
        }),
        ("a lost answer to a tag", |request, before| {
            (is(request, "PUT", "/manifests/1.0") && before == 0).then_some(Fault::DropAfter)
        }),
        ("a dropped look-up", |request, before| {
            (is(request, "HEAD", "") && before == 0).then_some(Fault::Drop)
        }),
        ("500 for a manifest", |request, before| {
            (is(request, "PUT", "/manifests/") && before < 3)
                .then(|| Fault::Answer("500 Internal Server Error", &[], error("UNKNOWN")))
        }),
        ("a document that is cut off", |request, before| {
            (is(request, "GET", "/manifests/") && before == 0).then_some(Fault::Truncate(3))
        }),
        ("an index that is refused until its children show", |request, before| {
            (is(request, "PUT", "/manifests/1.0") && before < 2)
                .then(|| Fault::Answer("400 Bad Request", &[], error("MANIFEST_BLOB_UNKNOWN")))
        }),
    ];
    for (name, choose) in cases {
        let (fake, image) = (Fake::with(choose), image(1000));
        push(&client(), &fake, &image).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_complete(&fake, &image);
    }
}

#[test]
fn a_lost_answer_is_followed_by_a_look_up_and_no_byte_is_sent_twice() {
    let fake = Fake::with(|request, before| {
        (is(request, "PUT", "/blobs/uploads/") && before == 0).then_some(Fault::DropAfter)
    });
    let blob_bytes = vec![7; 100_000];
    let blob = crossdock_oci::Blob { digest: Digest::of(&blob_bytes), size: 100_000 };
    let open = move |at: u64| {
        Ok(Box::new(std::io::Cursor::new(blob_bytes[at as usize..].to_vec()))
            as Box<dyn std::io::Read + Send>)
    };
    assert_eq!(client().put_blob(&fake.repository("a"), &blob, &open).unwrap(), Moved::Sent);
    assert_eq!(fake.requests(&["PUT"]).len(), 1);
}

#[test]
fn a_blob_that_a_registry_lied_about_is_sent_again_without_asking() {
    let image = image(1000);
    let layer = image.layer.to_string();
    let lie = format!("/blobs/{layer}");
    let fake = Fake::with(move |request, _| {
        is(request, "HEAD", &lie).then(|| Fault::Answer("200 OK", &[], String::new()))
    });
    push(&client(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
    assert_eq!(fake.requests(&["HEAD", &layer]).len(), 1);
    // The three other blobs, and this one.
    assert_eq!(fake.requests(&["POST"]).len(), 4);
}

#[test]
fn several_lies_are_healed_one_after_the_other() {
    let image = image(1000);
    let fake = Fake::with(move |request, _| {
        (is(request, "HEAD", "/blobs/")).then(|| Fault::Answer("200 OK", &[], String::new()))
    });
    push(&client(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
    assert_eq!(fake.requests(&["POST"]).len(), 4);
}

#[test]
fn a_child_that_a_registry_lied_about_is_written_again() {
    let image = image(1000);
    let index = image.index.digest.to_string();
    let fake = Fake::with(move |request, _| {
        let is_child = is(request, "HEAD", "/manifests/") && !request.target.ends_with(&index);
        is_child.then(|| Fault::Answer("200 OK", &[], String::new()))
    });
    push(&client(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
}

/// The tag and three documents are looked up before the first of these answers, and then the four blobs likewise.
#[test]
fn a_push_asks_for_everything_at_once() {
    let fake = Fake::with(|request, _| {
        let is_question = matches!(request.method.as_str(), "GET" | "HEAD") && request.target != "/v2/";
        is_question.then_some(Fault::Until(if request.target.contains("/blobs/") { 8 } else { 4 }))
    });
    let image = image(1000);
    push(&client(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
    assert_eq!(fake.requests(&["HEAD"]).len() + fake.requests(&["GET", "/manifests/"]).len(), 8);
}

/// The uploads of the two largest blobs are asked for before the first answer about a blob, and their bytes follow; none is
/// asked for twice, nor for a small blob before its answer.
#[test]
fn the_first_uploads_are_asked_for_next_to_the_look_ups() {
    for (layer, uploads) in [(100_000, 2), (1000, 0)] {
        let fake =
            Fake::with(move |request, _| is(request, "HEAD", "/blobs/").then_some(Fault::Until(8 + uploads)));
        let image = image(layer);
        push(&client(), &fake, &image).unwrap();
        assert_complete(&fake, &image);
        assert_eq!(fake.requests(&["POST"]).len(), 4);
        let log = fake.requests(&["/blobs/"]);
        let early = log.iter().take(4 + uploads).filter(|line| line.starts_with("POST")).count();
        assert_eq!(early, uploads, "{log:?}");
    }
}

/// The answer about one layer is held until everything else was asked for: 4 look-ups, 4 blobs, and 4 uploads, of which 3 get
/// their bytes.
#[test]
fn the_bytes_of_a_blob_do_not_wait_for_answers_about_others() {
    let image = image(100_000);
    let slow = image.layer.to_string();
    let fake = Fake::with(move |request, _| {
        let is_slow = is(request, "HEAD", "/blobs/") && request.target.ends_with(&slow);
        is_slow.then_some(Fault::Until(15))
    });
    push(&client(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
}

#[test]
fn a_blob_that_a_registry_has_is_not_sent_though_its_upload_was_asked_for() {
    let (fake, image) = (Fake::start(), image(100_000));
    push(&client(), &fake, &image).unwrap();
    {
        let mut state = fake.state.lock().unwrap();
        state.manifests.clear();
        state.tags.clear();
        state.log.clear();
    }
    let pushed = push(&client(), &fake, &image).unwrap();
    assert_eq!((pushed.unchanged, pushed.sent), (false, 0));
    assert_eq!((fake.requests(&["POST"]).len(), fake.requests(&["PUT", "/blobs/"]).len()), (2, 0));
}

#[test]
fn a_failed_mount_is_a_plain_upload() {
    for status in ["202 Accepted", "401 Unauthorized", "403 Forbidden", "405 Method Not Allowed"] {
        let fake = Fake::with(move |request, _| {
            is(request, "POST", "mount=")
                .then(|| Fault::Answer(status, &[("location", "/v2/other/1")], error("DENIED")))
        });
        let image = image(1000);
        let mut options = PushOptions::new([tag("1.0")]);
        options.mount_from = vec![fake.repository("team/base")];
        let repository = fake.repository("team/app");
        client().push(image.layout.blobs(), &image.index, &repository, &options, &Unobserved).unwrap();
        assert_complete(&fake, &image);
    }
}

#[test]
fn an_unknown_repository_ends_the_push_after_one_upload() {
    let fake = Fake::with(|request, _| {
        is(request, "POST", "").then(|| Fault::Answer("404 Not Found", &[], error("NAME_UNKNOWN")))
    });
    let mut settings = Settings::new();
    settings.jobs = 1;
    let failure = push(&Registry::new(settings).unwrap(), &fake, &image(1000)).unwrap_err();
    assert_eq!(failure.code(), Some("NAME_UNKNOWN"));
    assert!(failure.hints()[0].contains("create the repository `team/app`"), "{:?}", failure.hints());
    assert_eq!(fake.requests(&["POST"]).len(), 1);
}

#[test]
fn an_immutable_tag_with_the_same_digest_is_success() {
    let image = image(1000);
    let index = image.index.digest;
    let fake = Fake::with(|request, before| {
        // The tag is there, but not shown to the first look-up.
        let is_first = is(request, "GET", "/manifests/1.0") && before == 0;
        let refused = is(request, "PUT", "/manifests/1.0");
        match (is_first, refused) {
            (true, _) => Some(Fault::Answer("404 Not Found", &[], error("MANIFEST_UNKNOWN"))),
            (_, true) => Some(Fault::Answer("400 Bad Request", &[], error("TAG_INVALID"))),
            _ => None,
        }
    });
    let other = Document::new(Index::new(vec![], BTreeMap::new())).unwrap();
    let put = |digest: Digest, bytes: Vec<u8>| {
        let mut state = fake.state.lock().unwrap();
        state.manifests.insert(digest.to_string(), (media_type::INDEX.into(), bytes));
        state.tags.insert("1.0".into(), digest.to_string());
    };
    put(other.digest(), other.raw.clone());
    let failure = push(&client(), &fake, &image).unwrap_err();
    assert!(failure.hints()[0].contains(&other.digest().to_string()), "{:?}", failure.hints());
    put(index, image.layout.blobs().read(&index, 1 << 20).unwrap());
    fake.state.lock().unwrap().log.clear();
    push(&client(), &fake, &image).unwrap();
}

#[test]
fn credentials_stay_with_their_registry() {
    let storage = Fake::start();
    let bytes = b"a layer in a bucket".to_vec();
    let digest = Digest::of(&bytes);
    let port = storage.port;
    storage.state.lock().unwrap().blobs.insert(digest.to_string(), bytes.clone());
    // Not the host of the registry: `localhost`, whose credentials are others'.
    let location: &'static str =
        Box::leak(format!("http://localhost:{port}/v2/x/blobs/{digest}").into_boxed_str());
    let headers: &'static [(&str, &str)] = Box::leak(Box::new([("location", location)]));
    let fake = Fake::with(move |request, _| {
        if !request.headers.contains_key("authorization") {
            return Some(Fault::Answer(
                "401 Unauthorized",
                &[("www-authenticate", "Basic realm=\"r\"")],
                error("UNAUTHORIZED"),
            ));
        }
        is(request, "GET", "/blobs/").then(|| Fault::Answer("307 Temporary Redirect", headers, String::new()))
    });
    let host = format!("127.0.0.1:{}", fake.port).parse().unwrap();
    let credential = Credential::Basic { username: "me".into(), password: Secret::new("pass:word") };
    let registry = Registry::new(Settings::new().with_credentials(OneHost { host, credential })).unwrap();
    let blob = crossdock_oci::Blob { digest, size: bytes.len() as u64 };
    let mut found = Vec::new();
    std::io::copy(&mut registry.blob(&fake.repository("a"), &blob).unwrap(), &mut found).unwrap();
    assert_eq!(found, bytes);
    assert_eq!(fake.state.lock().unwrap().authorizations.len(), 1);
    assert_eq!(storage.state.lock().unwrap().authorizations.len(), 0);
}

#[test]
fn plain_http_leads_to_no_other_host() {
    let fake = Fake::with(|request, _| {
        is(request, "GET", "/blobs/").then(|| {
            Fault::Answer("307 Temporary Redirect", &[("location", "http://192.0.2.1/x")], String::new())
        })
    });
    let blob = crossdock_oci::Blob { digest: Digest::of(b"x"), size: 1 };
    let failure = client().blob(&fake.repository("a"), &blob).unwrap_err();
    assert!(matches!(failure, RegistryError::Insecure { .. }), "{failure}");
}

#[test]
fn a_pull_is_complete_or_leaves_nothing() {
    let (source, target) = (image(100_000), tempfile::tempdir().unwrap());
    let layer = source.layer.to_string();
    let truncated = format!("/blobs/{layer}");
    let fake = Fake::with(move |request, before| {
        (is(request, "GET", &truncated) && before < 2).then_some(Fault::Truncate(500))
    });
    push(&client(), &fake, &source).unwrap();
    let layout = Layout::create(target.path().join("layout")).unwrap();
    let pulled = client()
        .pull(&fake.repository("team/app"), &Selector::Tag(tag("1.0")), &layout, &Unobserved)
        .unwrap();
    assert_eq!(pulled.digest, source.index.digest);
    assert_eq!(layout.index().unwrap().manifests[0].digest, source.index.digest);
    assert!(layout.blobs().verify(&source.layer).is_ok());

    let lying = format!("/blobs/{layer}");
    let fake =
        Fake::with(move |request, _| is(request, "GET", &lying).then(|| Fault::Body(vec![b'x'; 100_005])));
    push(&client(), &fake, &source).unwrap();
    let layout = Layout::create(target.path().join("other")).unwrap();
    let failure = client()
        .pull(&fake.repository("team/app"), &Selector::Tag(tag("1.0")), &layout, &Unobserved)
        .unwrap_err();
    assert!(matches!(failure, RegistryError::Digest { .. }), "{failure}");
    assert!(layout.index().unwrap().manifests.is_empty() && layout.blobs().get(&source.layer).is_err());
}

#[test]
fn a_manifest_has_the_digest_of_its_bytes() {
    let fake = Fake::with(|request, _| {
        is(request, "GET", "/manifests/sha256:").then(|| Fault::Body(b"{}".to_vec()))
    });
    let image = image(10);
    push(&client(), &fake, &image).unwrap();
    let failure =
        client().manifest(&fake.repository("team/app"), &Selector::Digest(image.index.digest)).unwrap_err();
    assert!(matches!(failure, RegistryError::Digest { .. }), "{failure}");
}

/// Puts into a repository what cosign 2 writes for `cosign sign`: a manifest without a subject, under a tag.
fn sign_with_tag(registry: &Registry, repository: &Repository, subject: &Digest, text: &str) -> Digest {
    let put = |bytes: &[u8]| {
        let blob = Blob { digest: Digest::of(bytes), size: bytes.len() as u64 };
        let bytes = bytes.to_vec();
        registry.put_blob(repository, &blob, &|_| Ok(Box::new(std::io::Cursor::new(bytes.clone())))).unwrap();
        blob
    };
    let (config, layer) = (put(b"{}"), put(text.as_bytes()));
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": { "mediaType": media_type::CONFIG, "size": config.size, "digest": config.digest },
        "layers": [{
            "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
            "size": layer.size,
            "digest": layer.digest,
            "annotations": { "dev.cosignproject.cosign/signature": "MEUCIQ==" }
        }]
    });
    let selector = Selector::Tag(format!("{}.sig", subject.to_string().replace(':', "-")).parse().unwrap());
    let bytes = manifest.to_string();
    registry.put_manifest(repository, &selector, media_type::MANIFEST, bytes.as_bytes()).unwrap()
}

#[test]
fn signatures_under_tags_of_cosign_follow_an_image() {
    // The fake registry lists two tags on a page, so a third one makes the client look up each possible tag.
    for more_tags in [false, true] {
        let (fake, there, image, registry) = (Fake::start(), Fake::start(), image(1000), client());
        push(&registry, &fake, &image).unwrap();
        push(&registry, &there, &image).unwrap();
        let (from, to) = (fake.repository("team/app"), there.repository("team/app"));
        let signature = sign_with_tag(&registry, &from, &image.index.digest, "signed");
        if more_tags {
            let mut state = fake.state.lock().unwrap();
            let digest = state.tags["1.0"].clone();
            state.tags.insert("2.0".to_owned(), digest);
        }
        let copied = registry.copy_referrers(&image.index.digest, &from, &to, &Unobserved).unwrap();
        assert_eq!((copied.referrers, copied.left), (vec![signature], vec![]));
        let tag = format!("{}.sig", image.index.digest.to_string().replace(':', "-"));
        assert_eq!(there.state.lock().unwrap().tags.get(&tag), Some(&signature.to_string()));
        assert_eq!(fake.requests(&["GET", "tags/list"]).len(), 1);

        // Again, it is there. Another signature under the tag is not lost.
        let again = registry.copy_referrers(&image.index.digest, &from, &to, &Unobserved).unwrap();
        assert_eq!(again.referrers, [signature]);
        let other = sign_with_tag(&registry, &to, &image.index.digest, "signed by others");
        let kept = registry.copy_referrers(&image.index.digest, &from, &to, &Unobserved).unwrap();
        assert_eq!(kept.referrers, []);
        assert!(kept.left[0].0 == signature && kept.left[0].1.contains("which stays"), "{:?}", kept.left);
        assert_eq!(there.state.lock().unwrap().tags.get(&tag), Some(&other.to_string()));
    }
}

#[test]
fn lists_of_tags_have_pages() {
    let fake = Fake::start();
    let names = ["a", "b", "c", "d", "e"];
    fake.state.lock().unwrap().tags = names.map(|name| (name.to_owned(), String::new())).into();
    assert_eq!(client().tags(&fake.repository("team/app")).unwrap(), names);
}

/// Some servers of plain HTTP close the connection at a TLS handshake.
#[test]
fn a_silent_end_of_a_handshake_leads_to_plain_http_on_this_machine() {
    let fake = Fake::with(|request, _| (request.method == "TLS").then_some(Fault::Drop));
    assert_eq!(client().tags(&fake.repository("team/app")).unwrap(), Vec::<String>::new());
    assert_eq!(fake.requests(&["TLS"]).len(), 1);
}

/// A registry whose tokens live for two seconds, and which answers `refusal` to a request with any but the newest token.
fn with_tokens(refusal: &'static str) -> (Registry, Fake) {
    let issued = std::sync::atomic::AtomicU32::new(0);
    let fake = Fake::with(move |request, _| {
        use std::sync::atomic::Ordering::SeqCst;
        let authorization = request.headers.get("authorization").map_or("", String::as_str);
        if request.method == "TLS" {
            return None;
        }
        if request.target.starts_with("/token?") {
            let body = if authorization == "Basic bWU6cGFzczp3b3Jk" {
                format!(r#"{{"token":"t{}","expires_in":2}}"#, issued.fetch_add(1, SeqCst) + 1)
            } else {
                return Some(Fault::Answer("401 Unauthorized", &[], String::new()));
            };
            return Some(Fault::Answer("200 OK", &[], body));
        }
        if authorization == format!("Bearer t{}", issued.load(SeqCst)) {
            return None;
        }
        let realm = format!("Bearer realm=\"http://{}/token\",service=\"s\"", request.headers["host"]);
        let headers = vec![("www-authenticate", &*Box::leak(realm.into_boxed_str()))];
        let is_first = authorization.is_empty();
        let status = if is_first { "401 Unauthorized" } else { refusal };
        let headers = if is_first || refusal.starts_with("401") { headers } else { Vec::new() };
        Some(Fault::Answer(status, Box::leak(headers.into_boxed_slice()), error("UNAUTHORIZED")))
    });
    let host = format!("127.0.0.1:{}", fake.port).parse().unwrap();
    let credential = Credential::Basic { username: "me".into(), password: Secret::new("pass:word") };
    (Registry::new(Settings::new().with_credentials(OneHost { host, credential })).unwrap(), fake)
}

#[test]
fn a_token_is_fetched_once_for_a_push_and_names_its_repository() {
    let (registry, fake) = with_tokens("401 Unauthorized");
    let image = image(1000);
    push(&registry, &fake, &image).unwrap();
    assert_complete(&fake, &image);
    assert_eq!(
        fake.requests(&["/token?"]),
        ["GET /token?service=s&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"]
    );
}

/// Public ECR answers 400 without a challenge to an expired token.
#[test]
fn tokens_are_renewed_before_they_end_and_when_an_old_one_is_refused() {
    for refusal in ["401 Unauthorized", "400 Bad Request", "403 Forbidden"] {
        let (registry, fake) = with_tokens(refusal);
        let repository = fake.repository("team/app");
        registry.tags(&repository).unwrap();
        // Renewed after 1.6 of 2 seconds.
        std::thread::sleep(Duration::from_millis(1700));
        registry.tags(&repository).unwrap();
        assert_eq!(fake.requests(&["/token?"]).len(), 2);
        // Another client makes the token the second but newest; it is old after a second.
        let other = with_tokens_of(&fake);
        other.tags(&repository).unwrap();
        std::thread::sleep(Duration::from_millis(1100));
        registry.tags(&repository).unwrap_or_else(|error| panic!("{refusal}: {error}"));
        assert_eq!(fake.requests(&["/token?"]).len(), 4, "{refusal}");
    }
}

/// Another client of the same registry.
fn with_tokens_of(fake: &Fake) -> Registry {
    let host = format!("127.0.0.1:{}", fake.port).parse().unwrap();
    let credential = Credential::Basic { username: "me".into(), password: Secret::new("pass:word") };
    Registry::new(Settings::new().with_credentials(OneHost { host, credential })).unwrap()
}

#[test]
fn a_token_server_of_another_host_without_tls_gets_no_password() {
    const HEADERS: &[(&str, &str)] =
        &[("www-authenticate", "Bearer realm=\"http://192.0.2.1/token\",service=\"s\"")];
    let fake = Fake::with(move |request, _| {
        (request.method != "TLS").then(|| Fault::Answer("401 Unauthorized", HEADERS, error("UNAUTHORIZED")))
    });
    let failure = with_tokens_of(&fake).tags(&fake.repository("team/app")).unwrap_err();
    assert!(matches!(failure, RegistryError::Insecure { .. }), "{failure}");
}

#[test]
fn a_refusal_of_look_ups_leaves_the_last_word_to_the_upload() {
    let fake = Fake::with(|request, _| {
        let is_lookup = matches!(request.method.as_str(), "GET" | "HEAD") && request.target != "/v2/";
        is_lookup.then(|| Fault::Answer("403 Forbidden", &[], error("DENIED")))
    });
    let image = image(1000);
    push(&client(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
}

/// A registry that was restarted knows no token that it gave before.
#[test]
fn a_young_token_that_is_said_to_be_invalid_is_renewed() {
    let issued = std::sync::atomic::AtomicU32::new(0);
    let fake = Fake::with(move |request, _| {
        use std::sync::atomic::Ordering::SeqCst;
        const PUSH: &str = "/manifests/1.0";
        if request.target.starts_with("/token?") {
            let body = format!(r#"{{"token":"t{}"}}"#, issued.fetch_add(1, SeqCst));
            return Some(Fault::Answer("200 OK", &[], body));
        }
        let is_first = request.headers.get("authorization").is_none_or(|token| token == "Bearer t0");
        let is_refused =
            is_first && (is(request, "PUT", PUSH) || !request.headers.contains_key("authorization"));
        let realm = format!(
            "Bearer realm=\"http://{}/token\",error=\"invalid_token\"",
            request.headers.get("host").map_or("", String::as_str)
        );
        let headers = vec![("www-authenticate", &*Box::leak(realm.into_boxed_str()))];
        (is_refused && request.method != "TLS").then(|| {
            Fault::Answer("401 Unauthorized", Box::leak(headers.into_boxed_slice()), error("UNAUTHORIZED"))
        })
    });
    let image = image(1000);
    push(&client(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
    assert_eq!(fake.requests(&["/token?"]).len(), 2);
}

/// The registry has no list of referrers and no conditional writes.
#[test]
fn parallel_writers_of_the_fallback_tag_keep_each_others_entries() {
    let fake = Fake::start();
    let (repository, subject) = (fake.repository("team/app"), Digest::of(b"the subject"));
    let write = &|number: usize| {
        let bytes = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","artifactType":"x/{number}","manifests":[]}}"#,
            media_type::INDEX
        );
        client().put_referrer(&repository, media_type::INDEX, bytes.as_bytes(), &subject).unwrap();
    };
    std::thread::scope(|scope| {
        (0..8).for_each(|number| drop(scope.spawn(move || write(number))));
    });
    let mut found: Vec<String> = client()
        .referrers(&repository, &subject)
        .unwrap()
        .into_iter()
        .map(|found| found.artifact_type)
        .collect();
    found.sort();
    assert_eq!(found, (0..8).map(|number| format!("x/{number}")).collect::<Vec<_>>());
}

/// ureq asks a reader that ends before the announced length for ever.
#[test]
fn a_truncated_layer_is_an_error_before_a_byte_of_it_is_sent() {
    let (fake, image) = (Fake::start(), image(3_000_000));
    let truncated = std::fs::OpenOptions::new().write(true).open(image.layout.blobs().path(&image.layer));
    truncated.unwrap().set_len(1_000_000).unwrap();
    let source = ImageSource::of_layout(&image.layout, &image.index).unwrap();
    let contents: [&dyn ImageContent; 2] = [image.layout.blobs(), &source];
    for content in contents {
        let options = PushOptions::new([tag("1.0")]);
        let repository = fake.repository("team/app");
        let failure = client().push(content, &image.index, &repository, &options, &Unobserved).unwrap_err();
        let messages = messages(&failure);
        let file = image.layout.blobs().path(&image.layer).display().to_string();
        assert!(messages.contains(&format!("cannot read `{file}`")), "{messages}");
        assert!(messages.contains("1000000 bytes instead of 3000005"), "{messages}");
        assert!(!failure.to_string().contains("no answer"), "{messages}");
    }
    assert!(fake.state.lock().unwrap().tags.is_empty());
}

/// The layout and its file are named, for a manifest and for a layer.
#[test]
fn a_changed_file_of_a_layout_is_named() {
    let (fake, image) = (Fake::start(), image(1000));
    let blobs = image.layout.blobs();
    for digest in [image.layer, image.index.digest] {
        let path = blobs.path(&digest);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[20] ^= 1;
        crossdock_fs::write_atomically(&path, &bad).unwrap();
        let source = ImageSource::of_layout(&image.layout, &image.index);
        let mut contents: Vec<&dyn ImageContent> = source.iter().map(|source| source as _).collect();
        contents.push(blobs);
        for content in contents {
            let options = PushOptions::new([tag("1.0")]);
            let repository = fake.repository("team/app");
            let pushed = client().push(content, &image.index, &repository, &options, &Unobserved);
            let messages = messages(&pushed.unwrap_err());
            assert!(messages.contains(&format!("cannot read `{}`", path.display())), "{messages}");
            assert!(messages.contains(&format!("blob {digest} is corrupt")), "{messages}");
        }
        crossdock_fs::write_atomically(&path, &good).unwrap();
    }
}

#[test]
fn a_reader_that_ends_too_early_is_an_error_of_its_file() {
    let fake = Fake::start();
    // In one piece, and after the server agreed to read a large body.
    for size in [1000, 5_000_000] {
        let blob = crossdock_oci::Blob { digest: Digest::of(b"whatever"), size };
        let open = |_| Ok(Box::new(std::io::repeat(7).take(900)) as Box<dyn Read + Send>);
        let failure = client().put_blob(&fake.repository("a"), &blob, &open).unwrap_err();
        assert!(messages(&failure).contains("bytes shorter than"), "{failure:?}");
    }
    assert_eq!(fake.requests(&["PUT"]).len(), 2, "not tried again");
}

/// After an early answer nothing is read any more.
#[test]
fn the_rest_of_a_refused_blob_is_not_read() {
    let fake = Fake::with(|request, _| {
        is(request, "PUT", "/blobs/uploads/").then(|| Fault::Early("403 Forbidden", error("DENIED")))
    });
    const SIZE: u64 = 200_000_000;
    let count = Arc::new(AtomicU64::new(0));
    let blob = crossdock_oci::Blob { digest: Digest::of(b"whatever"), size: SIZE };
    let open = |_| Ok(Box::new(Counted(Arc::clone(&count))) as Box<dyn Read + Send>);
    let failure = client().put_blob(&fake.repository("a"), &blob, &open).unwrap_err();
    assert_eq!(failure.status(), Some(403), "{failure}");
    let read = count.load(Ordering::Relaxed);
    assert!(read < SIZE / 2, "{read}");
}

struct Counted(Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        buffer.fill(7);
        Ok(buffer.len())
    }
}

/// Returns the message of an error and of its causes.
fn messages(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn bytes_that_a_registry_lies_about_are_not_copied() {
    let image = image(100_000);
    let lying = format!("/blobs/{}", image.layer);
    let source =
        Fake::with(move |request, _| is(request, "GET", &lying).then(|| Fault::Body(vec![b'x'; 100_005])));
    push(&client(), &source, &image).unwrap();
    let (registry, target) = (client(), Fake::start());
    let remote = Remote::new(&registry, &source.repository("team/app")).unwrap();
    let options = PushOptions::new([tag("1.0")]);
    let failure = registry
        .push(&remote, &image.index, &target.repository("team/app"), &options, &Unobserved)
        .unwrap_err();
    assert!(messages(&failure).contains(&image.layer.to_string()), "{failure:?}");
    assert!(!failure.to_string().contains("no answer"), "{failure}");
    let state = target.state.lock().unwrap();
    assert!(state.tags.is_empty() && !state.blobs.contains_key(&image.layer.to_string()));
}

#[test]
fn a_reader_that_is_not_read_to_its_end_has_checked_the_last_byte() {
    let bytes = b"the bytes of a blob".to_vec();
    let fake = Fake::with(|request, _| {
        is(request, "GET", "/blobs/").then(|| Fault::Answer("200 OK", &[], "THE BYTES OF A BLOB".into()))
    });
    let blob = crossdock_oci::Blob { digest: Digest::of(&bytes), size: bytes.len() as u64 };
    let mut found = vec![0; bytes.len()];
    assert!(client().blob(&fake.repository("a"), &blob).unwrap().read_exact(&mut found).is_err());
}

/// A content whose documents are others than those asked for.
struct Forged<'a>(&'a crossdock_oci::BlobStore);

impl ImageContent for Forged<'_> {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = self.0.document(descriptor)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn open(&self, blob: &crossdock_oci::Blob, at: u64) -> std::io::Result<Box<dyn Read + Send + '_>> {
        self.0.open(blob, at)
    }

    fn has(&self, blob: &crossdock_oci::Blob) -> bool {
        self.0.has(blob)
    }
}

#[test]
fn documents_that_are_copied_into_a_layout_are_verified() {
    let (source, target) = (image(1000), tempfile::tempdir().unwrap());
    let layout = Layout::create(target.path().join("layout")).unwrap();
    let forged = Forged(source.layout.blobs());
    let failure = copy_into(layout.blobs(), &forged, &source.index, 2, &Unobserved).unwrap_err();
    assert!(matches!(failure, RegistryError::Blob(_)), "{failure}");
    copy_into(layout.blobs(), source.layout.blobs(), &source.index, 2, &Unobserved).unwrap();
    assert!(layout.blobs().verify(&source.layer).is_ok());
}

/// An index lists its manifest first as something that leads nowhere.
#[test]
fn a_manifest_is_not_hidden_by_an_unknown_media_type() {
    let (image, target) = (image(1000), tempfile::tempdir().unwrap());
    let blobs = image.layout.blobs();
    let index = Document::<Index>::parse(blobs.read(&image.index.digest, 1 << 20).unwrap(), "index").unwrap();
    let mut manifests = index.value.manifests.clone();
    manifests.iter_mut().for_each(|manifest| manifest.media_type = "application/x-nothing".to_owned());
    manifests.extend(index.value.manifests);
    let hostile = Document::new(Index::new(manifests, BTreeMap::new())).unwrap();
    let hostile = Descriptor::new(media_type::INDEX, blobs.put(&hostile.raw).unwrap());
    let layout = Layout::create(target.path().join("layout")).unwrap();
    copy_into(layout.blobs(), blobs, &hostile, 2, &Unobserved).unwrap();
    assert!(layout.blobs().verify(&image.layer).is_ok());
}

/// `*.localhost` and `localhost.` count as this machine, so that a proxy or another address must not get their requests.
#[test]
fn names_of_this_machine_use_no_proxy() {
    let (fake, proxy) = (Fake::start(), Fake::start());
    let origin =
        Origin::new(crossdock_registry::Scheme::Http, &format!("127.0.0.1:{}", proxy.port).parse().unwrap());
    let mut settings = Settings::new();
    settings.proxies = ProxyRules::always(Proxy::new(origin));
    settings.patience = Duration::from_millis(1);
    let registry = Registry::new(settings).unwrap();
    for host in ["localhost", "app.localhost", "127.0.0.1"] {
        let repository = format!("{host}:{}/team/app", fake.port).parse().unwrap();
        // A system without a resolver for such a name has no answer.
        let _found = registry.tags(&repository);
    }
    assert!(proxy.state.lock().unwrap().log.is_empty());
    assert!(!fake.state.lock().unwrap().log.is_empty());
}

#[test]
fn a_later_page_of_referrers_that_fails_is_an_error() {
    const NEXT: &[(&str, &str)] =
        &[("link", "</v2/team/app/first>; rel=\"prev\", </v2/team/app/referrers/next>; rel=\"next\"")];
    let subject = Digest::of(b"the subject");
    let list = || r#"{"schemaVersion":2,"manifests":[]}"#.to_owned();
    for (status, body) in [("404 Not Found", String::new()), ("200 OK", "{\"manifests\":[".to_owned())] {
        let fake = Fake::with(move |request, _| {
            if is(request, "GET", "/referrers/next") {
                return Some(Fault::Answer(status, &[], body.clone()));
            }
            is(request, "GET", "/referrers/").then(|| Fault::Answer("200 OK", NEXT, list()))
        });
        let failure = client().referrers(&fake.repository("team/app"), &subject).unwrap_err();
        assert!(fake.requests(&["/manifests/"]).is_empty(), "{failure}");
        assert_eq!(fake.requests(&["/referrers/next"]).len(), 1, "{failure}");
    }
}

#[test]
fn lists_without_an_end_are_refused() {
    const NEXT: &[(&str, &str)] = &[("link", "</v2/team/app/tags/list?last=x>; rel=\"next\"")];
    let page = format!(r#"{{"tags":["{}"]}}"#, "x".repeat(8_000_000));
    let fake = Fake::with(move |request, _| {
        is(request, "GET", "/tags/list").then(|| Fault::Answer("200 OK", NEXT, page.clone()))
    });
    let failure = client().tags(&fake.repository("team/app")).unwrap_err();
    assert!(matches!(failure, RegistryError::Protocol { .. }), "{failure}");
    assert_eq!(fake.requests(&["/tags/list"]).len(), 9);
}

#[test]
fn a_redirect_is_not_taken_for_a_registry_without_tls() {
    let fake = Fake::with(|request, _| match request.method.as_str() {
        "TLS" => Some(Fault::Drop),
        _ => Some(Fault::Answer("301 Moved Permanently", &[("location", "https://x/")], String::new())),
    });
    let failure = client().tags(&fake.repository("team/app")).unwrap_err();
    assert!(failure.to_string().contains("https://127.0.0.1"), "{failure}");
}

#[test]
fn no_debug_output_shows_a_configuration() {
    let mut environment = Environment::new("/");
    let config = r#"{"auths":{"a":{"password":"hunter2"}}}"#;
    environment.variables.insert("DOCKER_AUTH_CONFIG".into(), config.into());
    let search = Search::new(&environment, None);
    assert!(!format!("{search:?}").contains("hunter2"));
    let processes = Processes::new(Arc::new(environment), Cancel::default());
    let logins = Logins::new(search, Helpers::new(processes));
    assert!(!format!("{logins:?}").contains("hunter2"));
}

#[test]
fn a_lost_connection_does_not_end_a_copy_into_a_layout() {
    let (image, target) = (image(100_000), tempfile::tempdir().unwrap());
    let layer = format!("/blobs/{}", image.layer);
    let fake = Fake::with(move |request, before| {
        (is(request, "GET", &layer) && before < 2).then_some(Fault::Truncate(500))
    });
    push(&client(), &fake, &image).unwrap();
    let registry = client();
    let remote = Remote::new(&registry, &fake.repository("team/app")).unwrap();
    let layout = Layout::create(target.path().join("layout")).unwrap();
    copy_into(layout.blobs(), &remote, &image.index, 2, &Unobserved).unwrap();
    assert!(layout.blobs().verify(&image.layer).is_ok());
}

/// Adds a file to an archive (POSIX.1-1988, ustar).
fn add_file(archive: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend(header);
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

/// `docker save` before version 25 wrote no manifest, which is derived.
#[test]
fn an_archive_of_an_older_docker_is_pushed() {
    let directory = tempfile::tempdir().unwrap();
    let mut layer = Vec::new();
    add_file(&mut layer, "hello", b"hello");
    layer.extend([0; 1024]);
    let diff_id = Digest::of(&layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let mut archive = Vec::new();
    add_file(&mut archive, "config.json", config.as_bytes());
    add_file(&mut archive, "layer.tar", &layer);
    let manifest = br#"[{"Config":"config.json","RepoTags":["app:1.0"],"Layers":["layer.tar"]}]"#;
    add_file(&mut archive, "manifest.json", manifest);
    archive.extend([0; 1024]);
    let path = directory.path().join("save.tar");
    crossdock_fs::write_atomically(&path, &archive).unwrap();
    let source = ImageSource::open(&path, directory.path()).unwrap();
    let (fake, options) = (Fake::start(), PushOptions::new([tag("1.0")]));
    let image = &source.images()[0].descriptor;
    client().push(&source, image, &fake.repository("team/app"), &options, &Unobserved).unwrap();
    let state = fake.state.lock().unwrap();
    assert_eq!(state.tags.get("1.0"), Some(&image.digest.to_string()));
    assert_eq!(state.blobs.get(&diff_id.to_string()), Some(&layer));
}
