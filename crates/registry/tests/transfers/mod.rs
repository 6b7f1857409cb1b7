//! The answers that the client believes, how long it waits, and what it keeps of a transfer that breaks off.

use std::time::Instant;

use super::*;

/// Returns a client that waits half a second for progress, which must be at least 64 bytes a second.
fn impatient() -> Settings {
    let mut settings = Settings::new();
    settings.patience = Duration::from_millis(20);
    settings.stall = Duration::from_millis(500);
    settings
}

/// A server that is not a registry, such as the page of a network that asks people to log in.
#[test]
fn a_server_that_accepts_everything_has_nothing() {
    for (body, status) in [("{}", "200 OK"), ("", "200 OK"), ("<html>", "200 OK"), ("{}", "202 Accepted")] {
        let fake = Fake::with(move |request, _| match request.method.as_str() {
            "TLS" => None,
            "POST" => Some(Fault::Answer("202 Accepted", &[("location", "/v2/u/1")], body.into())),
            "PUT" => Some(Fault::Answer(status, &[], body.into())),
            _ => Some(Fault::Answer("200 OK", &[], body.into())),
        });
        let image = image(1000);
        for tags in [vec![tag("1.0")], vec![]] {
            let (repository, options) = (fake.repository("team/app"), PushOptions::new(tags));
            let pushed =
                client().push(image.layout.blobs(), &image.index, &repository, &options, &Unobserved);
            let failure = pushed.expect_err("nothing was kept");
            assert!(failure.to_string().contains(&format!("127.0.0.1:{}", fake.port)), "{failure}");
        }
        let bytes = image.layout.blobs().read(&image.index.digest, 1 << 20).unwrap();
        let written = client().put_manifest(
            &fake.repository("team/app"),
            &Selector::Tag(tag("1.0")),
            media_type::INDEX,
            &bytes,
        );
        let failure = written.unwrap_err().to_string();
        assert!(failure.contains(&format!("answers {} instead of 201", &status[..3])), "{failure}");
    }
}

#[test]
fn a_registry_that_answers_in_an_older_way_is_asked_for_what_was_written() {
    for status in ["200 OK", "202 Accepted", "204 No Content"] {
        let (fake, image) = (Fake::start(), image(1000));
        fake.state.lock().unwrap().created = status;
        push(&client(), &fake, &image).unwrap();
        assert_complete(&fake, &image);
    }
}

#[test]
fn a_blob_that_is_said_to_be_accepted_and_is_not_there_is_an_error() {
    let fake = Fake::with(|request, _| {
        is(request, "PUT", "/blobs/uploads/").then(|| Fault::Answer("200 OK", &[], String::new()))
    });
    let failure = push(&client(), &fake, &image(1000)).unwrap_err().to_string();
    assert!(failure.contains("answers 200 instead of 201 Created and does not have"), "{failure}");
    assert!(fake.requests(&["PUT", "/manifests/"]).is_empty());
}

#[test]
fn a_web_page_is_not_the_answer_to_a_login() {
    let fake = Fake::with(|request, _| {
        let page =
            || Fault::Answer("200 OK", &[("content-type", "text/html; charset=utf-8")], "<html>".into());
        (request.method == "GET").then(page)
    });
    let failure = client().check_access(&fake.host()).unwrap_err().to_string();
    assert!(failure.contains("web page"), "{failure}");
}

/// Gives the registry an index, which it would refuse without the images, and returns its digest.
fn put_index(fake: &Fake) -> Digest {
    let image = image(1000);
    let bytes = image.layout.blobs().read(&image.index.digest, 1 << 20).unwrap();
    let digest = image.index.digest;
    fake.state.lock().unwrap().manifests.insert(digest.to_string(), (media_type::INDEX.into(), bytes));
    digest
}

