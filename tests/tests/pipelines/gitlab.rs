//! Runs a pipeline as GitLab does: the parent, and the child that a job of it prints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossdock_tests::Sandbox;
use serde_json::Value;

use super::expression::{evaluate, holds};
use super::job::{Depth, Job};
use super::yaml;

/// A run of a pipeline.
pub(super) struct Run<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) project: &'a Path,
    pub(super) config: &'a Value,
    /// The variables that GitLab gives to each job.
    pub(super) given: BTreeMap<String, String>,
}

impl Run<'_> {
    /// Runs the parent and the child pipeline. Returns the names of the jobs that ran, with the platform of a leg.
    pub(super) fn all(&self) -> Vec<String> {
        let mut ran = Vec::new();
        let given = self.with(&[("CI_PIPELINE_SOURCE", "push")]);
        self.pipeline(self.config, &given, &mut ran);
        ran
    }

    fn with(&self, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.given.clone().into_iter().chain(more).collect()
    }

    fn pipeline(&self, config: &Value, given: &BTreeMap<String, String>, ran: &mut Vec<String>) {
        for stage in config["stages"].as_array().unwrap() {
            for (name, job) in config.as_object().unwrap() {
                if job["stage"] != *stage || name.starts_with('.') {
                    continue;
                }
                let Some(rule) = applying(job, given) else { continue };
                if let Some(include) = job["trigger"]["include"][0]["artifact"].as_str() {
                    ran.push(name.clone());
                    self.child(include, ran);
                    continue;
                }
                for mut leg in legs(job) {
                    for (key, value) in rule["variables"].as_object().into_iter().flatten() {
                        leg.insert(key.clone(), value.as_str().unwrap().to_owned());
                    }
                    let platform = leg.get("PLATFORM").map(|platform| format!(" {platform}"));
                    let name = format!("{name}{}", platform.unwrap_or_default());
                    let variables = given.clone().into_iter().chain(leg).collect();
                    self.job(&name, config, job, variables);
                    ran.push(name);
                }
            }
        }
    }

    /// Runs the pipeline in an artifact, which includes the file of the parent.
    fn child(&self, artifact: &str, ran: &mut Vec<String>) {
        let printed = yaml(self.artifacts().join(artifact)).remove(0);
        assert_eq!(printed["include"], ".gitlab-ci.yml");
        let mut config = self.config.clone();
        for (name, job) in printed.as_object().unwrap().iter().filter(|(name, _)| *name != "include") {
            let mut whole = self.config[job["extends"].as_str().unwrap()].clone();
            for (key, value) in job.as_object().unwrap() {
                whole[key] = value.clone();
            }
            config[name] = whole;
        }
        self.pipeline(&config, &self.with(&[("CI_PIPELINE_SOURCE", "parent_pipeline")]), ran);
    }

    fn artifacts(&self) -> PathBuf {
        self.sandbox.work().join("artifacts")
    }

    fn job(&self, name: &str, config: &Value, job: &Value, variables: BTreeMap<String, String>) {
        let directory = self.sandbox.work().join("jobs").join(name.replace(['/', ' '], "-"));
        let mut runner = Job::new(self.sandbox, &directory, variables);
        let place = runner.clone.display().to_string();
        let depth = config["variables"]["GIT_DEPTH"] == "0";
        let cached = |key: &str| ["GOCACHE", "GOMODCACHE"].contains(&key);
        // Those of this machine serve, so that no leg compiles Go's library again.
        for (key, value) in config["variables"].as_object().unwrap().iter().filter(|(key, _)| !cached(key)) {
            let value = value.as_str().unwrap().replace("$CI_PROJECT_DIR", &place);
            runner.set(key, value.replace("$CI_REGISTRY_IMAGE", &self.given["CI_REGISTRY_IMAGE"]));
        }
        runner.check_out(self.project, if depth { Depth::Full } else { Depth::One });
        if self.artifacts().is_dir() && job["stage"] == "merge" {
            crossdock_tests::fixture::copy(&self.artifacts(), &runner.clone);
            std::fs::remove_file(runner.clone.join("matrix.yml")).unwrap();
        }
        for path in job["cache"]["paths"].as_array().into_iter().flatten() {
            assert!(
                !path.as_str().unwrap().starts_with(['/', '~']),
                "a cache is inside of the clone: {path}"
            );
        }
        // All lines are one script for the runner.
        let lines = job["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
        runner.run("bash", &lines.collect::<Vec<_>>().join("\n")).success();
        for path in job["artifacts"]["paths"].as_array().into_iter().flatten() {
            let path = path.as_str().unwrap();
            let (from, to) = (runner.clone.join(path), self.artifacts().join(path));
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            if from.is_dir() {
                crossdock_tests::fixture::copy(&from, &to);
            } else {
                std::fs::copy(from, to).unwrap();
            }
        }
    }
}

/// Returns the first rule that applies to a job; an empty one if it has no rules.
fn applying<'a>(job: &'a Value, given: &BTreeMap<String, String>) -> Option<&'a Value> {
    let Some(rules) = job["rules"].as_array() else { return Some(&Value::Null) };
    let name = |name: &str| {
        let name = name.strip_prefix('$').unwrap_or_else(|| panic!("not a variable: {name}"));
        given.get(name).map_or(Value::Null, |value| value.as_str().into())
    };
    rules.iter().find(|rule| rule["if"].as_str().is_none_or(|text| holds(&evaluate(text, &name))))
}

/// Returns the variables of each job of a matrix.
fn legs(job: &Value) -> Vec<BTreeMap<String, String>> {
    let Some(matrix) = job["parallel"]["matrix"].as_array() else { return vec![BTreeMap::new()] };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let leg = |leg: &Value| {
        leg.as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect()
    };
    matrix.iter().map(leg).collect()
}
