mod limits;

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;

use crossdock_fs::write_atomically;

use super::*;
use crate::layout::REF_NAME;
use crate::model::{Blob, ImageManifest, media_type};
use crate::{
    Compression, Content, Image, LayerBuilder, Owner, PlatformImage, Pruning, Reference, RuntimeConfig,
    Timestamp, assemble, write_archive,
};

/// No directory: small and uncompressed sources need no temporary file.
const NO_DIRECTORY: &str = "/nonexistent";

struct Fixture {
    directory: tempfile::TempDir,
    layout: Layout,
    assembled: crate::Assembled,
    names: Vec<Reference>,
}

fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path().join("layout")).unwrap();
    let platforms = ["amd64", "arm64"].map(|architecture| {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        let content = Content::from(architecture.as_bytes().to_vec());
        builder.add_file("app", 0o755, Owner::ROOT, content).unwrap();
        let mut writer = layout.blobs().writer().unwrap();
        let layer = builder.write(&mut writer, Compression::Gzip, NonZeroUsize::MIN).unwrap();
        writer.complete().unwrap();
        let config = RuntimeConfig { entrypoint: vec!["/app".into()], ..RuntimeConfig::default() };
        PlatformImage {
            platform: PlatformObject::new("linux", architecture),
            config,
            layers: vec![layer],
            history: Vec::new(),
        }
    });
    let image =
        Image { created: Timestamp::EPOCH, annotations: BTreeMap::new(), platforms: platforms.to_vec() };
    let assembled = assemble(layout.blobs(), &image).unwrap();
    let names: Vec<Reference> =
        ["r.example/app:1", "r.example/app:2"].map(|name| name.parse().unwrap()).to_vec();
    let lock = layout.lock().unwrap();
    layout.publish(&lock, &assembled.index, &names, Pruning::KeepOthers).unwrap();
    Fixture { directory, layout, assembled, names }
}

impl Fixture {
    fn archive(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let docker = &self.assembled.manifests[1].manifest;
        write_archive(&self.layout, &self.assembled.index, &self.names, docker, &mut bytes).unwrap();
        bytes
    }

    fn open(&self, bytes: &[u8]) -> Result<ImageSource, SourceError> {
        let path = self.directory.path().join("archive.tar");
        write_atomically(&path, bytes).unwrap();
        ImageSource::open(path, self.directory.path())
    }

