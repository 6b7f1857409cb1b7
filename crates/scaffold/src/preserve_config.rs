//! Carries the user's settings into a `crossdock.toml` that is written anew.

use std::collections::BTreeSet;

use toml_edit::{DocumentMut, Item, Table, Value};

use super::desired_file::normalize;

/// ConfigOwner file a `crossdock.toml` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfigOwner {
    /// As crossdock made it: an image goes of which nothing was configured and owner program the project has no longer.
    Crossdock {
        /// The images that name programs which are there.
        existing_images: BTreeSet<String>,
    },
    /// A person edited or wrote it: all of it stays.
    User,
}

/// What a new file says of an image and of a deploy target whenever it says anything of them. It was computed from the
/// file before and from the call, so that it counts.
const COMPUTED_KEYS: &[&str] = &["deploy", "expose", "repository", "nodes"];

/// Keys that every image of a scaffold may have, so that one with no other keys is nothing that a person configured.
const SCAFFOLD_KEYS: &[&str] = &["path", "package", "binary", "deploy", "base", "expose", "repository"];

/// The new file with what the old one says beside or instead of it: values keep the comments above them. Other
/// comments are in the backup alone. What cannot be read is carried nowhere.
pub(super) fn preserve_config(new: &str, old: &str, owner: &ConfigOwner) -> String {
    let (head, body) = split_leading_comment(new);
    let old = normalize(old);
    let (_, old) = split_leading_comment(&old);
    let (Ok(mut document), Ok(old)) = (body.parse::<DocumentMut>(), old.parse::<DocumentMut>()) else {
        return new.to_owned();
    };
    for (kind, item) in old.as_table() {
        match kind {
            // In every spelling of TOML: with a header, with dots, between braces.
            "image" | "deploy" => {
                if let Ok(tables) = item.clone().into_table() {
                    preserve_named_tables(document.as_table_mut(), kind, &tables, owner);
                }
            }
            _ => insert_with_comments(document.as_table_mut(), old.as_table(), kind),
        }
    }
    format!("{head}{document}")
}

/// The comment at the top, which is the file's own and no key's, and the rest.
fn split_leading_comment(text: &str) -> (&str, &str) {
    let lines = text.split_inclusive('\n').take_while(|line| line.starts_with('#'));
    text.split_at(lines.map(str::len).sum())
}

/// `[image.NAME]` and `[deploy.NAME]`.
fn preserve_named_tables(document: &mut Table, kind: &str, old: &Table, owner: &ConfigOwner) {
    let Some(tables) = document.entry(kind).or_insert_with(|| implicit_table().into()).as_table_mut() else {
        return;
    };
    for (name, item) in old {
        let Ok(theirs) = item.clone().into_table() else { continue };
        match tables.get_mut(name).and_then(Item::as_table_mut) {
            Some(ours) => {
                let computed = |key: &str| COMPUTED_KEYS.contains(&key) && ours.contains_key(key);
                let keys: Vec<&str> =
                    theirs.iter().map(|(key, _)| key).filter(|key| !computed(key)).collect();
                keys.into_iter().for_each(|key| insert_with_comments(ours, &theirs, key));
            }
            None if owner.keeps_table(kind, name, &theirs) => insert_with_comments(tables, old, name),
            None => {}
        }
    }
}

impl ConfigOwner {
    /// Whether a table stays of which the new file says nothing.
    fn keeps_table(&self, kind: &str, name: &str, table: &Table) -> bool {
        let own = |(key, item): (&str, &Item)| match key {
            "base" => item.as_str() != Some("static"),
            "path" => item.as_str() != Some("."),
            key => !SCAFFOLD_KEYS.contains(&key),
        };
        match self {
            Self::User => true,
            Self::Crossdock { existing_images } => {
                kind == "image" && (existing_images.contains(name) || table.iter().any(own))
            }
        }
    }
}

/// A key with its value and the comments above it. Tables come after those that are there.
fn insert_with_comments(into: &mut Table, from: &Table, key: &str) {
    if let Some((key, item)) = from.get_key_value(key) {
        let mut item = item.clone();
        clear_positions(&mut item);
        into.insert_formatted(key, item);
    }
}

/// Tables with headers of their own that stand where they are put, and not where they stood.
fn clear_positions(item: &mut Item) {
    let headed = |table: &mut Table| {
        table.set_position(None);
        table.set_dotted(false);
        table.iter_mut().for_each(|(_, inner)| clear_positions(inner));
    };
    if let Item::Value(Value::InlineTable(dotted)) = item
        && dotted.is_dotted()
    {
        *item = Item::Table(std::mem::take(dotted).into_table());
    }
    match item {
        Item::Table(table) => headed(table),
        Item::ArrayOfTables(tables) => tables.iter_mut().for_each(headed),
        Item::Value(_) | Item::None => {}
    }
}

