//! Push, pull and promote on a registry of this machine, next to crane and skopeo, and through a proxy that answers each
//! request after 50 ms and counts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Setting;
use super::contender::Contender;
use super::row::{Goal, Row};
use super::server::{Server, go_program};
use crate::shell::{Failure, Tool, say};

const CRANE: &str = "github.com/google/go-containerregistry/cmd/crane@v0.22.1";

/// The memory that a push and a pull may take: 64 MiB, in MB.
const MEMORY: f64 = 67.108_864;

/// The clients that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Crossdock,
    Crane,
    Skopeo,
}

/// The measurements of each client, one for each round.
#[derive(Debug, Default)]
struct Measured {
    crossdock: Vec<f64>,
    crane: Vec<f64>,
    skopeo: Vec<f64>,
}

/// The programs, the images, and the registry of the rows that need no empty one.
struct Place<'a> {
    setting: &'a Setting,
    crane: PathBuf,
    directory: PathBuf,
    registry: Server,
}

/// An image in two layouts: one that names its index, and one whose `index.json` it is, as crane wants it.
struct Image {
    layout: PathBuf,
    flat: PathBuf,
}

/// Measures all rows.
pub(super) fn rows(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let directory = setting.directory.join("registry-rows");
    remove(&directory)?;
    std::fs::create_dir_all(&directory).map_err(Failure::file(&directory))?;
    let crane = go_program(&setting.directory, CRANE)?;
    let registry = Server::registry(&directory)?;
    let place = Place { setting, crane, directory, registry };
    // 200 MB: two platforms, each with a large layer, a middle one and a small one.
    let image = place.image("two", 2, &[60_000_000, 30_000_000, 10_000_000])?;
    let mut rows = Shown::default();
    place.counts(&image, &mut rows)?;
    place.promotions(&mut rows)?;
    place.memory(&image, &mut rows)?;
    place.pushes(&image, &mut rows)?;
    place.slow_pushes(&image, &mut rows)?;
    place.pulls(&image, &mut rows)?;
    let ten = place.image("ten", 10, &[8_000_000, 2_000_000])?;
    let ten = place.rounds("ten", |client, name| {
        place.in_new_registry(name, |registry| place.push(client, registry, &ten, "image").run())
    })?;
    rows.add(ten.against_crane("push, ten platforms of 10 MB, empty / crane", 1.05));
    remove(&place.directory)?;
    Ok(rows.0)
}

/// The rows, each shown as soon as it is measured: the group takes long, and may be ended early.
#[derive(Default)]
struct Shown(Vec<Row>);

impl Shown {
    fn add(&mut self, row: Row) {
        say(&row.to_string());
        self.0.push(row);
    }
}

