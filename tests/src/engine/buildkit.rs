use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Base, Docker, Engine, LIMIT};
use crate::fixture::write;
use crate::outcome::{Running, run};
use crate::registry::Distribution;
use crate::sandbox::Sandbox;
use crate::tools::{need, need_go};

/// The last versions that `go install` accepts: newer ones have `replace` directives in their go.mod.
const BUILDKIT: (&str, &str) = ("github.com/moby/buildkit/cmd/buildkitd", "v0.18.2");
const BUILDCTL: (&str, &str) = ("github.com/moby/buildkit/cmd/buildctl", BUILDKIT.1);
const BUILDX: (&str, &str) = ("github.com/docker/buildx/cmd/buildx", "v0.19.3");

/// A `buildkitd` on the host's network that runs build steps with runc.
#[derive(Debug)]
pub struct BuildKit {
    _daemon: Running,
    dir: TempDir,
}

impl BuildKit {
    /// Starts it and waits for its socket.
    pub fn start() -> Self {
        Self::with_configuration("")
    }

    /// Starts one that uses `registry` as the mirror of Docker Hub.
    pub fn start_behind(registry: &Distribution) -> Self {
        let host = registry.host();
        Self::with_configuration(&format!(
            "[registry.\"docker.io\"]\n  mirrors = [\"{host}\"]\n\n[registry.\"{host}\"]\n  http = true\n"
        ))
    }

    fn with_configuration(configuration: &str) -> Self {
        need("runc");
        // A socket's path is limited to 108 bytes (unix(7)), so the directory is outside of the sandbox.
        let dir = TempDir::with_prefix("buildkitd-").expect("a temporary directory can be created");
        write(dir.path().join("buildkitd.toml"), configuration);
        let mut command = Command::new(need_go(BUILDKIT.0, BUILDKIT.1));
        command.arg("--config").arg(dir.path().join("buildkitd.toml"));
        command.arg("--root").arg(dir.path().join("root"));
        command.arg("--addr").arg(format!("unix://{}", dir.path().join("sock").display()));
        command.args(["--oci-worker=true", "--containerd-worker=false", "--oci-worker-net=host"]);
        let mut daemon = Running::start(&mut command);
        let start = Instant::now();
        while !dir.path().join("sock").exists() {
            assert!(
                daemon.is_running() && start.elapsed() < Duration::from_secs(60),
                "buildkitd does not start (it needs root): {}",
                daemon.stderr()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Self { _daemon: daemon, dir }
    }

    /// Returns the address for clients.
    pub fn address(&self) -> String {
        format!("unix://{}", self.dir.path().join("sock").display())
    }

    /// Returns the directory of its images, layers and build results.
    pub fn storage(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// Returns whether it holds anything that was built or imported.
    pub fn has_built(&self) -> bool {
        let blobs = self.dir.path().join("root/runc-overlayfs/content/blobs/sha256");
        std::fs::read_dir(blobs).is_ok_and(|mut blobs| blobs.next().is_some())
    }
}

/// Installs the plugin buildx for the sandbox's docker and returns its path.
pub fn install_buildx(sandbox: &mut Sandbox) -> PathBuf {
    let plugin = sandbox.work().join("docker/cli-plugins/docker-buildx");
    std::fs::create_dir_all(plugin.parent().expect("a file has a parent directory"))
        .expect("a directory can be created");
    std::fs::copy(need_go(BUILDX.0, BUILDX.1), &plugin).expect("a file can be copied");
    sandbox.set("DOCKER_CONFIG", sandbox.work().join("docker"));
    plugin
}

/// Creates a builder of the given nodes, each with an address and the platforms that it builds.
pub fn builder(sandbox: &Sandbox, buildx: &Path, name: &str, nodes: &[(&BuildKit, &str)]) {
    for (place, (node, platforms)) in nodes.iter().enumerate() {
        let mut command = sandbox.command(buildx, &sandbox.work());
        command.args(["create", "--name", name, "--driver", "remote", "--platform", platforms]);
        if place > 0 {
            command.arg("--append");
        }
        run(command.arg(node.address()), Duration::from_secs(60)).success();
    }
}

/// Creates a builder whose `buildkitd` runs in a container of a docker on the host's network, as most buildx builders do.
/// Its image, which buildx would pull, is loaded first: it holds the programs that this machine built and installed.
pub fn builder_in_a_container(sandbox: &Sandbox, docker: &Docker, buildx: &Path, name: &str) {
    let work = sandbox.work();
    let (buildkitd, buildctl) = (need_go(BUILDKIT.0, BUILDKIT.1), need_go(BUILDCTL.0, BUILDCTL.1));
    let base = Base::new(work.join("buildkit-root")).with_program(&buildkitd).with_program(&buildctl);
    let base = base.with_program(&need("runc")).with_program(&need("mount")).with_entrypoint("buildkitd");
    let (layout, archive) = (base.layout(&work.join("buildkit")), work.join("buildkit.tar"));
    let image = "localhost/buildkit:test";
    let mut skopeo = Command::new(need("skopeo"));
    skopeo.args(["copy", "--quiet", "--insecure-policy"]).arg(format!("oci:{}", layout.display()));
    run(skopeo.arg(format!("docker-archive:{}:{image}", archive.display())), LIMIT).success();
    docker.run(&["load", "--quiet", "--input", &archive.to_string_lossy()]).success();
    let mut create = sandbox.command(buildx, &work);
    create.args(["create", "--name", name, "--driver", "docker-container", "--bootstrap"]);
    create.args(["--driver-opt", &format!("image={image}"), "--driver-opt", "network=host"]);
    run(&mut create, LIMIT).success();
}
