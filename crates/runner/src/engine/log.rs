//! Finds the instruction at which a build failed, from the engine's log.

use crossdock_dockerfile::read::{Dockerfile, Instruction, Keyword, stages};
use crossdock_dockerfile::render::Origin;
use crossdock_oci::Reference;

/// The instruction of a Dockerfile at which a build failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedInstruction {
    /// The number of its first line in the file, from 1.
    pub line: usize,
    /// Its text in the file, without the last line end.
    pub instruction: String,
    /// The line of the template that it was rendered from; `None` if unknown.
    pub origin: Option<Origin>,
}

/// Returns the instruction at which the build of a Dockerfile failed; `None` if the log does not tell.
///
/// BuildKit names the line since 0.9 (`Dockerfile:12`). Before, it named the step (` > [build 3/7] RUN …:`), the image that
/// it could not fetch (` > [internal] load metadata for …:`), or the line that it could not read (`parse error line 12`).
/// The classic builder and buildah count steps (`Step 3/7 : RUN …`, `STEP 3/7: RUN …`) and stop after the failed one.
pub(crate) fn failed_instruction(
    dockerfile: &str,
    origins: &[Origin],
    log: &[String],
) -> Option<FailedInstruction> {
    let file = Dockerfile::read(dockerfile).ok()?;
    // Podman pushes to its cache after a step succeeded.
    if log.iter().any(|line| line.starts_with("Error: failed pushing cache to ")) {
        return None;
    }
    let at = |line: usize| file.instructions().find(|one| (one.lines.first..=one.lines.last).contains(&line));
    let last = || log.iter().rev();
    let found = marked_line(log)
        .or_else(|| last().find_map(|line| unreadable_line(line)))
        .and_then(at)
        .or_else(|| last().find_map(|line| numbered(&file, line)))
        .or_else(|| last().find_map(|line| fetched(&file, line)))
        .or_else(|| last().find_map(|line| counted(line)).and_then(|step| of_step(&file, &step)))?;
    let line = found.lines.first;
    let origin = origins.iter().find(|origin| origin.line == line).cloned();
    Some(FailedInstruction { line, instruction: found.text().trim_end().to_owned(), origin })
}

/// Returns the line number of the first `  12 | >>> RUN …`.
fn marked_line(log: &[String]) -> Option<usize> {
    let mut marked = log.iter().filter_map(|line| line.split_once('|'));
    let (number, _) = marked.find(|(_, rest)| rest.trim_start().starts_with(">>>"))?;
    number.trim().parse().ok()
}

/// Returns the line number of `dockerfile parse error line 12: …`, or of `parse error on line 12` in newer versions.
fn unreadable_line(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("dockerfile parse error ")?;
    let rest = rest.trim_start_matches("on ").strip_prefix("line ")?;
    rest.split_once(':')?.0.parse().ok()
}

/// Returns the instruction with the image of ` > [internal] load metadata for …:` or ` > FROM …:`, which name it in full.
fn fetched<'a>(file: &'a Dockerfile, line: &str) -> Option<&'a Instruction> {
    let line = line.strip_prefix(" > ")?.strip_suffix(':')?;
    let line = line.strip_prefix("[internal] ").unwrap_or(line);
    let name = line.strip_prefix("load metadata for ").or_else(|| line.strip_prefix("FROM "))?;
    let is_it = |image: &str| full_name(image).is_some_and(|image| image == name);
    let stages = stages(file);
    let from = stages.iter().find(|stage| stage.image.as_deref().is_some_and(is_it)).map(|stage| stage.from);
    let copied = |one: &&Instruction| {
        let flags = one.flags.iter().filter(|flag| flag.name == "from");
        flags.filter_map(|flag| flag.value.as_deref()).any(is_it)
    };
    from.or_else(|| file.instructions().find(copied))
}

/// Returns the full name of an image, with its digest if it has one: `docker.io/library/golang:1.26-trixie` for
/// `golang:1.26-trixie`.
fn full_name(image: &str) -> Option<String> {
    let (name, digest) = image.find('@').map_or((image, ""), |at| image.split_at(at));
    Some(format!("{}{digest}", name.parse::<Reference>().ok()?.full_name()))
}