impl Place<'_> {
    /// Lets the clients take turns; each round of each has a name of its own.
    fn rounds(
        &self,
        name: &str,
        mut run: impl FnMut(Client, &str) -> Result<f64, Failure>,
    ) -> Result<Measured, Failure> {
        let mut measured = Measured::default();
        for round in 0..self.setting.rounds {
            let mut clients = [Client::Crossdock, Client::Crane, Client::Skopeo];
            // The first one runs on a colder machine.
            clients.rotate_left(round % 3);
            for client in clients {
                let seconds = run(client, &format!("{name}-{round}-{client:?}").to_lowercase())?;
                measured.of(client).push(seconds);
            }
            let last = |of: &[f64]| of.last().copied().unwrap_or_default();
            let Measured { crossdock, crane, skopeo } = &measured;
            say(&format!(
                "{name} {}: crossdock {:.3} s, crane {:.3} s, skopeo {:.3} s",
                round + 1,
                last(crossdock),
                last(crane),
                last(skopeo)
            ));
        }
        Ok(measured)
    }

    /// Runs something with a registry of its own, which is empty: neither the registry nor a client knows a blob already.
    fn in_new_registry<T>(
        &self,
        name: &str,
        run: impl FnOnce(&Server) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let directory = self.directory.join(name);
        std::fs::create_dir_all(&directory).map_err(Failure::file(&directory))?;
        let registry = Server::registry(&directory)?;
        let result = run(&registry)?;
        drop(registry);
        remove(&directory)?;
        // The last client's files are not written while the next one is measured.
        Tool::new(["sync"]).quietly()?;
        Ok(result)
    }

    fn pushes(&self, image: &Image, rows: &mut Shown) -> Result<(), Failure> {
        let mut again = Measured::default();
        let empty = self.rounds("empty", |client, name| {
            self.in_new_registry(name, |registry| {
                let push = self.push(client, registry, image, "image");
                let seconds = push.run()?;
                again.of(client).push(push.run()?);
                Ok(seconds)
            })
        })?;
        rows.add(empty.against_crane("push 200 MB, empty / crane", 1.05));
        rows.add(empty.against_skopeo("push 200 MB, empty / skopeo", 0.7));
        rows.add(again.against_crane("push 200 MB, unchanged / crane", 0.5));
        rows.add(again.against_skopeo("push 200 MB, unchanged / skopeo", 0.5));
        Ok(())
    }

    fn slow_pushes(&self, image: &Image, rows: &mut Shown) -> Result<(), Failure> {
        let slow = self.rounds("slow", |client, name| {
            self.in_new_registry(name, |registry| {
                let slow = Server::proxy(&self.directory, registry, Duration::from_millis(50))?;
                self.push(client, &slow, image, "image").run()
            })
        })?;
        rows.add(slow.against_crane("push 200 MB, empty, + 50 ms / crane", 0.8));
        rows.add(slow.against_skopeo("push 200 MB, empty, + 50 ms / skopeo", 0.8));
        Ok(())
    }

    fn pulls(&self, image: &Image, rows: &mut Shown) -> Result<(), Failure> {
        self.push(Client::Crossdock, &self.registry, image, "pulled").run()?;
        let pulled = self.rounds("pull", |client, name| {
            let seconds = self.pull(client, "pulled", name).run()?;
            remove(&self.directory.join(name))?;
            Tool::new(["sync"]).quietly()?;
            Ok(seconds)
        })?;
        rows.add(pulled.against_crane("pull 200 MB / crane", 1.05));
        rows.add(pulled.against_skopeo("pull 200 MB / skopeo", 1.05));
        Ok(())
    }

    fn memory(&self, image: &Image, rows: &mut Shown) -> Result<(), Failure> {
        let push = self.push(Client::Crossdock, &self.registry, image, "memory");
        rows.add(at_most("push 200 MB, peak memory", peak(&push)?, "MB", MEMORY));
        let pull = self.pull(Client::Crossdock, "memory", "memory");
        rows.add(at_most("pull 200 MB, peak memory", peak(&pull)?, "MB", MEMORY));
        Ok(())
    }

    /// Counts the requests and bytes of a push that changes nothing.
    fn counts(&self, image: &Image, rows: &mut Shown) -> Result<(), Failure> {
        let proxy = Server::proxy(&self.directory, &self.registry, Duration::ZERO)?;
        let count = |client| {
            let push = self.push(client, &proxy, image, &format!("counted-{client:?}").to_lowercase());
            push.run()?;
            proxy.counts()?;
            push.run()?;
            proxy.counts()
        };
        let ours = count(Client::Crossdock)?;
        let theirs = [count(Client::Crane)?, count(Client::Skopeo)?];
        // crane looks up only the tag. The tag, the index and each manifest are to be there, and no blob is sent.
        let documents = 4.0;
        let row = |name, unit, ours, theirs, limit| Row {
            name,
            ours: vec![ours],
            theirs: vec![theirs],
            unit,
            goal: Goal::AtMost(limit),
        };
        let [crane, skopeo] = theirs;
        rows.add(row("push unchanged, next to crane", "requests", ours.0, crane.0, documents));
        rows.add(row("push unchanged, next to skopeo", "requests", ours.0, skopeo.0, documents));
        rows.add(row("push unchanged, next to crane", "bytes", ours.1, crane.1, 4096.0));
        rows.add(row("push unchanged, next to skopeo", "bytes", ours.1, skopeo.1, 4096.0));
        Ok(())
    }

    /// Counts the requests of promotions. The image has to start, so it is one that crossdock builds.
    fn promotions(&self, rows: &mut Shown) -> Result<(), Failure> {
        let proxy = Server::proxy(&self.directory, &self.registry, Duration::ZERO)?;
        let project = self.directory.join("hello");
        write(&project.join("go.mod"), b"module example.com/hello\n\ngo 1.24\n")?;
        write(&project.join("main.go"), b"package main\n\nfunc main() { println(\"hello\") }\n")?;
        // Not the configuration of this repository, which the directory is in.
        write(&project.join("crossdock.toml"), b"[image.hello]\n")?;
        let from = format!("{}/promoted/hello", proxy.host());
        let crossdock = |words: &[&str]| {
            let program = self.setting.crossdock.display().to_string();
            words.iter().fold(Tool::new([program]), |tool, word| tool.arg(*word)).dir(&project)
        };
        let platforms = ["linux/amd64", "linux/arm64"];
        let joined = platforms.join(",");
        let dist = ["dist", "--push", "--by-digest", "--quiet", "--platform", &joined, "--repository", &from];
        let pushed = crossdock(&dist).stdout()?;
        let source = pushed.trim();
        let count = |to: &str| {
            proxy.counts()?;
            crossdock(&["promote", "--quiet", "--for", &joined, source, &format!("{}/{to}", proxy.host())])
                .quietly()?;
            proxy.counts().map(|(requests, _)| requests)
        };
        // The base's layer is that of both platforms: a program and a configuration for each, and the base.
        let (manifests, blobs) = (3.0, 5.0);
        // The verification reads everything once, as the tests of promote say, and the goals are for the rest. That of another
        // repository counts the reading of manifests.
        let within = count("promoted/hello:1.0")? - manifests - blobs;
        rows.add(at_most("promote in one repository", within, "requests", 6.0));
        let (across, limit) = (count("production/hello:1.0")? - blobs, 5.0 + 2.0 * manifests + blobs);
        rows.add(at_most("promote to another repository", across, "requests", limit));
        Ok(())
    }

    /// Returns the push of an image to a repository of this name.
    fn push(&self, client: Client, server: &Server, image: &Image, name: &str) -> Contender {
        let to = format!("{}/{name}:v1", server.host());
        let (layout, flat) = (image.layout.display().to_string(), image.flat.display().to_string());
        Contender::command(match client {
            Client::Crossdock => self.program(client).arg("push").arg("--quiet").arg(to).arg(layout),
            Client::Crane => self.program(client).arg("push").arg("--index").arg(flat).arg(to),
            Client::Skopeo => self
                .copy()
                .arg("--dest-tls-verify=false")
                .arg(format!("oci:{layout}:v1"))
                .arg(format!("docker://{to}")),
        })
    }

    /// Returns the pull of an image into a new layout.
    fn pull(&self, client: Client, name: &str, to: &str) -> Contender {
        let from = format!("{}/{name}:v1", self.registry.host());
        let to = self.directory.join(to).display().to_string();
        Contender::command(match client {
            Client::Crossdock => {
                self.program(client).arg("pull").arg("--quiet").arg(from).arg("--output").arg(to)
            }
            Client::Crane => self.program(client).arg("pull").arg("--format").arg("oci").arg(from).arg(to),
            Client::Skopeo => self
                .copy()
                .arg("--src-tls-verify=false")
                .arg(format!("docker://{from}"))
                .arg(format!("oci:{to}:v1")),
        })
    }

    fn copy(&self) -> Tool {
        ["copy", "--quiet", "--all", "--preserve-digests", "--insecure-policy"]
            .into_iter()
            .fold(self.program(Client::Skopeo), Tool::arg)
    }

    fn program(&self, client: Client) -> Tool {
        match client {
            Client::Crossdock => Tool::new([self.setting.crossdock.display().to_string()]),
            Client::Crane => Tool::new([self.crane.display().to_string()]),
            Client::Skopeo => Tool::new(["skopeo"]),
        }
    }

    /// Writes an image whose layers do not compress, as those of real images, which are compressed.
    fn image(&self, name: &str, platforms: usize, layers: &[usize]) -> Result<Image, Failure> {
        let root = self.directory.join(name);
        let (layout, flat) = (root.join("layout"), root.join("flat"));
        let blobs = layout.join("blobs/sha256");
        let put = |bytes: &[u8], kind: &str| -> Result<Value, Failure> {
            let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            write(&blobs.join(&digest), bytes)?;
            Ok(json!({
                "mediaType": format!("application/vnd.oci.image.{kind}"), "size": bytes.len(),
                "digest": format!("sha256:{digest}"),
            }))
        };
        let mut entries = Vec::new();
        for platform in 0..platforms {
            let mut described = Vec::new();
            for (place, size) in layers.iter().enumerate() {
                described.push(put(&noise(platform * layers.len() + place, *size), "layer.v1.tar+gzip")?);
            }
            let diff_ids: Vec<&Value> = described.iter().map(|layer| &layer["digest"]).collect();
            let named =
                json!({ "os": "linux", "architecture": "amd64", "variant": format!("v{}", platform + 1) });
            let mut config = named.clone();
            config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
            let config = put(config.to_string().as_bytes(), "config.v1+json")?;
            let manifest = json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config, "layers": described,
            });
            let mut entry = put(manifest.to_string().as_bytes(), "manifest.v1+json")?;
            entry["platform"] = named;
            entries.push(entry);
        }
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": entries }).to_string();
        let mut top = put(index.as_bytes(), "index.v1+json")?;
        top["annotations"] = json!({ "org.opencontainers.image.ref.name": "v1" });
        write(
            &layout.join("index.json"),
            json!({ "schemaVersion": 2, "manifests": [top] }).to_string().as_bytes(),
        )?;
        write(&flat.join("index.json"), index.as_bytes())?;
        for directory in [&layout, &flat] {
            write(&directory.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        }
        let link = flat.join("blobs");
        std::os::unix::fs::symlink(layout.join("blobs"), &link).map_err(Failure::file(&link))?;
        Ok(Image { layout, flat })
    }
}

