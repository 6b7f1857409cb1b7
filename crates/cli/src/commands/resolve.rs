//! `crossdock resolve`, and `dist --push --resolve`: digests for the images of Kubernetes manifests.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use crossdock::plan::Plan;
use crossdock::registry::{
    Affinity, FileKind, KubernetesManifest, Others, Pinning, PushedImage, Recursion, Registry,
    ResolveOptions, Resolved, check_manifests, cluster_targets, manifest_from, manifests, resolve, verify,
    write_manifests,
};
use crossdock::verify::Verdict;

use super::push::{client, parse};
use super::verify::exit;
use crate::arguments::{RegistryArgs, ResolveArgs, ResolveCommand, SelectionArgs, StrictnessArgs};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn run(session: &Session, arguments: &ResolveCommand) -> Result<Exit, CommandError> {
    let connection = RegistryArgs { connection: arguments.connection.clone(), chunk_size: None };
    let registry = client(session, &connection)?;
    let files = Files::read(session, &arguments.file, &arguments.resolve)?;
    let others = if arguments.only_own { Others::Leave } else { Others::LookUp };
    let resolved = files.resolve(session, &registry, Vec::new(), others)?;
    let StrictnessArgs { strict, all } = arguments.strictness;
    if arguments.verify || strict || all || !arguments.nodes.is_empty() {
        verified(session, &registry, arguments, &resolved)?;
    }
    files.write(session, &resolved)?;
    files.show(session, &resolved)?;
    Ok(Exit::Done)
}

/// Manifests of a call, read and checked.
pub(super) struct Files<'a> {
    files: Vec<KubernetesManifest>,
    options: ResolveOptions,
    arguments: &'a ResolveArgs,
}

/// The name of standard input in messages.
const STANDARD_INPUT: &str = "<stdin>";

impl<'a> Files<'a> {
    /// Reads files and directories; `-` is standard input.
    pub(super) fn read(
        session: &Session,
        paths: &[Utf8PathBuf],
        arguments: &'a ResolveArgs,
    ) -> Result<Self, CommandError> {
        let recursion = if arguments.recursive { Recursion::All } else { Recursion::None };
        let mut files = Vec::new();
        for path in paths {
            match path.as_str() {
                "-" if arguments.in_place => {
                    let message = "`--in-place` rewrites files, and standard input is none";
                    return Err(
                        CommandError::message(Exit::Usage, message).hint("omit `--in-place`, or name files")
                    );
                }
                "-" => files.push(manifest_from(STANDARD_INPUT, std::io::stdin().lock())?),
                _ => files.extend(manifests(&session.context, path, recursion)?),
            }
        }
        let mut seen = BTreeSet::new();
        // A link names a file again.
        files.retain(|file: &KubernetesManifest| {
            let path = session.context.directory().join(&file.name);
            seen.insert(path.canonicalize_utf8().unwrap_or_else(|_| file.name.clone().into()))
        });
        let mut options = ResolveOptions::new();
        options.paths.clone_from(&arguments.path);
        options.pinning = if arguments.drop_tag { Pinning::DropTag } else { Pinning::KeepTag };
        options.affinity = if arguments.affinity { Affinity::Add } else { Affinity::Keep };
        Ok(Self { files, options, arguments })
    }

    /// Checks what can be known before the images of a plan are built and pushed.
    pub(super) fn check(&self, session: &Session, plan: &Plan) -> Result<(), CommandError> {
        let checked = check_manifests(&session.context, &self.files, &self.options, &plan.images)?;
        let printed = checked.iter().map(|file| (file.kind == FileKind::Objects, file.ends_in_value));
        self.refuse_stream(session, printed)
    }

    /// Refuses to print a file that kubectl does not read among others, or one that ends in a value before another one: the
    /// line break between them would be added to it. Each file is told whether it is for kubectl, and whether it ends so.
    fn refuse_stream(
        &self,
        session: &Session,
        files: impl Iterator<Item = (bool, bool)>,
    ) -> Result<(), CommandError> {
        if self.arguments.in_place || session.json() || self.files.len() < 2 {
            return Ok(());
        }
        let last = self.files.len() - 1;
        for (at, (file, (is_for_kubectl, ends_in_value))) in self.files.iter().zip(files).enumerate() {
            if !is_for_kubectl {
                let message = format!("{} is not for kubectl, which reads what is printed", file.name);
                return Err(CommandError::message(Exit::Usage, message)
                    .hint("rewrite the files with `--in-place`, then `kubectl apply -k` or `helm upgrade`")
                    .hint("or pass only this file"));
            }
            if ends_in_value && at < last {
                let message = format!(
                    "{} ends within a value, to which the line break before the next file would be added",
                    file.name
                );
                return Err(CommandError::message(Exit::Usage, message)
                    .hint("end the file with a line break, or write `|-` instead of `|`"));
            }
        }
        Ok(())
    }

