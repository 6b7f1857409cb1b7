//! The data files, the Rust made from them and the tables' own rules agree.

#[path = "../examples/generate/render.rs"]
mod render;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_generated_rust_is_that_of_the_data_files() {
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

#[test]
fn the_first_column_is_unique() {
    for table in render::TABLES {
        let data = fs::read_to_string(root().join(table.source)).unwrap();
        let keys: Vec<&str> = data
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split('\t').next())
            .collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{}", table.source);
    }
}
