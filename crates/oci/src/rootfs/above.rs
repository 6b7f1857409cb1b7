//! A layer above others: its directories are those of the layers below.

use std::collections::BTreeMap;

use super::{EntryKind, LookupError, RootView};
use crate::layer::entry::{Node, NodeKind};
use crate::layer::{LayerBuilder, LayerError, Owner};

impl LayerBuilder {
    /// Returns the same entries for a layer above a root.
    ///
    /// Directories that the root has keep their mode and owner. A path through a link of the root leads where the link
    /// leads: a layer with a directory in the place of the link would hide what the link leads to (image-spec, layer.md).
    ///
    /// # Errors
    /// If a parent is a file in the root or a link that leads nowhere, if a file would replace a directory of the root, or
    /// if two entries lead to one path.
    pub fn above(self, root: &RootView<'_>) -> Result<Self, LayerError> {
        let Self { mtime, entries } = self;
        let mut above = Self { mtime, entries: BTreeMap::new() };
        for (path, node) in entries {
            let is_implied = matches!(node.kind, NodeKind::ImpliedDir);
            let (path, node) = match placed(root, path, node) {
                // The entry below it is refused, by its own name.
                Err(LayerError::ParentBelow { .. }) if is_implied => continue,
                placed => placed?,
            };
            let Some(node) = node else { continue };
            for (slash, _) in path.match_indices('/') {
                let parent = &path[..slash];
                if !above.entries.contains_key(parent) {
                    let node = directory(root, parent).unwrap_or_else(Node::implied_dir);
                    above.entries.insert(parent.to_owned(), node);
                }
            }
            above.add(&path, node)?;
        }
        Ok(above)
    }
}

/// Returns an entry's path with the root's links resolved; `None` as the entry for a directory that is there already, since
/// only those on the way to an entry are written.
fn placed(root: &RootView<'_>, path: String, node: Node) -> Result<(String, Option<Node>), LayerError> {
    let no_parent = |parent: &str| LayerError::ParentBelow { path: path.clone(), parent: parent.to_owned() };
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let parent = resolved(root, parent).map_err(|parent| no_parent(&parent))?;
    let whole = if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") };
    let found = match root.lookup(&whole) {
        Ok(found) => Some(found),
        Err(LookupError::NotFound { .. }) => None,
        Err(_) if !node.is_dir() => None,
        Err(_) => return Err(no_parent(&whole)),
    };
    match found {
        Some(found) if found.kind == EntryKind::Dir && node.is_dir() => {
            let path = found.path.trim_start_matches('/').to_owned();
            let wanted = matches!(node.kind, NodeKind::Dir).then(|| directory(root, &path)).flatten();
            Ok((path, wanted))
        }
        Some(found) if found.kind == EntryKind::Dir => Err(LayerError::DirectoryBelow { path: whole }),
        Some(_) if node.is_dir() => Err(no_parent(&whole)),
        // A link that leads nowhere would be hidden together with what it may lead to.
        None if node.is_dir() && root.lookup_link(&whole).is_ok() => Err(no_parent(&whole)),
        _ => Ok((whole, Some(node))),
    }
}

/// Returns the path of a directory with the root's links resolved, as far as the root has it; as the error the first part that
/// is not a directory.
fn resolved(root: &RootView<'_>, path: &str) -> Result<String, String> {
    let mut real = String::new();
    let mut is_known = true;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let next = if real.is_empty() { part.to_owned() } else { format!("{real}/{part}") };
        real = match root.lookup(&next) {
            _ if !is_known => next,
            Ok(found) if found.kind == EntryKind::Dir => found.path.trim_start_matches('/').to_owned(),
            Ok(_) => return Err(next),
            Err(_) if root.lookup_link(&next).is_ok() => return Err(next),
            Err(_) => {
                is_known = false;
                next
            }
        };
    }
    Ok(real)
}