    /// Looks the images up.
    pub(super) fn resolve(
        &self,
        session: &Session,
        registry: &Registry,
        own: Vec<PushedImage>,
        others: Others,
    ) -> Result<Resolved, CommandError> {
        let mut options = self.options.clone();
        (options.own, options.others) = (own, others);
        let resolved = resolve(&session.context, registry, &self.files, &options)?;
        let printed = resolved.files.iter().map(|file| (file.is_for_kubectl, file.ends_in_value));
        self.refuse_stream(session, printed)?;
        Ok(resolved)
    }

    /// Rewrites the files if that is asked for.
    pub(super) fn write(&self, session: &Session, resolved: &Resolved) -> Result<(), CommandError> {
        match self.arguments.in_place {
            true => Ok(write_manifests(&session.context, resolved)?),
            false => Ok(()),
        }
    }

    /// Prints the files for another program, and for a person what was done.
    pub(super) fn show(&self, session: &Session, resolved: &Resolved) -> Result<(), CommandError> {
        if session.json() {
            output::json(resolved)?;
        } else if !self.arguments.in_place {
            output::data_as_is(&resolved.stream())?;
        }
        if !session.quiet() {
            tell(resolved);
        }
        Ok(())
    }
}

fn tell(resolved: &Resolved) {
    for left in &resolved.untouched {
        let value = if left.value.is_empty() { String::new() } else { format!("`{}`, ", left.value) };
        output::note(&format!("untouched: {}:{}: {value}{}", left.file, left.line, left.why));
    }
    for path in &resolved.unmatched_paths {
        output::warning(&format!("`--path {path}` leads to nothing in these files"));
    }
    for image in &resolved.images {
        if let Some(note) = &image.note {
            output::warning(&format!("{}:{}: {}: {note}", image.file, image.line, image.reference));
        }
    }
    for pod in &resolved.pods {
        let state = if pod.changed { "node affinity for" } else { "selects already" };
        let platforms = pod.platforms.join(", ");
        output::note(&format!("{}:{}: {state} {platforms}", pod.file, pod.line));
        for line in &pod.terms_without_nodes {
            output::warning(&format!(
                "{}:{line}: this term of node affinity selects no node of {platforms}",
                pod.file
            ));
        }
    }
    let changed = resolved.files.iter().filter(|file| file.changed).count();
    let images = ui::counted(resolved.images.len(), "image");
    let files = ui::counted(resolved.files.len(), "file");
    let have = if resolved.images.len() == 1 { "has a digest" } else { "have digests" };
    output::say(&format!("{images} in {files} {have}; {changed} of the files changed"));
}

/// Verifies each image once, by its digest.
fn verified(
    session: &Session,
    registry: &Registry,
    arguments: &ResolveCommand,
    resolved: &Resolved,
) -> Result<(), CommandError> {
    let selection = SelectionArgs { nodes: arguments.nodes.clone(), ..SelectionArgs::default() };
    let options = session.verify_options(&selection, arguments.strictness);
    let pinned: BTreeSet<&str> = resolved.images.iter().map(|image| image.pinned.as_str()).collect();
    if pinned.is_empty() {
        output::warning("nothing was verified, because no image has a digest");
    }
    let mut worst = Verdict::Starts;
    for name in pinned {
        let view = session.transfer(&format!("reading {name}"));
        let reference = parse(name)?;
        let targets = cluster_targets(&session.context, &options, &reference)?;
        let found = verify(&session.context, registry, &reference, &targets, options.scope, &view)?;
        drop(view);
        for image in found {
            worst = worst.max(Verdict::gravest(&image.targets));
            output::say(&ui::verdicts(&image.name, &image.targets));
        }
    }
    if exit(worst, arguments.strictness) == Exit::Rejected {
        let message = "an image does not start on its nodes; nothing was printed or written";
        return Err(CommandError::message(Exit::Rejected, message));
    }
    Ok(())
}
