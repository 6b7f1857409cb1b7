//! Values of a configuration that engines treat differently.

use crate::image::ImageFacts;
use crate::root::{ENGINE_FILES, EntryKind, ResolveError, Root, mount_of, normalize, resolve};
use crate::{Finding, Target, codes};

pub(super) fn check(image: &ImageFacts, target: &Target, root: &dyn Root, findings: &mut Vec<Finding>) {
    let volumes = image.volumes.iter().filter_map(|volume| broken_volume(volume, target, root));
    findings.extend(volumes);
    findings.extend(ENGINE_FILES.iter().filter_map(|file| directory_at_file(file, target, root)));
    findings.extend(stop_signal(&image.stop_signal, target));
    findings.extend(history(image, target));
}

/// Returns the finding about a directory where engines mount a file.
fn directory_at_file(file: &str, target: &Target, root: &dyn Root) -> Option<Finding> {
    let found = resolve(root, file).ok().filter(|found| found.entry.kind == EntryKind::Directory)?;
    let message = format!(
        "{} is a directory, and Docker, podman and the kubelet mount a file of their own at {file}: they show `not a directory: Are you \
         trying to mount a directory onto a file (or vice-versa)?`, and `ctr` starts the image.",
        found.path
    );
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), file, message);
    Some(finding.with_help("Remove the directory, or let it be a file."))
}

/// Returns the finding about a volume that cannot be mounted. `ctr` mounts none, and the other engines mount each, filled
/// with what the image has there.
fn broken_volume(volume: &str, target: &Target, root: &dyn Root) -> Option<Finding> {
    let path = normalize(volume);
    let why = match resolve(root, &path) {
        _ if path.contains('\0') => "contains a NUL".to_owned(),
        _ if path == "/" => "hides the whole image".to_owned(),
        _ if path == "/dev" || mount_of(&path) == Some("/proc") => {
            "covers what the runtime mounts there".to_owned()
        }
        Ok(found) if found.entry.kind != EntryKind::Directory => "is a file of the image".to_owned(),
        _ if matches!(&*path, "/etc/passwd" | "/etc/group") => {
            "is a directory where engines read a file (`read /etc/passwd: is a directory`)".to_owned()
        }
        Err(error @ (ResolveError::NotDirectory { .. } | ResolveError::Loop { .. })) => {
            format!("cannot be mounted: {error}")
        }
        _ => return None,
    };
    let message = format!(
        "The volume {volume:?} {why}: Docker and podman refuse to start the image, and only engines that mount no volumes start it."
    );
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), volume, message);
    Some(finding.with_help("Let the volume be a directory of its own, or remove it."))
}

/// Returns the finding about a signal that stops no program.
fn stop_signal(signal: &str, target: &Target) -> Option<Finding> {
    if signal.is_empty() || is_signal(signal) {
        return None;
    }
    let message = format!(
        "The image's stop signal {signal:?} does not exist: podman refuses to start it with `invalid signal`, and the others cannot stop \
         it with that signal."
    );
    let finding = Finding::new(codes::REFUSED_BY_ONE_ENGINE, target.name(), "", message);
    Some(
        finding
            .with_help("Name a signal such as `SIGTERM`, or remove STOPSIGNAL.")
            .with_evidence("StopSignal", signal),
    )
}

/// The signals of Linux that have a name, without `SIG` (`signal_linux.go` of moby/sys).
const SIGNALS: &str = "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM \
                       TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX";

/// Returns whether an engine takes a signal's name or number (`ParseSignal` of moby/sys/signal). Negative numbers are
/// taken too.
fn is_signal(signal: &str) -> bool {
    if let Ok(number) = signal.parse::<i64>() {
        return number < 0 || (1..=64).contains(&number);
    }
    let upper = signal.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let real_time = |prefix: &str, most: u8| {
        name.strip_prefix(prefix)
            .and_then(|number| number.parse().ok())
            .is_some_and(|number| (1..=most).contains(&number))
    };
    SIGNALS.split(' ').any(|known| known == name) || real_time("RTMIN+", 15) || real_time("RTMAX-", 14)
}

/// Returns the finding about a history of more layers than there are.
fn history(image: &ImageFacts, target: &Target) -> Option<Finding> {
    if image.history_layers <= image.layers {
        return None;
    }
    let message = format!(
        "The history of the configuration names {} layers, and the image has {}: Docker refuses it with `too many non-empty layers in \
         History section`, and containerd and podman start it.",
        image.history_layers, image.layers
    );
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), "", message);
    Some(finding.with_help("Mark the entries without a layer by `empty_layer`, or remove the history."))
}

#[cfg(test)]
mod tests {
    use super::is_signal;

    #[test]
    fn signals_have_names_and_numbers() {
        for signal in ["SIGTERM", "term", "Int", "15", "64", "-1", "SIGRTMIN+3", "RTMAX-14", "SIGCLD"] {
            assert!(is_signal(signal), "{signal}");
        }
        for signal in ["SIGFOO", "0", "65", "SIGRTMIN+16", "SIGRTMIN+", "RTMAX-0", "SIG", "9.5"] {
            assert!(!is_signal(signal), "{signal}");
        }
    }
}
