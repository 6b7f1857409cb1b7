//! Keeps the user's settings when `crossdock.toml` is written anew.

use std::collections::BTreeSet;

use toml_edit::{DocumentMut, Item, Table, Value};

use super::desired_file::normalize;

/// The author of an existing `crossdock.toml` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfigOwner {
    /// crossdock generated it and nobody edited it. An image is dropped if its program is gone and nothing else is
    /// configured for it.
    Crossdock {
        /// The images whose programs still exist.
        existing_images: BTreeSet<String>,
    },
    /// A person edited or wrote it. All settings are kept.
    User,
}

/// Keys whose new value wins over the old one: it was already computed from the old file and the call.
const COMPUTED_KEYS: &[&str] = &["deploy", "expose", "repository", "nodes"];

/// Keys that crossdock writes for an image; any other key was configured by a person.
const SCAFFOLD_KEYS: &[&str] = &["path", "package", "binary", "deploy", "base", "expose", "repository"];

/// Returns the new file with the settings of the old one added or put in place of its own.
///
/// A setting keeps the comments above it; other comments survive only in the backup. An old file that is not TOML gives
/// nothing: the new file is returned unchanged.
pub(super) fn preserve_config(new: &str, old: &str, owner: &ConfigOwner) -> String {
    let (head, body) = split_leading_comment(new);
    let old = normalize(old);
    let (_, old) = split_leading_comment(&old);
    let (Ok(mut document), Ok(old)) = (body.parse::<DocumentMut>(), old.parse::<DocumentMut>()) else {
        return new.to_owned();
    };
    for (kind, item) in old.as_table() {
        match kind {
            // `into_table` accepts every spelling of TOML: headers, dotted keys and inline tables.
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

/// Splits off the comment at the top, which belongs to the file. toml_edit would attach it to the first key.
fn split_leading_comment(text: &str) -> (&str, &str) {
    let lines = text.split_inclusive('\n').take_while(|line| line.starts_with('#'));
    text.split_at(lines.map(str::len).sum())
}

/// Merges the tables `[image.NAME]` and `[deploy.NAME]`.
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
    /// Returns whether an old table that the new file lacks is kept.
    fn keeps_table(&self, kind: &str, name: &str, table: &Table) -> bool {
        let is_configured = |(key, item): (&str, &Item)| match key {
            "base" => item.as_str() != Some("static"),
            "path" => item.as_str() != Some("."),
            key => !SCAFFOLD_KEYS.contains(&key),
        };
        match self {
            Self::User => true,
            Self::Crossdock { existing_images } => {
                kind == "image" && (existing_images.contains(name) || table.iter().any(is_configured))
            }
        }
    }
}

/// Inserts a key with its value and the comments above it. A table goes after the existing ones.
fn insert_with_comments(into: &mut Table, from: &Table, key: &str) {
    if let Some((key, item)) = from.get_key_value(key) {
        let mut item = item.clone();
        clear_positions(&mut item);
        into.insert_formatted(key, item);
    }
}

/// Makes tables print where they are inserted: toml_edit prints a parsed table at its old position, and a dotted one without
/// a header.
fn clear_positions(item: &mut Item) {
    let reset = |table: &mut Table| {
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
        Item::Table(table) => reset(table),
        Item::ArrayOfTables(tables) => tables.iter_mut().for_each(reset),
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
    fn user_settings_are_kept() {
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
        // Computed from the call and the old file.
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
    fn every_toml_spelling_is_kept() {
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
    fn unconfigured_tables_are_dropped() {
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
