use std::io::Read;

use super::*;

fn builder() -> LayerBuilder {
    let mut builder = LayerBuilder::new(Timestamp::from_unix(1_700_000_000).unwrap());
    builder.add_file("/usr/bin/app", 0o755, Owner::ROOT, Content::from("program")).unwrap();
    builder.add_symlink("app", "usr/bin/app").unwrap();
    builder.add_dir("tmp", 0o1777, Owner::ROOT).unwrap();
    builder.add_dir("home/nonroot/", 0o700, Owner { uid: 65532, gid: 65532 }).unwrap();
    builder
}

fn tar_of(builder: &LayerBuilder) -> Vec<u8> {
    let mut tar = Vec::new();
    builder.write_tar(&mut tar).unwrap();
    tar
}

fn listing(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            assert_eq!((header.username_bytes(), header.groupname_bytes()), (Some(&b""[..]), Some(&b""[..])));
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            format!(
                "{} {:?} {:o} {}:{} {text}",
                entry.path().unwrap().display(),
                header.entry_type(),
                header.mode().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap(),
            )
        })
        .collect()
}

#[test]
fn entries_are_sorted_and_have_parents() {
    assert_eq!(
        listing(&tar_of(&builder())),
        [
            "app Symlink 777 0:0 ",
            "home/ Directory 755 0:0 ",
            "home/nonroot/ Directory 700 65532:65532 ",
            "tmp/ Directory 1777 0:0 ",
            "usr/ Directory 755 0:0 ",
            "usr/bin/ Directory 755 0:0 ",
            "usr/bin/app Regular 755 0:0 program",
        ]
    );
}

#[test]
fn the_tar_does_not_depend_on_the_order_of_adding() {
    let mut other = LayerBuilder::new(Timestamp::from_unix(1_700_000_000).unwrap());
    other.add_dir("/home/nonroot", 0o700, Owner { uid: 65532, gid: 65532 }).unwrap();
    other.add_dir("./tmp", 0o1777, Owner::ROOT).unwrap();
    other.add_symlink("/app", "usr/bin/app").unwrap();
    other.add_file("usr//bin/app", 0o755, Owner::ROOT, Content::from(b"program".to_vec())).unwrap();
    assert_eq!(tar_of(&other), tar_of(&builder()));
}

#[test]
fn write_agrees_with_fingerprint_and_contents() {
    let builder = builder();
    let tar = tar_of(&builder);
    let fingerprint = builder.fingerprint().unwrap();
    assert_eq!((fingerprint.diff_id, fingerprint.size), (Digest::of(&tar), tar.len() as u64));
    for compression in [Compression::None, Compression::Gzip] {
        let mut blob = Vec::new();
        let layer = builder.write(&mut blob, compression, NonZeroUsize::MIN).unwrap();
        assert_eq!(layer.descriptor.digest, Digest::of(&blob));
        assert_eq!((layer.diff_id, layer.uncompressed_size), (fingerprint.diff_id, fingerprint.size));
        let mut again = Vec::new();
        let known = write_known(&builder, &fingerprint, &mut again, compression, NonZeroUsize::MIN).unwrap();
        assert_eq!((known, again), (layer, blob));
    }
}

#[test]
fn invalid_paths_and_modes_are_rejected() {
    for (path, why) in [
        ("", "names no entry"),
        ("/", "names no entry"),
        ("a/../b", "`..`"),
        ("..", "`..`"),
        ("a\0b", "NUL"),
        ("a/.wh.b", "deletion"),
        (&"x".repeat(256), "255 bytes"),
        (&"x/".repeat(2100), "4095 bytes"),
    ] {
        let error = builder().add_file(path, 0o644, Owner::ROOT, Content::from("")).unwrap_err().to_string();
        assert!(error.contains(why), "{path:?}: {error}");
    }
    let error = builder().add_dir("x", 0o100_755, Owner::ROOT).unwrap_err().to_string();
    assert!(error.contains("0o100755"), "{error}");
    assert!(builder().add_symlink("x", "").is_err());
}

#[test]
fn only_equal_duplicates_are_accepted() {
    let mut builder = builder();
    let mut add = |content: &'static str, mode| {
        builder.add_file("usr/bin/app", mode, Owner::ROOT, Content::from(content))
    };
    add("program", 0o755).unwrap();
    assert!(matches!(add("program", 0o700), Err(LayerError::Duplicate { .. })));
    assert!(matches!(add("another", 0o755), Err(LayerError::Duplicate { .. })));
    assert!(matches!(add("other length", 0o755), Err(LayerError::Duplicate { .. })));
    assert!(matches!(builder.add_dir("app", 0o755, Owner::ROOT), Err(LayerError::Duplicate { .. })));
    assert!(matches!(builder.add_dir("tmp", 0o755, Owner::ROOT), Err(LayerError::Duplicate { .. })));
    assert!(matches!(builder.add_symlink("app/x", "y"), Err(LayerError::ParentNotDir { .. })));
    let directory = tempfile::tempdir().unwrap();
    let same = directory.path().join("same");
    crossdock_fs::write_atomically(&same, b"program").unwrap();
    builder.add_file("usr/bin/app", 0o755, Owner::ROOT, Content::File(same)).unwrap();
}

