use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;

use super::*;
use crate::blob::Blob;
use crate::layout::REF_NAME;
use crate::manifest::ImageManifest;
use crate::media_type;
use crate::{
    Compression, Content, Image, LayerBuilder, Owner, PlatformImage, Pruning, Reference, RuntimeConfig,
    Timestamp, assemble, write_archive, write_atomically,
};

/// What is small or not compressed needs no temporary file.
const NO_FOLDER: &str = "/nonexistent";

struct Fixture {
    folder: tempfile::TempDir,
    layout: Layout,
    assembled: crate::Assembled,
    names: Vec<Reference>,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path().join("layout")).unwrap();
    let platforms = ["amd64", "arm64"].map(|architecture| {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        let content = Content::from(architecture.as_bytes().to_vec());
        builder.add_file("app", 0o755, Owner::ROOT, content).unwrap();
        let mut writer = layout.blobs().writer().unwrap();
        let layer = builder.write(&mut writer, Compression::Gzip, NonZeroUsize::MIN).unwrap();
        writer.complete().unwrap();
        let config = RuntimeConfig { entrypoint: vec!["/app".into()], ..RuntimeConfig::default() };
        PlatformImage { platform: Platform::new("linux", architecture), config, layers: vec![layer] }
    });
    let image =
        Image { created: Timestamp::EPOCH, annotations: BTreeMap::new(), platforms: platforms.to_vec() };
    let assembled = assemble(layout.blobs(), &image).unwrap();
    let names: Vec<Reference> =
        ["r.example/app:1", "r.example/app:2"].map(|name| name.parse().unwrap()).to_vec();
    let lock = layout.lock().unwrap();
    layout.publish(&lock, &assembled.index, &names, Pruning::KeepOthers).unwrap();
    Fixture { folder, layout, assembled, names }
}

impl Fixture {
    fn archive(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let docker = &self.assembled.manifests[1].manifest;
        write_archive(&self.layout, &self.assembled.index, &self.names, docker, &mut bytes).unwrap();
        bytes
    }

    fn open(&self, bytes: &[u8]) -> Result<ImageSource, SourceError> {
        let path = self.folder.path().join("archive.tar");
        write_atomically(&path, bytes).unwrap();
        ImageSource::open(path, self.folder.path())
    }

    /// Checks that the source holds the fixture's image.
    fn check(&self, source: &ImageSource) {
        let [image] = source.images() else { panic!("{:?}", source.images()) };
        assert_eq!(image.names, ["r.example/app:1", "r.example/app:2"]);
        assert_eq!(image.descriptor.digest, self.assembled.index.digest);
        let platforms: Vec<_> = image.platforms.iter().map(|found| found.platform().to_string()).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
        for platform in &image.platforms {
            assert_eq!(app(source, platform), platform.platform().architecture);
            assert_eq!(platform.config.value.config.entrypoint, ["/app"]);
        }
    }
}

