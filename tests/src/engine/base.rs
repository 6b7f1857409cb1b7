//! Base images that replace those of a registry, which the project's machines cannot pull. They are made of this machine's
//! own shell, tools and compilers.
//!
//! They hold no distribution, see [`Debian`](super::Debian) for that. `apt-get` in them is a script that does nothing,
//! because the packages that the rendered files install (`ca-certificates`) are included; so is `rustup`, because the
//! standard libraries are included.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::write;
use crate::layout::sha256;
use crate::outcome::run;
use crate::tools::need;

const LIMIT: Duration = Duration::from_secs(300);

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns this machine's architecture as an image configuration names it.
pub(super) const MACHINE: &str = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };

/// The tools that the scripts of rendered files call.
const TOOLS: [&str; 12] =
    ["sh", "mkdir", "cp", "find", "touch", "install", "rm", "cat", "ls", "env", "chmod", "mv"];

/// A directory that becomes the root of an image for this machine's platform.
#[derive(Debug)]
pub struct Base {
    root: PathBuf,
    path: String,
    entrypoint: Option<String>,
}

impl Base {
    /// Uses an existing root; `path` lists the directories that come first in its PATH.
    pub(super) fn on(root: PathBuf, first: Option<&str>) -> Self {
        let path = first.map_or_else(|| PATH.to_owned(), |first| format!("{first}:{PATH}"));
        Self { root, path, entrypoint: None }
    }

    /// Returns the root's directory.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Creates a root with only a text file, for any machine: the target onto which a build copies its results.
    pub fn bare(root: PathBuf, text: &str) -> Self {
        write(root.join("etc/stand-in"), text);
        Self { root, path: PATH.to_owned(), entrypoint: None }
    }

    /// Creates a root with a shell, the tools of rendered scripts, CA certificates, and an `apt-get` that does nothing.
    pub fn new(root: PathBuf) -> Self {
        let base = Self { root, path: PATH.to_owned(), entrypoint: None };
        for directory in
            ["bin", "usr/bin", "usr/local/bin", "tmp", "root", "etc/ssl/certs", "src", "var/cache"]
        {
            std::fs::create_dir_all(base.root.join(directory)).expect("a directory can be created");
        }
        let tools: Vec<PathBuf> = TOOLS.iter().map(|tool| need(tool)).collect();
        for tool in &tools {
            let name = tool.file_name().expect("a tool has a name");
            base.copy(tool, &Path::new("/bin").join(name));
        }
        base.copy_libraries(&tools);
        base.copy(
            Path::new("/etc/ssl/certs/ca-certificates.crt"),
            Path::new("/etc/ssl/certs/ca-certificates.crt"),
        );
        base.script("/usr/bin/apt-get", "exit 0");
        base
    }

    /// Adds this machine's Go toolchain where `golang` has it.
    #[must_use]
    pub fn with_go(mut self) -> Self {
        let root = run(Command::new(need("go")).args(["env", "GOROOT"]), LIMIT).success().stdout;
        let from = Path::new(root.trim());
        for part in ["bin", "src", "pkg", "VERSION", "go.env"] {
            self.copy_tree(&from.join(part), Path::new("/usr/local/go"));
        }
        self.path = format!("/usr/local/go/bin:{}", self.path);
        self
    }

    /// Adds this machine's Rust toolchain where `rust` has it, and the standard libraries of static programs.
    #[must_use]
    pub fn with_rust(self) -> Self {
        let targets = ["x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];
        // Only build scripts and procedural macros need it; the projects of these tests have none.
        self.with_script("/usr/bin/cc", "echo 'the stand-in has no C compiler' >&2; exit 1")
            .with_rust_for(&targets)
    }

    /// Adds this machine's Rust toolchain where `rust` has it, and a `rustup` that does nothing: the standard libraries are
    /// included.
    #[must_use]
    pub fn with_rust_for(mut self, targets: &[&str]) -> Self {
        let sysroot = run(Command::new(need("rustc")).args(["--print", "sysroot"]), LIMIT).success().stdout;
        let from = Path::new(sysroot.trim());
        let to = Path::new("/usr/local/rust");
        for tool in ["bin/rustc", "bin/cargo"] {
            self.copy(&from.join(tool), &to.join(tool));
        }
        let libraries = std::fs::read_dir(from.join("lib")).expect("a toolchain has libraries");
        let libraries = libraries.map(|entry| entry.expect("a directory can be listed").path());
        let libraries: Vec<PathBuf> = libraries.filter(|path| path.is_file()).collect();
        for library in &libraries {
            self.copy(library, &to.join("lib").join(library.file_name().expect("a file has a name")));
        }
        for target in targets {
            self.copy_tree(&from.join("lib/rustlib").join(target), &to.join("lib/rustlib"));
        }
        self.copy_libraries(&[from.join("bin/rustc"), from.join("bin/cargo")]);
        self.copy_libraries(&libraries);
        self.script("/usr/bin/rustup", "exit 0");
        self.path = format!("/usr/local/rust/bin:{}", self.path);
        self
    }

    /// Adds a shell script as a program.
    #[must_use]
    pub fn with_script(self, path: &str, script: &str) -> Self {
        self.script(path, script);
        self
    }

    /// Adds a program of this machine with the libraries that it needs.
    #[must_use]
    pub fn with_program(self, program: &Path) -> Self {
        let name = program.file_name().expect("a program has a name");
        self.copy(program, &Path::new("/usr/bin").join(name));
        self.copy_libraries(&[program.to_owned()]);
        self
    }

    /// Sets the entry point.
    #[must_use]
    pub fn with_entrypoint(mut self, program: &str) -> Self {
        self.entrypoint = Some(program.to_owned());
        self
    }

    /// Adds a file of this machine.
    #[must_use]
    pub fn with_file(self, from: &Path, to: &str) -> Self {
        self.copy(from, Path::new(to));
        self
    }

    /// Writes the image as a layout into a directory that must not exist.
    pub fn layout(&self, to: &Path) -> PathBuf {
        Self::layout_of(&[(MACHINE, self)], to)
    }

    /// Writes one image for several architectures as a layout into a directory that must not exist.
    pub fn layout_of(images: &[(&str, &Self)], to: &Path) -> PathBuf {
        let image = |(architecture, base): &(&str, &Self)| {
            let (manifest, size) = base.image(architecture, to);
            json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifest, "size": size,
                "platform": { "os": "linux", "architecture": architecture },
            })
        };
        let images: Vec<Value> = images.iter().map(image).collect();
        let index = json!({ "schemaVersion": 2, "manifests": images });
        // Tools that copy a multi-platform image copy what the only index lists.
        let named = match images.as_slice() {
            [_] => index,
            _ => {
                let (digest, size) = put(to, &index);
                let media_type = "application/vnd.oci.image.index.v1+json";
                json!({ "schemaVersion": 2, "manifests": [{ "mediaType": media_type, "digest": digest, "size": size }] })
            }
        };
        write(to.join("index.json"), named.to_string());
        write(to.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
        to.to_owned()
    }

