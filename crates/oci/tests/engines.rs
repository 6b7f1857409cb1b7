//! Every engine loads the images that crossdock writes. Each test starts its own daemon in its own directory and stops
//! only that.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use crossdock_oci::{ImageSource, KeptContent, RootLimits};
use support::{Daemon, Sample, json, path, run};

#[test]
fn skopeo_reads_the_layout_and_copies_every_form() {
    let sample = Sample::new();
    let layout = format!("oci:{}:1.0", path(sample.layout.path()));
    let index = json(&run("skopeo", &["inspect", "--raw", &layout]));
    assert_eq!(index["manifests"][1]["platform"]["architecture"], "arm64");
    let config = json(&run("skopeo", &["inspect", "--override-arch", "amd64", "--config", &layout]));
    assert_eq!(config["config"]["Entrypoint"][0], "/app/program");
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
    for form in ["oci-archive", "docker-archive"] {
        let from = format!("{form}:{}", path(&sample.archive));
        let target = sample.directory.path().join(form);
        let to = format!("dir:{}", path(&target));
        run("skopeo", &["--insecure-policy", "--override-arch", "amd64", "copy", &from, &to]);
        assert!(target.join(sample.assembled.manifests[0].config.digest.hex()).exists(), "{form}");
    }
    let all = sample.directory.path().join("all");
    let to = format!("oci:{}:1.0", path(&all));
    run("skopeo", &["--insecure-policy", "copy", "--all", &layout, &to]);
    let copied = ImageSource::open(all, sample.directory.path()).unwrap();
    assert_eq!(
        copied.images()[0].descriptor.digest,
        sample.assembled.index.digest,
        "the digest survives a copy"
    );
}

#[test]
fn gunzip_and_tar_accept_a_layer() {
    let sample = Sample::new();
    let source = ImageSource::open(sample.layout.path(), sample.directory.path()).unwrap();
    let layers = &source.images()[0].platforms[0].manifest.value.layers;
    for layer in layers {
        let blob = sample.layout.blobs().path(&layer.digest);
        let named = sample.directory.path().join("layer.tar.gz");
        std::fs::copy(&blob, &named).unwrap();
        run("gunzip", &["-t", path(&named)]);
        let listing = run("tar", &["--numeric-owner", "--full-time", "-tvzf", path(&named)]);
        assert!(listing.lines().all(|line| line.contains("2023-11-14 22:13:20")), "{listing}");
    }
    let listing =
        run("tar", &["--numeric-owner", "-tvzf", path(&sample.directory.path().join("layer.tar.gz"))]);
    assert!(listing.contains("-rwxr-xr-x 0/0"), "{listing}");
    assert!(listing.contains("program -> app/program"), "{listing}");
}

#[test]
fn podman_loads_the_archive() {
    let sample = Sample::new();
    let storage = tempfile::tempdir().unwrap();
    let podman = |args: &[&str]| run("podman", &[&storage_args(storage.path())[..], args].concat());
    podman(&["load", "--input", path(&sample.archive)]);
    let image = json(&podman(&["image", "inspect", &sample.name.to_string()]));
    assert_eq!(format!("sha256:{}", image[0]["Id"].as_str().unwrap()), sample.config_id());
    assert_eq!(image[0]["User"], "65532:65532");
    let saved = sample.directory.path().join("saved.tar");
    for format in ["docker-archive", "oci-archive"] {
        std::fs::remove_file(&saved).ok();
        podman(&["save", "--format", format, "--output", path(&saved), &sample.name.to_string()]);
        assert_program(&saved);
    }
}

fn storage_args(directory: &std::path::Path) -> [&str; 6] {
    ["--root", path(directory), "--storage-driver", "vfs", "--runroot", path(directory)]
}

/// Asserts that an archive written by an engine has the sample's files.
fn assert_program(archive: &std::path::Path) {
    let directory = archive.parent().unwrap();
    let source = ImageSource::open(archive, directory).unwrap();
    let platform = &source.images()[0].platforms[0];
    assert_eq!(platform.platform().to_string(), "linux/amd64");
    let root = source.root(platform, RootLimits::default(), KeptContent::Programs, directory).unwrap();
    let program = root.read("/program", 1 << 30).unwrap();
    assert!(program.starts_with(b"amd64 "));
    assert_eq!(root.lookup("/app/program").unwrap().mode, 0o755);
    assert_eq!(root.lookup("/tmp").unwrap().mode, 0o1777);
}

#[test]
fn docker_loads_the_archive() {
    let sample = Sample::new();
    let daemon = Daemon::docker("vfs");
    let host = format!("unix://{}", daemon.socket());
    let docker = |args: &[&str]| run("docker", &[&["-H", &host], args].concat());
    docker(&["load", "--input", path(&sample.archive)]);
    let image = json(&docker(&["image", "inspect", &sample.name.to_string()]));
    assert_eq!(image[0]["Architecture"], "amd64");
    assert_eq!(image[0]["Config"]["Entrypoint"][0], "/app/program");
    let saved = sample.directory.path().join("saved.tar");
    docker(&["save", "--output", path(&saved), &sample.name.to_string()]);
    assert_program(&saved);
}

#[test]
fn containerd_imports_all_platforms() {
    let sample = Sample::new();
    let daemon = Daemon::containerd();
    let socket = daemon.socket();
    let ctr = |args: &[&str]| run("ctr", &[&["-a", &socket], args].concat());
    ctr(&["images", "import", "--all-platforms", "--no-unpack", path(&sample.archive)]);
    let list = ctr(&["images", "list"]);
    assert!(list.contains(&sample.name.to_string()), "{list}");
    assert!(list.contains(&sample.assembled.index.digest.to_string()), "{list}");
    assert!(list.contains("linux/amd64,linux/arm64"), "{list}");
}
