//! The client against a registry whose answers and faults each test chooses.

#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

mod fake;

use std::collections::BTreeMap;
use std::time::Duration;

use crossdock_oci::{
    Descriptor, Digest, Document, ImageManifest, Index, Layout, LayoutLock, Pruning, Tag, media_type,
};
use crossdock_registry::credentials::{Credential, OneHost, Secret};
use crossdock_registry::{
    Moved, PushOptions, Pushed, Registry, RegistryError, Selector, Settings, Unobserved,
};
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
