//! Paths between directories.

use camino::{Utf8Path, Utf8PathBuf};

/// Returns the path that leads from one absolute directory to another: `../two` from `/p/one` to `/p/two`.
pub(crate) fn relative(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| "..");
    let down = to.components().skip(shared).map(|part| part.as_str());
    up.chain(down).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_up_to_the_lowest_shared_directory_and_down_again() {
        for (from, to, expected) in [
            ("/p/one", "/p/two", "../two"),
            ("/p", "/p/two/x", "two/x"),
            ("/p/one/x", "/p", "../.."),
            ("/p", "/p", ""),
            ("/p", "/q/r", "../q/r"),
        ] {
            assert_eq!(relative(from.into(), to.into()), expected, "{from} {to}");
        }
    }
}
