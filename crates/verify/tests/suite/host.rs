//! Files of the machine that runs the test.

/// A file of the machine that runs the test, such as its C library.
pub(crate) fn host_file(path: &str) -> Vec<u8> {
    std::fs::read(path)
        .unwrap_or_else(|error| panic!("this test needs {path}, which cannot be read: {error}"))
}