#[test]
fn an_answer_that_trickles_is_given_up() {
    let fake = Fake::with(|request, _| {
        is(request, "GET", "/manifests/").then_some(Fault::Trickle(Duration::from_millis(100)))
    });
    let digest = put_index(&fake);
    let started = Instant::now();
    let found =
        Registry::new(impatient()).unwrap().manifest(&fake.repository("team/app"), &Selector::Digest(digest));
    let failure = messages(&found.unwrap_err());
    assert!(failure.contains("the server sent only") && failure.contains("127.0.0.1"), "{failure}");
    // Six attempts of half a second each.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// A slow connection is not a broken one.
#[test]
fn an_answer_that_comes_slowly_is_read_to_its_end() {
    let fake = Fake::with(|request, _| {
        is(request, "GET", "/manifests/").then_some(Fault::Trickle(Duration::from_millis(4)))
    });
    let digest = put_index(&fake);
    let started = Instant::now();
    let registry = Registry::new(impatient()).unwrap();
    registry.manifest(&fake.repository("team/app"), &Selector::Digest(digest)).unwrap();
    assert!(started.elapsed() > Duration::from_secs(1), "longer than the time without progress");
}

/// Across an ocean a handshake takes longer than the interval after which a transfer looks whether it is cancelled.
#[test]
fn a_handshake_may_take_its_time() {
    let fake = Fake::with(|request, _| {
        if request.method == "TLS" {
            std::thread::sleep(Duration::from_millis(600));
        }
        None
    });
    Registry::new(Settings::new()).unwrap().check_access(&fake.host()).unwrap();
}

#[test]
fn a_mute_server_is_given_up_in_words_of_our_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let repository = format!("{}/team/app", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    let started = Instant::now();
    let found = Registry::new(impatient()).unwrap().manifest(&repository, &Selector::Tag(tag("1.0")));
    let failure = messages(&found.unwrap_err());
    assert!(failure.contains("accepts a connection and does not answer the TLS handshake"), "{failure}");
    assert!(
        !failure.contains("os error") && failure.contains(repository.full_name().split('/').next().unwrap())
    );
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// The server takes no byte more than its buffers hold.
#[test]
fn an_upload_that_is_not_read_is_given_up() {
    let fake = Fake::with(|request, _| is(request, "PUT", "/blobs/uploads/1?").then_some(Fault::Mute));
    let (image, mut settings) = (image(30_000_000), impatient());
    // The first upload is that of the largest blob.
    settings.jobs = 1;
    push(&Registry::new(settings).unwrap(), &fake, &image).unwrap();
    assert_complete(&fake, &image);
    assert_eq!(fake.requests(&["PUT", "/blobs/uploads/"]).len(), 5, "four blobs, one of them twice");
}

/// The server takes everything, and says nothing. Once it has kept the blob, and once it has not.
#[test]
fn a_complete_write_without_an_answer_is_reported_and_looked_up() {
    for has_kept_it in [true, false] {
        let fake = Fake::with(move |request, _| {
            let fault = if has_kept_it { Fault::MuteAfter } else { Fault::MuteInstead };
            is(request, "PUT", "/blobs/uploads/1?").then_some(fault)
        });
        let (image, mut settings) = (image(1000), impatient());
        settings.jobs = 1;
        let notes = Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = Arc::clone(&notes);
        settings.notify = Some(crossdock_registry::Notify(Arc::new(move |note: &str| {
            kept.lock().unwrap().push(note.to_owned());
        })));
        push(&Registry::new(settings).unwrap(), &fake, &image).unwrap();
        assert_complete(&fake, &image);
        let uploads = fake.requests(&["PUT", "/blobs/uploads/"]).len();
        assert_eq!(uploads, if has_kept_it { 4 } else { 5 }, "the look-up decides");
        let expected = format!("waiting for the answer of `{}`: 0 s", fake.host());
        assert!(notes.lock().unwrap().contains(&expected), "{notes:?}");
    }
}

#[test]
fn a_cancelled_client_ends_an_upload_and_a_download_that_stall() {
    for part in ["/blobs/uploads/", "/manifests/1.0"] {
        let fake = Fake::with(move |request, _| {
            (request.method != "POST" && request.target.contains(part)).then_some(Fault::Mute)
        });
        let settings = Settings::new();
        let cancel = settings.cancel.clone();
        let image = image(30_000_000);
        let started = Instant::now();
        let pushed = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(700));
                cancel.cancel();
            });
            push(&Registry::new(settings).unwrap(), &fake, &image)
        });
        assert!(matches!(pushed, Err(RegistryError::Cancelled)), "{part}: {pushed:?}");
        assert!(started.elapsed() < Duration::from_secs(8), "{part}: {:?}", started.elapsed());
    }
}