    /// Asserts that the source has the fixture's image.
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
    let root =
        source.root(platform, RootLimits::default(), KeptContent::Programs, NO_DIRECTORY.as_ref()).unwrap();
    String::from_utf8(root.read("/app", 99).unwrap().into_owned()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn layout_and_archives_have_the_same_image() {
    let fixture = fixture();
    fixture.check(&ImageSource::open(fixture.layout.path(), NO_DIRECTORY.as_ref()).unwrap());
    let archive = fixture.archive();
    assert_eq!(archive, fixture.archive());
    fixture.check(&fixture.open(&archive).unwrap());
    fixture.check(&fixture.open(&gzip(&archive)).unwrap());
}

/// Returns an archive in docker's older form: no index, uncompressed layers under other names, links between them.
fn docker_archive(fixture: &Fixture) -> Vec<u8> {
    let source = ImageSource::open(fixture.layout.path(), NO_DIRECTORY.as_ref()).unwrap();
    let image = &source.images()[0].platforms[1];
    let mut layer = Vec::new();
    let blob = source.blob(&image.manifest.value.layers[0].digest).unwrap();
    flate2::read::GzDecoder::new(blob).read_to_end(&mut layer).unwrap();
    let list = br#"[{"Config":"abc.json","RepoTags":["app:1"],"Layers":["id/layer.tar"]}]"#;
    let files = [("abc.json", &image.config.raw[..]), ("layer.tar", &layer), ("manifest.json", list)];
    tar_of(&files, &[("id/layer.tar", "../layer.tar")])
}

#[test]
fn archives_in_dockers_older_form_are_read() {
    let fixture = fixture();
    let source = fixture.open(&docker_archive(&fixture)).unwrap();
    let [image] = source.images() else { panic!("{:?}", source.images()) };
    assert_eq!(image.names, ["app:1"]);
    assert_eq!(image.platforms[0].platform().to_string(), "linux/arm64");
    assert_eq!(app(&source, &image.platforms[0]), "arm64");
}

/// Puts an index of these entries into the layout and opens the layout.
fn with_entries(fixture: &Fixture, entries: Vec<Descriptor>) -> Result<ImageSource, SourceError> {
    let blob = fixture
        .layout
        .blobs()
        .put(&Document::new(Index::new(entries, BTreeMap::new())).unwrap().raw)
        .unwrap();
    let lock = fixture.layout.lock().unwrap();
    let index = Descriptor::new(media_type::INDEX, blob);
    fixture.layout.write_index(&lock, &Index::new(vec![index], BTreeMap::new())).unwrap();
    ImageSource::open(fixture.layout.path(), NO_DIRECTORY.as_ref())
}

#[test]
fn attestations_artifacts_and_absent_manifests_are_told_apart() {
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
fn mismatched_descriptors_are_rejected() {
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

/// Returns a tar of files and of links to them.
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
fn a_compressed_archive_is_decompressed_in_the_given_directory() {
    let fixture = fixture();
    let path = fixture.directory.path().join("packed.tar.gz");
    write_atomically(&path, &gzip(&fixture.archive())).unwrap();
    fixture.check(&ImageSource::open(&path, fixture.directory.path()).unwrap());
    assert!(chain(&ImageSource::open(&path, NO_DIRECTORY.as_ref()).unwrap_err()).contains(NO_DIRECTORY));
    let skippable = [&b"\x50\x2a\x4d\x18\x04\0\0\0skip"[..], b"\x28\xb5\x2f\xfdrest"].concat();
    write_atomically(&path, &skippable).unwrap();
    assert!(chain(&ImageSource::open(&path, NO_DIRECTORY.as_ref()).unwrap_err()).contains(NO_DIRECTORY));
}

#[test]
fn other_files_and_directories_are_rejected() {
    let fixture = fixture();
    assert!(matches!(
        ImageSource::open(fixture.directory.path(), NO_DIRECTORY.as_ref()),
        Err(SourceError::Layout(_))
    ));
    assert!(matches!(
        ImageSource::open(fixture.directory.path().join("no"), NO_DIRECTORY.as_ref()),
        Err(SourceError::File(_))
    ));
    let archive = fixture.archive();
    for bytes in [&b""[..], b"x", &[0; 1024], &archive[..700], &gzip(&archive)[..900], b"BZh9", &gzip(b"")] {
        assert!(matches!(fixture.open(bytes), Err(SourceError::Archive { .. })));
    }
}

/// Returns the text of an error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[test]
fn truncated_archives_are_told_from_other_files() {
    let fixture = fixture();
    let archive = fixture.archive();
    let packed = gzip(&archive);
    let between = archive.windows(10).position(|window| window == b"index.json").unwrap();
    assert_eq!(between % 512, 0);
    for bytes in
        [&archive[..700], &archive[..archive.len() / 2], &archive[..between], &packed[..packed.len() / 2]]
    {
        let error = fixture.open(bytes).unwrap_err();
        assert!(!error.is_no_archive() && chain(&error).contains("cut off"), "{}", chain(&error));
    }
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    tar.append_data(&mut header, "README", &b"x"[..]).unwrap();
    for bytes in [tar.into_inner().unwrap(), gzip(&[7; 2000]), gzip(b"#!/bin/sh"), gzip(b"")] {
        let error = fixture.open(&bytes).unwrap_err();
        assert!(error.is_no_archive(), "{}", chain(&error));
    }
    let mut damaged = archive.clone();
    damaged[between] ^= 1;
    let error = fixture.open(&damaged).unwrap_err();
    assert!(!error.is_no_archive() && chain(&error).contains("checksum"), "{}", chain(&error));
}

#[test]
fn only_archives_written_by_crossdock_are_its_own() {
    let fixture = fixture();
    let path = fixture.directory.path().join("archive.tar");
    let is_own = |bytes: &[u8]| {
        write_atomically(&path, bytes).unwrap();
        is_own_archive(&path)
    };
    assert!(is_own(&fixture.archive()));
    assert!(!is_own(&gzip(&fixture.archive())));
    assert!(!is_own(&docker_archive(&fixture)));
    assert!(!is_own(b"notes"));
    assert!(!is_own_archive(fixture.directory.path()));
}

#[test]
fn archives_are_recognized_by_their_first_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let is = |bytes: &[u8]| {
        std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).unwrap();
        may_be_archive(&path).unwrap()
    };
    let tar = [&[0; 257][..], b"ustar\0", &[0; 249]].concat();
    assert!(is(&tar) && is(b"\x1f\x8b\x08") && is(b"\x28\xb5\x2f\xfd\0") && is(b"\xfd7zXZ\0") && is(b"BZh9"));
    assert!(!is(b"") && !is(b"\x7fELF\x02\x01\x01") && !is(b"#!/bin/sh\n") && !is(&tar[..260]));
    assert!(may_be_archive(directory.path().join("none").as_path()).is_err());
}
