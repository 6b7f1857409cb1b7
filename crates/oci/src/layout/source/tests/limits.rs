//! Hostile sources stay within the limits.

use super::*;

#[test]
fn repeated_indexes_are_followed_once() {
    let fixture = fixture();
    let mut entries = vec![fixture.assembled.manifests[0].manifest.clone()];
    for _ in 0..6 {
        let index = Document::new(Index::new(entries.clone(), BTreeMap::new())).unwrap();
        let blob = fixture.layout.blobs().put(&index.raw).unwrap();
        entries = vec![Descriptor::new(media_type::INDEX, blob); 100];
    }
    let source = with_entries(&fixture, entries.clone()).unwrap();
    assert_eq!(source.images()[0].platforms.len(), 1);
    for _ in 0..4 {
        let index = Document::new(Index::new(entries.clone(), BTreeMap::new())).unwrap();
        let blob = fixture.layout.blobs().put(&index.raw).unwrap();
        entries = vec![Descriptor::new(media_type::INDEX, blob)];
    }
    let deep = with_entries(&fixture, entries);
    assert!(matches!(deep, Err(SourceError::Layout(LayoutError::TooDeep { .. }))));
}

/// Puts a manifest into the layout whose configuration is padded by `size` bytes.
fn manifest_of(fixture: &Fixture, size: usize) -> Descriptor {
    manifest_with(fixture, &" ".repeat(size))
}

/// Puts a manifest into the layout whose configuration ends with this text.
fn manifest_with(fixture: &Fixture, end: &str) -> Descriptor {
    let config =
        format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}}{end}}}"#);
    let put = |bytes: &[u8]| fixture.layout.blobs().put(bytes).unwrap();
    let config = Descriptor::new(media_type::CONFIG, put(config.as_bytes()));
    let manifest = ImageManifest::new(config, Vec::new(), BTreeMap::new());
    Descriptor::new(media_type::MANIFEST, put(&Document::new(manifest).unwrap().raw))
}

#[test]
fn one_manifest_for_several_platforms_is_an_image_for_each() {
    let fixture = fixture();
    let manifest = manifest_of(&fixture, 0);
    let variants = ["v7", "v6"].map(|variant| {
        let platform =
            PlatformObject { variant: Some(variant.into()), ..PlatformObject::new("linux", "arm") };
        Descriptor { platform: Some(platform), ..manifest.clone() }
    });
    let source = with_entries(&fixture, variants.to_vec()).unwrap();
    let platforms: Vec<_> =
        source.images()[0].platforms.iter().map(|found| found.platform().to_string()).collect();
    assert_eq!(platforms, ["linux/arm/v7", "linux/arm/v6"]);
}

#[test]
fn the_size_of_all_documents_is_limited() {
    let fixture = fixture();
    let large = manifest_of(&fixture, 7 << 20);
    assert!(with_entries(&fixture, vec![large.clone(); 4]).is_ok());
    assert!(matches!(with_entries(&fixture, vec![large.clone(); 5]), Err(SourceError::TooLong { .. })));
    let indices = |count| {
        (0..count).map(|number: u32| {
            let annotations = [("number".to_owned(), number.to_string())].into();
            let index = Document::new(Index::new(vec![large.clone()], annotations)).unwrap();
            Descriptor::new(media_type::INDEX, fixture.layout.blobs().put(&index.raw).unwrap())
        })
    };
    let open = |entries: Vec<Descriptor>| {
        let lock = fixture.layout.lock().unwrap();
        fixture.layout.write_index(&lock, &Index::new(entries, BTreeMap::new())).unwrap();
        ImageSource::open(fixture.layout.path(), NO_DIRECTORY.as_ref())
    };
    assert_eq!(open(indices(4).collect()).unwrap().images().len(), 4);
    assert!(matches!(open(indices(5).collect()), Err(SourceError::TooLong { .. })));
    let names = (0..9).map(|number: u32| {
        let annotations = [(REF_NAME.to_owned(), number.to_string())].into();
        Descriptor { annotations, ..large.clone() }
    });
    assert_eq!(open(names.collect()).unwrap().images()[0].names.len(), 9);
}

#[test]
fn the_number_of_values_is_limited() {
    let fixture = fixture();
    let many = manifest_with(&fixture, &format!(r#","x":[{}0]"#, "0,".repeat(99_000)));
    assert!(with_entries(&fixture, vec![many.clone(); 10]).is_ok());
    let error = chain(&with_entries(&fixture, vec![many; 11]).unwrap_err());
    assert!(error.contains("more than 1000000 values"), "{error}");
}

#[test]
fn the_number_of_images_is_limited() {
    let fixture = fixture();
    let small = manifest_of(&fixture, 0);
    assert_eq!(with_entries(&fixture, vec![small.clone(); 4000]).unwrap().images()[0].platforms.len(), 4000);
    assert!(matches!(with_entries(&fixture, vec![small; 4001]), Err(SourceError::TooMany { .. })));
}

#[test]
fn archives_in_dockers_older_form_are_limited() {
    let fixture = fixture();
    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let large = [&config[..], &vec![b' '; 7 << 20]].concat();
    let open = |config: &[u8], images: usize, layers: usize| {
        let layers = vec![r#""layer.tar""#; layers].join(",");
        let image = format!(r#"{{"Config":"link.json","Layers":[{layers}]}}"#);
        let list = format!("[{}]", vec![image; images].join(","));
        let files = [("config.json", config), ("layer.tar", b"x"), ("manifest.json", list.as_bytes())];
        fixture.open(&tar_of(&files, &[("link.json", "config.json")]))
    };
    assert_eq!(open(config, 4000, 1).unwrap().images().len(), 4000);
    assert!(chain(&open(config, 4001, 1).unwrap_err()).contains("more than 4000 images"));
    assert!(chain(&open(config, 10, 10_001).unwrap_err()).contains("more than 100000 layers"));
    assert_eq!(open(&large, 4, 1).unwrap().images().len(), 4);
    assert!(matches!(open(&large, 5, 1), Err(SourceError::TooLong { .. })));
}

#[test]
fn the_size_of_all_names_is_limited() {
    let fixture = fixture();
    let target = format!("{}/b", "a".repeat(4000));
    let open = |links: usize| {
        let names: Vec<String> = (0..links).map(|number| format!("{number}")).collect();
        let links: Vec<_> = names.iter().map(|name| (name.as_str(), target.as_str())).collect();
        chain(&fixture.open(&gzip(&tar_of(&[], &links))).unwrap_err())
    };
    assert!(open(10).contains("neither `index.json`"));
    assert!(open(17_000).contains("its names have more than"));
}
