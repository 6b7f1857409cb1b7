//! The images that a JSON file says were pushed.

use std::io::Read;

use camino::Utf8Path;
use crossdock_fs::{TEXT_LIMIT, open_regular};
use crossdock_oci::{RegistryReference, Repository};
use crossdock_project::config::Sourced;
use serde_json::Value;

use crate::error::{Error, ErrorKind, input_output};

/// An image that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PushedName {
    /// Its name in the project; empty if the file does not tell.
    image: String,
    /// `REPOSITORY@DIGEST`.
    reference: RegistryReference,
}

/// Reads a file of JSON; `None` if it is something else, such as an archive.
pub(super) fn read(path: &Utf8Path) -> Result<Option<Vec<PushedName>>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = open_regular(path.as_std_path()).map_err(|error| input_output(error).at(path))?;
    let mut start = [0];
    let mut file = file.take(TEXT_LIMIT);
    let is_json = file.read(&mut start).is_ok_and(|read| read == 1) && matches!(start[0], b'{' | b'[');
    if !is_json {
        return Ok(None);
    }
    bytes.push(start[0]);
    file.read_to_end(&mut bytes).map_err(|error| input_output(error).at(path))?;
    let document: Value = serde_json::from_slice(&bytes).map_err(|error| input_output(error).at(path))?;
    Ok(Some(names(&document)))
}

/// Returns the images in an answer of `dist --push` or `push`, or in the metadata of `docker buildx build` or `bake`.
fn names(document: &Value) -> Vec<PushedName> {
    let of = |entries: &Vec<Value>| -> Vec<PushedName> { entries.iter().filter_map(of_push).collect() };
    match document {
        Value::Array(entries) => of(entries),
        Value::Object(fields) => match fields.get("pushed") {
            Some(Value::Array(entries)) => of(entries),
            _ => match of_buildx("", document) {
                Some(one) => vec![one],
                None => fields.iter().filter_map(|(name, value)| of_buildx(name, value)).collect(),
            },
        },
        _ => Vec::new(),
    }
}

fn of_push(entry: &Value) -> Option<PushedName> {
    let reference: RegistryReference = entry.get("reference")?.as_str()?.parse().ok()?;
    let image = entry.get("image").and_then(Value::as_str).unwrap_or_default().to_owned();
    reference.digest.is_some().then_some(PushedName { image, reference })
}

/// Returns the image of an object with `containerimage.digest` and `image.name`, which lists names separated by commas.
fn of_buildx(image: &str, value: &Value) -> Option<PushedName> {
    let digest = value.get("containerimage.digest")?.as_str()?.parse().ok()?;
    let name = value.get("image.name")?.as_str()?.split(',').next()?;
    let name: RegistryReference = name.parse().ok()?;
    let reference = RegistryReference { tag: None, digest: Some(digest), ..name };
    Some(PushedName { image: image.to_owned(), reference })
}

/// Returns the image that is meant: that of the name, else the one in the repository of the index, else the only one. `None`
/// if the file has only other images than that of the name: the machine built a platform that this image does not have.
pub(super) fn choose(
    pushed: &[PushedName],
    path: &Utf8Path,
    repository: Option<&Repository>,
    images: &[Sourced<String>],
) -> Result<Option<RegistryReference>, Error> {
    let is_named = |one: &&PushedName| images.iter().any(|name| name.value == one.image);
    let is_in = |one: &&PushedName| {
        repository.is_some_and(|own| own.full_name() == one.reference.repository.full_name())
    };
    let named: Vec<&PushedName> = pushed.iter().filter(is_named).collect();
    let inside: Vec<&PushedName> = pushed.iter().filter(is_in).collect();
    let meant = match (images, &inside[..]) {
        ([], []) => pushed.iter().collect(),
        ([], _) => inside,
        _ => named,
    };
    let failed = |message: String, hint: &str| Err(Error::from_message(ErrorKind::Usage, message).hint(hint));
    match &meant[..] {
        [] if pushed.is_empty() => failed(
            format!("{path} names no image in a registry"),
            "write it with `dist --push --by-digest --metadata-file FILE`",
        ),
        [] => Ok(None),
        [first, others @ ..] if others.iter().all(|other| other.reference == first.reference) => {
            Ok(Some(first.reference.clone()))
        }
        several => failed(
            format!("{path} has several images: {}", listed(several.iter().copied())),
            "choose one of them with `--image`",
        ),
    }
}

/// Returns the names and repositories of images.
pub(super) fn listed<'a>(pushed: impl Iterator<Item = &'a PushedName>) -> String {
    let name = |one: &PushedName| match one.image.as_str() {
        "" => one.reference.repository.to_string(),
        image => format!("{image} ({})", one.reference.repository),
    };
    pushed.map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn chosen(document: &Value, repository: &str, image: Option<&str>) -> Result<String, String> {
        let images: Vec<_> =
            image.map(|name| Sourced::default_because(name.to_owned(), "a test")).into_iter().collect();
        let repository = Some(repository).filter(|name| !name.is_empty()).map(|name| name.parse().unwrap());
        choose(&names(document), "a.json".into(), repository.as_ref(), &images)
            .map(|found| found.map_or("none".to_owned(), |reference| reference.repository.to_string()))
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn the_image_of_each_tool_is_found() {
        let reference = format!("r.example/app@{DIGEST}");
        let push = json!({ "image": "app", "reference": reference });
        let buildx =
            json!({ "containerimage.digest": DIGEST, "image.name": "r.example/app:1,r.example/app:2" });
        for document in [
            json!([push]),
            json!({ "schema": "crossdock.report/1", "pushed": [push], "containerimage.digest": DIGEST }),
            buildx.clone(),
            json!({ "app": buildx }),
        ] {
            assert_eq!(chosen(&document, "", None).as_deref(), Ok("r.example/app"), "{document}");
        }
        for document in
            [json!({}), json!([]), json!({ "pushed": [] }), json!([{ "reference": "r.example/app:1" }])]
        {
            assert!(chosen(&document, "", None).unwrap_err().contains("names no image"), "{document}");
        }
    }

    #[test]
    fn one_of_several_images_is_chosen_by_repository_or_name() {
        let entry = |name: &str| json!({ "image": name, "reference": format!("r.example/{name}@{DIGEST}") });
        let document = json!({ "pushed": [entry("one"), entry("two")] });
        assert_eq!(chosen(&document, "r.example/two", None).as_deref(), Ok("r.example/two"));
        assert_eq!(chosen(&document, "r.example/none", Some("one")).as_deref(), Ok("r.example/one"));
        let unclear = chosen(&document, "r.example/none", None).unwrap_err();
        assert_eq!(unclear, "a.json has several images: one (r.example/one), two (r.example/two)");
        assert_eq!(chosen(&document, "", Some("three")).as_deref(), Ok("none"));
    }
}
