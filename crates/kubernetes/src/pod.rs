//! Pod specifications, and the node affinity that keeps their pods on nodes for which their images are.

mod insert;
mod label;

use std::collections::BTreeSet;
use std::fmt;

use crate::edit::Edit;
use crate::error::{ManifestError, Problem};
use crate::yaml::Id;

pub(crate) use insert::{Lines, Slot, Spot, Style, Value};
pub(crate) use label::{Label, Operator, Requirement};

/// The operating system and architecture of a node, as its labels `kubernetes.io/os` and `kubernetes.io/arch` name them. Nodes
/// have no label for a variant: `linux/arm/v7` is `linux/arm`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodePlatform {
    /// The operating system, a GOOS value: `linux`.
    pub os: String,
    /// The architecture, a GOARCH value: `arm64`.
    pub architecture: String,
}

impl fmt::Display for NodePlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// A pod specification: a mapping with a list of `containers`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pod {
    /// The line of its first field, from 1.
    pub line: usize,
    /// The column of its first field in characters, from 1.
    pub column: usize,
    /// The references of its containers and image volumes, as the file has them; `None` for a container without an image.
    pub images: Vec<Option<String>>,
    /// Whether kustomize replaces each of them. See [`link_kustomizations`](crate::link_kustomizations).
    pub replaced: Vec<bool>,
    /// Whether a kustomization may change its containers or nodes: by a patch, a transformer or a component. See
    /// [`link_kustomizations`](crate::link_kustomizations).
    pub is_patched: bool,
    /// The nodes of the images.
    pub(crate) found: Vec<Option<Id>>,
    pub(crate) scheduling: Scheduling,
}

/// The nodes that a specification chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scheduling {
    /// It is not a pod template, and its fields are unknown.
    Unknown,
    /// Its fields are not those of a pod.
    Malformed(ManifestError),
    Constraints(Constraints),
}

/// The fields of a specification that choose nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constraints {
    pub(crate) file: String,
    /// `nodeSelector` and `os.name`, all of which nodes must have.
    pub(crate) selector: Vec<Requirement>,
    pub(crate) terms: Terms,
}

/// The `nodeSelectorTerms` of the required node affinity, one of which nodes must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Terms {
    /// There are none; the place where they go.
    Absent(Spot),
    /// The terms that match any node, and the place of the list.
    Present { terms: Vec<Term>, line: usize, column: usize },
}

/// Requirements, all of which nodes must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) spot: Spot,
}

impl Pod {
    /// Returns whether the specification is that of a pod or pod template, which node affinity can be added to. Some custom
    /// resources have containers in specifications of their own.
    pub fn is_template(&self) -> bool {
        !matches!(self.scheduling, Scheduling::Unknown)
    }

    /// Returns whether two specifications choose the same nodes by platform.
    pub fn selects_like(&self, other: &Self) -> bool {
        self.words() == other.words()
    }

    /// Returns the requirements of the selector and of each term, without their places.
    fn words(&self) -> Vec<Vec<(Label, Operator, &[String])>> {
        let Scheduling::Constraints(constraints) = &self.scheduling else { return Vec::new() };
        let terms = match &constraints.terms {
            Terms::Absent(_) => &[][..],
            Terms::Present { terms, .. } => terms,
        };
        let terms = terms.iter().map(|term| &term.requirements[..]);
        std::iter::once(&constraints.selector[..]).chain(terms).map(words).collect()
    }

    /// Returns the lines of terms of the required node affinity that match no node of some platforms, while others do.
    pub fn terms_without_nodes(&self, platforms: &BTreeSet<NodePlatform>) -> Vec<usize> {
        match &self.scheduling {
            Scheduling::Constraints(constraints) => constraints.terms_without_nodes(platforms),
            Scheduling::Unknown | Scheduling::Malformed(_) => Vec::new(),
        }
    }

    /// Returns the edits that restrict the pods to nodes of some platforms, by node affinity in every term; none if the
    /// specification restricts them already, or is not a pod template.
    ///
    /// # Errors
    /// The specification excludes all of these platforms, or has fields that are not a pod's.
    pub fn require(&self, platforms: &BTreeSet<NodePlatform>) -> Result<Vec<Edit>, ManifestError> {
        match &self.scheduling {
            Scheduling::Unknown => Ok(Vec::new()),
            Scheduling::Malformed(error) => Err(error.clone()),
            Scheduling::Constraints(constraints) => constraints.require(platforms),
        }
    }
}

