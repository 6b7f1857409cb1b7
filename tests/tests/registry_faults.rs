//! Pushes and pulls through a network that fails, by schedules of faults that a number determines.
//!
//! `CROSSDOCK_SEED=N cargo test -p crossdock-tests --test registry_faults one` repeats one schedule.

use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossdock_oci::{Blob, BlobStore, Descriptor, Layout, media_type};
use crossdock_registry::credentials::{Credential, OneHost, Secret};
use crossdock_registry::{PushOptions, Registry, RegistryError, Roots, Selector, Settings, Unobserved};
use crossdock_tests::registry::certificates::Certificates;
use crossdock_tests::registry::schedule::{Fault, PASSWORD, Schedule, Transfer, USER};
use crossdock_tests::registry::{MemoryRegistry, Proxy, Sample};
use tempfile::TempDir;

/// The repository and tag of all pushes.
const REPOSITORY: &str = "team/app";
const TAG: &str = "1.0";

/// The longest wait between two attempts.
const PATIENCE: Duration = Duration::from_millis(20);

struct Fixture {
    _directory: TempDir,
    certificates: Certificates,
    /// An image whose layers go without `Expect: 100-continue`, and one whose layers are above the limit of it.
    samples: [Sample; 2],
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let directory = TempDir::new().unwrap();
    let sample = |name: &str, bytes| Sample::write(&directory.path().join(name), bytes as u64, bytes);
    Fixture {
        certificates: Certificates::new(directory.path()),
        samples: [sample("small", 200_000), sample("large", 1_100_000)],
        _directory: directory,
    }
});

/// A registry with the habits of a schedule, and the proxy before it.
struct Stage {
    schedule: Schedule,
    registry: MemoryRegistry,
    proxy: Proxy,
}

impl Stage {
    fn new(seed: u64, transfer: Transfer) -> Self {
        let schedule = Schedule::new(seed, transfer);
        let registry = MemoryRegistry::start(schedule.habits.clone());
        let tls = schedule.tls.then(|| FIXTURE.certificates.tls());
        let proxy = Proxy::start(registry.port(), &schedule.faults, tls);
        Self { schedule, registry, proxy }
    }

    fn sample(&self) -> &'static Sample {
        &FIXTURE.samples[usize::from(self.schedule.seed.is_multiple_of(3))]
    }

    fn client(&self, host: &str) -> Result<Registry, RegistryError> {
        let password = Secret::new(PASSWORD);
        let mut settings = Settings::new().with_credentials(OneHost {
            host: host.parse().unwrap(),
            credential: Credential::Basic { username: USER.to_owned(), password },
        });
        settings.roots = Roots::bundled().with_der(FIXTURE.certificates.authority_der());
        settings.chunk_size = self.schedule.chunk.and_then(std::num::NonZeroU64::new);
        settings.patience = PATIENCE;
        Registry::new(settings)
    }

    /// Pushes the image with a new client; returns whether the registry had everything.
    fn push(&self) -> Result<bool, RegistryError> {
        self.push_to(&self.proxy.host())
    }

    fn push_to(&self, host: &str) -> Result<bool, RegistryError> {
        let sample = self.sample();
        let image = descriptor(sample);
        let store = BlobStore::open(sample.directory.as_path());
        let repository = format!("{host}/{REPOSITORY}").parse().unwrap();
        let options = PushOptions::new([TAG.parse().unwrap()]);
        self.client(host)?
            .push(&store, &image, &repository, &options, &Unobserved)
            .map(|pushed| pushed.unchanged)
    }

    /// Pulls the image into a layout with a new client.
    fn pull(&self, layout: &Layout) -> Result<(), RegistryError> {
        let repository = format!("{}/{REPOSITORY}", self.proxy.host()).parse().unwrap();
        let selector = Selector::Tag(TAG.parse().unwrap());
        self.client(&self.proxy.host())?.pull(&repository, &selector, layout, &Unobserved).map(drop)
    }

    /// Returns what is wrong with the result of the first run.
    fn first<T>(&self, result: Result<T, RegistryError>) -> Vec<String> {
        match result {
            Ok(_) => Vec::new(),
            Err(error) if self.schedule.is_transient() => {
                vec![format!("all faults end, and the transfer fails: {}", show(&error))]
            }
            Err(error) => self.vague(&show(&error)),
        }
    }

    /// Pulls; returns what is wrong.
    fn check_pull(&self) -> Vec<String> {
        self.push_to(&self.registry.host()).unwrap();
        let directory = TempDir::new().unwrap();
        let layout = Layout::create(directory.path()).unwrap();
        let mut wrong = self.first(self.pull(&layout));
        wrong.extend(damaged(directory.path()));
        self.proxy.heal();
        if let Err(error) = self.pull(&layout) {
            wrong.push(format!("the next run fails: {}", show(&error)));
        }
        wrong.extend(damaged(directory.path()));
        let index = layout.blobs().path(&self.sample().digest.parse().unwrap());
        if !index.is_file() {
            wrong.push("the layout does not have the image".to_owned());
        }
        wrong.extend(self.leaks());
        wrong
    }

    /// Pushes, and checks what the issue promises; returns what is wrong.
    fn check_push(&self) -> Vec<String> {
        let mut wrong = self.first(self.push());
        wrong.extend(self.registry.faults());
        self.proxy.heal();
        match self.push() {
            Ok(_) => {}
            Err(error) => wrong.push(format!("the next run fails: {}", show(&error))),
        }
        wrong.extend(self.registry.faults());
        let named = self.registry.tag(REPOSITORY, TAG);
        if named.as_deref() != Some(self.sample().digest.as_str()) {
            wrong.push(format!("the tag names {named:?}"));
        }
        self.registry.forget_record();
        if !matches!(self.push(), Ok(true)) {
            wrong.push("a further run does not find everything unchanged".to_owned());
        }
        let record = self.registry.record();
        if record.entries.iter().any(|entry| !["GET", "HEAD"].contains(&entry.method.as_str())) {
            wrong.push(format!("a further run writes:\n{record}"));
        }
        wrong.extend(self.leaks());
        wrong
    }

    /// Returns the requests to other hosts that had credentials.
    fn leaks(&self) -> Vec<String> {
        let crossed = self.proxy.credentials_elsewhere();
        let crossed = crossed.iter().map(|target| format!("credentials went to another host: {target}"));
        crossed.chain(self.registry.faults()).collect()
    }

    /// Returns what a message about a lasting fault lacks.
    fn vague(&self, message: &str) -> Vec<String> {
        let fault = self.schedule.faults[0].fault;
        // Uploads may be on the other name of the host.
        let mut wanted = vec![format!(":{}`", self.proxy.port())];
        match fault {
            Fault::Status(status) | Fault::RetryAfter(status) | Fault::Early(status) => {
                wanted.push(status.to_string());
            }
            Fault::ExpiredToken(status) => wanted.push(status.to_string()),
            Fault::ForgetUpload => wanted.push("BLOB_UPLOAD_UNKNOWN".to_owned()),
            Fault::Lag => wanted.push("MANIFEST_BLOB_UNKNOWN".to_owned()),
            Fault::Redirect => wanted.push("redirects more than".to_owned()),
            Fault::Corrupt => wanted.push("digest".to_owned()),
            Fault::DropBefore | Fault::DropInBody(_) | Fault::DropAfter => {
                wanted.push("no answer from".to_owned());
            }
            _ => {}
        }
        wanted.retain(|part| !message.contains(part));
        wanted.iter().map(|part| format!("the message does not say {part:?}: {message}")).collect()
    }
}

