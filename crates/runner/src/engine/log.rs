//! Finds the instruction that a build failed at, in what the engine wrote.

use crossdock_dockerfile::read::{Dockerfile, Instruction, Keyword, stages};
use crossdock_dockerfile::render::Origin;
use crossdock_oci::Reference;

/// An instruction of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedInstruction {
    /// Its first line in the file, from 1.
    pub line: usize,
    /// Its text, as it stands there.
    pub instruction: String,
    /// The line of the template that made it, where that is known.
    pub origin: Option<Origin>,
}

/// The instruction at which the build of a Dockerfile ended, when the engine's output tells.
///
/// BuildKit names the line since 0.9 (`Dockerfile:12`), and before that the step (` > [build 3/7] RUN …:`), the image that
/// it could not fetch (` > [internal] load metadata for …:`) or the line that it cannot read (`parse error line 12`). The
/// classic builder and buildah count steps (`Step 3/7 : RUN …`, `STEP 3/7: RUN …`) and end after the one that failed.
pub fn failed_instruction(dockerfile: &str, origins: &[Origin], log: &[String]) -> Option<FailedInstruction> {
    let file = Dockerfile::read(dockerfile).ok()?;
    // What comes after the steps is no fault of the last one.
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

/// The first line of `  12 | >>> RUN …`.
fn marked_line(log: &[String]) -> Option<usize> {
    let mut marked = log.iter().filter_map(|line| line.split_once('|'));
    let (number, _) = marked.find(|(_, rest)| rest.trim_start().starts_with(">>>"))?;
    number.trim().parse().ok()
}

/// The number of `dockerfile parse error line 12: …`, which newer versions call `parse error on line 12`.
fn unreadable_line(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("dockerfile parse error ")?;
    let rest = rest.trim_start_matches("on ").strip_prefix("line ")?;
    rest.split_once(':')?.0.parse().ok()
}

/// The instruction that names the image of ` > [internal] load metadata for …:` or ` > FROM …:`, under its full name.
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

/// `docker.io/library/golang:1.26-trixie` of `golang:1.26-trixie`, with a digest where one is given.
fn full_name(image: &str) -> Option<String> {
    let (name, digest) = image.find('@').map_or((image, ""), |at| image.split_at(at));
    Some(format!("{}{digest}", name.parse::<Reference>().ok()?.full_name()))
}

/// The instruction of ` > [build 3/7] RUN …:`. BuildKit prints variables with their values, so that only the number tells;
/// it counts what makes a layer, and first the image of `FROM`.
fn numbered<'a>(file: &'a Dockerfile, line: &str) -> Option<&'a Instruction> {
    let (place, _) = line.strip_prefix(" > [")?.split_once(']')?;
    let mut words: Vec<&str> = place.split_whitespace().collect();
    let number: usize = words.pop()?.split_once('/')?.0.parse().ok()?;
    let stages = stages(file);
    // A platform may stand before the stage's name; a single stage has none.
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
    // Neither an empty image nor another stage is fetched.
    let fetched = (stage.base != "scratch" && stage.parent.is_none()).then_some(&stage.from);
    fetched.into_iter().chain(layers).nth(number.checked_sub(1)?).copied()
}

/// `RUN …` of `Step 3/7 : RUN …` and `[1/2] STEP 3/7: RUN …`.
fn counted(line: &str) -> Option<String> {
    let line = line.trim_start();
    let line = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(line, |(_, rest)| rest);
    let rest = line.strip_prefix("Step ").or_else(|| line.strip_prefix("STEP "))?;
    let (count, text) = rest.split_once(':')?;
    let (step, of) = count.trim().split_once('/')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(step) && is_number(of)).then(|| text.trim().to_owned())
}

/// The instruction that an engine prints as a step: as it stands in the file, but of `FROM` buildah prints no flags, and
/// variables with their values.
fn of_step<'a>(file: &'a Dockerfile, step: &str) -> Option<&'a Instruction> {
    let from = || {
        let image = step.strip_prefix("FROM ")?.split_whitespace().next()?;
        let stages = stages(file);
        stages.iter().find(|stage| stage.image.as_deref() == Some(image)).map(|stage| stage.from)
    };
    file.instructions().find(|one| same(step, one.joined())).or_else(from)
}

/// Engines print an instruction in their own spacing and quoting.
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
    fn each_engine_tells_in_its_own_way() {
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
    fn an_image_that_cannot_be_fetched_names_its_from() {
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
    fn what_cannot_be_read_names_its_line() {
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

    /// Podman 4.3 pushes what each step made before it goes on to the next.
    #[test]
    fn a_cache_that_cannot_be_written_is_the_fault_of_no_instruction() {
        let log = "STEP 1/4: FROM scratch AS a\nSTEP 2/4: COPY hello /hello\n--> Pushing cache 127.0.0.1:9/c:0a25\nError: failed pushing cache to {{{\"127.0.0.1:9\" \"c\"} \"0a25\"}}: writing blob: connection refused";
        assert_eq!(failed_instruction(FILE, &[], &lines(log)), None);
    }

    #[test]
    fn a_log_that_tells_nothing_names_nothing() {
        assert_eq!(
            failed_instruction(FILE, &[], &lines("error: network is unreachable\nStep by step: no")),
            None
        );
        assert_eq!(failed_instruction(FILE, &[], &[]), None);
        assert_eq!(failed_instruction("", &[], &lines("   6 | >>> RUN x")), None);
    }
}
