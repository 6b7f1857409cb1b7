//! Measures the speed of making layers: `layer_throughput [--runs N] [--threads N] FILE...` prints one line of JSON
//! with the median throughput in MB/s of input and the ratio of compressed to uncompressed length.

use std::error::Error;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use crossdock_oci::{Compression, Content, LayerBuilder, Owner, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut builder = LayerBuilder::new(Timestamp::EPOCH);
    for (number, file) in options.files.iter().enumerate() {
        builder.add_file(&format!("f{number}"), 0o755, Owner::ROOT, Content::File(file.into()))?;
    }
    let mut seconds = Vec::new();
    let mut written = None;
    for _ in 0..options.runs {
        let start = Instant::now();
        written = Some(builder.write(&mut io::sink(), Compression::Gzip, options.threads)?);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let layer = written.ok_or("--runs must be at least 1")?;
    let median = seconds[seconds.len() / 2];
    let (plain, compressed) = (layer.uncompressed_size, layer.descriptor.size);
    let report = serde_json::json!({
        "schema": 1,
        "bytes": plain,
        "compressed_bytes": compressed,
        "ratio": compressed as f64 / plain as f64,
        "median_seconds": median,
        "mb_per_second": plain as f64 / 1e6 / median,
        "threads": options.threads,
        "runs": options.runs,
        "digest": layer.descriptor.digest,
    });
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}

struct Options {
    runs: usize,
    threads: NonZeroUsize,
    files: Vec<String>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { runs: 5, threads: thread::available_parallelism()?, files: Vec::new() };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--runs" => options.runs = args.next().ok_or("--runs needs a number")?.parse()?,
                "--threads" => options.threads = args.next().ok_or("--threads needs a number")?.parse()?,
                _ => options.files.push(arg),
            }
        }
        if options.files.is_empty() { Err("name the files of the layer".into()) } else { Ok(options) }
    }
}
