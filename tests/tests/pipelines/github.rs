//! Runs a workflow as GitHub does, with substitutes for its actions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossdock_tests::Sandbox;
use serde_json::{Value, json};

use super::expression::{evaluate, holds, replaced};
use super::job::{Depth, Job};

/// The event that starts a run.
pub(super) struct Event {
    pub(super) ref_type: &'static str,
    pub(super) ref_name: &'static str,
}

/// A run of a workflow.
pub(super) struct Run<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) project: &'a Path,
    pub(super) workflow: &'a Value,
    pub(super) event: Event,
    /// The registry that takes the place of GitHub's.
    pub(super) registry: &'a str,
    /// The user and the token of the jobs.
    pub(super) login: (&'static str, &'static str),
    /// The commands of all jobs with their output.
    pub(super) log: RefCell<String>,
}

impl Run<'_> {
    /// Runs each job after the one that it needs. Returns the ids of those that ran, with the platform of a leg.
    pub(super) fn all(&self) -> Vec<String> {
        let mut ran = Vec::new();
        let mut outputs = json!({});
        let jobs = self.workflow["jobs"].as_object().unwrap();
        let next = |last: &Value| jobs.iter().find(|(_, job)| job["needs"] == *last);
        let chain = std::iter::successors(next(&Value::Null), |(id, _)| next(&id.as_str().into()));
        for (id, job) in chain {
            if let Some(condition) = job["if"].as_str()
                && !holds(&evaluate(condition, &|name| self.value(name, &outputs, &Value::Null, &json!({}))))
            {
                continue;
            }
            for entry in self.entries(job, &outputs) {
                let platform = entry["platform"].as_str().map(|platform| format!(" {platform}"));
                let name = format!("{id}{}", platform.unwrap_or_default());
                let steps = self.steps(&name, job, &outputs, &entry);
                for (key, text) in job["outputs"].as_object().into_iter().flatten() {
                    let find = |name: &str| self.value(name, &outputs, &entry, &steps);
                    let value = replaced(text.as_str().unwrap(), &find);
                    outputs[id][key] = value.into();
                }
                ran.push(name);
            }
        }
        ran
    }

    /// Returns the entries of a job's matrix; one empty entry for a job without a matrix.
    fn entries(&self, job: &Value, outputs: &Value) -> Vec<Value> {
        let Some(matrix) = job["strategy"]["matrix"].as_str() else { return vec![json!({})] };
        let matrix = replaced(matrix, &|name| self.value(name, outputs, &Value::Null, &json!({})));
        let matrix: Value = serde_json::from_str(&matrix).unwrap();
        matrix["include"].as_array().unwrap().clone()
    }

    /// Runs the steps of a job and returns the outputs of those that have an id.
    fn steps(&self, name: &str, job: &Value, outputs: &Value, entry: &Value) -> Value {
        let directory = self.directory(name);
        let mut runner = Job::new(self.sandbox, &directory, BTreeMap::new());
        let mut steps = json!({});
        let written = directory.join("output");
        runner.set("GITHUB_OUTPUT", written.display().to_string());
        runner.set("RUNNER_TEMP", runner.temporary.display().to_string());
        let temporary = runner.temporary.display().to_string();
        let find = |name: &str, steps: &Value| match name {
            "runner.temp" => Value::from(temporary.as_str()),
            _ => self.value(name, outputs, entry, steps),
        };
        for (key, value) in self.workflow["env"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap().replace("ghcr.io", self.registry);
            runner.set(key, replaced(&value, &|name| find(name, &steps)));
        }
        for step in job["steps"].as_array().unwrap() {
            let text =
                |value: &Value| replaced(value.as_str().unwrap_or_default(), &|name| find(name, &steps));
            if let Some(script) = step["run"].as_str() {
                let script = text(&script.into());
                let outcome = runner.run("bash", &script);
                self.log.borrow_mut().push_str(&format!("{script}\n{}{}", outcome.stdout, outcome.stderr));
                outcome.success();
            } else {
                let with = |key: &str| text(&step["with"][key]);
                let uses = step["uses"].as_str().unwrap();
                self.act(uses.split('@').next().unwrap(), &runner, step, &with);
            }
            if let Some(id) = step["id"].as_str() {
                for line in std::fs::read_to_string(&written).unwrap().lines() {
                    let (key, value) = line.split_once('=').expect("an output of one line");
                    steps[id][key] = value.into();
                }
            }
        }
        steps
    }

    /// Does what an action would do.
    fn act(&self, action: &str, runner: &Job<'_>, step: &Value, with: &dyn Fn(&str) -> String) {
        let artifacts = self.sandbox.work().join("artifacts");
        match action {
            "actions/checkout" => {
                let depth = if step["with"]["fetch-depth"] == 0 { Depth::Full } else { Depth::One };
                assert_eq!(step["with"]["persist-credentials"], false);
                runner.check_out(self.project, depth);
            }
            "actions/cache" => {
                let (key, prefix) = (with("key"), with("restore-keys"));
                assert!(key.starts_with(&prefix) && key.len() > prefix.len(), "{key}");
                assert!(with("path").lines().count() >= 2);
            }
            "actions/upload-artifact" => {
                let (file, to) = (PathBuf::from(with("path")), artifacts.join(with("name")));
                std::fs::create_dir_all(&to).unwrap();
                std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
            }
            "actions/download-artifact" => {
                let prefix = with("pattern").trim_end_matches('*').to_owned();
                assert_eq!(step["with"]["merge-multiple"], true);
                let to = PathBuf::from(with("path"));
                std::fs::create_dir_all(&to).unwrap();
                for artifact in std::fs::read_dir(&artifacts).unwrap().map(Result::unwrap) {
                    assert!(artifact.file_name().to_str().unwrap().starts_with(&prefix));
                    for file in std::fs::read_dir(artifact.path()).unwrap().map(Result::unwrap) {
                        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
                    }
                }
            }
            other => panic!("an action that the tests do not know: {other}"),
        }
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.sandbox.work().join("jobs").join(name.replace(['/', ' '], "-"))
    }

    /// Returns the value of a name.
    fn value(&self, name: &str, outputs: &Value, entry: &Value, steps: &Value) -> Value {
        match name {
            "github.repository" => "Team/Hello".into(),
            "github.actor" => self.login.0.into(),
            "github.token" => self.login.1.into(),
            "github.ref_type" => self.event.ref_type.into(),
            "github.ref_name" => self.event.ref_name.into(),
            "github.event.repository.default_branch" => "main".into(),
            "steps.plan.outputs.matrix" => steps["plan"]["matrix"].clone(),
            "needs.plan.outputs.matrix" => outputs["plan"]["matrix"].clone(),
            "fromJSON(needs.plan.outputs.matrix)" => outputs["plan"]["matrix"].clone(),
            _ if name.starts_with("hashFiles('**/") => "0f".into(),
            _ => match name.strip_prefix("matrix.") {
                Some(key) if !entry[key].is_null() => entry[key].clone(),
                _ => panic!("a name that the tests do not know: {name}"),
            },
        }
    }
}
