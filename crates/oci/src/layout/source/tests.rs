mod limits;

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;

use super::*;
use crate::layout::REF_NAME;
use crate::model::{Blob, ImageManifest, media_type};
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
        PlatformImage { platform: PlatformObject::new("linux", architecture), config, layers: vec![layer] }
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
    attestation.platform = Some(PlatformObject::new("unknown", "unknown"));
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

#[test]
fn what_may_be_an_archive_is_told_by_its_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let is = |bytes: &[u8]| {
        std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).unwrap();
        may_be_archive(&path).unwrap()
    };
    let tar = [&[0; 257][..], b"ustar\0", &[0; 249]].concat();
    assert!(is(&tar) && is(b"\x1f\x8b\x08") && is(b"\x28\xb5\x2f\xfd\0") && is(b"\xfd7zXZ\0") && is(b"BZh9"));
    assert!(!is(b"") && !is(b"\x7fELF\x02\x01\x01") && !is(b"#!/bin/sh\n") && !is(&tar[..260]));
    assert!(may_be_archive(folder.path().join("none").as_path()).is_err());
}