    /// Writes one layer, its configuration and their manifest; returns the manifest's digest and size.
    fn image(&self, architecture: &str, to: &Path) -> (String, usize) {
        let (layer, size) = self.layer(to);
        let entrypoint: Vec<&str> = self.entrypoint.iter().map(String::as_str).collect();
        // buildah counts the layers of a base by its history.
        let (config, config_size) = put(
            to,
            &json!({
                "architecture": architecture, "os": "linux",
                "config": { "Env": [format!("PATH={}", self.path)], "Entrypoint": entrypoint },
                "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "crossdock's tests" }],
                "rootfs": { "type": "layers", "diff_ids": [layer] },
            }),
        );
        let config_type = "application/vnd.oci.image.config.v1+json";
        put(
            to,
            &json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": { "mediaType": config_type, "digest": config, "size": config_size },
                "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": size }],
            }),
        )
    }

    fn layer(&self, to: &Path) -> (String, u64) {
        std::fs::create_dir_all(blobs(to)).expect("a directory can be created");
        let tar = to.join("layer.tar");
        let mut command = Command::new(need("tar"));
        command.args(["--create", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"]);
        command.arg("--file").arg(&tar).arg("--directory").arg(&self.root).arg(".");
        run(&mut command, LIMIT).success();
        let digest = digest_of(&tar);
        let size = std::fs::metadata(&tar).expect("the layer is there").len();
        std::fs::rename(&tar, blobs(to).join(&digest[7..])).expect("a file can be moved");
        (digest, size)
    }

    fn script(&self, path: &str, script: &str) {
        let path = self.place(Path::new(path));
        write(&path, format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))
            .expect("a file can be made executable");
    }

    /// Copies a file with its mode; a link is replaced by its target.
    fn copy(&self, from: &Path, to: &Path) {
        let to = self.place(to);
        std::fs::create_dir_all(to.parent().expect("a file has a parent directory"))
            .expect("a directory can be created");
        std::fs::copy(from, &to)
            .unwrap_or_else(|error| panic!("{} to {}: {error}", from.display(), to.display()));
    }

    fn copy_tree(&self, from: &Path, into: &Path) {
        let into = self.place(into);
        std::fs::create_dir_all(&into).expect("a directory can be created");
        run(Command::new(need("cp")).args(["--archive", "--dereference"]).arg(from).arg(into), LIMIT)
            .success();
    }

    /// Copies the libraries and loaders that `ldd` finds, under their own paths. Existing files stay.
    fn copy_libraries(&self, programs: &[PathBuf]) {
        let mut found = BTreeSet::new();
        for program in programs {
            // `ldd` fails for a static program, which needs no libraries.
            let output = run(Command::new(need("ldd")).arg(program), LIMIT).stdout;
            let words = output.split_whitespace().filter(|word| word.starts_with('/'));
            found.extend(
                words.map(|word| PathBuf::from(word.trim_end_matches(':'))).filter(|path| path.is_file()),
            );
        }
        let wanted = |library: &&PathBuf| !programs.contains(library) && !self.place(library).exists();
        for library in found.iter().filter(wanted) {
            self.copy(library, library);
        }
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

fn blobs(layout: &Path) -> PathBuf {
    layout.join("blobs/sha256")
}

/// Writes a blob; returns its digest and size.
fn put(layout: &Path, value: &Value) -> (String, usize) {
    let bytes = value.to_string();
    let digest = sha256(bytes.as_bytes());
    write(blobs(layout).join(&digest[7..]), &bytes);
    (digest, bytes.len())
}

/// Returns the digest of a file that is too large for memory.
fn digest_of(file: &Path) -> String {
    let output = run(Command::new(need("sha256sum")).arg(file), LIMIT).success().stdout;
    format!("sha256:{}", output.split_whitespace().next().expect("sha256sum names a digest"))
}