#[test]
fn only_regular_files_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let with = |path: PathBuf| {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        builder.add_file("x", 0o644, Owner::ROOT, Content::File(path)).unwrap();
        builder.fingerprint()
    };
    assert!(matches!(with(directory.path().to_owned()), Err(LayerError::NotAFile { .. })));
    assert!(matches!(with(directory.path().join("no")), Err(LayerError::File(_))));
    #[cfg(unix)]
    {
        let looped = directory.path().join("loop");
        std::os::unix::fs::symlink(&looped, &looped).unwrap();
        assert!(matches!(with(looped), Err(LayerError::File(_))));
    }
}

#[test]
fn changed_content_is_detected() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    crossdock_fs::write_atomically(&path, b"one").unwrap();
    let mut builder = LayerBuilder::new(Timestamp::EPOCH);
    builder.add_file("x", 0o644, Owner::ROOT, Content::File(path.clone())).unwrap();
    let fingerprint = builder.fingerprint().unwrap();
    crossdock_fs::write_atomically(&path, b"two").unwrap();
    for compression in [Compression::None, Compression::Gzip] {
        let result = write_known(&builder, &fingerprint, &mut io::sink(), compression, NonZeroUsize::MIN);
        assert!(matches!(result, Err(LayerError::ContentChanged)));
    }
}

/// Keeps the first bytes written, then fails.
struct Begin(Vec<u8>);

impl Write for Begin {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() > 4096 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_beyond_8_gib_has_its_length_in_a_record() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("huge");
    let length = (8 << 30) + 5;
    std::fs::File::create(&path).unwrap().set_len(length).unwrap();
    let mut builder = LayerBuilder::new(Timestamp::EPOCH);
    builder.add_file("huge", 0o644, Owner::ROOT, Content::File(path)).unwrap();
    let mut begin = Begin(Vec::new());
    assert!(matches!(builder.write_tar(&mut begin), Err(LayerError::Write(_))));
    let mut tar = crate::layer::tar_reader::TarReader::new(&begin.0[..]);
    assert_eq!(tar.next_entry().unwrap().unwrap().size, length);
    assert!(String::from_utf8_lossy(&begin.0).contains(&format!("19 size={length}\n")));
}

#[test]
fn extended_headers_appear_only_if_needed() {
    let long = format!("{}/{}", "d".repeat(90), "ü".repeat(60));
    let mut builder = LayerBuilder::new(Timestamp::from_unix(1_700_000_000).unwrap());
    builder.add_file(&long, 0o644, Owner { uid: 3_000_000, gid: 0 }, Content::from("x")).unwrap();
    builder.add_symlink("link", &long).unwrap();
    let tar = tar_of(&builder);
    let mut archive = tar::Archive::new(&tar[..]);
    let entries: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.path().unwrap().into_owned(),
                entry.link_name().unwrap().map(|name| name.into_owned()),
                entry.header().uid().unwrap(),
            )
        })
        .collect();
    assert_eq!(entries[1].0.to_str(), Some(long.as_str()));
    assert_eq!(entries[1].2, 3_000_000);
    assert_eq!(entries[2].1.as_ref().and_then(|target| target.to_str()), Some(long.as_str()));
    // The directory's header needs none, since its path fits.
    let extended = tar.chunks(512).filter(|block| block.starts_with(b"PaxHeaders/entry\0")).count();
    assert_eq!(extended, 2);
    assert!(!tar_of(&super::tests::builder()).windows(3).any(|three| three == b"Pax"));
}

proptest::proptest! {
    /// Another reader finds the paths that were added, whatever their names.
    #[test]
    fn any_path_round_trips(
        paths in proptest::collection::btree_set("[a-zé .~-]{1,60}(/[a-zé'\"\\\\-]{1,90}){0,3}", 1..8),
    ) {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        let mut expected = Vec::new();
        for path in &paths {
            let added = builder.add_file(path, 0o644, Owner::ROOT, Content::from(path.clone().into_bytes()));
            if added.is_ok() {
                expected.push(entry::image_path(path).unwrap());
            }
        }
        let tar = tar_of(&builder);
        let mut found = Vec::new();
        for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.header().entry_type().is_file() {
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                let path = entry.path().unwrap().to_str().unwrap().to_owned();
                proptest::prop_assert_eq!(entry::image_path(&text).unwrap(), path.clone());
                found.push(path);
            }
        }
        expected.sort();
        expected.dedup();
        proptest::prop_assert_eq!(found, expected);
    }
}
