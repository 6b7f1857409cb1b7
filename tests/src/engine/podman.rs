use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{Engine, LIMIT};
use crate::fixture::write;
use crate::outcome::run;
use crate::registry::Distribution;
use crate::sandbox::Sandbox;
use crate::tools::need;

/// A podman with its own storage. It needs no daemon: the storage is the whole engine.
#[derive(Debug)]
pub struct Podman {
    dir: TempDir,
}

impl Podman {
    /// Creates an empty storage whose layers are whole copies, which works on every filesystem.
    pub fn start() -> Self {
        Self::with_storage("vfs")
    }

    /// Creates an empty storage of overlays, for builds: whole copies of large images would fill the disk.
    pub fn start_on_overlays() -> Self {
        Self::with_storage("overlay")
    }

    fn with_storage(driver: &str) -> Self {
        let podman =
            Self { dir: TempDir::with_prefix("podman-").expect("a temporary directory can be created") };
        let root = podman.dir.path().display().to_string();
        write(
            podman.storage_conf(),
            format!(
                "[storage]\ndriver = \"{driver}\"\ngraphroot = \"{root}/root\"\nrunroot = \"{root}/run\"\n"
            ),
        );
        write(
            podman.containers_conf(),
            format!(
                "[containers]\nlog_driver = \"k8s-file\"\npids_limit = 0\n\
                 default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n\n\
                 [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\ntmp_dir = \"{root}/tmp\"\n"
            ),
        );
        run(podman.command().arg("info"), std::time::Duration::from_secs(60)).success();
        podman
    }

    /// Uses `registry` as the mirror of Docker Hub.
    #[must_use]
    pub fn behind(self, registry: &Distribution) -> Self {
        let host = registry.host();
        write(
            self.registries_conf(),
            format!(
                "[[registry]]\nprefix = \"docker.io\"\nlocation = \"{host}\"\ninsecure = true\n\n\
                 [[registry]]\nlocation = \"{host}\"\ninsecure = true\n"
            ),
        );
        self
    }

    /// Makes the sandbox build with it. Steps run in a chroot: crun refuses the cgroups of the machines that run these
    /// tests.
    pub fn set_up(&self, sandbox: &mut Sandbox) {
        for (name, value) in self.environment() {
            sandbox.set(name, value);
        }
        sandbox.set("BUILDAH_ISOLATION", "chroot");
        if self.registries_conf().exists() {
            sandbox.set("CONTAINERS_REGISTRIES_CONF", self.registries_conf());
        }
    }

    /// Returns the directory of its images, layers and build results.
    pub fn storage(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// Returns the variables that make any podman use this storage.
    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("CONTAINERS_STORAGE_CONF", self.storage_conf()), ("CONTAINERS_CONF", self.containers_conf())]
    }

    fn registries_conf(&self) -> PathBuf {
        self.dir.path().join("registries.conf")
    }

    fn storage_conf(&self) -> PathBuf {
        self.dir.path().join("storage.conf")
    }

    fn containers_conf(&self) -> PathBuf {
        self.dir.path().join("containers.conf")
    }
}

impl Engine for Podman {
    fn command(&self) -> Command {
        let mut command = Command::new(need("podman"));
        command.envs(self.environment());
        command
    }
}

impl Drop for Podman {
    /// Unmounts the directory of overlays, which podman mounts on itself; otherwise it could not be removed.
    fn drop(&mut self) {
        // It is not mounted if nothing was stored.
        let _outcome = run(Command::new(need("umount")).arg(self.storage().join("overlay")), LIMIT);
    }
}
