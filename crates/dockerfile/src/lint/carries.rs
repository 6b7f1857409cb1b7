//! What programs find in an image: what its base has, and what its instructions bring.

use super::images::{Image, ImageLibc};
use super::model::StageModel;
use super::ships::Taken;
use crate::read::{Instruction, Keyword, Stage};

/// What a stage has whose base has `base`. Where an instruction brings a C library, or a stand-in for one, nobody knows
/// which programs start.
pub(super) fn carried(
    stage: &Stage<'_>,
    base: Image,
    taken: &[Taken],
    stage_of: impl Fn(usize) -> Option<StageRef>,
) -> Image {
    let mut image = base;
    for whole in taken.iter().filter(|taken| onto_the_root(taken)) {
        let other = whole.from.and_then(&stage_of);
        if whole.places.iter().any(super::compile::Place::is_root) {
            let other = other.map_or_else(|| Image::of(&whole.name), |stage| stage.carries);
            image = overlaid(image, &other);
        } else if other.is_some_and(|stage| stage.brings_a_library) {
            image.libc = ImageLibc::Unknown;
        }
    }
    let texts = || stage.instructions.iter();
    if texts().any(|one| brings_a_library(one))
        || (image.libc == ImageLibc::None && texts().any(|one| fills_the_root(one)))
    {
        (image.libc, image.has_libgcc) = (ImageLibc::Unknown, true);
    }
    image.has_libgcc |=
        texts().any(|one| one.joined().contains("libgcc") || one.joined().contains("libstdc++"));
    image
}

/// What is known of another stage.
pub(super) struct StageRef {
    carries: Image,
    /// Whether one of its instructions handles a C library.
    brings_a_library: bool,
}

impl StageRef {
    pub(super) fn of(model: &StageModel<'_>) -> Self {
        let mut instructions = model.stage.instructions.iter();
        let handles = instructions.any(|one| brings_a_library(one) || one.text().contains("ldd "));
        Self { carries: model.carries.clone(), brings_a_library: handles }
    }
}

fn onto_the_root(taken: &Taken) -> bool {
    taken.onto.as_ref().is_some_and(super::compile::Place::is_root)
}

/// An image with the whole file system of another one over its own.
fn overlaid(image: Image, other: &Image) -> Image {
    let same = std::mem::discriminant(&image.libc) == std::mem::discriminant(&other.libc);
    match (image.libc, other.libc) {
        (ImageLibc::None, _) => {
            Image { libc: other.libc, has_shell: other.has_shell, has_libgcc: other.has_libgcc, ..image }
        }
        (_, ImageLibc::None | ImageLibc::Unknown) => image,
        _ if same => image,
        _ => Image { libc: ImageLibc::Unknown, has_shell: true, has_libgcc: true, ..image },
    }
}

/// Whether an instruction brings a C library or its loader, or what stands for them.
fn brings_a_library(instruction: &Instruction) -> bool {
    const SIGNS: [&str; 8] =
        ["gcompat", "libc6-compat", "glibc", "ld-linux", "ld-musl", "libc.so", "libc.musl", "/lib64"];
    let copies = matches!(instruction.keyword, Keyword::Copy | Keyword::Add);
    let runs = instruction.keyword == Keyword::Run;
    let text = instruction.joined();
    let within =
        |sign: &str| text.contains(sign) || instruction.heredocs.iter().any(|doc| doc.content.contains(sign));
    let folder = |word: &String| {
        let word = word.trim_end_matches('/');
        let ends = ["/lib", "-linux-gnu", "-linux-musl"].iter().any(|end| word.ends_with(end));
        ends && (word.starts_with("/lib") || word.starts_with("/usr/lib"))
    };
    let signs = (copies || runs) && SIGNS.iter().any(|sign| within(sign));
    let installs = runs && text.contains("install") && text.split_whitespace().any(|word| word == "musl");
    signs || installs || (copies && instruction.arguments.words().iter().any(folder))
}

/// Whether an instruction unpacks an archive, or a folder from beside the file, over the root folder.
fn fills_the_root(instruction: &Instruction) -> bool {
    let words = instruction.arguments.words();
    let Some((onto, sources)) = words.split_last() else { return false };
    let outside = instruction.flag("from").is_none();
    let archive = instruction.keyword == Keyword::Add
        && sources.iter().any(|word| word.contains(".tar") || word.contains(".tgz"));
    let folder = sources.iter().any(|word| word.ends_with('/') || word == ".");
    let copies = matches!(instruction.keyword, Keyword::Copy | Keyword::Add);
    archive || (copies && outside && onto == "/" && folder)
}
