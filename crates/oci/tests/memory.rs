//! The memory that a root and the documents of a source take. Each measurement is that of the calling thread; the decoder
//! of a layer has a thread of its own, and its buffers are bounded.

use std::io::{self, Read};

use crossdock_oci::{Digest, LayerBlob, LayerSource, RootLimits, RootView};

/// A tar of empty files, made while it is read: thousands of them need no memory here.
struct Tar<F> {
    header: F,
    entries: u64,
    next: u64,
    block: Vec<u8>,
}

impl<F: Fn(u64) -> tar::Header> Tar<F> {
    fn new(entries: u64, header: F) -> Self {
        Self { header, entries, next: 0, block: Vec::new() }
    }
}

impl<F: Fn(u64) -> tar::Header> Read for Tar<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() && self.next < self.entries {
            let mut header = (self.header)(self.next);
            header.set_cksum();
            self.block = header.as_bytes().to_vec();
            self.next += 1;
        }
        let read = self.block.as_slice().read(buffer)?;
        self.block.drain(..read);
        Ok(read)
    }
}

/// The layer of such a tar.
struct Layer<F> {
    header: F,
    entries: u64,
}

impl<F: Fn(u64) -> tar::Header + Send + Sync + Copy> LayerBlob for Layer<F> {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Tar::new(self.entries, self.header)))
    }
}

fn file(name: &str) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_mode(0o644);
    header.set_size(0);
    header
}

/// Returns the root of a layer with these entries, and the most memory at a time that it took, in bytes.
fn root<'a>(
    limits: RootLimits,
    entries: u64,
    header: impl Fn(u64) -> tar::Header + Send + Sync + Copy + 'a,
) -> (RootView<'a>, u64) {
    let (digest, _) = Digest::of_reader(Tar::new(entries, header)).expect("memory can be read");
    // Without content no temporary file is written.
    let mut root = RootView::new(limits, "/nonexistent");
    let blob = Box::new(Layer { header, entries });
    let used = allocation_counter::measure(|| {
        root.apply(LayerSource { blob, digest, diff_id: digest }).expect("a layer within the limits");
    });
    (root, used.bytes_max)
}

/// As in a large image of a Node.js program.
#[test]
fn a_hundred_thousand_entries_take_ten_mebibytes() {
    let name = |number: u64| format!("app/node_modules/package-{}/module-{number}.js", number / 50);
    let (root, used) = root(RootLimits::default(), 100_000, |number| file(&name(number)));
    assert_eq!(root.lookup(name(77_777)).unwrap().path, format!("/{}", name(77_777)));
    assert!(used < 10 << 20, "{used} bytes");
    // A walk needs little more than the names of one directory.
    let mut count = 0;
    let walked = allocation_counter::measure(|| count = root.walk().count());
    assert_eq!(count, 102_002);
    assert!(walked.bytes_max < 1 << 20, "{walked:?}");
}

/// The most that [`RootLimits`] allow, and a tenth of it to save time: long names, and an owner of its own for each file.
/// A list that grows counts twice here for a moment; real allocators move its pages.
#[test]
fn a_root_within_the_limits_is_small() {
    let mut limits = RootLimits::default();
    (limits.entries, limits.metadata) = (limits.entries / 10, limits.metadata / 10);
    let most = (56 << 20) / 10;
    let (_, used) = root(limits, limits.entries - 1, |number| file(&format!("{number:032}")));
    assert!(used < most, "{used} bytes for names");
    let owned = |number: u64| {
        let mut header = file(&number.to_string());
        header.set_uid(number);
        header
    };
    let (_, used) = root(limits, limits.metadata / 40, owned);
    assert!(used < most, "{used} bytes for owners");
}
