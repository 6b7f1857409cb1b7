//! The rules. Each looks at the whole file and gives all its findings.

mod cache;
mod correct;
mod form;
mod libc;
mod masked;
mod nodes;
mod platform;
mod support;

use super::Options;
use super::finding::Finding;
use super::model::Model;

/// Looks for one kind of trouble.
type Rule = fn(&Model<'_>, &Options) -> Vec<Finding>;

/// Every rule.
pub(super) const ALL: &[Rule] = &[
    form::unknown_instruction,
    form::refused_instruction,
    form::outside_of_stages,
    form::shell_form_without_shell,
    form::single_stage,
    platform::architecture,
    platform::undeclared_target,
    masked::masked_target,
    nodes::platform_against_nodes,
    nodes::platform_of_the_builder,
    libc::linked_program,
    support::end_of_life_base,
    cache::cargo_cache_race,
];
