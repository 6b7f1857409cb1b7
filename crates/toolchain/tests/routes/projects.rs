//! Small programs with the features that cross-compilation breaks most often: threads, unwinding, and in C atomics, libm,
//! errno and a large stack frame.

type Files = &'static [(&'static str, &'static str)];

pub(crate) const PLAIN: Files = &[
    (
        "plain/Cargo.toml",
        "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    ),
    (
        "plain/src/main.rs",
        r#"fn main() {
    let sum: u64 = (0..4u64).map(|n| std::thread::spawn(move || n * n)).map(|t| t.join().unwrap()).sum();
    let caught = std::panic::catch_unwind(|| panic!("expected")).is_err();
    println!("{sum} {caught} {}", std::env::consts::ARCH);
}
"#,
    ),
];

pub(crate) const WITH_C: Files = &[
    (
        "withc/Cargo.toml",
        "[package]\nname = \"withc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n[build-dependencies]\ncc = \"1\"\n",
    ),
    ("withc/build.rs", "fn main() { cc::Build::new().file(\"src/add.c\").compile(\"add\"); }\n"),
    (
        "withc/src/add.c",
        r#"#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
static _Atomic int total;
int add(int a, int b) {
  char big[100000], *text = malloc(64);
  atomic_fetch_add(&total, a + b);
  errno = 0;
  snprintf(big, sizeof big, "%.3f", pow((double)a, 2.5));
  snprintf(text, 64, "%s", big);
  puts(text);
  fflush(stdout);
  free(text);
  return atomic_load(&total) + errno;
}
"#,
    ),
    (
        "withc/src/main.rs",
        r#"extern "C" { fn add(a: i32, b: i32) -> i32; }
fn main() {
    let caught = std::panic::catch_unwind(|| panic!("expected")).is_err();
    println!("{} {caught} {}", unsafe { add(3, 4) }, std::env::consts::ARCH);
}
"#,
    ),
];

pub(crate) const GO: Files = &[
    ("go/go.mod", "module example.com/plain\n\ngo 1.24\n"),
    (
        "go/main.go",
        "package main\n\nimport (\n\t\"fmt\"\n\t\"runtime\"\n)\n\nfunc main() { fmt.Println(runtime.GOARCH) }\n",
    ),
];

pub(crate) const CGO: Files = &[
    ("cgo/go.mod", "module example.com/cgo\n\ngo 1.24\n"),
    (
        "cgo/main.go",
        r#"package main

// #include <math.h>
// static double power(double a) { return pow(a, 2.5); }
// #cgo LDFLAGS: -lm
import "C"

import (
	"fmt"
	"runtime"
)

func main() { fmt.Printf("%.3f %s\n", float64(C.power(3)), runtime.GOARCH) }
"#,
    ),
];

/// Published crates that bundle C and assembly.
pub(crate) const BUNDLED: Files = &[
    (
        "bundled/Cargo.toml",
        r#"[package]
name = "bundled"
version = "0.1.0"
edition = "2021"
[workspace]
[dependencies]
ring = "0.17"
rusqlite = { version = "0.37", features = ["bundled"] }
zstd = "0.13"
"#,
    ),
    (
        "bundled/src/main.rs",
        r#"fn main() {
    let text = b"hello".repeat(100);
    let back = zstd::decode_all(&zstd::encode_all(&text[..], 3).unwrap()[..]).unwrap();
    let database = rusqlite::Connection::open_in_memory().unwrap();
    let answer: i64 = database.query_row("select 6 * 7", [], |row| row.get(0)).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, b"hello");
    let hex: String = digest.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{} {} {answer} {hex}", std::env::consts::ARCH, back == text);
}
"#,
    ),
];

/// A published crate whose C code CMake builds.
pub(crate) const CMAKE: Files = &[
    (
        "cmade/Cargo.toml",
        "[package]\nname = \"cmade\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n[dependencies]\nlibz-ng-sys = \"1\"\n",
    ),
    (
        "cmade/src/main.rs",
        r#"fn main() {
    let sum = unsafe { libz_ng_sys::adler32(1, [5u8, 20].as_ptr(), 2) } & 0xffff;
    println!("{} {sum}", std::env::consts::ARCH);
}
"#,
    ),
];

pub(crate) const CPLUSPLUS: Files = &[
    (
        "cplusplus/Cargo.toml",
        "[package]\nname = \"cplusplus\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n[build-dependencies]\ncc = \"1\"\n",
    ),
    (
        "cplusplus/build.rs",
        "fn main() { cc::Build::new().cpp(true).file(\"src/words.cpp\").compile(\"words\"); }\n",
    ),
    (
        "cplusplus/src/words.cpp",
        r#"#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>
extern "C" int words() {
  std::vector<std::string> all{"a", "b", "c"};
  try {
    throw std::runtime_error("caught");
  } catch (const std::exception &error) {
    std::cout << error.what() << " " << std::flush;
  }
  return static_cast<int>(all.size());
}
"#,
    ),
    (
        "cplusplus/src/main.rs",
        "extern \"C\" { fn words() -> i32; }\nfn main() { println!(\"{} {}\", unsafe { words() }, std::env::consts::ARCH); }\n",
    ),
];
