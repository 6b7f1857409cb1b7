//! The table of a run with many images.

use crossdock_tests::{Sandbox, fixture};

#[test]
fn the_table_of_many_images_has_what_changed_and_counts_the_rest() {
    let sandbox = Sandbox::new();
    let project = sandbox.work().join("many");
    fixture::write(project.join("go.mod"), "module example.com/many\n\ngo 1.24\n");
    let library = |word: &str| {
        let text = format!("package lib\n\nfunc Word() string {{ return \"{word}\" }}\n");
        fixture::write(project.join("lib/lib.go"), text);
    };
    library("one");
    for number in 0..22 {
        let (import, word) = match number < 2 {
            true => ("import \"example.com/many/lib\"\n\n", "lib.Word()"),
            false => ("", "\"none\""),
        };
        let main = format!("package main\n\n{import}func main() {{ println({number}, {word}) }}\n");
        fixture::write(project.join(format!("cmd/app{number:02}/main.go")), main);
    }
    let dist = |more: &[&str]| {
        let arguments = [&["dist", "--platform", "linux/amd64"], more].concat();
        sandbox.crossdock(&project, &arguments).success()
    };
    let rows = |text: &str| text.lines().filter(|line| line.starts_with(" app")).count();
    let first = dist(&[]);
    assert_eq!(rows(&first.stderr), 20, "{first}");
    assert!(first.stderr.contains(" 2 images more changed  2 starts\n -v lists all"), "{first}");
    assert_eq!(first.stdout.lines().count(), 22, "a program gets the references of all images");
    let same = dist(&[]);
    assert_eq!(rows(&same.stderr), 0, "{same}");
    assert!(same.stderr.contains(" 22 images as before  22 starts\n -v lists all"), "{same}");
    // A commit is in every digest, and in no layer.
    fixture::commit(&sandbox, &project);
    library("two");
    let changed = dist(&[]);
    assert_eq!(rows(&changed.stderr), 2, "{changed}");
    assert!(changed.stderr.contains(" 20 images as before  20 starts\n"), "{changed}");
    // The settings of one image change, and no layer.
    let table = |number: usize| {
        let user = if number == 7 { "user = \"7\"\n" } else { "" };
        format!("[image.app{number:02}]\npackage = \"./cmd/app{number:02}\"\n{user}")
    };
    fixture::write(project.join("crossdock.toml"), (0..22).map(table).collect::<String>());
    let set = dist(&[]);
    assert_eq!(rows(&set.stderr), 1, "{set}");
    let all = dist(&["-v"]);
    assert_eq!(rows(&all.stderr), 22, "{all}");
    assert!(!all.stderr.contains("as before"), "{all}");
    let report = dist(&["--json"]).json();
    assert_eq!(report["images"].as_array().unwrap().len(), 22, "{report}");
}
