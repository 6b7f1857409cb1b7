//! Layouts, caches and roots withstand killed and concurrent processes, and agree with tar and podman.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::disallowed_methods, reason = "tests start themselves and the engines' own programs")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossdock_oci::{
    BlobStore, Compression, Content, Digest, EntryKind, Image, ImageSource, Index, KeptContent, LayerBuilder,
    LayerCache, LayerSource, Layout, Owner, PlatformImage, PlatformObject, PruneLimits, Pruning, Reference,
    RootLimits, RootView, RuntimeConfig, Timestamp, assemble,
};
use support::{path, put_image, run, threads};

const CHILD_DIRECTORY: &str = "CROSSDOCK_TEST_CHILD_DIRECTORY";

fn layer(content: Vec<u8>) -> LayerBuilder {
    let mut layer = LayerBuilder::new(Timestamp::EPOCH);
    layer.add_file("app", 0o755, Owner::ROOT, Content::from(content)).unwrap();
    layer
}

/// Builds an image in the layout through the cache and publishes it, as a program does.
fn publish(layout: &Layout, cache: &LayerCache, content: Vec<u8>, name: &str, pruning: Pruning) -> Digest {
    let lock = layout.lock().unwrap();
    let layer = cache.provide(&layer(content), Compression::Gzip, threads(2), layout.blobs()).unwrap();
    let platform = PlatformObject::new("linux", "amd64");
    let platforms = vec![PlatformImage {
        platform,
        config: RuntimeConfig::default(),
        layers: vec![layer],
        history: Vec::new(),
    }];
    let image = Image { created: Timestamp::EPOCH, annotations: BTreeMap::new(), platforms };
    let assembled = assemble(layout.blobs(), &image).unwrap();
    let name: Reference = name.parse().unwrap();
    layout.publish(&lock, &assembled.index, &[name], pruning).unwrap();
    if pruning == Pruning::ReplaceAll {
        layout.prune(&lock).unwrap();
    }
    assembled.index.digest
}

/// Reads every image of the layout completely and returns their names.
fn check_whole(layout: &Path) -> Vec<String> {
    let source = ImageSource::open(layout, layout).unwrap();
    let mut names = Vec::new();
    for image in source.images() {
        assert_eq!(image.platforms.len(), 1);
        let root =
            source.root(&image.platforms[0], RootLimits::default(), KeptContent::Programs, layout).unwrap();
        assert!(root.lookup("/app").unwrap().size > 0);
        names.extend(image.names.iter().cloned());
    }
    names
}

/// Not a test by itself: the process that the next test kills.
#[test]
#[ignore = "started by `a_layout_is_complete_after_a_kill_at_any_moment`"]
fn child_that_publishes_forever() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let cache = LayerCache::create(directory.join("cache")).unwrap();
    for turn in 0_u32.. {
        let layout = Layout::create(directory.join("layout")).unwrap();
        let content = turn.wrapping_mul(2_654_435_761).to_le_bytes().repeat(100_000);
        publish(&layout, &cache, content, "r.example/app:1", Pruning::ReplaceAll);
    }
}

#[test]
fn a_layout_is_complete_after_a_kill_at_any_moment() {
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join("layout");
    let mut published = 0;
    for turn in 0..40_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_publishes_forever", "--ignored"])
            .env(CHILD_DIRECTORY, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(5 + turn * 37 % 150));
        child.kill().unwrap();
        assert!(child.wait().unwrap().code().is_none(), "the child ended before it was killed");
        // `index.json` appears with the first complete image; from then on there always is one.
        if layout.join("index.json").exists() {
            assert_eq!(check_whole(&layout), ["r.example/app:1"]);
            published += 1;
        }
    }
    assert!(published > 20, "only {published} turns published anything");
    // The next run removes the files of the killed ones.
    let cache = LayerCache::create(directory.path().join("cache")).unwrap();
    let whole = Layout::create(&layout).unwrap();
    publish(&whole, &cache, b"last".to_vec(), "r.example/app:1", Pruning::ReplaceAll);
    assert_eq!(fs::read_dir(layout.join("blobs/sha256")).unwrap().count(), 4);
}

