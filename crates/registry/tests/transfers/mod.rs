//! What the client believes, how long it waits, and what it keeps of a transfer that breaks off.

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

#[test]
fn an_answer_that_trickles_is_given_up() {
    let fake = Fake::with(|request, _| {
        is(request, "GET", "/manifests/").then_some(Fault::Trickle(Duration::from_millis(100)))
    });
    let image = image(1000);
    let bytes = image.layout.blobs().read(&image.index.digest, 1 << 20).unwrap();
    let digest = image.index.digest;
    fake.state.lock().unwrap().manifests.insert(digest.to_string(), (media_type::INDEX.into(), bytes));
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
    let image = image(1000);
    let bytes = image.layout.blobs().read(&image.index.digest, 1 << 20).unwrap();
    let digest = image.index.digest;
    fake.state.lock().unwrap().manifests.insert(digest.to_string(), (media_type::INDEX.into(), bytes));
    let started = Instant::now();
    let registry = Registry::new(impatient()).unwrap();
    registry.manifest(&fake.repository("team/app"), &Selector::Digest(digest)).unwrap();
    assert!(started.elapsed() > Duration::from_secs(1), "longer than the time without progress");
}

#[test]
fn a_mute_server_is_given_up_in_words_of_our_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let repository = format!("{}/team/app", listener.local_addr().unwrap()).parse().unwrap();
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