impl Constraints {
    fn require(&self, platforms: &BTreeSet<NodePlatform>) -> Result<Vec<Edit>, ManifestError> {
        let allowed = self.accepted(&self.selector, platforms)?;
        match &self.terms {
            Terms::Absent(spot) => Ok(vec![spot.insert(new_terms(platforms, &allowed))]),
            Terms::Present { terms, line, column } => {
                let Some(first) = terms.first() else {
                    let by = "`nodeSelectorTerms`, whose terms are empty,".to_owned();
                    return Err(self.error(
                        (*line, *column),
                        Problem::Excluded { by, platforms: label::listed(platforms) },
                    ));
                };
                if terms.iter().all(|term| self.accepted(&term.requirements, &allowed).is_err()) {
                    self.accepted(&first.requirements, &allowed)?;
                }
                let edits = terms.iter().map(|term| self.restrict(term, platforms, &allowed));
                Ok(edits.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
        }
    }

    /// Returns the lines of the terms that match no node of some platforms.
    fn terms_without_nodes(&self, platforms: &BTreeSet<NodePlatform>) -> Vec<usize> {
        let (Ok(allowed), Terms::Present { terms, .. }) =
            (self.accepted(&self.selector, platforms), &self.terms)
        else {
            return Vec::new();
        };
        let terms = terms.iter().filter(|term| self.accepted(&term.requirements, &allowed).is_err());
        terms.map(|term| term.spot.line).collect()
    }

    /// Returns the platforms that requirements accept.
    fn accepted(
        &self,
        requirements: &[Requirement],
        platforms: &BTreeSet<NodePlatform>,
    ) -> Result<BTreeSet<NodePlatform>, ManifestError> {
        let mut accepted = platforms.clone();
        for requirement in requirements {
            accepted.retain(|platform| requirement.accepts(platform));
            if accepted.is_empty() {
                let problem =
                    Problem::Excluded { by: requirement.to_string(), platforms: label::listed(platforms) };
                return Err(self.error((requirement.line, requirement.column), problem));
            }
        }
        Ok(accepted)
    }

    /// Returns the edit that restricts a term; `None` if it is narrow enough. One that matches none of the platforms is
    /// restricted, too: it would let the pod run on other nodes.
    fn restrict(
        &self,
        term: &Term,
        platforms: &BTreeSet<NodePlatform>,
        allowed: &BTreeSet<NodePlatform>,
    ) -> Result<Option<Edit>, ManifestError> {
        let accepted = self.accepted(&term.requirements, allowed).unwrap_or_else(|_| allowed.clone());
        // Expressions for two labels say every combination of their values.
        let Some(chosen) = [platforms, &accepted].into_iter().find(|platforms| is_product(platforms)) else {
            let platforms = label::listed(&accepted);
            return Err(self.error((term.spot.line, term.spot.column), Problem::Mixed(platforms)));
        };
        let missing: Vec<Label> = Label::ALL
            .into_iter()
            .filter(|label| !label.is_bounded(&term.requirements, &label.values(chosen)))
            .collect();
        let expressions = missing.into_iter().map(|label| expression(label, chosen)).collect::<Vec<_>>();
        Ok((!expressions.is_empty()).then(|| term.spot.insert(expressions)))
    }

    fn error(&self, (line, column): (usize, usize), problem: Problem) -> ManifestError {
        ManifestError { file: self.file.clone(), line, column, problem }
    }
}

/// Returns terms for platforms: one, or one for each operating system if they have different architectures.
fn new_terms(platforms: &BTreeSet<NodePlatform>, allowed: &BTreeSet<NodePlatform>) -> Vec<Value> {
    let term = |platforms: &BTreeSet<NodePlatform>| {
        let expressions = Label::ALL.into_iter().map(|label| expression(label, platforms)).collect();
        Value::Mapping(vec![("matchExpressions", Value::Sequence(expressions))])
    };
    if let Some(product) = [platforms, allowed].into_iter().find(|platforms| is_product(platforms)) {
        return vec![term(product)];
    }
    let of = |os: &String| allowed.iter().filter(|platform| platform.os == *os).cloned().collect();
    Label::Os.values(allowed).iter().map(|os| term(&of(os))).collect()
}

fn expression(label: Label, platforms: &BTreeSet<NodePlatform>) -> Value {
    let values = label.values(platforms).into_iter().map(Value::Text).collect();
    Value::Mapping(vec![
        ("key", Value::Text(label.key().to_owned())),
        ("operator", Value::Text("In".to_owned())),
        ("values", Value::Sequence(values)),
    ])
}

/// Returns whether a set has every combination of its operating systems and architectures.
fn is_product(platforms: &BTreeSet<NodePlatform>) -> bool {
    Label::Os.values(platforms).len() * Label::Architecture.values(platforms).len() == platforms.len()
}

/// Returns requirements without their places.
fn words(requirements: &[Requirement]) -> Vec<(Label, Operator, &[String])> {
    requirements.iter().map(|one| (one.label, one.operator, &one.values[..])).collect()
}