impl Measured {
    fn of(&mut self, client: Client) -> &mut Vec<f64> {
        match client {
            Client::Crossdock => &mut self.crossdock,
            Client::Crane => &mut self.crane,
            Client::Skopeo => &mut self.skopeo,
        }
    }

    fn against_crane(&self, name: &'static str, limit: f64) -> Row {
        self.against(&self.crane, name, limit)
    }

    fn against_skopeo(&self, name: &'static str, limit: f64) -> Row {
        self.against(&self.skopeo, name, limit)
    }

    fn against(&self, theirs: &[f64], name: &'static str, limit: f64) -> Row {
        let (ours, theirs) = (self.crossdock.clone(), theirs.to_vec());
        Row { name, ours, theirs, unit: "s", goal: Goal::RatioAtMost(limit) }
    }
}

fn at_most(name: &'static str, value: f64, unit: &'static str, limit: f64) -> Row {
    Row { name, ours: vec![value], theirs: vec![], unit, goal: Goal::AtMost(limit) }
}

fn peak(contender: &Contender) -> Result<f64, Failure> {
    contender.peak_megabytes(Duration::from_millis(1))
}

/// Returns bytes that do not compress, other ones for each seed, with the first bytes of a gzip file: skopeo compresses
/// anything else.
fn noise(seed: usize, size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ (seed as u64 + 1);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    while bytes.len() < size {
        // xorshift64: https://www.jstatsoft.org/article/view/v008i14
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent).map_err(Failure::file(parent))?;
    std::fs::write(path, bytes).map_err(Failure::file(path))
}

fn remove(path: &Path) -> Result<(), Failure> {
    if path.exists() { std::fs::remove_dir_all(path).map_err(Failure::file(path)) } else { Ok(()) }
}
