//! Makes the calls and collects their answers as records.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::calls::{self, Call, Output};
use super::compare::Records;
use super::help;
use super::normalise::{self, Normaliser};
use super::projects;
use super::sandbox::Sandbox;
use crate::shell::{Failure, say};

/// The calls whose images are recorded by digest: the call, its project, and the layout in it.
const IMAGES: [(&str, &str, &str); 2] = [
    ("dist-rust", "http-api", "target/crossdock/http-api"),
    ("dist-go", "k8s-ssh-server", ".crossdock/k8s-ssh-server"),
];

/// Makes all calls and returns the records.
pub(super) fn all(program: &Path, table: &Path) -> Result<Records, Failure> {
    let calls = calls::read(table)?;
    let sandbox = Sandbox::prepare(program)?;
    projects::write_all(&sandbox)?;
    let normaliser = sandbox.normaliser()?;
    let mut records = Records::default();
    records.add("help.txt", help::all(&sandbox)?);
    let (mut codes, mut digests, mut broken) = (String::new(), serde_json::Map::new(), Vec::new());
    let compilers = normaliser.versions().filter(|(name, _)| *name != "git");
    let compilers = compilers.map(|(name, version)| (name.to_owned(), Value::from(version)));
    digests.insert("compilers".to_owned(), compilers.collect());
    for call in &calls {
        say(&format!("{}: crossdock {}", call.project, call.arguments.join(" ")));
        let answer = sandbox.call(&call.project, &call.arguments, &call.input, &call.env)?;
        codes.push_str(&format!(
            "{:>3}  {}: crossdock {} (in {})\n",
            answer.code.map_or("–".to_owned(), |code| code.to_string()),
            call.name,
            call.arguments.join(" "),
            call.project,
        ));
        match call.output.map(|output| document(output, &answer.stdout, &normaliser)) {
            Some(Ok(document)) => records.add(&format!("json/{}.json", call.name), format!("{document:#}\n")),
            Some(Err(error)) => broken.push(format!("`{}` ({error}): {}", call.name, answer.stderr)),
            None => {}
        }
        if let Some((name, digest)) = image(&sandbox, call)? {
            digests.insert(name.to_owned(), digest);
        }
    }
    records.add("exit-codes.txt", codes);
    records.add("digests.json", format!("{:#}\n", Value::Object(digests)));
    if broken.is_empty() {
        Ok(records)
    } else {
        Err(Failure::Answer(format!("no JSON on standard output of these calls:\n{}", broken.join("\n"))))
    }
}

/// Returns the recorded form of standard output.
fn document(output: Output, stdout: &str, normaliser: &Normaliser) -> Result<Value, serde_json::Error> {
    match output {
        Output::Json => Ok(normaliser.document(&serde_json::from_str(stdout)?)),
        Output::Shape => Ok(normalise::shape(&serde_json::from_str(stdout)?)),
        Output::Lines => {
            let lines: Result<Vec<Value>, _> = stdout.lines().map(serde_json::from_str).collect();
            Ok(normaliser.document(&lines?.into()))
        }
    }
}

/// Returns the digests of an image that a call has built, read from its layout.
fn image(sandbox: &Sandbox, call: &Call) -> Result<Option<(&'static str, Value)>, Failure> {
    let Some((_, project, layout)) = IMAGES.into_iter().find(|(name, ..)| *name == call.name) else {
        return Ok(None);
    };
    let layout = sandbox.project(project).join(layout);
    let index = read_json(&layout.join("index.json"))?;
    let digests = descend(&layout, &index)?;
    let archive = layout.with_extension("tar");
    let bytes = std::fs::read(&archive).map_err(Failure::file(&archive))?;
    Ok(Some((project, json!({ "layout": digests, "archive": hex(&Sha256::digest(bytes)) }))))
}

/// Returns the descriptors of an index or a manifest with their digests, and recursively those of their content.
fn descend(layout: &Path, document: &Value) -> Result<Value, Failure> {
    let field = |name: &str| document[name].as_array().into_iter().flatten();
    let config = document.get("config").into_iter();
    let descriptors = config.chain(field("manifests")).chain(field("layers"));
    descriptors
        .map(|descriptor| {
            let (digest, media) =
                (&descriptor["digest"], descriptor["mediaType"].as_str().unwrap_or_default());
            let mut record = json!({ "digest": digest, "mediaType": media });
            if media.contains("index") || media.contains("manifest") {
                let hash = digest.as_str().unwrap_or_default().trim_start_matches("sha256:");
                record["below"] = descend(layout, &read_json(&layout.join("blobs/sha256").join(hash))?)?;
            }
            Ok(record)
        })
        .collect()
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    let bytes = std::fs::read(path).map_err(Failure::file(path))?;
    serde_json::from_slice(&bytes).map_err(|error| Failure::Answer(format!("{}: {error}", path.display())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