/// Pulls an image whose first answers with the large layer are cut off, and returns the ranges that were asked for and the bytes
/// that were fetched in vain.
fn pull_in_pieces(serves_ranges: bool, cut: usize, times: usize) -> (Vec<String>, u64) {
    let (image, target) = (image(3_000_000), tempfile::tempdir().unwrap());
    let layer = format!("/blobs/{}", image.layer);
    let fake = Fake::with(move |request, before| {
        (is(request, "GET", &layer) && before < times).then_some(Fault::Truncate(cut))
    });
    push(&client(), &fake, &image).unwrap();
    fake.state.lock().unwrap().serves_ranges = serves_ranges;
    let layout = Layout::create(target.path().join("layout")).unwrap();
    let vain = Vain(AtomicU64::new(0));
    client().pull(&fake.repository("team/app"), &Selector::Tag(tag("1.0")), &layout, &vain).unwrap();
    assert!(layout.blobs().verify(&image.layer).is_ok());
    let ranges = fake.state.lock().unwrap().ranges.clone();
    (ranges, vain.0.into_inner())
}

struct Vain(AtomicU64);

impl crossdock_registry::TransferObserver for Vain {
    fn event(&self, event: crossdock_registry::TransferEvent<'_>) {
        if let crossdock_registry::TransferEvent::Restarted { bytes } = event {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

#[test]
fn an_interrupted_download_goes_on_where_it_broke_off() {
    let (ranges, vain) = pull_in_pieces(true, 1_000_000, 2);
    assert_eq!(ranges, ["bytes=1000000-", "bytes=2000000-"]);
    assert_eq!(vain, 0);
}

#[test]
fn a_download_starts_anew_where_no_parts_are_served() {
    let (ranges, vain) = pull_in_pieces(false, 1_000_000, 2);
    assert_eq!((ranges.len(), vain), (2, 2_000_000));
}

/// More often than a request is tried, since each attempt brings a megabyte.
#[test]
fn a_download_that_breaks_off_often_still_ends() {
    let (image, target) = (image(12_000_000), tempfile::tempdir().unwrap());
    let layer = format!("/blobs/{}", image.layer);
    let fake = Fake::with(move |request, _| is(request, "GET", &layer).then_some(Fault::Truncate(1_100_000)));
    push(&client(), &fake, &image).unwrap();
    fake.state.lock().unwrap().serves_ranges = true;
    let layout = Layout::create(target.path().join("layout")).unwrap();
    client().pull(&fake.repository("team/app"), &Selector::Tag(tag("1.0")), &layout, &Unobserved).unwrap();
    assert_eq!(fake.state.lock().unwrap().ranges.len(), 10);
}

#[test]
fn parts_that_do_not_fit_together_are_not_kept() {
    let (image, target) = (image(3_000_000), tempfile::tempdir().unwrap());
    let layer = format!("/blobs/{}", image.layer);
    let fake = Fake::with(move |request, before| match before {
        0 => is(request, "GET", &layer).then_some(Fault::Truncate(1_000_000)),
        _ if !request.headers.contains_key("range") => None,
        // Answers with another part, with none, and with other bytes.
        1 => Some(Fault::Answer("206 Partial Content", &[("content-range", "bytes 5-9/10")], "01234".into())),
        _ => Some(Fault::Answer("416 Range Not Satisfiable", &[], String::new())),
    });
    push(&client(), &fake, &image).unwrap();
    let layout = Layout::create(target.path().join("layout")).unwrap();
    client().pull(&fake.repository("team/app"), &Selector::Tag(tag("1.0")), &layout, &Unobserved).unwrap();
    assert!(layout.blobs().verify(&image.layer).is_ok());
}

#[test]
fn a_layer_longer_than_its_manifest_says_is_not_kept() {
    let (image, target) = (image(100_000), tempfile::tempdir().unwrap());
    let layer = format!("/blobs/{}", image.layer);
    let fake =
        Fake::with(move |request, _| is(request, "GET", &layer).then(|| Fault::Body(vec![b'x'; 5_000_000])));
    push(&client(), &fake, &image).unwrap();
    let layout = Layout::create(target.path().join("layout")).unwrap();
    let pulled =
        client().pull(&fake.repository("team/app"), &Selector::Tag(tag("1.0")), &layout, &Unobserved);
    let failure = pulled.unwrap_err().to_string();
    assert!(failure.contains("sends more than the 100005 bytes that the image declares"), "{failure}");
    assert_eq!(fake.requests(&["GET", &image.layer.to_string()]).len(), 1, "not fetched again");
}

#[test]
fn an_image_that_declares_more_than_the_disk_holds_is_not_fetched() {
    let (fake, target) = (Fake::start(), tempfile::tempdir().unwrap());
    let digest = Digest::of(b"x");
    for size in [1_u64 << 60, u64::MAX / 2, i64::MAX as u64] {
        let config =
            Descriptor::new(media_type::CONFIG, crossdock_oci::Blob { digest: Digest::of(b"{}"), size: 2 });
        let layer = Descriptor::new(media_type::LAYER, crossdock_oci::Blob { digest, size });
        let manifest = Document::new(ImageManifest::new(config, vec![layer], BTreeMap::new())).unwrap();
        {
            let mut state = fake.state.lock().unwrap();
            let name = manifest.digest().to_string();
            state.manifests.insert(name.clone(), (media_type::MANIFEST.into(), manifest.raw.clone()));
            state.tags.insert("1.0".into(), name);
        }
        let layout = Layout::create(target.path().join("layout")).unwrap();
        let pulled =
            client().pull(&fake.repository("team/app"), &Selector::Tag(tag("1.0")), &layout, &Unobserved);
        let failure = pulled.unwrap_err();
        assert!(matches!(&failure, RegistryError::NoSpace { free, .. } if *free < 1 << 60), "{failure}");
    }
    assert!(fake.requests(&["GET", "/blobs/"]).is_empty());
}

/// A content whose layers are read only once the registry has all configurations.
struct ConfigsFirst<'a>(&'a crossdock_oci::BlobStore, &'a Fake);

impl ImageContent for ConfigsFirst<'_> {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        self.0.document(descriptor)
    }

    fn open(&self, blob: &crossdock_oci::Blob, at: u64) -> std::io::Result<Box<dyn Read + Send + '_>> {
        let end = Instant::now() + Duration::from_secs(20);
        while blob.size > 100_000 && self.1.state.lock().unwrap().blobs.len() < 2 {
            if Instant::now() > end {
                return Err(std::io::Error::other("the configurations wait for a layer"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.0.open(blob, at)
    }

    fn has(&self, blob: &crossdock_oci::Blob) -> bool {
        self.0.has(blob)
    }
}

/// On a distant registry, each blob takes three answers, however small it is.
#[test]
fn configurations_are_sent_next_to_layers() {
    let (fake, image) = (Fake::start(), image(200_000));
    let mut settings = Settings::new();
    settings.jobs = 2;
    let content = ConfigsFirst(image.layout.blobs(), &fake);
    let options = PushOptions::new([tag("1.0")]);
    let registry = Registry::new(settings).unwrap();
    registry.push(&content, &image.index, &fake.repository("team/app"), &options, &Unobserved).unwrap();
    assert_eq!(fake.state.lock().unwrap().blobs.len(), 4);
}

/// Without a place to go on, each part would read all parts before it again.
#[test]
fn a_blob_that_is_sent_in_parts_is_read_once() {
    let fake = Fake::start();
    let bytes = vec![7; 1_000_000];
    let blob = crossdock_oci::Blob { digest: Digest::of(&bytes), size: 1_000_000 };
    let mut settings = impatient();
    settings.chunk_size = std::num::NonZeroU64::new(10_000);
    let opened = Arc::new(AtomicU64::new(0));
    let open = |at: u64| {
        opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(std::io::Cursor::new(bytes.clone()[at as usize..].to_vec())) as Box<dyn Read + Send>)
    };
    let moved = Registry::new(settings).unwrap().put_blob(&fake.repository("a"), &blob, &open).unwrap();
    assert_eq!((moved, fake.requests(&["PATCH"]).len()), (Moved::Sent, 100));
    assert_eq!(opened.load(Ordering::Relaxed), 1);
}

/// A part that is refused is sent again with all parts before it, in an upload of its own.
#[test]
fn a_part_that_fails_starts_a_new_upload() {
    let fake = Fake::with(|request, before| {
        (is(request, "PATCH", "/blobs/uploads/1") && before == 3)
            .then(|| Fault::Answer("503 Service Unavailable", &[], String::new()))
    });
    let bytes: Vec<u8> = (0..100_000_u32).map(|number| (number / 7) as u8).collect();
    let blob = crossdock_oci::Blob { digest: Digest::of(&bytes), size: 100_000 };
    let mut settings = impatient();
    settings.chunk_size = std::num::NonZeroU64::new(10_000);
    let open =
        |at: u64| Ok(Box::new(std::io::Cursor::new(bytes[at as usize..].to_vec())) as Box<dyn Read + Send>);
    Registry::new(settings).unwrap().put_blob(&fake.repository("a"), &blob, &open).unwrap();
    assert_eq!(fake.state.lock().unwrap().blobs.get(&blob.digest.to_string()), Some(&bytes));
}

#[test]
fn a_host_without_a_repository_is_not_looked_for_on_docker_hub() {
    for name in ["localhost", "registry.example"] {
        let found = client().manifest(&name.parse().unwrap(), &Selector::Tag(tag("5511")));
        let failure = found.unwrap_err();
        assert!(matches!(&failure, RegistryError::NoRepository { host } if host == name), "{failure}");
    }
}

/// Where the credentials of a refused request come from is the first question.
#[test]
fn a_refusal_names_the_source_of_the_credentials() {
    #[derive(Debug)]
    struct Known;
    impl crossdock_registry::credentials::Credentials for Known {
        fn find(
            &self,
            _: &crossdock_registry::Host,
            _: &str,
        ) -> Result<Credential, crossdock_registry::credentials::CredentialsError> {
            Ok(Credential::Basic { username: "me".into(), password: Secret::new("hunter2") })
        }
        fn source(&self, host: &crossdock_registry::Host, repository: &str) -> Option<String> {
            Some(format!("the credentials are those of {repository} on {host}"))
        }
    }
    let basic = &[("www-authenticate", "Basic realm=\"x\"")];
    for (status, has_source) in [("401 Unauthorized", true), ("403 Forbidden", true), ("418 Teapot", false)] {
        let fake = Fake::with(move |request, _| {
            (request.method != "TLS").then(|| Fault::Answer(status, basic, error("DENIED")))
        });
        let registry = Registry::new(impatient().with_credentials(Known)).unwrap();
        let failure = registry.tags(&fake.repository("team/app")).unwrap_err();
        let expected = format!("the credentials are those of team/app on 127.0.0.1:{}", fake.port);
        assert_eq!(failure.hints().contains(&expected), has_source, "{:?}", failure.hints());
    }
}

#[test]
fn a_damaged_document_names_its_host() {
    let (fake, target) = (Fake::start(), tempfile::tempdir().unwrap());
    let manifest = br#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":7}"#.to_vec();
    let digest = Digest::of(&manifest);
    fake.state.lock().unwrap().manifests.insert(digest.to_string(), (media_type::MANIFEST.into(), manifest));
    let layout = Layout::create(target.path().join("layout")).unwrap();
    let pulled = client().pull(&fake.repository("a/b"), &Selector::Digest(digest), &layout, &Unobserved);
    let failure = pulled.unwrap_err().to_string();
    assert_eq!(failure, format!("cannot parse {digest} on `127.0.0.1:{}`", fake.port));
}

#[test]
fn a_push_that_is_not_shown_is_found_by_reading_it_back() {
    let image = image(1000);
    let other = Document::new(Index::new(vec![], BTreeMap::new())).unwrap();
    let raw = other.raw.clone();
    // After the push the tag shows nothing for a while, or another image for ever.
    type Choose = Box<dyn FnMut(&Request, usize) -> Option<Fault> + Send>;
    let late: Choose = Box::new(|request, before| {
        (is(request, "GET", "/manifests/1.0") && before < 3)
            .then(|| Fault::Answer("404 Not Found", &[], error("MANIFEST_UNKNOWN")))
    });
    let wrong: Choose =
        Box::new(move |request, _| is(request, "GET", "/manifests/1.0").then(|| Fault::Body(raw.clone())));
    for (choose, is_shown) in [(late, true), (wrong, false)] {
        let fake = Fake::with(choose);
        let mut settings = impatient();
        settings.patience = Duration::from_millis(500);
        settings.verify_pushes = true;
        let pushed = push(&Registry::new(settings).unwrap(), &fake, &image);
        match pushed {
            Ok(_) => assert!(is_shown),
            Err(failure) => {
                let expected = format!("is {} instead of {}", other.digest(), image.index.digest);
                assert!(!is_shown && failure.to_string().contains(&expected), "{failure}");
            }
        }
    }
}

#[test]
fn a_wait_is_told_with_its_reason() {
    let fake = Fake::with(|request, before| {
        (is(request, "GET", "/tags/list") && before == 0)
            .then(|| Fault::Answer("429 Too Many Requests", &[("retry-after", "1")], String::new()))
    });
    let notes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut settings = Settings::new();
    let kept = Arc::clone(&notes);
    settings.notify = Some(crossdock_registry::Notify(Arc::new(move |note: &str| {
        kept.lock().unwrap().push(note.to_owned());
    })));
    Registry::new(settings).unwrap().tags(&fake.repository("team/app")).unwrap();
    let expected = format!("`127.0.0.1:{}` answers 429; trying again in 1 s", fake.port);
    assert_eq!(*notes.lock().unwrap(), [expected]);
}