#[test]
fn eight_writers_share_a_layout_and_a_cache() {
    let directory = tempfile::tempdir().unwrap();
    let write = |writer: usize| {
        let layout = Layout::create(directory.path().join("layout")).unwrap();
        let cache = LayerCache::create(directory.path().join("cache")).unwrap();
        for turn in 0..5_usize {
            let own = format!("{writer} {turn}").repeat(50_000).into_bytes();
            let shared = format!("shared {turn}").repeat(50_000).into_bytes();
            publish(&layout, &cache, own, &format!("r.example/app:own-{writer}"), Pruning::KeepOthers);
            publish(&layout, &cache, shared, &format!("r.example/app:shared-{writer}"), Pruning::KeepOthers);
        }
    };
    thread::scope(|scope| {
        (0..8).for_each(|writer| drop(scope.spawn(move || write(writer))));
    });
    let names: BTreeSet<_> = check_whole(&directory.path().join("layout")).into_iter().collect();
    assert_eq!(names.len(), 16);
    let digests: BTreeSet<_> = Layout::open(directory.path().join("layout"))
        .unwrap()
        .index()
        .unwrap()
        .manifests
        .into_iter()
        .filter(|entry| entry.annotations["org.opencontainers.image.ref.name"].starts_with("shared"))
        .map(|entry| entry.digest)
        .collect();
    assert_eq!(digests.len(), 1, "the same content has one digest for all writers");
}

#[test]
fn several_threads_create_one_layout() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..50 {
        let path = directory.path().join(format!("layout-{round}"));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let layout = Layout::create(&path).unwrap();
                    let lock = layout.lock().unwrap();
                    layout.write_index(&lock, &Index::new(Vec::new(), BTreeMap::new())).unwrap();
                });
            }
        });
        assert!(Layout::open(&path).unwrap().index().unwrap().manifests.is_empty());
    }
}

#[test]
fn pruning_next_to_writers_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let cache = LayerCache::create(directory.path().join("cache")).unwrap();
    let layout = Layout::create(directory.path().join("layout")).unwrap();
    let written = AtomicBool::new(false);
    thread::scope(|scope| {
        for unused_for in [Duration::ZERO, Duration::from_secs(9)] {
            let (cache, written) = (&cache, &written);
            scope.spawn(move || {
                while !written.load(Ordering::Relaxed) {
                    cache.prune(PruneLimits { unused_for, bytes: 0 }).unwrap();
                }
            });
        }
        let writer = scope.spawn(|| {
            for turn in 0..200_usize {
                let content = format!("{}", turn % 5).repeat(10_000).into_bytes();
                publish(&layout, &cache, content, "r.example/app:1", Pruning::KeepOthers);
                check_whole(layout.path());
            }
        });
        let result = writer.join();
        written.store(true, Ordering::Relaxed);
        result.unwrap();
    });
}

#[test]
fn threads_do_not_change_an_image() {
    let content: Vec<u8> = (0..5_000_000_u32).flat_map(|number| (number / 3).to_le_bytes()).collect();
    let builder = layer(content);
    let digests: BTreeSet<_> = [1, 2, 8]
        .map(|number| {
            builder.write(&mut std::io::sink(), Compression::Gzip, threads(number)).unwrap().descriptor.digest
        })
        .into_iter()
        .collect();
    assert_eq!(digests.len(), 1);
}

/// The entries of a root by path, in a comparable form: type, permissions, and content or target.
type Listing = BTreeMap<String, (String, u32, Vec<u8>)>;

fn listing_of_root(root: &RootView) -> Listing {
    root.walk()
        .map(|entry| {
            let (kind, content) = match &entry.kind {
                EntryKind::File => ("file", root.read(&entry.path, 1 << 20).unwrap().into_owned()),
                EntryKind::Dir => ("dir", Vec::new()),
                EntryKind::Symlink(target) => ("link", target.clone()),
                other => panic!("{other:?}"),
            };
            (entry.path.clone(), (kind.to_owned(), entry.mode, content))
        })
        .collect()
}

fn listing_of_directory(directory: &Path, below: &str, found: &mut Listing) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}/{}", entry.file_name().to_str().unwrap());
        // overlayfs lists the name of a whiteout in a directory that only one layer has.
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_dir() {
            listing_of_directory(&entry.path(), &name, found);
            found.insert(name, ("dir".into(), mode, Vec::new()));
        } else if metadata.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap().to_str().unwrap().as_bytes().to_vec();
            found.insert(name, ("link".into(), mode, target));
        } else {
            assert!(metadata.nlink() >= 1);
            found.insert(name, ("file".into(), mode, fs::read(entry.path()).unwrap()));
        }
    }
}

fn apply(root: &mut RootView<'_>, tar: &[u8]) {
    let digest = Digest::of(tar);
    root.apply(LayerSource { blob: Box::new(tar.to_vec()), digest, diff_id: digest }).unwrap();
}

/// An entry of a generated layer.
#[derive(Debug, Clone)]
enum Item {
    File(String, u8),
    Dir(String),
    Link(String, String),
    Hidden(String),
    Opaque(String),
}

