//! The engines that unpack the cases.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crossdock_oci::{Digest, Layout, Reference, write_archive};

use crate::Outcome;
use crate::case::Case;
use crate::listing;
use crate::support::{Daemon, path, put_image, try_run};

/// An engine, with overlays: its default. There each layer is unpacked into a directory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
    Containerd,
    Docker,
    Podman,
}

impl Engine {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Containerd, "containerd"), (Self::Docker, "docker"), (Self::Podman, "podman")];

    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == name).unwrap_or_else(|| panic!("engine {name}")).0
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(engine, _)| *engine == self).unwrap().1
    }
}

/// The running engines, each with its own storage.
pub(crate) struct Engines {
    containerd: Daemon,
    docker: Daemon,
    work: tempfile::TempDir,
}

impl Engines {
    pub(crate) fn start() -> Self {
        let (containerd, docker) = (Daemon::containerd(), Daemon::docker("overlay2"));
        Self { containerd, docker, work: tempfile::tempdir().unwrap() }
    }

    /// Unpacks a case with every engine.
    pub(crate) fn unpack(&self, number: usize, case: &Case) -> Vec<(Engine, Outcome)> {
        let name = format!("registry.example/layers/case:{number}");
        let archive = self.archive(&name, case);
        let unpack = |engine: Engine| {
            let mount = self.work.path().join(engine.name());
            fs::create_dir_all(&mount).unwrap();
            let outcome = match engine {
                Engine::Containerd => self.containerd(&name, &archive, &mount),
                Engine::Docker => self.docker(case, &archive, &mount),
                Engine::Podman => self.podman(&archive),
            };
            (engine, outcome)
        };
        let outcomes = std::thread::scope(|scope| {
            let running = Engine::ALL.map(|(engine, _)| scope.spawn(move || unpack(engine)));
            running.map(|one| one.join().unwrap()).to_vec()
        });
        fs::remove_file(archive).unwrap();
        outcomes
    }

    fn archive(&self, name: &str, case: &Case) -> PathBuf {
        let directory = self.work.path().join("layout");
        fs::remove_dir_all(&directory).ok();
        let layout = Layout::create(&directory).unwrap();
        let manifest = put_image(&layout, case.layers.iter().map(|layer| (&layer.tar[..], &layer.blob[..])));
        let archive = self.work.path().join("case.tar");
        let name: Reference = name.parse().unwrap();
        let mut file = File::create(&archive).unwrap();
        write_archive(&layout, &manifest, &[name], &manifest, &mut file).unwrap();
        archive
    }

    fn containerd(&self, name: &str, archive: &Path, mount: &Path) -> Outcome {
        let socket = self.containerd.socket();
        let ctr = |args: &[&str]| try_run("ctr", &[&["-a", &socket], args].concat());
        ctr(&["images", "import", "--no-unpack", path(archive)])?;
        // Read-write, because containerd binds a single layer that is mounted read-only, with its whiteouts.
        ctr(&["images", "mount", "--rw", name, path(mount)])?;
        let listing = listing::of_directory(mount);
        ctr(&["images", "unmount", "--rm", path(mount)])?;
        listing
    }

    fn docker(&self, case: &Case, archive: &Path, mount: &Path) -> Outcome {
        let daemon = self.docker.directory.path();
        let host = format!("unix://{}", self.docker.socket());
        try_run("docker", &["-H", &host, "load", "--input", path(archive)])?;
        // docker keeps a layer under its chain ID (image-spec, config.md § Layer ChainID).
        let layers = case.layers.iter().map(|layer| Digest::of(&layer.tar));
        let chain = layers.reduce(|chain, layer| Digest::of(format!("{chain} {layer}").as_bytes())).unwrap();
        let (known, overlays) =
            (daemon.join("data/image/overlay2/layerdb/sha256"), daemon.join("data/overlay2"));
        let id = fs::read_to_string(known.join(chain.hex()).join("cache-id")).unwrap();
        let layer = overlays.join(id);
        let lower = fs::read_to_string(layer.join("lower")).unwrap_or_default();
        let lower: String =
            lower.split_terminator(':').map(|name| format!(":{}", path(&overlays.join(name)))).collect();
        // docker mounts the image's layers below one of the container.
        let container = self.work.path().join("container");
        fs::create_dir_all(&container).unwrap();
        let options = format!("lowerdir={}:{}{lower}", path(&container), path(&layer.join("diff")));
        try_run("mount", &["-t", "overlay", "overlay", "-o", &options, path(mount)])?;
        let listing = listing::of_directory(mount);
        try_run("umount", &[path(mount)])?;
        listing
    }

    fn podman(&self, archive: &Path) -> Outcome {
        let storage = self.work.path().join("podman");
        let podman = |args: &[&str]| {
            let storage =
                ["--root", path(&storage), "--runroot", path(&storage), "--storage-driver", "overlay"];
            try_run("podman", &[&storage[..], args].concat())
        };
        let image = podman(&["pull", "--quiet", &format!("oci-archive:{}", path(archive))])?;
        let mounted = podman(&["image", "mount", image.trim()])?;
        let listing = listing::of_directory(Path::new(mounted.trim()));
        // podman's root has the mode 0555 whatever the layers say; the other engines' has 0755.
        let listing = listing.map(|text| text.replacen("d 0555 0:0 /\n", "d 0755 0:0 /\n", 1));
        podman(&["image", "unmount", image.trim()])?;
        listing
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        // podman mounts the directory of its overlays on itself.
        try_run("umount", &[path(&self.work.path().join("podman/overlay"))]).ok();
    }
}
