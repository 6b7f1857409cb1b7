//! Small programs that use what cross-compilation gets wrong: threads, unwinding, and in C atomics, libm, errno and a
//! large stack frame.

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