fn app(source: &ImageSource, platform: &SourcePlatform) -> String {
    let root = source.root(platform, RootLimits::default(), NO_FOLDER.as_ref()).unwrap();
    String::from_utf8(root.read("/app", 99).unwrap().into_owned()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn layout_and_archives_hold_the_same() {
    let fixture = fixture();
    fixture.check(&ImageSource::open(fixture.layout.path(), NO_FOLDER.as_ref()).unwrap());
    let archive = fixture.archive();
    assert_eq!(archive, fixture.archive());
    fixture.check(&fixture.open(&archive).unwrap());
    fixture.check(&fixture.open(&gzip(&archive)).unwrap());
}

/// Makes docker's older form of an archive: no index, plain layers under other names, links between them.
fn docker_archive(fixture: &Fixture) -> Vec<u8> {
    let source = ImageSource::open(fixture.layout.path(), NO_FOLDER.as_ref()).unwrap();
    let image = &source.images()[0].platforms[1];
    let mut layer = Vec::new();
    let blob = source.blob(&image.manifest.value.layers[0].digest).unwrap();
    flate2::read::GzDecoder::new(blob).read_to_end(&mut layer).unwrap();
    let list = br#"[{"Config":"abc.json","RepoTags":["app:1"],"Layers":["id/layer.tar"]}]"#;
    let files = [("abc.json", &image.config.raw[..]), ("layer.tar", &layer), ("manifest.json", list)];
    tar_of(&files, &[("id/layer.tar", "../layer.tar")])
}

#[test]
fn older_docker_archives() {
    let fixture = fixture();
    let source = fixture.open(&docker_archive(&fixture)).unwrap();
    let [image] = source.images() else { panic!("{:?}", source.images()) };
    assert_eq!(image.names, ["app:1"]);
    assert_eq!(image.platforms[0].platform().to_string(), "linux/arm64");
    assert_eq!(app(&source, &image.platforms[0]), "arm64");
}

/// Puts an index of these entries into the layout and opens it.
fn with_entries(fixture: &Fixture, entries: Vec<Descriptor>) -> Result<ImageSource, SourceError> {
    let blob = fixture.layout.blobs().put(&Document::new(Index::new(entries, BTreeMap::new())).raw).unwrap();
    let lock = fixture.layout.lock().unwrap();
    let index = Descriptor::new(media_type::INDEX, blob);
    fixture.layout.write_index(&lock, &Index::new(vec![index], BTreeMap::new())).unwrap();
    ImageSource::open(fixture.layout.path(), NO_FOLDER.as_ref())
}

#[test]
fn attestations_artifacts_and_absent_manifests() {
    let fixture = fixture();
    let manifest = fixture.assembled.manifests[0].manifest.clone();
    let mut attestation = manifest.clone();
    attestation.platform = Some(Platform::new("unknown", "unknown"));
    let absent = Descriptor::new(media_type::MANIFEST, Blob { digest: Digest::of(b"no"), size: 2 });
    let other = Descriptor::new("application/vnd.example+json", absent.blob());
    let source =
        with_entries(&fixture, vec![manifest, attestation.clone(), absent.clone(), other.clone()]).unwrap();
    let image = &source.images()[0];
    assert_eq!(image.platforms.len(), 1);
    assert_eq!(image.skipped, [attestation, other]);
    assert_eq!(image.absent, [absent]);
}

#[test]
fn lies_are_noticed() {
    let fixture = fixture();
    let manifest = &fixture.assembled.manifests[0];
    let longer = Descriptor { size: manifest.manifest.size + 1, ..manifest.manifest.clone() };
    assert!(matches!(with_entries(&fixture, vec![longer]), Err(SourceError::Size { .. })));
    let wrong = Descriptor {
        digest: manifest.config.digest,
        size: manifest.config.size,
        ..manifest.manifest.clone()
    };
    assert!(matches!(with_entries(&fixture, vec![wrong]), Err(SourceError::Document { .. })));
    write_atomically(fixture.layout.blobs().path(&manifest.config.digest), b"{}").unwrap();
    let damaged = with_entries(&fixture, vec![manifest.manifest.clone()]);
    assert!(matches!(damaged, Err(SourceError::Blob(BlobError::Corrupt { .. }))));
}

#[test]
fn indices_that_repeat_one_another_end() {
    let fixture = fixture();
    let mut entries = vec![fixture.assembled.manifests[0].manifest.clone()];
    for _ in 0..6 {
        let index = Document::new(Index::new(entries.clone(), BTreeMap::new()));
        let blob = fixture.layout.blobs().put(&index.raw).unwrap();
        entries = vec![Descriptor::new(media_type::INDEX, blob); 100];
    }
    let source = with_entries(&fixture, entries.clone()).unwrap();
    assert_eq!(source.images()[0].platforms.len(), 1);
    for _ in 0..4 {
        let index = Document::new(Index::new(entries.clone(), BTreeMap::new()));
        let blob = fixture.layout.blobs().put(&index.raw).unwrap();
        entries = vec![Descriptor::new(media_type::INDEX, blob)];
    }
    let deep = with_entries(&fixture, entries);
    assert!(matches!(deep, Err(SourceError::Layout(LayoutError::TooDeep { .. }))));
}

/// A manifest in the layout whose configuration has so many bytes.
fn manifest_of(fixture: &Fixture, size: usize) -> Descriptor {
    let padding = " ".repeat(size);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}}{padding}}}"#
    );
    let put = |bytes: &[u8]| fixture.layout.blobs().put(bytes).unwrap();
    let config = Descriptor::new(media_type::CONFIG, put(config.as_bytes()));
    let manifest = ImageManifest::new(config, Vec::new(), BTreeMap::new());
    Descriptor::new(media_type::MANIFEST, put(&Document::new(manifest).raw))
}

#[test]
fn one_manifest_for_several_platforms_is_an_image_for_each() {
    let fixture = fixture();
    let manifest = manifest_of(&fixture, 0);
    let variants = ["v7", "v6"].map(|variant| {
        let platform = Platform { variant: Some(variant.into()), ..Platform::new("linux", "arm") };
        Descriptor { platform: Some(platform), ..manifest.clone() }
    });
    let source = with_entries(&fixture, variants.to_vec()).unwrap();
    let platforms: Vec<_> =
        source.images()[0].platforms.iter().map(|found| found.platform().to_string()).collect();
    assert_eq!(platforms, ["linux/arm/v7", "linux/arm/v6"]);
}

