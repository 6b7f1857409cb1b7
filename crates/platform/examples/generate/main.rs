//! Writes the Rust that is generated from the data files: `cargo run -p crossdock-platform --example generate`.
#![expect(clippy::disallowed_methods, reason = "a repository chore writes source files in place")]

mod render;

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for table in render::TABLES {
        let data = fs::read_to_string(root.join(table.source))?;
        fs::write(root.join(table.target), render::render(table, &data))?;
    }
    Ok(())
}
