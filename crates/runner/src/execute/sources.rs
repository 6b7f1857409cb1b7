//! Sources of layers that are recognized without being read.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use crossdock_oci::{Digest, LayerBuilder, LayerError, RootView, TarSource};

use crate::plan::BasePlatform;

/// The files of the base `static`, hashed once for all images.
#[derive(Clone)]
pub(super) struct StaticBase {
    pub(super) files: Arc<LayerBuilder>,
    pub(super) identity: Option<Digest>,
}

impl TarSource for StaticBase {
    fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        self.files.write_tar(out)
    }

    fn identity(&self) -> Option<Digest> {
        self.identity
    }
}

/// A base image, which is unpacked when it is needed.
pub(super) struct BaseRoot<'a> {
    pub(super) base: &'a BasePlatform,
    pub(super) root: OnceCell<RootView<'a>>,
}

impl BaseRoot<'_> {
    /// Returns the identity of files above the base: [`LayerBuilder::above`] places them by what the base holds.
    pub(super) fn identity(&self, files: &LayerBuilder) -> Option<Digest> {
        let mut text = format!("above\n{}\n", files.identity()?);
        for layer in &self.base.layers {
            writeln!(text, "{}", layer.diff_id).ok()?;
        }
        Some(Digest::of(text.as_bytes()))
    }
}

/// Files that were placed above a base.
pub(super) struct Placed<'a, 'r> {
    pub(super) files: LayerBuilder,
    pub(super) placed: LayerBuilder,
    pub(super) base: &'a BaseRoot<'r>,
}

impl TarSource for Placed<'_, '_> {
    fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        self.placed.write_tar(out)
    }

    fn identity(&self) -> Option<Digest> {
        self.base.identity(&self.files)
    }
}
