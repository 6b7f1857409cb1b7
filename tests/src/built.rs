//! A project built by `crossdock dist`.

use std::path::PathBuf;

use serde_json::Value;

use crate::fixture;
use crate::layout::Layout;
use crate::sandbox::Sandbox;

/// A project, its images, and the report of `dist --json`.
#[derive(Debug)]
pub struct Built {
    pub sandbox: Sandbox,
    pub project: PathBuf,
    pub report: Value,
}

impl Built {
    /// Builds one of the repository's examples, in a git repository of its own like a user's project.
    pub fn example(sandbox: Sandbox, name: &str) -> Self {
        let project = fixture::example(&sandbox.work(), name);
        fixture::commit(&sandbox, &project);
        Self::project(sandbox, project, &[])
    }

    /// Builds a project in the sandbox.
    pub fn project(sandbox: Sandbox, project: PathBuf, options: &[&str]) -> Self {
        let mut arguments = vec!["dist", "--json"];
        arguments.extend(options);
        let report = sandbox.crossdock(&project, &arguments).success().json();
        Self { sandbox, project, report }
    }

    /// Returns the report's entry for an image.
    pub fn image(&self, name: &str) -> &Value {
        let images =
            self.report["images"].as_array().unwrap_or_else(|| panic!("no images: {:#}", self.report));
        let image = images.iter().find(|image| image["name"] == name);
        image.unwrap_or_else(|| panic!("no image {name}: {:#}", self.report))
    }

    /// Returns an image's layout after checking it.
    pub fn layout(&self, name: &str) -> Layout {
        let path =
            self.image(name)["layout"].as_str().unwrap_or_else(|| panic!("no layout: {:#}", self.report));
        let layout = Layout::open(self.project.join(path));
        assert_eq!(
            self.image(name)["digest"],
            layout.digest(),
            "the answer and the layout name different digests"
        );
        layout
    }

    /// Returns the name under which an engine knows the image.
    pub fn reference(&self, name: &str) -> String {
        let image = self.image(name);
        let reference = image["loaded"].as_str().or(image["references"][0].as_str());
        reference.unwrap_or_else(|| panic!("no reference: {image:#}")).to_owned()
    }
}