/// Returns a directory of the root as an entry; `None` if the root has none there.
fn directory(root: &RootView<'_>, path: &str) -> Option<Node> {
    let found = root.lookup_link(path).ok().filter(|found| found.kind == EntryKind::Dir)?;
    let owner = Owner { uid: found.uid, gid: found.gid };
    Some(Node { mode: found.mode, owner, kind: NodeKind::ImpliedDir })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::{Compression, Content, Digest, LayerSource, RootLimits, Timestamp};

    /// Returns the entries of a builder above a base that a closure fills: path, mode, and whether each is a file.
    fn above(fill: impl FnOnce(&mut LayerBuilder), own: &[&str]) -> Result<Vec<(String, u32, bool)>, String> {
        let mut base = LayerBuilder::new(Timestamp::EPOCH);
        fill(&mut base);
        let mut blob = Vec::new();
        let layer = base.write(&mut blob, Compression::None, NonZeroUsize::MIN).unwrap();
        let digest = Digest::of(&blob);
        let temporary = tempfile::tempdir().unwrap();
        let mut root = RootView::new(RootLimits::default(), temporary.path());
        root.apply(LayerSource { blob: Box::new(blob), digest, diff_id: layer.diff_id }).unwrap();
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        for path in own {
            match path.strip_suffix('/') {
                Some(directory) => builder.add_dir(directory, 0o700, Owner::ROOT).unwrap(),
                None => builder.add_file(path, 0o755, Owner::ROOT, Content::from("x")).unwrap(),
            }
        }
        let built = builder.above(&root).map_err(|error| error.to_string())?;
        let entry = |(path, node): (&String, &Node)| (path.clone(), node.mode, !node.is_dir());
        Ok(built.entries.iter().map(entry).collect())
    }

    fn usr_merged(base: &mut LayerBuilder) {
        base.add_dir("usr/bin", 0o755, Owner::ROOT).unwrap();
        base.add_symlink("bin", "usr/bin").unwrap();
        base.add_symlink("opt/app", "/srv/app").unwrap();
        base.add_dir("srv/app", 0o2775, Owner { uid: 7, gid: 8 }).unwrap();
        base.add_dir("tmp", 0o1777, Owner::ROOT).unwrap();
        base.add_symlink("nowhere", "absent").unwrap();
        base.add_file("etc/conf", 0o644, Owner::ROOT, Content::from("x")).unwrap();
        base.add_symlink("etc/link", "conf").unwrap();
    }

    fn entries(found: &[(String, u32, bool)]) -> Vec<(&str, u32)> {
        found.iter().map(|(path, mode, _)| (path.as_str(), *mode)).collect()
    }

    #[test]
    fn paths_lead_through_links_and_directories_keep_their_modes() {
        let found =
            above(usr_merged, &["bin/tool", "opt/app/new/x", "tmp/a", "tmp/", "etc/link", "own/"]).unwrap();
        assert_eq!(
            entries(&found),
            [
                ("etc", 0o755),
                ("etc/link", 0o755),
                ("own", 0o700),
                ("srv", 0o755),
                ("srv/app", 0o2775),
                ("srv/app/new", 0o755),
                ("srv/app/new/x", 0o755),
                ("tmp", 0o1777),
                ("tmp/a", 0o755),
                ("usr", 0o755),
                ("usr/bin", 0o755),
                ("usr/bin/tool", 0o755),
            ]
        );
    }

    #[test]
    fn what_cannot_be_added_is_refused() {
        for (own, part) in [
            ("etc/conf/x", "`/etc/conf/x` cannot be added: in the base, `/etc/conf` is a file"),
            ("nowhere/a/x", "`/nowhere/a/x` cannot be added: in the base, `/nowhere`"),
            ("nowhere/", "in the base, `/nowhere` is a file, or a link that does not lead to a directory"),
            ("tmp", "`/tmp` is a directory"),
            ("bin", "`/bin` is a directory"),
            ("etc/conf/", "in the base, `/etc/conf` is a file"),
        ] {
            let error = above(usr_merged, &[own]).unwrap_err();
            assert!(error.contains(part), "{own}: {error}");
        }
        let error = above(usr_merged, &["bin/tool", "usr/bin/tool/x"]).unwrap_err();
        assert!(error.contains("/usr/bin/tool"), "{error}");
    }
}