#[test]
fn documents_are_bounded_together() {
    let fixture = fixture();
    let large = manifest_of(&fixture, 7 << 20);
    assert!(with_entries(&fixture, vec![large.clone(); 4]).is_ok());
    assert!(matches!(with_entries(&fixture, vec![large.clone(); 5]), Err(SourceError::TooLong { .. })));
    let indices = |count| {
        (0..count).map(|number: u32| {
            let annotations = [("number".to_owned(), number.to_string())].into();
            let index = Document::new(Index::new(vec![large.clone()], annotations));
            Descriptor::new(media_type::INDEX, fixture.layout.blobs().put(&index.raw).unwrap())
        })
    };
    let open = |entries: Vec<Descriptor>| {
        let lock = fixture.layout.lock().unwrap();
        fixture.layout.write_index(&lock, &Index::new(entries, BTreeMap::new())).unwrap();
        ImageSource::open(fixture.layout.path(), NO_FOLDER.as_ref())
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
fn images_are_bounded_together() {
    let fixture = fixture();
    let small = manifest_of(&fixture, 0);
    assert_eq!(with_entries(&fixture, vec![small.clone(); 4000]).unwrap().images()[0].platforms.len(), 4000);
    assert!(matches!(with_entries(&fixture, vec![small; 4001]), Err(SourceError::TooMany { .. })));
}

/// A tar of these files, and of links to them.
fn tar_of(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    for (name, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, name, target).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn older_docker_archives_are_bounded() {
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
    assert!(said(&open(config, 4001, 1).unwrap_err()).contains("more than 4000 images"));
    assert!(said(&open(config, 10, 10_001).unwrap_err()).contains("more than 100000 layers"));
    assert_eq!(open(&large, 4, 1).unwrap().images().len(), 4);
    assert!(matches!(open(&large, 5, 1), Err(SourceError::TooLong { .. })));
}

#[test]
fn an_archives_names_are_bounded_together() {
    let fixture = fixture();
    let target = format!("{}/b", "a".repeat(4000));
    let open = |links: usize| {
        let names: Vec<String> = (0..links).map(|number| format!("{number}")).collect();
        let links: Vec<_> = names.iter().map(|name| (name.as_str(), target.as_str())).collect();
        said(&fixture.open(&gzip(&tar_of(&[], &links))).unwrap_err())
    };
    assert!(open(10).contains("neither `index.json`"));
    assert!(open(17_000).contains("its names have more than"));
}

#[test]
fn a_compressed_archive_is_unpacked_where_the_caller_says() {
    let fixture = fixture();
    let path = fixture.folder.path().join("packed.tar.gz");
    write_atomically(&path, &gzip(&fixture.archive())).unwrap();
    fixture.check(&ImageSource::open(&path, fixture.folder.path()).unwrap());
    assert!(said(&ImageSource::open(&path, NO_FOLDER.as_ref()).unwrap_err()).contains(NO_FOLDER));
    let skippable = [&b"\x50\x2a\x4d\x18\x04\0\0\0skip"[..], b"\x28\xb5\x2f\xfdrest"].concat();
    write_atomically(&path, &skippable).unwrap();
    assert!(said(&ImageSource::open(&path, NO_FOLDER.as_ref()).unwrap_err()).contains(NO_FOLDER));
}

#[test]
fn what_is_no_source() {
    let fixture = fixture();
    assert!(matches!(
        ImageSource::open(fixture.folder.path(), NO_FOLDER.as_ref()),
        Err(SourceError::Layout(_))
    ));
    assert!(matches!(
        ImageSource::open(fixture.folder.path().join("no"), NO_FOLDER.as_ref()),
        Err(SourceError::File(_))
    ));
    let archive = fixture.archive();
    for bytes in [&b""[..], b"x", &[0; 1024], &archive[..700], &gzip(&archive)[..900], b"BZh9", &gzip(b"")] {
        assert!(matches!(fixture.open(bytes), Err(SourceError::Archive { .. })));
    }
}

/// The error of what cannot be opened, and its causes.
fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[test]
fn an_archive_that_is_cut_off_is_no_other_file() {
    let fixture = fixture();
    let archive = fixture.archive();
    let packed = gzip(&archive);
    let between = archive.windows(10).position(|window| window == b"index.json").unwrap();
    assert_eq!(between % 512, 0);
    for bytes in
        [&archive[..700], &archive[..archive.len() / 2], &archive[..between], &packed[..packed.len() / 2]]
    {
        let error = fixture.open(bytes).unwrap_err();
        assert!(!error.is_no_archive() && said(&error).contains("cut off"), "{}", said(&error));
    }
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    tar.append_data(&mut header, "README", &b"x"[..]).unwrap();
    for bytes in [tar.into_inner().unwrap(), gzip(&[7; 2000]), gzip(b"#!/bin/sh"), gzip(b"")] {
        let error = fixture.open(&bytes).unwrap_err();
        assert!(error.is_no_archive(), "{}", said(&error));
    }
    let mut damaged = archive.clone();
    damaged[between] ^= 1;
    let error = fixture.open(&damaged).unwrap_err();
    assert!(!error.is_no_archive() && said(&error).contains("checksum"), "{}", said(&error));
}

#[test]
fn only_an_archive_of_crossdock_is_its_own() {
    let fixture = fixture();
    let path = fixture.folder.path().join("archive.tar");
    let is_own = |bytes: &[u8]| {
        write_atomically(&path, bytes).unwrap();
        is_own_archive(&path)
    };
    assert!(is_own(&fixture.archive()));
    assert!(!is_own(&gzip(&fixture.archive())));
    assert!(!is_own(&docker_archive(&fixture)));
    assert!(!is_own(b"notes"));
    assert!(!is_own_archive(fixture.folder.path()));
}
