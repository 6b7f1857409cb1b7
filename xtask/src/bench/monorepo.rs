//! A repository of many programs, next to one call of the compilers for all of them: the cost of a run for each image.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Setting;
use super::contender::{Contender, turns};
use super::row::{Goal, Row};
use crate::shell::{Failure, Tool, repository};

/// The libraries; each program uses one of them, in turns.
const LIBRARIES: usize = 20;
const GO_PROGRAMS: usize = 200;
const RUST_PROGRAMS: usize = 50;
/// The images of the rows about large plans. Several hold the same program, so that compilation does not take most of the
/// time.
const IMAGES: usize = 1000;

/// A repository of one language: its files, and the command by hand.
struct Repository {
    name: &'static str,
    write: fn(&Path) -> Result<(), Failure>,
    script: &'static str,
    /// The file of a library that a tenth of the programs use, and the word in it before a number that changes.
    library: (&'static str, &'static str),
    rows: [&'static str; 3],
}

const GO: Repository = Repository {
    name: "go",
    write: write_go,
    script: "monorepo-go.sh",
    library: ("lib07/lib.go", "number "),
    rows: [
        "200 Go programs, cold: dist / go build",
        "200 Go programs, one library changed: dist / go build",
        "200 Go programs, nothing changed: dist / go build",
    ],
};

const RUST: Repository = Repository {
    name: "rust",
    write: write_rust,
    script: "rust.sh",
    library: ("lib07/src/lib.rs", "number "),
    rows: [
        "50 Rust programs, cold: dist / cargo build",
        "50 Rust programs, one library changed: dist / cargo build",
        "50 Rust programs, nothing changed: dist / cargo build",
    ],
};

/// Measures both repositories, then a plan of a thousand images and the memory that their run takes.
pub(super) fn rows(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let mut rows = GO.rows(setting)?;
    rows.extend(RUST.rows(setting)?);
    rows.extend(thousand(setting)?);
    Ok(rows)
}

impl Repository {
    fn rows(&self, setting: &Setting) -> Result<Vec<Row>, Failure> {
        let directory = |side: &str| setting.directory.join(format!("monorepo-{}-{side}", self.name));
        let ours = Contender::generated(&directory("dist"), self.write, |_| dist(setting))?;
        let theirs = Contender::generated(&directory("script"), self.write, |project| {
            let script = repository().join("bench").join(self.script);
            let words = [script, project.to_owned(), project.join("output")];
            Tool::new(
                ["sh".to_owned()].into_iter().chain(words.iter().map(|word| word.display().to_string())),
            )
        })?;
        let (file, word) = self.library;
        // A cold run takes minutes.
        let cold = turns(setting.rounds.min(2), |_| ours.run_cold(), |_| theirs.run_cold())?;
        let changed = turns(
            setting.rounds,
            |round| ours.run_changed(file, word, round + 1),
            |round| theirs.run_changed(file, word, round + 1),
        )?;
        let unchanged = turns(setting.rounds, |_| ours.run(), |_| theirs.run())?;
        let measured = [(cold, 1.1), (changed, 1.2), (unchanged, 1.5)];
        let row = |(name, ((ours, theirs), limit))| Row {
            name,
            ours,
            theirs,
            unit: "s",
            goal: Goal::RatioAtMost(limit),
        };
        Ok(self.rows.into_iter().zip(measured).map(row).collect())
    }
}

/// A thousand images of 200 programs: the time of their plan, and the peak of memory of a run.
fn thousand(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let directory = setting.directory.join("monorepo-thousand");
    let write = |project: &Path| {
        write_go(project)?;
        let images = (0..IMAGES).map(|number| {
            format!("[image.image{number:03}]\npackage = \"./cmd/app{:03}\"\n", number % GO_PROGRAMS)
        });
        file(&project.join("crossdock.toml"), &images.collect::<String>())
    };
    let run = Contender::generated(&directory, write, |_| dist(setting))?;
    run.run()?;
    let peak = run.peak_megabytes(Duration::from_millis(5))?;
    let program = setting.crossdock.display().to_string();
    let plan = run.with_words(&[&program, "plan", "--quiet"]);
    plan.run()?;
    let times: Result<Vec<f64>, Failure> = (0..setting.rounds).map(|_| plan.run()).collect();
    let row = |name, ours, unit, limit| Row { name, ours, theirs: vec![], unit, goal: Goal::AtMost(limit) };
    Ok(vec![
        row("plan of 1,000 images", times?, "s", 1.0),
        row("peak memory, 1,000 images", vec![peak], "MB", 150.0),
    ])
}

fn dist(setting: &Setting) -> Tool {
    Tool::new([setting.crossdock.display().to_string(), "dist".to_owned(), "--quiet".to_owned()])
}

/// Writes a Go module of programs `cmd/appNNN` over libraries `libNN`.
fn write_go(project: &Path) -> Result<(), Failure> {
    file(&project.join("go.mod"), "module example.com/mono\n\ngo 1.24\n")?;
    for number in 0..LIBRARIES {
        let text = format!(
            "package lib{number:02}\n\nimport \"fmt\"\n\n// Word returns a word.\nfunc Word() string {{ return fmt.Sprint(\"number 0\") }}\n"
        );
        file(&project.join(format!("lib{number:02}/lib.go")), &text)?;
    }
    for number in 0..GO_PROGRAMS {
        let library = number % LIBRARIES;
        let text = format!(
            "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/mono/lib{library:02}\"\n)\n\nfunc main() {{ fmt.Println({number}, lib{library:02}.Word()) }}\n"
        );
        file(&project.join(format!("cmd/app{number:03}/main.go")), &text)?;
    }
    Ok(())
}

/// Writes a Cargo workspace of programs `appNN` over libraries `libNN`.
fn write_rust(project: &Path) -> Result<(), Failure> {
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{rest}")
    };
    let libraries: Vec<String> = (0..LIBRARIES).map(|number| format!("lib{number:02}")).collect();
    for library in &libraries {
        file(&project.join(library).join("Cargo.toml"), &package(library, ""))?;
        let text = "/// Returns a word.\npub fn word() -> &'static str {\n    \"number 0\"\n}\n";
        file(&project.join(library).join("src/lib.rs"), text)?;
    }
    let programs: Vec<String> = (0..RUST_PROGRAMS).map(|number| format!("app{number:02}")).collect();
    for (number, program) in programs.iter().enumerate() {
        let library = &libraries[number % LIBRARIES];
        let dependency = format!("\n[dependencies]\n{library} = {{ path = \"../{library}\" }}\n");
        file(&project.join(program).join("Cargo.toml"), &package(program, &dependency))?;
        let text = format!("fn main() {{\n    println!(\"{program} {{}}\", {library}::word());\n}}\n");
        file(&project.join(program).join("src/main.rs"), &text)?;
    }
    let members: Vec<String> = libraries.iter().chain(&programs).map(|name| format!("\"{name}\"")).collect();
    let workspace = format!("[workspace]\nresolver = \"2\"\nmembers = [{}]\n", members.join(", "));
    file(&project.join("Cargo.toml"), &workspace)?;
    Tool::new(["cargo", "generate-lockfile", "--offline", "--quiet"]).dir(project).quietly()
}

fn file(path: &PathBuf, text: &str) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent).map_err(Failure::file(parent))?;
    std::fs::write(path, text).map_err(Failure::file(path))
}
