//! A root that counts how often its files are read.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;

use crate::ReadAt;
use crate::root::{Entry, Root, RootError};

/// How often a file is read for nothing: verifying a program once takes some passes, and its size is that of the image.
const FREE_PASSES: u64 = 4;
/// How often a file is opened for nothing.
const FREE_OPENS: u64 = 16;
/// The price in steps of opening a file again, since its headers and tables are read.
const STEPS_PER_OPEN: u64 = 16;
/// The bytes that are read again for the price of a step.
const BYTES_PER_STEP: u64 = 8192;
/// The paths that are looked up for the price of a step.
const LOOKUPS_PER_STEP: u64 = 16;

/// The root of an image, with the work that the programs of a chain cause beyond reading each file once.
pub(super) struct Meter<'a> {
    root: &'a dyn Root,
    files: RefCell<HashMap<String, Use>>,
    lookups: Cell<u64>,
    opened: Cell<u64>,
    bytes: Cell<u64>,
}

/// The use that was made of a file.
#[derive(Clone, Copy, Default)]
struct Use {
    opens: u64,
    bytes: u64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(root: &'a dyn Root) -> Meter<'a> {
        let (files, lookups) = (RefCell::default(), Cell::default());
        Meter { root, files, lookups, opened: Cell::default(), bytes: Cell::default() }
    }

    /// Returns the steps for the work since the last call.
    pub(super) fn take(&self) -> u64 {
        let steps = |count: &Cell<u64>, each: u64| {
            let whole = count.get() / each;
            count.set(count.get() % each);
            whole
        };
        let opened = self.opened.take().saturating_mul(STEPS_PER_OPEN);
        opened + steps(&self.lookups, LOOKUPS_PER_STEP) + steps(&self.bytes, BYTES_PER_STEP)
    }

    fn count_open(&self, path: &str) {
        let mut files = self.files.borrow_mut();
        let file = files.entry(path.to_owned()).or_default();
        file.opens += 1;
        if file.opens > FREE_OPENS {
            self.opened.set(self.opened.get() + 1);
        }
    }

    fn count_bytes(&self, path: &str, count: u64, length: u64) {
        let mut files = self.files.borrow_mut();
        let file = files.entry(path.to_owned()).or_default();
        file.bytes = file.bytes.saturating_add(count);
        if file.bytes > length.saturating_mul(FREE_PASSES) {
            self.bytes.set(self.bytes.get().saturating_add(count));
        }
    }
}

impl Root for Meter<'_> {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        self.lookups.set(self.lookups.get() + 1);
        self.root.entry(path)
    }

    fn open<'b>(&'b self, path: &str) -> Result<Box<dyn ReadAt + 'b>, RootError> {
        let file = self.root.open(path)?;
        self.count_open(path);
        Ok(Box::new(Metered { meter: self, path: path.to_owned(), file, read: Cell::default() }))
    }

    fn list(&self, path: &str) -> Result<Option<Vec<String>>, RootError> {
        self.root.list(path)
    }

    fn attribute(&self, path: &str, name: &str) -> Result<Option<Vec<u8>>, RootError> {
        self.root.attribute(path, name)
    }
}

/// An open file, whose bytes count when it is closed.
struct Metered<'a> {
    meter: &'a Meter<'a>,
    path: String,
    file: Box<dyn ReadAt + 'a>,
    read: Cell<u64>,
}

impl ReadAt for Metered<'_> {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(offset, buffer)?;
        self.read.set(self.read.get().saturating_add(read as u64));
        Ok(read)
    }
}

impl Drop for Metered<'_> {
    fn drop(&mut self) {
        self.meter.count_bytes(&self.path, self.read.get(), self.file.size());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryRoot;

    #[test]
    fn reading_a_file_again_and_again_costs_steps() {
        let root = MemoryRoot::new().file("/app", 0o755, vec![0; 1 << 20]);
        let meter = Meter::new(&root);
        let read = || meter.open("/app").unwrap().read_at(0, &mut vec![0; 1 << 20]).unwrap();
        (0..FREE_PASSES).for_each(|_| assert_eq!(read(), 1 << 20));
        assert_eq!(meter.take(), 0);
        read();
        assert_eq!((meter.take(), meter.take()), ((1 << 20) / BYTES_PER_STEP, 0));
        (0..FREE_OPENS).for_each(|_| drop(meter.open("/app").unwrap()));
        assert_eq!(meter.take(), (FREE_PASSES + 1) * STEPS_PER_OPEN);
        (0..LOOKUPS_PER_STEP + 1).for_each(|_| drop(meter.entry("/app").unwrap()));
        assert_eq!(meter.take(), 1);
    }
}
