//! Shared by the tests with real engines: an image to load, and daemons that are started and stopped here.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::disallowed_methods, reason = "tests call the engines' own programs")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossdock_oci::{
    Assembled, Compression, Content, Descriptor, Digest, Image, ImageConfig, ImageManifest, LayerBuilder,
    LayerCache, Layout, Owner, PlatformImage, PlatformObject, Pruning, Reference, RootFs, RuntimeConfig,
    Timestamp, assemble, base, media_type, write_archive,
};

/// An image for linux/amd64 and linux/arm64 in a layout and in an archive. Its content is unique, so that no engine has
/// it in a cache.
pub(crate) struct Sample {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) layout: Layout,
    pub(crate) assembled: Assembled,
    pub(crate) name: Reference,
    pub(crate) archive: PathBuf,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(directory.path().join("layout")).unwrap();
        let cache = LayerCache::create(directory.path().join("cache")).unwrap();
        let unique = directory.path().display().to_string();
        let platforms = ["amd64", "arm64"].map(|architecture| {
            let layers = [base_layer(), program_layer(architecture, &unique)]
                .map(|layer| cache.provide(&layer, Compression::Gzip, threads(2), layout.blobs()).unwrap());
            PlatformImage {
                platform: PlatformObject::new("linux", architecture),
                config: runtime_config(),
                layers: layers.to_vec(),
                history: Vec::new(),
            }
        });
        let annotations = [("org.opencontainers.image.version".to_owned(), "1.0".to_owned())].into();
        let image = Image {
            created: Timestamp::from_unix(1_700_000_000).unwrap(),
            annotations,
            platforms: platforms.to_vec(),
        };
        let assembled = assemble(layout.blobs(), &image).unwrap();
        let name: Reference = "registry.example/team/sample:1.0".parse().unwrap();
        let lock = layout.lock().unwrap();
        layout.publish(&lock, &assembled.index, std::slice::from_ref(&name), Pruning::ReplaceAll).unwrap();
        let archive = directory.path().join("sample.tar");
        let mut file = File::create(&archive).unwrap();
        let docker = &assembled.manifests[0].manifest;
        write_archive(&layout, &assembled.index, std::slice::from_ref(&name), docker, &mut file).unwrap();
        Self { directory, layout, assembled, name, archive }
    }

    /// Returns the ID by which docker and podman identify the image for linux/amd64: its configuration's digest.
    pub(crate) fn config_id(&self) -> String {
        self.assembled.manifests[0].config.digest.to_string()
    }
}

fn base_layer() -> LayerBuilder {
    let mut layer = LayerBuilder::new(Timestamp::from_unix(1_700_000_000).unwrap());
    base::add_static(&mut layer, base::TimeZones::Omit).unwrap();
    layer
}

/// Returns a layer of a few megabytes in several files, with long and non-ASCII names and a link.
fn program_layer(architecture: &str, unique: &str) -> LayerBuilder {
    let mut layer = LayerBuilder::new(Timestamp::from_unix(1_700_000_000).unwrap());
    let text = format!("{architecture} {unique}\n");
    let bytes = |times: usize| Content::from(text.repeat(times).into_bytes());
    layer.add_file("/app/program", 0o755, Owner::ROOT, bytes(100_000)).unwrap();
    layer.add_file(&format!("app/{}/ü x", "long".repeat(40)), 0o640, base::NONROOT, bytes(1)).unwrap();
    layer.add_symlink("program", "app/program").unwrap();
    layer
}

fn runtime_config() -> RuntimeConfig {
    RuntimeConfig {
        user: "65532:65532".into(),
        exposed_ports: ["2222/tcp".to_owned()].into(),
        env: vec!["PATH=/app".into()],
        entrypoint: vec!["/app/program".into()],
        cmd: vec!["--serve".into()],
        working_dir: "/app".into(),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        stop_signal: "SIGTERM".into(),
        ..RuntimeConfig::default()
    }
}

pub(crate) fn threads(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// Runs a program and returns its standard output; panics with its whole output if it fails.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    try_run(program, args).unwrap_or_else(|output| panic!("{program} {args:?}: {output}"))
}

/// Runs a program and returns its standard output, or its whole output if it fails.
pub(crate) fn try_run(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("this test needs `{program}`: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}

/// Stores an image for linux/amd64 with these layers, each a tar and the blob of it, and returns its manifest.
pub(crate) fn put_image<'a>(
    layout: &Layout,
    layers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Descriptor {
    let put = |media_type, bytes: &[u8]| Descriptor::new(media_type, layout.blobs().put(bytes).unwrap());
    let layer = |(tar, blob): (&[u8], &[u8])| {
        let media_type = match blob {
            [0x1f, 0x8b, ..] => media_type::LAYER_GZIP,
            [0x28, 0xb5, ..] => media_type::LAYER_ZSTD,
            _ => media_type::LAYER,
        };
        (Digest::of(tar), put(media_type, blob))
    };
    let (diff_ids, layers) = layers.into_iter().map(layer).unzip();
    let config = ImageConfig {
        created: None,
        platform: PlatformObject::new("linux", "amd64"),
        config: RuntimeConfig::default(),
        rootfs: RootFs::new(diff_ids),
        history: Vec::new(),
    };
    let config = put(media_type::CONFIG, &serde_json::to_vec(&config).unwrap());
    let manifest = ImageManifest::new(config, layers, BTreeMap::new());
    put(media_type::MANIFEST, &serde_json::to_vec(&manifest).unwrap())
}

/// Parses JSON that an engine printed.
pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A daemon of one test, stopped when the value is dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) directory: tempfile::TempDir,
}

impl Daemon {
    /// Starts containerd, whose client is `ctr`.
    pub(crate) fn containerd() -> Self {
        let args = ["--root={}/root", "--state={}/state", "--address={}/sock", "--config=/dev/null"];
        Self::start("containerd", &args, |directory| {
            try_run("ctr", &["-a", &format!("{}/sock", path(directory)), "version"]).is_ok()
        })
    }

    /// Starts docker's daemon with a storage driver; its data is in the directory `data`.
    pub(crate) fn docker(storage_driver: &str) -> Self {
        let storage_driver = format!("--storage-driver={storage_driver}");
        let args = [
            "--data-root={}/data",
            "--exec-root={}/exec",
            "--pidfile={}/pid",
            "--host=unix://{}/sock",
            &storage_driver,
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
        ];
        Self::start("dockerd", &args, |directory| {
            try_run("docker", &["-H", &format!("unix://{}/sock", path(directory)), "version"]).is_ok()
        })
    }

    /// Returns the path of the socket of containerd or docker.
    pub(crate) fn socket(&self) -> String {
        format!("{}/sock", path(self.directory.path()))
    }

    /// Starts `program` and waits until `ready` succeeds. `{}` in an argument is replaced by the daemon's directory.
    fn start(program: &str, args: &[&str], ready: impl Fn(&Path) -> bool) -> Self {
        let directory = tempfile::Builder::new().prefix("cd").tempdir().unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let args = args.iter().map(|arg| arg.replace("{}", path(directory.path())));
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs `{program}`: {error}"));
        let mut daemon = Self { child, directory };
        let deadline = Instant::now() + Duration::from_secs(90);
        while !ready(daemon.directory.path()) {
            let ended = daemon.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(daemon.directory.path().join("log")).unwrap();
                panic!("{program} did not start ({ended:?}): {log}");
            }
            thread::sleep(Duration::from_millis(100));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM first, so that the daemon can stop its own child processes.
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().ok();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
