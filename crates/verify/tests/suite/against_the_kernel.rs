//! Compares the verdicts with the kernel that runs the test, which starts each program.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Recipe, summary, verify};
use crossdock_platform::Platform;
use crossdock_verify::{Target, Verdict};

/// Starts the program. If another test's thread forks meanwhile, the child may still have the file open for writing,
/// which the kernel answers with "text file busy".
fn start(path: &Path) -> std::io::Result<Child> {
    loop {
        #[expect(clippy::disallowed_methods, reason = "the test starts the program that it verified")]
        let child = Command::new(path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        match child {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return other,
        }
    }
}

/// Returns whether the program runs to its end and succeeds.
fn runs(bytes: &[u8], name: &str) -> bool {
    let path =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    let mut file = std::fs::File::create(&path).expect("the temporary directory is writable");
    file.write_all(bytes).expect("the temporary directory is writable");
    file.set_permissions(std::fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    drop(file);
    let mut child = match start(&path) {
        Ok(child) => child,
        Err(_) => return false,
    };
    let end = Instant::now() + Duration::from_secs(5);
    let status = loop {
        match child.try_wait().expect("a child can be waited for") {
            Some(status) => break status,
            None if Instant::now() > end => {
                child.kill().expect("a child can be ended");
                break child.wait().expect("a child can be waited for");
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    std::fs::remove_file(&path).expect("the test's own file");
    status.success()
}

/// The bytes of `e_entry`. A program that begins at a wrong place in its own code crashes, which no header shows.
const ENTRY: std::ops::Range<usize> = 24..32;
/// The ELF header and four program headers.
const HEADERS: usize = 64 + 4 * 56;

/// Damages every byte of the headers. A program that the kernel runs must never fail verification, and for damage to
/// the ELF header the verdict must equal the kernel's.
#[test]
fn the_verdict_on_damaged_headers_equals_the_kernels() {
    let target = Target::new(&Platform::LINUX_AMD64);
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (name, recipe) in [("static", "gcc -static @main.c"), ("pie", "gcc -static-pie @main.c")] {
        let program = Recipe::parse(recipe).make();
        assert!(runs(&program, name), "{recipe} gives a program that runs");
        for (at, value) in (0..HEADERS).flat_map(|at| [0, 0x7f, 0xff].map(|value| (at, value))) {
            let mut bytes = program.clone();
            if std::mem::replace(&mut bytes[at], value) == value {
                continue;
            }
            let (codes, verdict) = summary(&verify(&bytes, &target, None));
            let ran = runs(&bytes, name);
            let is_exact = at < 64 && !ENTRY.contains(&at);
            let is_wrong = if is_exact {
                ran != (verdict == Verdict::Starts)
            } else {
                ran && verdict != Verdict::Starts
            };
            if is_wrong {
                wrong.push(format!(
                    "{name}: byte {at} set to {value:#x}: runs {ran}, verdict {verdict} ({codes})"
                ));
            }
            refused += usize::from(!ran);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused > 100, "the kernel refused only {refused}: the damage does not reach what matters");
}
