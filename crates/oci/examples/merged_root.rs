//! Measures reading an image: `merged_root [--bytes N] [--files N]` generates two layers, and prints one line of JSON with the
//! seconds of merging them to a root next to those of only decompressing and hashing the same blobs one after the other.

use std::error::Error;
use std::io::{self, Read, Write};
use std::time::Instant;

use crossdock_oci::{
    Compression, Content, Digest, Hasher, Layer, LayerBuilder, LayerSource, Owner, RootLimits, RootView,
    Timestamp,
};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let directory = tempfile::tempdir()?;
    let layers = [0, 1].map(|half| generate(&options, half));
    let layers: Vec<(Vec<u8>, Layer)> = layers.into_iter().collect::<Result<_, _>>()?;

    let start = Instant::now();
    for (blob, _) in &layers {
        let plain = flate2::bufread::MultiGzDecoder::new(&blob[..]);
        let hashes = (Digest::of(blob), digest(plain)?);
        std::hint::black_box(hashes);
    }
    let hashed = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let mut root = RootView::new(RootLimits::default(), directory.path());
    for (blob, layer) in &layers {
        let (digest, diff_id) = (layer.descriptor.digest, layer.diff_id);
        root.apply(LayerSource { reader: Box::new(&blob[..]), digest, diff_id })?;
    }
    let merged = start.elapsed().as_secs_f64();
    let report = serde_json::json!({
        "schema": 1,
        "bytes": layers.iter().map(|(_, layer)| layer.uncompressed_size).sum::<u64>(),
        "compressed_bytes": layers.iter().map(|(blob, _)| blob.len()).sum::<usize>(),
        "entries": root.walk().count(),
        "decompress_and_hash_seconds": hashed,
        "root_seconds": merged,
        "ratio": merged / hashed,
    });
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}

/// Returns one half of the files: machine-like bytes, which compress as programs do.
fn generate(options: &Options, half: usize) -> Result<(Vec<u8>, Layer), Box<dyn Error>> {
    let mut builder = LayerBuilder::new(Timestamp::EPOCH);
    let size = options.bytes / options.files;
    let mut state = 88_172_645_463_325_252_u64 + half as u64;
    for number in (half..options.files).step_by(2) {
        let mut content = Vec::with_capacity(size + 16);
        while content.len() < size {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Two random bytes out of eight.
            content.extend_from_slice(&(state & 0x00ff_0000_00ff_0000 | 0x4800_8b00_0f00_1f00).to_le_bytes());
        }
        content.truncate(size);
        let path = format!("usr/lib/part{}/file{number}", number / 300);
        builder.add_file(&path, 0o755, Owner::ROOT, Content::from(content))?;
    }
    let mut blob = Vec::new();
    let layer = builder.write(&mut blob, Compression::Gzip, std::thread::available_parallelism()?)?;
    Ok((blob, layer))
}

fn digest(mut reader: impl Read) -> io::Result<Digest> {
    let (mut hasher, mut buffer) = (Hasher::default(), vec![0; 128 * 1024]);
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

struct Options {
    bytes: usize,
    files: usize,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { bytes: 2_000_000_000, files: 100_000 };
        while let Some(arg) = args.next() {
            let number = args.next().ok_or("an option needs a number")?.parse()?;
            match arg.as_str() {
                "--bytes" => options.bytes = number,
                "--files" => options.files = number,
                _ => return Err(format!("unknown option {arg}").into()),
            }
        }
        Ok(options)
    }
}
