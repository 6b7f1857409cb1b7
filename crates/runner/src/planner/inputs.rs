//! Inputs of a build must not lie where crossdock writes: `files`, files that Go programs embed, and build contexts.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::error::PlanError;
use super::images::SelectedImage;
use super::output::output_directory;
use super::request::Request;
use crate::plan::ImagePlan;
use crossdock_project::config::grammar::normalized_path;
use crossdock_project::config::{ExtraFile, ImageConfig, Sourced};
use crossdock_project::{GoEmbed, Program, Project};

/// Returns warnings that name the images of earlier versions, which nothing writes or reads any more.
pub(super) fn old_layouts(selected: &[SelectedImage<'_>], request: &Request) -> Vec<String> {
    let modules = selected.iter().filter_map(|image| match image.project {
        Project::Go(module) if !module.old_layouts.is_empty() => Some((image.project, module)),
        _ => None,
    });
    let warnings = modules.map(|(project, module)| {
        let old: Vec<&str> = module.old_layouts.iter().map(|path| path.as_str()).collect();
        let (old, new) = (old.join(", "), output_directory(project, request));
        format!("earlier versions of crossdock wrote {old}; images are in {new} now: remove the old ones")
    });
    warnings.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Rejects images of which a later build would read what this one writes: through an entry of `files` or a file that a Go
/// program embeds. Each build would then contain the one before.
pub(super) fn check_inputs(
    selected: &[SelectedImage<'_>],
    images: &[ImagePlan],
    request: &Request,
) -> Result<(), PlanError> {
    let outputs: BTreeSet<Utf8PathBuf> =
        images.iter().flat_map(ImagePlan::outputs).map(normalized_path).collect();
    // A directory that `--output` names may hold files of the user's, too.
    let own: Vec<Utf8PathBuf> = match &request.output {
        Some(_) => Vec::new(),
        None => selected.iter().map(|image| output_directory(image.project, request)).collect(),
    };
    for image in selected {
        for (index, file) in image.config.files.iter().enumerate() {
            let from = &file.value.from;
            let takes =
                |output: &&Utf8PathBuf| from.starts_with(output) || output.parent() == Some(from.as_path());
            let in_own = own.iter().find(|directory| from.starts_with(directory));
            if let Some(output) = outputs.iter().find(takes).or(in_own) {
                return Err(packs_output(
                    &image.config,
                    index,
                    file,
                    output,
                    "another directory with `--output`",
                ));
            }
        }
        embeds(image).try_for_each(|embed| check_embed(&image.config, embed, &outputs))?;
    }
    Ok(())
}

/// Rejects images of which a later build would read the file of `--metadata-file`.
pub(super) fn check_metadata_file(
    selected: &[SelectedImage<'_>],
    request: &Request,
) -> Result<(), PlanError> {
    let Some(written) = request.metadata_file.as_ref().map(normalized_path) else { return Ok(()) };
    let elsewhere = "another file with `--metadata-file`";
    for image in selected {
        for (index, file) in image.config.files.iter().enumerate() {
            if written.starts_with(&file.value.from) {
                return Err(packs_output(&image.config, index, file, &written, elsewhere));
            }
        }
        if let Some(embed) = embeds(image).find(|embed| embed.reaches(&written)) {
            let help = format!("name the embedded files one by one, or choose {elsewhere}");
            return Err(embeds_output(&image.config, embed, &written, help));
        }
    }
    Ok(())
}

/// Returns the warning for a file of `--metadata-file` that git sees.
pub(super) fn seen_metadata_file(request: &Request) -> Option<String> {
    let (written, checkout) = (request.metadata_file.as_ref()?, request.metadata_file_seen_in.as_ref()?);
    let below = written.strip_prefix(checkout).unwrap_or(written);
    Some(format!(
        "git does not ignore {written}, which `--metadata-file` writes: the next build is one of a changed checkout, and its \
         tags and annotations say `dirty`; add the line `/{below}` to {}, or choose another file",
        checkout.join(".gitignore")
    ))
}

fn embeds<'a>(image: &'a SelectedImage<'_>) -> impl Iterator<Item = &'a GoEmbed> {
    image.programs.iter().flat_map(|program| match program {
        Program::Go(main) => main.embeds.as_slice(),
        Program::Rust { .. } => &[],
    })
}

fn packs_output(
    image: &ImageConfig,
    index: usize,
    file: &Sourced<ExtraFile>,
    output: &Utf8Path,
    elsewhere: &str,
) -> PlanError {
    PlanError::File {
        what: format!("image `{}`: files[{index}].from = `{}`", image.name.value, file.value.from),
        at: file.source.clone(),
        why: format!("would pack {output}, which crossdock writes"),
        help: format!("name other files, or choose {elsewhere}"),
    }
}

fn check_embed(
    image: &ImageConfig,
    embed: &GoEmbed,
    outputs: &BTreeSet<Utf8PathBuf>,
) -> Result<(), PlanError> {
    let written = outputs.iter().find(|output| embed.reaches(output));
    let (path, help) = match (written, &embed.generated) {
        (Some(output), _) => {
            (output, "name the embedded files one by one, or choose another directory with `--output`")
        }
        (None, Some(generated)) => (generated, "remove it"),
        (None, None) => return Ok(()),
    };
    Err(embeds_output(image, embed, path, help.to_owned()))
}

fn embeds_output(image: &ImageConfig, embed: &GoEmbed, path: &Utf8Path, help: String) -> PlanError {
    PlanError::File {
        what: format!("image `{}`: `//go:embed {}`", image.name.value, embed.pattern),
        at: embed.source.clone(),
        why: format!(
            "would embed {path}, which crossdock writes, and each build would contain the one before"
        ),
        help,
    }
}

/// Adds the rules to a `.dockerignore` that keep the outputs of crossdock and cargo out of the build context, wherever the
/// user put them. The last rule that matches a path decides.
pub(super) fn without_outputs(
    dockerignore: String,
    selected: &SelectedImage<'_>,
    request: &Request,
    context: &Utf8Path,
) -> String {
    let output = output_directory(selected.project, request);
    let target = match selected.project {
        Project::Rust(workspace) => Some(workspace.target_directory.clone()),
        Project::Go(_) => None,
    };
    let directories = [Some(output), target].into_iter().flatten().map(normalized_path);
    let mut rules: BTreeSet<String> = BTreeSet::new();
    let is_source = |line: &str, below: &Utf8Path| {
        line.strip_prefix('!').is_some_and(|source| Utf8Path::new(source).starts_with(below))
    };
    for below in directories.filter_map(|path| path.strip_prefix(context).map(Utf8Path::to_owned).ok()) {
        // In a directory of sources only the outputs of this image are known.
        if dockerignore.lines().any(|line| is_source(line, &below)) {
            rules.extend(own_names(&selected.config.name.value).map(|name| below.join(name).into_string()));
        } else {
            rules.insert(below.into_string());
        }
    }
    let metadata_file = request.metadata_file.as_ref().map(normalized_path);
    let below = metadata_file.as_deref().and_then(|file| file.strip_prefix(context).ok());
    rules.extend(below.map(|below| below.to_string()));
    // A rule with these characters would match other paths, or none. The empty rule is the context itself.
    rules.retain(|rule| !rule.is_empty() && !rule.contains(['*', '?', '[', ']', '!', '#', '\\']));
    rules.retain(|rule| !dockerignore.lines().any(|line| excludes(line, Utf8Path::new(rule))));
    rules.iter().fold(dockerignore, |whole, rule| whole + rule + "\n")
}

/// Returns the names of the files and directories that are made of an image.
fn own_names(image: &str) -> impl Iterator<Item = String> {
    ["", ".engine", ".release", ".tar"].into_iter().map(move |ending| format!("{image}{ending}"))
}

/// Returns whether a rule without wildcards, or with `**/` before a name, excludes a path.
fn excludes(rule: &str, path: &Utf8Path) -> bool {
    path.ancestors().any(|above| match rule.strip_prefix("**/") {
        Some(name) => above.file_name() == Some(name),
        None => !rule.is_empty() && above == rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::images::select;
    use crate::planner::request::testing::{config, go_module, image, request, stated};
    use crossdock_project::Projects;

    #[test]
    fn an_engine_is_sent_no_output_wherever_the_user_puts_it() {
        let mut config = config();
        config.images.push(image("app"));
        let mut projects = Projects::default();
        let module = go_module("app", &[("app", "/p")]);
        projects.projects.insert("/p".into(), Project::Go(module));
        let before = "*\n!web\n!*.go\n**/.crossdock\n";
        for (output, added) in [
            (None, ""),
            (Some("/p/web/out"), "web/out\n"),
            (Some("/p/x/../web/out"), "web/out\n"),
            (Some("/p/web"), "web/app\nweb/app.engine\nweb/app.release\nweb/app.tar\n"),
            (Some("/p/svc/.crossdock/images"), ""),
            (Some("/p/a*"), ""),
            (Some("/p"), "app\napp.engine\napp.release\napp.tar\n"),
            (Some("/elsewhere"), ""),
        ] {
            let request = Request { output: output.map(|path| stated(path.into())), ..request() };
            let selected = select(&config, &projects, &request).unwrap();
            let ignored = without_outputs(before.to_owned(), &selected[0], &request, "/p".into());
            assert_eq!(ignored.strip_prefix(before), Some(added), "{output:?}");
        }
    }

    #[test]
    fn a_rule_excludes_a_path_and_everything_below_it() {
        for (rule, path, expected) in [
            ("target", "target/crossdock", true),
            ("target", "targets/crossdock", false),
            ("**/.crossdock", "svc/.crossdock/app", true),
            ("!target", "target", false),
            ("*", "target", false),
            ("", "target", false),
        ] {
            assert_eq!(excludes(rule, path.into()), expected, "{rule} {path}");
        }
    }
}