/// Returns the instruction of ` > [build 3/7] RUN …:`. Only its number tells, because BuildKit replaces variables by their
/// values. It counts the image of `FROM` and the instructions that make a layer.
fn numbered<'a>(file: &'a Dockerfile, line: &str) -> Option<&'a Instruction> {
    let (place, _) = line.strip_prefix(" > [")?.split_once(']')?;
    let mut words: Vec<&str> = place.split_whitespace().collect();
    let number: usize = words.pop()?.split_once('/')?.0.parse().ok()?;
    let stages = stages(file);
    // A platform may precede the stage's name. A single stage is not named.
    let stage = match words.last().filter(|name| !name.contains('/')) {
        None => stages.last()?,
        Some(name) => match stages.iter().find(|stage| stage.name.as_deref() == Some(*name)) {
            Some(stage) => stage,
            None => stages.get(name.strip_prefix("stage-")?.parse::<usize>().ok()?)?,
        },
    };
    let layers = stage
        .instructions
        .iter()
        .filter(|one| matches!(one.keyword, Keyword::Run | Keyword::Copy | Keyword::Add | Keyword::Workdir));
    // `scratch` and earlier stages are not fetched, and not counted.
    let fetched = (stage.base != "scratch" && stage.parent.is_none()).then_some(&stage.from);
    fetched.into_iter().chain(layers).nth(number.checked_sub(1)?).copied()
}

/// Returns `RUN …` of `Step 3/7 : RUN …` and `[1/2] STEP 3/7: RUN …`.
fn counted(line: &str) -> Option<String> {
    let line = line.trim_start();
    let line = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(line, |(_, rest)| rest);
    let rest = line.strip_prefix("Step ").or_else(|| line.strip_prefix("STEP "))?;
    let (count, text) = rest.split_once(':')?;
    let (step, of) = count.trim().split_once('/')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(step) && is_number(of)).then(|| text.trim().to_owned())
}

/// Returns the instruction that an engine prints as a step. Buildah prints `FROM` without flags, and with the values of
/// variables.
fn of_step<'a>(file: &'a Dockerfile, step: &str) -> Option<&'a Instruction> {
    let from = || {
        let image = step.strip_prefix("FROM ")?.split_whitespace().next()?;
        let stages = stages(file);
        stages.iter().find(|stage| stage.image.as_deref() == Some(image)).map(|stage| stage.from)
    };
    file.instructions().find(|one| same(step, one.joined())).or_else(from)
}

