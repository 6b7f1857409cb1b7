//! Verifies that the data files are sorted and unique, and that the generated Rust is up to date.

#[path = "../examples/generate/render.rs"]
mod render;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_generated_rust_is_up_to_date() {
    for table in render::TABLES {
        let data = fs::read_to_string(root().join(table.source)).unwrap();
        let generated = fs::read_to_string(root().join(table.target)).unwrap();
        assert!(
            render::render(table, &data) == generated,
            "{} is out of date: cargo run -p crossdock-platform --example generate",
            table.target
        );
    }
}

/// Returns the rows of a data file without its header.
fn rows(source: &str) -> Vec<Vec<String>> {
    let data = fs::read_to_string(root().join(source)).unwrap_or_default();
    let lines = data.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn rows_are_unique_and_sorted_for_binary_search() {
    for table in render::TABLES {
        let key = if table.source.contains("vocabulary") { 5 } else { 1 };
        let keys: Vec<Vec<String>> = rows(table.source).into_iter().map(|row| row[..key].to_vec()).collect();
        assert!(keys.len() > 40);
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{}", table.source);
        assert!(keys.is_sorted_by(|left, right| left[0] <= right[0]), "{}", table.source);
    }
}
