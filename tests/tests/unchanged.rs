//! The memory of runs: digests of programs, layers, verdicts. Nothing that was changed since is trusted.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crossdock_tests::{Layout, Sandbox, fixture};
use serde_json::Value;

struct Fixture {
    sandbox: Sandbox,
    project: PathBuf,
}

impl Fixture {
    /// A project that was built twice, so that everything about it is remembered.
    fn built() -> Self {
        let sandbox = Sandbox::new();
        let project = fixture::go_module(&sandbox.work(), "hello");
        let fixture = Self { sandbox, project };
        fixture.dist();
        fixture.dist();
        fixture
    }

    fn dist(&self) -> Value {
        self.sandbox.crossdock(&self.project, &["dist", "--json"]).success().json()
    }

    fn layout(&self) -> Layout {
        Layout::open(self.project.join(".crossdock/hello"))
    }

    /// The files of a directory of the cache.
    fn cached(&self, directory: &str) -> Vec<PathBuf> {
        files(&self.sandbox.cache().join("crossdock").join(directory))
    }

    /// The largest blob: the layer with the program.
    fn largest_blob(&self) -> PathBuf {
        let blobs = files(&self.project.join(".crossdock/hello/blobs"));
        blobs.into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// Flips a bit in the middle of a file. Its length and the time of its change stay, as after a fault of the disk that
/// somebody copied back.
fn damage(path: &Path) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_remembered_verdict_is_used_and_verify_reads_again() {
    let fixture = Fixture::built();
    let records = fixture.cached("verdicts");
    assert_eq!(records.len(), 1, "{records:?}");
    // A finding that only the record has.
    let mut record: Value = serde_json::from_slice(&fs::read(&records[0]).unwrap()).unwrap();
    let finding = serde_json::json!({
        "code": "level-unknown", "severity": "warning", "platform": "linux/amd64", "path": "/planted",
        "message": "planted", "help": "", "evidence": [],
    });
    record["verdicts"][0]["findings"] = serde_json::json!([finding]);
    fs::write(&records[0], record.to_string()).unwrap();
    assert!(fixture.dist().to_string().contains("/planted"));
    for command in [["verify", "--json"], ["tag", "--json"]] {
        let outcome = fixture.sandbox.crossdock(&fixture.project, &command).success();
        assert!(!outcome.stdout.contains("/planted"), "{command:?}: {outcome:?}");
    }
    // Other options are another question.
    let other =
        fixture.sandbox.crossdock(&fixture.project, &["dist", "--json", "--for", "m7g.large"]).success();
    assert!(!other.stdout.contains("/planted"));
    // A record that cannot be read is not used.
    for damaged in ["", "{}", "[1]", "\u{0}"] {
        fs::write(&records[0], damaged).unwrap();
        assert!(!fixture.dist().to_string().contains("/planted"), "{damaged:?}");
    }
}

#[test]
fn a_damaged_layer_is_made_again() {
    let fixture = Fixture::built();
    let digest = fixture.layout().digest().to_owned();
    damage(&fixture.largest_blob());
    fixture.sandbox.crossdock(&fixture.project, &["verify"]).ends_with(5);
    fixture.dist();
    // The layout checks the digest of each blob.
    assert_eq!(fixture.layout().digest(), digest);
    fixture.sandbox.crossdock(&fixture.project, &["verify"]).success();
}

#[test]
fn a_damaged_program_is_compiled_again() {
    let fixture = Fixture::built();
    let digest = fixture.layout().digest().to_owned();
    for program in fixture.cached("build").iter().filter(|path| path.ends_with("hello")) {
        damage(program);
    }
    fixture.dist();
    assert_eq!(fixture.layout().digest(), digest);
}

#[test]
fn a_file_of_the_image_with_its_old_time_is_packed_again() {
    let fixture = Fixture::built();
    let config = "[image.hello]\nfiles = [{ from = \"page.html\", to = \"/page.html\" }]\n";
    fs::write(fixture.project.join("crossdock.toml"), config).unwrap();
    let page = fixture.project.join("page.html");
    fs::write(&page, "one page").unwrap();
    fixture.dist();
    let first = fixture.layout().digest().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(50));
    fixture.dist();
    damage(&page);
    fixture.dist();
    assert_ne!(fixture.layout().digest(), first);
}

#[test]
fn pruning_everything_leaves_no_record() {
    let fixture = Fixture::built();
    assert!(!fixture.cached("layers/records").is_empty() && !fixture.cached("verdicts").is_empty());
    fixture.sandbox.crossdock(&fixture.project, &["cache", "prune", "--keep-days", "0"]).success();
    assert!(fixture.cached("layers/records").is_empty() && fixture.cached("verdicts").is_empty());
    fixture.dist();
}
