//! Reads the fields of pod specifications that choose nodes, and finds the places for node affinity.

use std::collections::{HashMap, HashSet};

use crate::error::{ManifestError, Problem};
use crate::pod::{Constraints, Label, Operator, Pod, Requirement, Scheduling, Slot, Spot, Term, Terms};
use crate::yaml::{Id, Scalar};

use super::Reader;
use super::style::Around;

/// The fields from a specification to the terms that nodes must match.
const TERMS: [&str; 4] =
    ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
const EXPRESSIONS: [&str; 1] = ["matchExpressions"];

/// The kind of a mapping, by the fields that lead to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Context {
    Other,
    /// A pod, or a field such as `template`, whose field `spec` is a pod specification.
    Template,
    Specification,
}

/// The pod specifications of a document.
#[derive(Default)]
pub(super) struct Templates {
    /// Those of pods and pod templates, each with the key that it is the value of.
    found: HashMap<Id, Id>,
    seen: HashSet<(Id, Context)>,
}

impl Reader<'_> {
    /// Takes the pod specifications of an object.
    pub(super) fn take_pods(&mut self, root: Id, kind: &str, specifications: &[Id]) {
        let context = if kind == "Pod" { Context::Template } else { Context::Other };
        let mut templates = Templates::default();
        self.find_templates(root, None, context, &mut templates);
        for spec in specifications {
            let scheduling = match templates.found.get(spec) {
                Some(key) => match self.constraints(root, *key, *spec) {
                    Ok(constraints) => Scheduling::Constraints(constraints),
                    Err(error) => Scheduling::Malformed(error),
                },
                None => Scheduling::Unknown,
            };
            let node = self.tree.node(*spec);
            let found = self.images(*spec);
            let images = found.iter().copied();
            let images = images.into_iter().map(|image| Some(self.tree.text(image?)?.to_owned()));
            let images = images.map(|image| image.filter(|image| !image.is_empty())).collect();
            let (line, column, replaced) = (node.line, node.column + 1, vec![false; found.len()]);
            let is_patched = false;
            self.file.pods.push(Pod { line, column, images, replaced, is_patched, found, scheduling });
        }
    }

    fn find_templates(&self, id: Id, key: Option<Id>, context: Context, templates: &mut Templates) {
        if !templates.seen.insert((id, context)) {
            return;
        }
        if let (Context::Specification, Some(key)) = (context, key) {
            templates.found.insert(id, key);
        }
        for (key, value) in self.tree.entries(id) {
            let below = match self.tree.text(*key) {
                Some("spec") if context == Context::Template => Context::Specification,
                Some(name) if name.ends_with("emplate") => Context::Template,
                _ => Context::Other,
            };
            self.find_templates(*value, Some(*key), below, templates);
        }
        for item in self.tree.items(id) {
            self.find_templates(*item, key, Context::Other, templates);
        }
    }

    fn constraints(&self, root: Id, key: Id, spec: Id) -> Result<Constraints, ManifestError> {
        let style = Around { root, key, spec };
        let mut selector = Vec::new();
        for field in ["os", "nodeSelector"] {
            if let Some(value) = self.tree.get(spec, field).filter(|value| !self.is_absent(*value)) {
                self.expect_mapping(value, field)?;
            }
        }
        let os = self.tree.get(spec, "os").and_then(|os| self.tree.get(os, "name"));
        selector.extend(os.and_then(|at| self.selected(Label::Os, "os.name", at)));
        let labels = self.tree.get(spec, "nodeSelector").map(|labels| self.tree.entries(labels));
        for (name, value) in labels.unwrap_or_default() {
            let label = self.tree.text(*name).and_then(Label::of);
            selector.extend(label.and_then(|label| self.selected(label, "nodeSelector", *value)));
        }
        let terms = self.terms(spec, &style)?;
        Ok(Constraints { file: self.name.to_owned(), selector, terms })
    }

    /// Returns the requirement that a label has one value.
    fn selected(&self, label: Label, field: &str, at: Id) -> Option<Requirement> {
        let value = self.tree.text(at)?.to_owned();
        let node = self.tree.node(at);
        let field = format!("`{field}` {value}");
        let (line, column, values) = (node.line, node.column + 1, vec![value]);
        Some(Requirement { label, operator: Operator::In, values, field, line, column })
    }

    fn terms(&self, spec: Id, style: &Around) -> Result<Terms, ManifestError> {
        let mut at = spec;
        for (depth, name) in TERMS.iter().enumerate() {
            let Some((key, value)) = self.tree.entry(at, name) else {
                return Ok(Terms::Absent(self.entries_of(at, &TERMS[depth..], style)));
            };
            if self.is_absent(value) {
                return Ok(Terms::Absent(self.value_of(key, value, &TERMS[depth + 1..], style)));
            }
            match depth + 1 == TERMS.len() {
                true => self.expect_sequence(value, name)?,
                false => self.expect_mapping(value, name)?,
            }
            at = value;
        }
        if self.tree.items(at).is_empty() {
            return Ok(Terms::Absent(self.entries_of(at, &[], style)));
        }
        let terms = self.tree.items(at).iter().map(|term| self.term(*term, style));
        let terms = terms.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let node = self.tree.node(at);
        Ok(Terms::Present { terms, line: node.line, column: node.column + 1 })
    }

    /// Reads a term; `None` if it is empty, which matches no node.
    fn term(&self, term: Id, style: &Around) -> Result<Option<Term>, ManifestError> {
        if self.is_absent(term) {
            return Ok(None);
        }
        self.expect_mapping(term, "nodeSelectorTerms")?;
        let count = |key| self.tree.get(term, key).map_or(0, |list| self.tree.items(list).len());
        if count("matchExpressions") + count("matchFields") == 0 {
            return Ok(None);
        }
        let Some((key, list)) = self.tree.entry(term, "matchExpressions") else {
            let spot = self.entries_of(term, &EXPRESSIONS, style);
            return Ok(Some(Term { requirements: Vec::new(), spot }));
        };
        if self.is_absent(list) {
            let spot = self.value_of(key, list, &[], style);
            return Ok(Some(Term { requirements: Vec::new(), spot }));
        }
        self.expect_sequence(list, "matchExpressions")?;
        let requirements = self.tree.items(list).iter().map(|one| self.requirement(*one));
        let requirements = requirements.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        Ok(Some(Term { requirements, spot: self.entries_of(list, &[], style) }))
    }

    /// Reads a requirement; `None` if it is about another label.
    fn requirement(&self, at: Id) -> Result<Option<Requirement>, ManifestError> {
        self.expect_mapping(at, "matchExpressions[]")?;
        let key = self.expression_field(at, "key")?;
        let operator = self.expression_field(at, "operator")?;
        let Some(known) = Operator::of(operator) else {
            return Err(self
                .error(self.tree.get(at, "operator").unwrap_or(at), Problem::Operator(operator.to_owned())));
        };
        let list = self.tree.get(at, "values").filter(|list| !self.is_absent(*list));
        if let Some(list) = list {
            self.expect_sequence(list, "values")?;
        }
        let values = list.map(|list| self.tree.items(list)).unwrap_or_default();
        if values.is_empty() && matches!(known, Operator::In | Operator::NotIn) {
            return Err(self.error(at, Problem::Missing("values")));
        }
        let Some(label) = Label::of(key) else { return Ok(None) };
        let values: Vec<String> =
            values.iter().filter_map(|value| self.tree.text(*value)).map(str::to_owned).collect();
        let field = format!("the node affinity `{key}` {operator} {}", values.join(", "));
        let node = self.tree.node(at);
        Ok(Some(Requirement {
            label,
            operator: known,
            values,
            field,
            line: node.line,
            column: node.column + 1,
        }))
    }

    /// Returns a text that an expression must have.
    fn expression_field(&self, expression: Id, name: &'static str) -> Result<&str, ManifestError> {
        let value = self.tree.get(expression, name).filter(|value| !self.is_absent(*value));
        let value = value.ok_or_else(|| self.error(expression, Problem::Missing(name)))?;
        self.tree.text(value).ok_or_else(|| self.error(value, Problem::NotText(name.to_owned())))
    }

    fn is_absent(&self, value: Id) -> bool {
        self.tree.scalar(value).is_some_and(Scalar::is_null)
    }

    fn expect_mapping(&self, value: Id, name: &str) -> Result<(), ManifestError> {
        match self.tree.scalar(value).is_none() && !self.tree.is_sequence(value) {
            true => Ok(()),
            false => Err(self.error(value, Problem::NotMapping(name.to_owned()))),
        }
    }

    fn expect_sequence(&self, value: Id, name: &str) -> Result<(), ManifestError> {
        match self.tree.is_sequence(value) {
            true => Ok(()),
            false => Err(self.error(value, Problem::NotList(name.to_owned()))),
        }
    }

    /// Returns the place of a list instead of an absent value.
    fn value_of(&self, key: Id, value: Id, path: &'static [&'static str], around: &Around) -> Spot {
        let (range, before) = self.empty(key, value);
        let (line, column) = (self.tree.node(key).line, self.tree.node(key).column + 1);
        let style = self.flow_style(around);
        Spot { range, line, column, path, slot: Slot::Value(before), style }
    }
}