fn tar_of(items: &[Item]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |kind: tar::EntryType, path: &str, link: &str, mode: u32, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_path(path).unwrap();
        if !link.is_empty() {
            header.set_link_name_literal(link).unwrap();
        }
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).unwrap();
    };
    use tar::EntryType::{Directory, Regular, Symlink};
    for item in items {
        match item {
            Item::File(path, byte) => add(Regular, path, "", 0o644, &[*byte]),
            Item::Dir(path) => add(Directory, path, "", 0o755, b""),
            Item::Link(path, target) => add(Symlink, path, target, 0o777, b""),
            Item::Hidden(path) => {
                let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
                add(Regular, format!("{directory}/.wh.{name}").trim_start_matches('/'), "", 0o644, b"");
            }
            Item::Opaque(path) => add(Regular, &format!("{path}/.wh..wh..opq"), "", 0o644, b""),
        }
    }
    tar.into_inner().unwrap()
}

/// Returns layers on which podman and containerd agree: no name occurs twice in one.
fn layers() -> Vec<Vec<Item>> {
    let file = |path: &str, byte| Item::File(path.into(), byte);
    let dir = |path: &str| Item::Dir(path.into());
    let link = |path: &str, target: &str| Item::Link(path.into(), target.into());
    let hidden = |path: &str| Item::Hidden(path.into());
    let opaque = |path: &str| Item::Opaque(path.into());
    vec![
        vec![
            dir("etc"),
            file("etc/a", 1),
            file("etc/b", 1),
            dir("usr"),
            dir("usr/lib"),
            file("usr/lib/x", 1),
            link("lib", "usr/lib"),
            link("abs", "/etc/a"),
            dir("opq"),
            file("opq/old", 1),
            dir("opq/sub"),
            file("opq/sub/old", 1),
            file("becomes-dir", 1),
            dir("becomes-file"),
            file("becomes-file/x", 1),
            dir("gone"),
            file("gone/x", 1),
            dir("again"),
            file("again/x", 1),
            file("back", 1),
        ],
        vec![
            file("etc/a", 2),
            hidden("etc/b"),
            dir("opq"),
            opaque("opq"),
            file("opq/new", 2),
            dir("becomes-dir"),
            file("becomes-dir/x", 2),
            file("becomes-file", 2),
            hidden("gone"),
            hidden("again"),
            dir("again"),
            file("again/y", 2),
            hidden("back"),
            dir("lib"),
            file("lib/y", 2),
            hidden("absent"),
        ],
        vec![file("back", 3), dir("gone"), file("gone/y", 3), link("etc/a", "b"), hidden("lib")],
    ]
}

#[test]
fn podman_merges_layers_to_the_same_root() {
    let images = std::iter::once(layers()).chain((1..=12).map(random_layers));
    let directory = tempfile::tempdir().unwrap();
    let storage = path(directory.path());
    let args = ["--root", storage, "--storage-driver", "overlay", "--runroot", storage];
    let podman = |more: &[&str]| run("podman", &[&args[..], more].concat()).trim().to_owned();
    for (number, layers) in images.enumerate() {
        let layout = Layout::create(directory.path().join(format!("layout-{number}"))).unwrap();
        let tars: Vec<_> = layers.iter().map(|items| tar_of(items)).collect();
        publish_tars(&layout, &tars);
        let archive = directory.path().join(format!("archive-{number}.tar"));
        let name = format!("localhost/merged:{number}");
        let to = format!("docker-archive:{}:{name}", path(&archive));
        run("skopeo", &["--insecure-policy", "copy", &format!("oci:{}", path(layout.path())), &to]);
        podman(&["load", "--input", path(&archive)]);
        let mounted = podman(&["image", "mount", &name]);
        let mut expected = Listing::new();
        listing_of_directory(Path::new(&mounted), "", &mut expected);
        let mut root = RootView::new(RootLimits::default(), directory.path());
        tars.iter().for_each(|tar| apply(&mut root, tar));
        assert_eq!(listing_of_root(&root), expected, "{layers:#?}");
        podman(&["image", "unmount", &name]);
    }
}