fn descriptor(sample: &Sample) -> Descriptor {
    let digest = sample.digest.parse().unwrap();
    let path = sample.directory.join("blobs/sha256").join(&sample.digest["sha256:".len()..]);
    let size = path.metadata().unwrap().len();
    Descriptor::new(media_type::INDEX, Blob { digest, size })
}

/// Returns the files of a layout whose bytes do not have the digest that they are named by.
fn damaged(layout: &Path) -> Vec<String> {
    let blobs = std::fs::read_dir(layout.join("blobs/sha256")).into_iter().flatten();
    let paths = blobs.map(|entry| entry.unwrap().path());
    let is_blob = |path: &Path| path.file_name().is_some_and(|name| name.len() == 64);
    let damaged = paths.filter(|path| is_blob(path)).filter(|path| {
        let digest = crossdock_tests::layout::sha256(&std::fs::read(path).unwrap());
        !path.ends_with(&digest["sha256:".len()..])
    });
    damaged.map(|path| format!("{} has other bytes", path.display())).collect()
}

/// Returns an error with its causes.
fn show(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Runs a schedule; returns a report if anything is wrong. The report is also kept in a file.
fn report(seed: u64, transfer: Transfer) -> Option<String> {
    let stage = Stage::new(seed, transfer);
    let wrong = match transfer {
        Transfer::Push => stage.check_push(),
        Transfer::Pull => stage.check_pull(),
    };
    if wrong.is_empty() {
        return None;
    }
    let report = format!(
        "{transfer:?}, {}wrong:\n  {}\nrequests:\n{}\n",
        stage.schedule,
        wrong.join("\n  "),
        stage.proxy.log()
    );
    let name = format!("registry-faults-{transfer:?}-{seed}.txt").to_lowercase();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    crossdock_tests::fixture::write(&kept, &report);
    Some(format!("{report}kept in {}\n", kept.display()))
}

/// Runs schedules in several threads, which mostly wait, and fails with the reports of all that went wrong.
fn run(seeds: std::ops::Range<u64>, transfer: Transfer) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut reports = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return reports;
            }
            reports.extend(report(seed, transfer));
        }
    };
    let reports: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(reports.is_empty(), "{} schedules failed\n\n{}", reports.len(), reports.join("\n"));
}

#[test]
fn pushes_through_faults_leave_a_whole_image_or_none() {
    run(0..30, Transfer::Push);
}

#[test]
fn pulls_through_faults_leave_no_damaged_blob() {
    run(0..10, Transfer::Pull);
}

#[test]
#[ignore = "long: 300 schedules"]
fn long_pushes_through_faults_leave_a_whole_image_or_none() {
    run(30..330, Transfer::Push);
}

#[test]
#[ignore = "long: 100 schedules"]
fn long_pulls_through_faults_leave_no_damaged_blob() {
    run(10..110, Transfer::Pull);
}

/// Repeats the schedule of `CROSSDOCK_SEED` in both directions, if one is given, and shows it.
#[test]
fn one_schedule_again() {
    let Some(seed) = std::env::var("CROSSDOCK_SEED").ok().and_then(|seed| seed.parse().ok()) else { return };
    for transfer in [Transfer::Push, Transfer::Pull] {
        // Tests show their output if they fail or are asked to.
        write!(std::io::stdout(), "{transfer:?}, {}", Schedule::new(seed, transfer)).unwrap();
        run(seed..seed + 1, transfer);
    }
}
