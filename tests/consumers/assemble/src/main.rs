//! Assembles an image from programs that some other build has made:
//!
//!     consumer-assemble LAYOUT TAG linux/amd64=out/amd64 linux/arm64=out/arm64

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use crossdock_oci::{
    Compression, Content, Image, Layer, LayerBuilder, Layout, Owner, PlatformImage, PlatformObject, Pruning,
    RuntimeConfig, Timestamp, assemble,
};

const USAGE: &str = "usage: consumer-assemble LAYOUT REPOSITORY:TAG OS/ARCHITECTURE=PROGRAM...";

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(digest) => {
            println!("{digest}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("consumer-assemble: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the image and returns the digest of its index.
fn run(words: &[String]) -> Result<String, Box<dyn Error>> {
    let [directory, name, programs @ ..] = words else { return Err(USAGE.into()) };
    let layout = Layout::create(directory)?;
    let platforms = programs.iter().map(|word| platform_image(&layout, word)).collect::<Result<_, _>>()?;
    let image = Image { created: Timestamp::EPOCH, annotations: BTreeMap::new(), platforms };
    let lock = layout.lock()?;
    let assembled = assemble(layout.blobs(), &image)?;
    layout.publish(&lock, &assembled.index, &[name.parse()?], Pruning::ReplaceAll)?;
    Ok(assembled.index.digest.to_string())
}

fn platform_image(layout: &Layout, word: &str) -> Result<PlatformImage, Box<dyn Error>> {
    let (platform, program) = word.split_once('=').ok_or(USAGE)?;
    let (os, architecture) = platform.split_once('/').ok_or(USAGE)?;
    let config = RuntimeConfig {
        user: "65532:65532".to_owned(),
        entrypoint: vec!["/app".to_owned()],
        ..RuntimeConfig::default()
    };
    Ok(PlatformImage {
        platform: PlatformObject::new(os, architecture),
        config,
        layers: vec![layer(layout, program)?],
        history: Vec::new(),
    })
}

fn layer(layout: &Layout, program: &str) -> Result<Layer, Box<dyn Error>> {
    let mut builder = LayerBuilder::new(Timestamp::EPOCH);
    builder.add_file("/app", 0o755, Owner::ROOT, Content::File(program.into()))?;
    let mut blob = layout.blobs().writer()?;
    let layer = builder.write(&mut blob, Compression::Gzip, NonZeroUsize::MIN)?;
    blob.complete()?;
    Ok(layer)
}