fn implicit_table() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "# crossdock init\n# Words.\n\n[deploy.cluster]\n# A platform.\nnodes = [\"linux/amd64\"]\n\n\
                       [image.app]\npath = \".\"\ndeploy = [\"cluster\"]\n# Certificates.\nbase = \"static\"\n# expose = [8080]\n";

    #[test]
    fn what_a_person_configured_stays() {
        let old = "# crossdock init\n# mine\ntemplates = \"t\"\n\n[deploy.cluster]\nnodes = [\"m7g.large\"]\n\n[deploy.edge]\n\
                   nodes = [\"linux/arm/v7\"]\n\n[image.app]\npath = \".\"\n# as the shop wants them\ntags = [\"v1\", \"latest\"]\n\
                   base = \"debian\"\nexpose = [1]\n\n[image.app.labels]\nteam = \"a\"\n\n[image.other]\npackage = \"x\"\n";
        let carried = preserve_config(NEW, old, &ConfigOwner::User);
        assert!(carried.starts_with("# crossdock init\n# Words.\n"), "{carried}");
        let table: toml::Table = toml::from_str(&carried).unwrap();
        let image = &table["image"]["app"];
        assert_eq!(image["tags"].as_array().unwrap().len(), 2, "{carried}");
        assert!(carried.contains("# as the shop wants them\ntags"), "{carried}");
        assert_eq!((image["base"].as_str(), image["labels"]["team"].as_str()), (Some("debian"), Some("a")));
        assert_eq!(image["expose"].as_array().unwrap().len(), 1);
        assert_eq!(table["templates"].as_str(), Some("t"));
        assert_eq!(table["image"]["other"]["package"].as_str(), Some("x"));
        assert_eq!(table["deploy"]["edge"]["nodes"].as_array().unwrap().len(), 1);
        // The call, or the file before through it, said this.
        assert_eq!(table["deploy"]["cluster"]["nodes"][0].as_str(), Some("linux/amd64"));
        assert_eq!(
            preserve_config(&carried, &carried, &ConfigOwner::User),
            carried,
            "a second time changes nothing"
        );
        let there = ConfigOwner::Crossdock { existing_images: BTreeSet::from(["other".to_owned()]) };
        let new = NEW.replace("[image.app]", "[deploy.edge]\nnodes = [\"linux/arm/v7\"]\n\n[image.app]");
        let again = preserve_config(&new, &carried, &there);
        assert_eq!(toml::from_str::<toml::Table>(&again).unwrap(), table, "{again}");
        assert_eq!(preserve_config(&new, &again, &there), again);
    }

    #[test]
    fn every_spelling_is_carried() {
        for old in [
            "image.app.tags = [\"v1\"]\nimage.app.labels.team = \"a\"\nimage.other.package = \"x\"\n",
            "image = { app = { tags = [\"v1\"], labels = { team = \"a\" } }, other = { package = \"x\" } }\n",
            "[image]\napp = { tags = [\"v1\"], labels.team = \"a\" }\nother.package = \"x\"\n",
        ] {
            let carried = preserve_config(NEW, old, &ConfigOwner::User);
            let table: toml::Table = toml::from_str(&carried).unwrap();
            let image = &table["image"]["app"];
            assert_eq!(image["tags"][0].as_str(), Some("v1"), "{carried}");
            assert_eq!(image["labels"]["team"].as_str(), Some("a"), "{carried}");
            assert_eq!(image["path"].as_str(), Some("."), "{carried}");
            assert_eq!(table["image"]["other"]["package"].as_str(), Some("x"), "{carried}");
            assert_eq!(preserve_config(&carried, &carried, &ConfigOwner::User), carried);
        }
    }

    #[test]
    fn what_nobody_configured_goes() {
        let old = NEW.replace("image.app", "image.gone").replace("deploy.cluster", "deploy.old");
        assert_eq!(
            preserve_config(NEW, &old, &ConfigOwner::Crossdock { existing_images: BTreeSet::new() }),
            NEW
        );
        let tagged = format!("{old}tags = [\"v1\"]\n");
        assert!(
            preserve_config(NEW, &tagged, &ConfigOwner::Crossdock { existing_images: BTreeSet::new() })
                .contains("[image.gone]")
        );
        assert_eq!(preserve_config(NEW, "no = toml = at all", &ConfigOwner::User), NEW);
        assert_eq!(
            preserve_config(NEW, "image = 1\n", &ConfigOwner::Crossdock { existing_images: BTreeSet::new() }),
            NEW
        );
    }
}