/// Compares a printed step with an instruction. Engines change spaces and quotes, and shorten long steps.
fn same(step: &str, instruction: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| !c.is_whitespace() && !"\"'\\[],".contains(*c)).collect()
    };
    let (step, instruction) = (plain(step), plain(instruction));
    let step = step.trim_end_matches('…');
    !step.is_empty() && (instruction == step || step.len() > 40 && instruction.starts_with(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "# a comment\nFROM scratch AS a\nCOPY hello /hello\nRUN [\"/hello\", \\\n  \"x\"]\nRUN [\"/nope\"]\n";

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_failed_instruction_is_found_in_the_log_of_each_engine() {
        let logs = [
            // buildkitd 0.18
            (
                "------\n > [3/3] RUN [\"/nope\"]:\n0.069 runc run failed\n------\nDockerfile:6\n--------------------\n   4 |     RUN [\"/hello\", \\\n   5 |       \"x\"]\n   6 | >>> RUN [\"/nope\"]\n   7 |     \n--------------------\nERROR: failed to solve: process \"/nope\" did not complete successfully: exit code: 1",
                6,
            ),
            // docker 20.10 with its BuildKit 0.8
            (
                "#5 ERROR: executor failed running [/hello x]: exit code: 1\n------\n > [2/3] RUN [\"/hello\",   \"x\"]:\n------\nexecutor failed running [/hello x]",
                4,
            ),
            // the same, of a file whose second stage has a name: its values stand where the file has variables
            ("------\n > [build 2/2] RUN : \"amd64\":\n------\nexecutor failed running", 3),
            // docker 20.10's classic builder
            (
                "Step 1/4 : FROM scratch AS a\n ---> \nStep 3/4 : RUN [\"/hello\",   \"x\"]\n ---> Running in 40d8e38a53b8\nhi\nStep 4/4 : RUN [\"/nope\"]\n ---> Running in cafceb4bde48\nfailed to create shim task: unable to start container process",
                6,
            ),
            // podman 4.3
            (
                "[1/2] STEP 2/3: COPY hello /hello\n--> 0ac810649c1\n[1/2] STEP 3/3: RUN [\"/hello\",   \"x\"]\nError: building at STEP \"RUN /hello x\": while running runtime: exit status 1",
                4,
            ),
        ];
        let named = "FROM golang:1.26 AS build\nENV A=b\nRUN : \"$TARGETARCH\"\nFROM scratch\nCOPY --from=build /out /\n";
        for (log, line) in logs {
            let file = if log.contains("[build") { named } else { FILE };
            let found = failed_instruction(file, &[], &lines(log)).map(|failed| failed.line);
            assert_eq!(found, Some(line), "{log}");
        }
    }

    #[test]
    fn an_image_that_cannot_be_fetched_leads_to_its_instruction() {
        let file = "ARG DEBIAN=trixie\nFROM --platform=$BUILDPLATFORM golang:1.26-${DEBIAN} AS build\nWORKDIR /src\n\
                    FROM debian:${DEBIAN}-slim\nCOPY --from=build /out /\nCOPY --from=team/certs:1 /etc /etc\n";
        let logs = [
            // docker 20.10 with its BuildKit 0.8
            (
                "#3 [internal] load metadata for docker.io/library/debian:trixie-slim\n#3 CANCELED\n------\n > [internal] load metadata for docker.io/library/golang:1.26-trixie:\n------\nfailed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to do request: Head \"https://…\": network is unreachable",
                2,
            ),
            (
                "------\n > FROM docker.io/team/certs:1:\n------\nfailed to load cache key: failed to do request",
                6,
            ),
            // podman 4.3
            (
                "[1/2] STEP 1/3: FROM golang:1.26-trixie AS build\nError: creating build container: short-name \"golang:1.26-trixie\" did not resolve to an alias",
                2,
            ),
            (
                "[1/2] STEP 2/2: WORKDIR /src\n--> 621cbbc4b8d\n[2/2] STEP 1/3: FROM debian:trixie-slim\nTrying to pull docker.io/library/debian:trixie-slim...\nError: creating build container: initializing source",
                4,
            ),
        ];
        for (log, line) in logs {
            let found = failed_instruction(file, &[], &lines(log)).map(|failed| failed.line);
            assert_eq!(found, Some(line), "{log}");
        }
    }

    #[test]
    fn a_parse_error_leads_to_its_line() {
        let file = "FROM scratch\nWORKDIR /src\nFOO x\n";
        for log in [
            "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 3: unknown instruction: FOO",
            "Error response from daemon: dockerfile parse error line 3: unknown instruction: FOO",
            "ERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: FOO",
        ] {
            let found = failed_instruction(file, &[], &lines(log)).map(|failed| failed.line);
            assert_eq!(found, Some(3), "{log}");
        }
    }

    /// Podman 4.3 pushes each step's result before it goes on to the next step.
    #[test]
    fn a_cache_that_cannot_be_written_leads_to_no_instruction() {
        let log = "STEP 1/4: FROM scratch AS a\nSTEP 2/4: COPY hello /hello\n--> Pushing cache 127.0.0.1:9/c:0a25\nError: failed pushing cache to {{{\"127.0.0.1:9\" \"c\"} \"0a25\"}}: writing blob: connection refused";
        assert_eq!(failed_instruction(FILE, &[], &lines(log)), None);
    }

    #[test]
    fn a_log_without_a_step_leads_to_no_instruction() {
        assert_eq!(
            failed_instruction(FILE, &[], &lines("error: network is unreachable\nStep by step: no")),
            None
        );
        assert_eq!(failed_instruction(FILE, &[], &[]), None);
        assert_eq!(failed_instruction("", &[], &lines("   6 | >>> RUN x")), None);
    }
}
