//! Hostile scripts: no panic, no stack overflow, and a bounded time.

use std::time::{Duration, Instant};

use std::cell::Cell;

use crossdock_shell::{
    Cause, Dialect, EndKind, Entry, Environment, Files, NoFiles, Outcome, Start, Value, follow,
};

/// The smallest stack on which the crate must run: that of the main thread on Windows.
const STACK: usize = 1024 * 1024;

/// Follows a text on a small stack.
fn run(text: String, dialect: Dialect) -> Outcome {
    let work = move || {
        let start = Start {
            dialect,
            arguments: vec![Value::many()],
            environment: Environment::with_unknown_rest([("PATH", "/bin")]),
            ..Start::new(text)
        };
        follow(&start, &NoFiles)
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread starts");
    thread.join().expect("no panic")
}

fn has(outcome: &Outcome, cause: Cause) -> bool {
    outcome.unfollowed.iter().any(|found| found.cause == cause)
}

#[test]
fn deep_nesting_is_not_followed() {
    let many = 100_000;
    let nested =
        |open: &str, close: &str, count: usize| format!("{}a{}\n", open.repeat(count), close.repeat(count));
    for count in [59, 60, 61, 100, many] {
        for (open, close) in [
            ("(", ")"),
            ("( ", " )"),
            ("{ ", "; }"),
            ("if a; then ", "; fi"),
            ("while a; do ", "; done"),
            ("$(", ")"),
            ("echo $(", ")"),
            ("echo \"$(", ")\""),
            ("echo ${x:-", "}"),
            ("echo \"${x:-", "}\""),
            ("echo $((", "))"),
            ("$((", "))"),
            ("f() { ", "; }"),
            ("case x in x) ", ";; esac"),
            ("for x in 1 2; do ", "; done"),
            ("! ", ""),
            ("`", "`"),
            ("[[ ( ", " ) ]]"),
            ("echo <(", ")"),
            ("<<E $(", ")"),
        ] {
            for dialect in [Dialect::Dash, Dialect::Ash, Dialect::Bash] {
                let outcome = run(nested(open, close, count), dialect);
                assert!(!outcome.ends.is_empty(), "{open} {count} {dialect:?}");
            }
        }
    }
    let outcome = run(nested("( ", " )", many), Dialect::Dash);
    assert!(has(&outcome, Cause::TooDeep), "{outcome:?}");
    assert_eq!(outcome.ends[0].kind, EndKind::Unknown);
}

#[test]
fn deep_calls_are_not_followed() {
    let outcome = run("f() { if a; then f; fi; }\nf\nb\n".to_owned(), Dialect::Dash);
    assert!(has(&outcome, Cause::TooDeep), "{outcome:?}");
    let outcome = run("f() { ( { eval f; } ) ; }\nf\n".to_owned(), Dialect::Dash);
    assert!(has(&outcome, Cause::TooDeep), "{outcome:?}");
    let outcome = run(
        "eval 'x=$x\"eval \\$x;\"'; eval \"$x\"; while :; do x=$x$x; eval \"$x\"; done".to_owned(),
        Dialect::Dash,
    );
    assert!(!outcome.ends.is_empty());
}

#[test]
fn time_is_bounded() {
    let repeated = |text: &str| text.repeat(300_000 / text.len());
    let texts = [
        repeated("a\n"),
        repeated("if a; then b; else c; fi\n"),
        (0..40_000).map(|number| format!("if a; then x{number}=1; fi\n")).collect(),
        "x=1\n".to_owned() + &"x=$x$x\n".repeat(1_000) + "a $x\n",
        "set -- a\n".to_owned() + &"set -- \"$@\" \"$@\"\n".repeat(100) + "\"$@\"\n",
        "i=0; while [ $i -lt 1000000000 ]; do i=$((i+1)); a $i; done\n".to_owned(),
        "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(30) + "b; " + &"done; ".repeat(30),
        "while a; do ".repeat(30) + "b $1; x=$x$y; " + &"done; ".repeat(30),
        format!("case {} in {}) a;; esac", "a".repeat(60_000), "*a".repeat(30_000)),
        format!("x={}; a ${{x%%*b*c*d}} ${{x##*e*f}}\n", "a".repeat(60_000)),
        repeated("$((("),
        repeated("`"),
        repeated("\\`"),
        repeated("'"),
        repeated("<<E "),
        repeated("a <<E\n"),
        repeated("[[["),
        repeated("\r\n"),
        repeated("a|"),
        repeated("a&&"),
        repeated("f(){ f; f; }\n"),
        "f() { g; g; g; }; ".to_owned()
            + &(0..25).map(|n| format!("g{n}() {{ g{}; g{}; }}; ", n + 1, n + 1)).collect::<String>()
            + "g0",
        "\u{fffd}".repeat(300_000),
        "eval \"$(a)\"; f() { a; }; trap f EXIT\n".repeat(20_000),
        "case $X in ".to_owned()
            + &(0..1_900).map(|number| format!("{number}) exec a{number};; ")).collect::<String>()
            + "esac\n"
            + &":\n".repeat(90_000),
    ];
    for text in texts {
        let shown: String = text.chars().take(60).collect();
        let before = Instant::now();
        let outcome = run(text, Dialect::Bash);
        let took = before.elapsed();
        assert!(!outcome.ends.is_empty());
        // Far above what a free machine takes: what is not bounded takes hours.
        assert!(took < Duration::from_secs(300), "{took:?} for {shown}");
    }
}

/// A file system in which every directory has many directories.
#[derive(Default)]
struct Directories {
    listed: Cell<usize>,
}

impl Files for Directories {
    fn entry(&self, _: &str) -> Entry {
        Entry::Directory
    }

    fn is_link(&self, _: &str) -> Option<bool> {
        Some(false)
    }

    fn entries(&self, _: &str) -> Option<Vec<String>> {
        self.listed.set(self.listed.get() + 1);
        Some((0..20).map(|number| format!("directory{number}")).collect())
    }
}

#[test]
fn listings_are_bounded() {
    let text = format!("echo {}\n", "/*/*/*/absent* ".repeat(1_000));
    let files = Directories::default();
    let outcome = follow(&Start::new(text), &files);
    assert!(has(&outcome, Cause::TooLarge), "{outcome:?}");
    assert!(files.listed.get() <= 100_000, "{} directories", files.listed.get());
    let files = Directories::default();
    let outcome =
        follow(&Start::new("find /; for f in $(find / -L -type f); do $f; done\n".repeat(2_000)), &files);
    assert!(!outcome.ends.is_empty());
    assert!(files.listed.get() <= 100_000, "{} directories", files.listed.get());
}

/// Scripts that would hold far more than their own size.
#[test]
fn memory_is_bounded() {
    let doubled = "x=0123456789\n".to_owned() + &"x=$x$x\n".repeat(12);
    let texts = [
        doubled.clone()
            + &(0..5_000).map(|number| format!("export v{number}=$x\n")).collect::<String>()
            + "a\nb\n",
        doubled.clone() + &(0..500).map(|number| format!("export v{number}=x; a\n")).collect::<String>(),
        doubled.clone() + &"a $x $x $x\n".repeat(3_000),
        doubled + &(0..2_000).map(|number| format!("if a; then v{number}=$x; fi\n")).collect::<String>(),
        "set -- 1 2 3\n".to_owned() + &"set -- \"$@\" \"$@\"\n".repeat(20) + &"a \"$@\"\n".repeat(2_000),
        (0..3_000).map(|number| format!("mapfile -t v{number} <<E\n{}E\n", "a\n".repeat(100))).collect(),
        "x=0123456789\n".to_owned()
            + &"x=$x$x\n".repeat(10)
            + "set -- 1 2 3\n"
            + &"set -- \"$@\" \"$@\"\n".repeat(10)
            + &(0..500).map(|number| format!("printf -v p{number} \"$x%s\" \"$@\"\n")).collect::<String>(),
        "x=0123456789\n".to_owned()
            + &"x=$x$x\n".repeat(10)
            + &"echo $x | while read y; do a; done\n".repeat(3_000),
    ];
    for text in texts {
        let shown: String = text.chars().skip(80).take(60).collect();
        let start = Start { dialect: Dialect::Bash, ..Start::new(text) };
        let used = allocation_counter::measure(|| drop(follow(&start, &NoFiles)));
        assert!(used.bytes_max < 48 << 20, "{} MiB at once for {shown:?}", used.bytes_max >> 20);
    }
}

#[test]
fn limits_are_told() {
    let outcome = run("a\n".repeat(600_000), Dialect::Dash);
    assert!(has(&outcome, Cause::TooLarge));
    let outcome = run("a\n".repeat(100_000), Dialect::Dash);
    assert!(has(&outcome, Cause::TooLarge));
    assert!(outcome.ends.iter().any(|end| end.kind == EndKind::Unknown));
    let outcome = run("a\0b\n".to_owned(), Dialect::Dash);
    assert!(has(&outcome, Cause::Binary));
}

/// The scripts that the other tests run, cut and mixed.
#[test]
fn damaged_scripts_do_not_panic() {
    const SCRIPTS: &[(&str, &str, &[&str])] = &include!("scripts.in");
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below.max(1) as u64).unwrap()
    };
    for round in 0..3_000 {
        let mut bytes = SCRIPTS[random(SCRIPTS.len())].1.as_bytes().to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, b"$`'\"(){}[];&|<>\\\n#!*?~=-\xff"[random(25)]),
                2 => {
                    let other = SCRIPTS[random(SCRIPTS.len())].1.as_bytes();
                    let from = random(other.len());
                    bytes.splice(at..at, other[from..].iter().copied());
                }
                _ => {
                    bytes.remove(at.min(bytes.len().saturating_sub(1)));
                }
            }
            if bytes.is_empty() {
                bytes.push(b'a');
            }
        }
        let dialect = [Dialect::Dash, Dialect::Ash, Dialect::Bash][round % 3];
        let start = Start { dialect, ..Start::new(bytes) };
        assert!(!follow(&start, &NoFiles).ends.is_empty());
    }
}
