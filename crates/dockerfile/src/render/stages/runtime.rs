//! The last stage, which is the image.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::combination::Base;
use super::super::error::RenderError;
use super::super::request::{File, Request};
use super::super::script::reset_times;
use super::images::Ignore;

#[derive(Debug, Serialize)]
pub(super) struct Runtime {
    from: String,
    ignores: Vec<Ignore>,
    install: Option<Install>,
    files: Vec<FileCopy>,
    labels: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    workdir: Option<String>,
    user: String,
    expose: Vec<String>,
    stop_signal: Option<String>,
    health: Option<HealthCheck>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Install {
    rule: &'static str,
    script: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FileCopy {
    paths: [String; 2],
    mode: Option<String>,
}

#[derive(Debug, Serialize)]
struct HealthCheck {
    command: Vec<String>,
    interval: u32,
    timeout: u32,
    start_period: u32,
    retries: u32,
}

/// Returns whether time-zone data is copied from the builder. Distroless images have it.
pub(super) fn copies_zones(request: &Request) -> bool {
    let has_none = matches!(request.base, Base::Scratch | Base::Static | Base::Alpine | Base::DebianSlim);
    request.container.timezones && has_none
}

/// Returns the lines that collect certificates, users and time zones in the builder: a step in the image itself would
/// run on its platform and need emulation.
pub(super) fn root(request: &Request) -> Vec<String> {
    let mut lines = Vec::new();
    if matches!(request.base, Base::Static | Base::DebianSlim) {
        // The golang and rust images on Debian have certificates.
        lines.push("mkdir -p /root-files/etc/ssl/certs;".to_owned());
        lines.push("cp /etc/ssl/certs/ca-certificates.crt /root-files/etc/ssl/certs/;".to_owned());
    }
    if request.base == Base::Static {
        // An empty image has no `adduser`, and programs look up the name of their user and its home.
        let (user, group) = request.container.user;
        lines.push("mkdir -m 1777 /root-files/tmp;".to_owned());
        lines.push(format!(
            "printf 'root:x:0:0::/:/sbin/nologin\\nnonroot:x:{user}:{group}::/:/sbin/nologin\\n' > /root-files/etc/passwd;"
        ));
        lines.push(format!("printf 'root:x:0:\\nnonroot:x:{group}:\\n' > /root-files/etc/group;"));
    }
    if copies_zones(request) {
        lines.push("mkdir -p /root-files/usr/share;".to_owned());
        lines.push("cp -a /usr/share/zoneinfo /root-files/usr/share/;".to_owned());
    }
    if lines.is_empty() {
        return lines;
    }
    lines.insert(0, "set -eu;".to_owned());
    lines.push(reset_times("/root-files"));
    lines
}

pub(super) fn runtime(request: &Request, from: String, ignores: Vec<Ignore>) -> Result<Runtime, RenderError> {
    let container = &request.container;
    let program = request.main_program()?;
    let program = || vec![format!("/usr/local/bin/{}", program.name)];
    Ok(Runtime {
        from,
        ignores,
        install: install(request),
        files: request.files.iter().map(copy).collect(),
        labels: container.labels.clone(),
        env: container.env.clone(),
        workdir: container.workdir.clone(),
        user: format!("{}:{}", container.user.0, container.user.1),
        expose: container.expose.clone(),
        // Engines send SIGTERM by default.
        stop_signal: container.stop_signal.clone().filter(|signal| signal != "SIGTERM"),
        health: container.health.as_ref().map(|health| HealthCheck {
            command: health.command.clone(),
            interval: health.interval,
            timeout: health.timeout,
            start_period: health.start_period,
            retries: health.retries,
        }),
        entrypoint: container.entrypoint.clone().unwrap_or_else(program),
        cmd: container.cmd.clone(),
    })
}

fn copy(file: &File) -> FileCopy {
    FileCopy {
        paths: [file.from.clone(), file.to.clone()],
        mode: file.mode.map(|mode| format!("{mode:04o}")),
    }
}

fn install(request: &Request) -> Option<Install> {
    let packages = request.build.runtime_packages.join(" ");
    match request.base {
        _ if packages.is_empty() => None,
        Base::Alpine => {
            Some(Install { rule: "DL3018", script: vec![format!("apk add --no-cache {packages}")] })
        }
        _ => Some(Install {
            rule: "DL3008",
            script: vec![
                "set -eu;".to_owned(),
                "apt-get update;".to_owned(),
                format!("apt-get install --yes --no-install-recommends {packages};"),
                "rm -rf /var/lib/apt/lists/*".to_owned(),
            ],
        }),
    }
}