/// Returns four layers with few names, so that they often collide. Within a layer, whiteouts come first, and parents
/// before their entries, as every tool writes them.
fn random_layers(seed: u64) -> Vec<Vec<Item>> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut below = move |limit: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit) as usize
    };
    let names = ["a", "b", "c"];
    (1..=4)
        .map(|layer| {
            let mut entries = BTreeMap::new();
            let mut hidden = BTreeSet::new();
            for _ in 0..7 {
                let depth = 1 + below(3);
                let parts: Vec<_> = (0..depth).map(|_| names[below(3)]).collect();
                let path = parts.join("/");
                let parents: Vec<_> = (1..depth).map(|end| parts[..end].join("/")).collect();
                if below(4) == 0 {
                    hidden.insert(path);
                } else if parents
                    .iter()
                    .all(|parent| matches!(entries.get(parent), None | Some(Item::Dir(_))))
                {
                    parents.into_iter().for_each(|parent| {
                        entries.insert(parent.clone(), Item::Dir(parent));
                    });
                    let item = match below(4) {
                        0 => Item::Dir(path.clone()),
                        1 => Item::Link(path.clone(), "a/b".into()),
                        _ => Item::File(path.clone(), layer),
                    };
                    entries.entry(path).or_insert(item);
                }
            }
            // Below a path that is not a directory in this layer, a whiteout would lead through lower layers' entries.
            let dirs: Vec<_> = entries
                .values()
                .filter_map(|item| match item {
                    Item::Dir(path) => Some(path.clone()),
                    _ => None,
                })
                .collect();
            let has_parent = |path: &String| {
                path.rsplit_once('/').is_none_or(|(parent, _)| dirs.iter().any(|dir| dir == parent))
            };
            let hidden: Vec<_> = hidden.into_iter().filter(has_parent).map(Item::Hidden).collect();
            let opaque = dirs.iter().filter(|_| below(5) == 0).map(|dir| Item::Opaque(dir.clone()));
            let opaque: Vec<_> = opaque.collect();
            // A whiteout must precede its replacement: engines refuse one after it.
            let is_dir = |item: &Item| matches!(item, Item::Hidden(path) if dirs.contains(path));
            let (of_dirs, of_others): (Vec<_>, Vec<_>) = hidden.into_iter().partition(is_dir);
            let parents = dirs.iter().flat_map(|dir| {
                let whiteout = |item: &&Item| matches!(item, Item::Hidden(path) if path == dir);
                let before = of_dirs.iter().find(whiteout).cloned();
                before.into_iter().chain([Item::Dir(dir.clone())])
            });
            let others = entries.into_values().filter(|item| !matches!(item, Item::Dir(_)));
            parents.chain(of_others).chain(opaque).chain(others).collect()
        })
        .collect()
}

fn publish_tars(layout: &Layout, tars: &[Vec<u8>]) {
    let manifest = put_image(layout, tars.iter().map(|tar| (&tar[..], &tar[..])));
    let lock = layout.lock().unwrap();
    layout.write_index(&lock, &Index::new(vec![manifest], BTreeMap::new())).unwrap();
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// A single layer unpacks to the same files as with GNU tar.
    #[test]
    fn one_layer_unpacks_as_with_gnu_tar(
        paths in proptest::collection::btree_map("[a-c](/[a-cü -]{1,40}){0,3}", 0_u32..4, 1..12),
    ) {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        for (path, kind) in paths {
            // An entry that contradicts an earlier one is rejected, and not part of the layer.
            drop(match kind {
                0 => builder.add_dir(&path, 0o711, Owner::ROOT),
                1 => builder.add_symlink(&path, "/somewhere/else"),
                _ => builder.add_file(&path, 0o640 + kind, Owner::ROOT, Content::from(path.clone().into_bytes())),
            });
        }
        let mut tar = Vec::new();
        builder.write_tar(&mut tar).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (archive, target) = (directory.path().join("layer.tar"), directory.path().join("root"));
        File::create(&archive).unwrap().write_all(&tar).unwrap();
        fs::create_dir(&target).unwrap();
        run("tar", &["--extract", "--preserve-permissions", "--file", path(&archive), "--directory", path(&target)]);
        let mut expected = Listing::new();
        listing_of_directory(&target, "", &mut expected);
        let mut root = RootView::new(RootLimits::default(), directory.path());
        apply(&mut root, &tar);
        proptest::prop_assert_eq!(listing_of_root(&root), expected);
    }
}

#[test]
fn a_full_or_blocked_store_is_an_error() {
    let full = Path::new("/dev/full");
    assert!(full.exists(), "this test needs /dev/full");
    let mut sink = File::options().write(true).open(full).unwrap();
    let error = layer(vec![7; 1 << 22]).write(&mut sink, Compression::None, threads(1)).unwrap_err();
    assert_eq!(error.to_string(), "cannot write the layer");
    let directory = tempfile::tempdir().unwrap();
    // A file in place of the directory blocks root too.
    let file = directory.path().join("file");
    File::create(&file).unwrap();
    let error = BlobStore::create(&file).unwrap_err();
    assert!(error.to_string().contains(path(&file)), "{error}");
}
