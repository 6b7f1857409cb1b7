/// The object that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'p> {
    Base,
    Token,
    Uploads(&'p str),
    Upload(&'p str, &'p str),
    Blob(&'p str, &'p str),
    Manifest(&'p str, &'p str),
    Tags(&'p str),
    Referrers(&'p str, &'p str),
    /// A blob in the storage service, whose right to read is in the URL.
    Storage(&'p str, &'p str),
}

impl<'p> Route<'p> {
    pub(super) fn of(path: &'p str) -> Option<Self> {
        if path == "/token" {
            return Some(Self::Token);
        }
        if let Some(rest) = path.strip_prefix("/storage/") {
            return rest.rsplit_once('/').map(|(name, digest)| Self::Storage(name, digest));
        }
        let rest = path.strip_prefix("/v2/")?;
        if rest.is_empty() {
            return Some(Self::Base);
        }
        if let Some((name, id)) = rest.rsplit_once("/blobs/uploads/") {
            return Some(if id.is_empty() { Self::Uploads(name) } else { Self::Upload(name, id) });
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags(name));
        }
        let (rest, last) = rest.rsplit_once('/')?;
        match rest.rsplit_once('/')? {
            (name, "blobs") => Some(Self::Blob(name, last)),
            (name, "manifests") => Some(Self::Manifest(name, last)),
            (name, "referrers") => Some(Self::Referrers(name, last)),
            _ => None,
        }
    }

    /// Returns the repository.
    pub(super) fn repository(&self) -> Option<&'p str> {
        match self {
            Self::Base | Self::Token | Self::Storage(..) => None,
            Self::Uploads(name)
            | Self::Upload(name, _)
            | Self::Blob(name, _)
            | Self::Manifest(name, _)
            | Self::Tags(name)
            | Self::Referrers(name, _) => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_the_specification_says() {
        let cases = [
            ("/v2/", Some(Route::Base)),
            ("/v2/a/b/blobs/uploads/", Some(Route::Uploads("a/b"))),
            ("/v2/a/blobs/uploads/u-1", Some(Route::Upload("a", "u-1"))),
            ("/v2/a/blobs/sha256:1", Some(Route::Blob("a", "sha256:1"))),
            ("/v2/blobs/manifests/manifests/v1", Some(Route::Manifest("blobs/manifests", "v1"))),
            ("/v2/a/tags/list", Some(Route::Tags("a"))),
            ("/v2/a/referrers/sha256:1", Some(Route::Referrers("a", "sha256:1"))),
            ("/v1/", None),
            ("/v2/a", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Route::of(path), expected, "{path}");
        }
    }
}
