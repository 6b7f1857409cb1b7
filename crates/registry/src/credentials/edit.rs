//! Changes to a JSON object that keep the order and the text of everything else.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::file::parse_json;

/// A JSON object whose values are kept as they are written.
// No Debug: the values may be secrets.
#[derive(Default)]
pub(super) struct Object {
    members: Vec<(String, Box<RawValue>)>,
}

impl Object {
    /// Reads an object; an empty text is an empty object.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parse_json(text)
    }

    /// Returns the object that a member holds; an empty one if it is absent or `null`.
    pub(super) fn object(&self, name: &str) -> Result<Self, String> {
        // If several members have one name, the last counts, as for every reader of these files.
        let member = self.members.iter().rfind(|(member, _)| member == name);
        match member.map(|(_, value)| value.get()) {
            None | Some("null") => Ok(Self::default()),
            Some(text) => parse_json(text),
        }
    }

    /// Sets a member, in its old place if it has one.
    pub(super) fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.members.iter().rposition(|(member, _)| member == name) {
            Some(place) => self.members[place].1 = value,
            None => self.members.push((name.to_owned(), value)),
        }
    }

    /// Removes the members with a name, and returns whether there was one.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.members.len();
        self.members.retain(|(member, _)| member != name);
        self.members.len() != before
    }

    /// Returns the object as JSON, indented by tabs as docker does. `depth` is the number of objects around it.
    pub(super) fn to_json(&self, depth: usize) -> Result<Box<RawValue>, serde_json::Error> {
        if self.members.is_empty() {
            return RawValue::from_string("{}".to_owned());
        }
        let indent = "\t".repeat(depth);
        let members = self.members.iter().map(|(name, value)| {
            Ok(format!("\n{indent}\t{}: {}", serde_json::to_string(name)?, value.get()))
        });
        let members = members.collect::<Result<Vec<_>, serde_json::Error>>()?.join(",");
        RawValue::from_string(format!("{{{members}\n{indent}}}"))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object { members })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_keeps_the_text_of_everything_else() {
        let text =
            "{\n\t\"z\": 1.10,\n\t\"auths\": {\n\t\t\"a\": {\"auth\":  \"x\"}\n\t},\n\t\"a\": [1,\n2]\n}";
        let mut object = Object::parse(text).unwrap();
        assert_eq!(object.to_json(0).unwrap().get(), text);
        let mut auths = object.object("auths").unwrap();
        auths.set("b", RawValue::from_string("{}".to_owned()).unwrap());
        object.set("auths", auths.to_json(1).unwrap());
        let expected = text.replace("\"x\"}", "\"x\"},\n\t\t\"b\": {}");
        assert_eq!(object.to_json(0).unwrap().get(), expected);
        assert!(auths.remove("a") && !auths.remove("a"));
    }

    #[test]
    fn other_values_are_no_object() {
        for text in ["[]", "1", "{", "{\"a\": }", "{} {}"] {
            assert!(Object::parse(text).is_err(), "{text}");
        }
        assert!(Object::parse("{\"auths\": []}").unwrap().object("auths").is_err());
        assert_eq!(Object::parse("").unwrap().to_json(0).unwrap().get(), "{}");
    }
}
