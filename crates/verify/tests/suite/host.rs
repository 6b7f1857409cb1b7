//! Files of the machine that runs the test.

/// glibc's loader on Debian for amd64.
pub(crate) const GLIBC: &str = "/lib64/ld-linux-x86-64.so.2";
/// glibc's C library there.
pub(crate) const LIBC: &str = "/lib/x86_64-linux-gnu/libc.so.6";

/// A file of the machine that runs the test, such as its C library.
pub(crate) fn host_file(path: &str) -> Vec<u8> {
    std::fs::read(path)
        .unwrap_or_else(|error| panic!("this test needs {path}, which cannot be read: {error}"))
}
