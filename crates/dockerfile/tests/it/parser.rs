//! The parser returns for every file what BuildKit's parser returns.

use crate::support::{Asked, Node, SeenHeredoc, SeenStage, buildkit, corpus};
use crossdock_dockerfile::read::{
    Arguments, Dockerfile, Flag, Instruction, Keyword, Problem, ReadError, refused, stages,
};

/// The number of mutated copies of each file.
const MUTATIONS: usize = 150;

#[test]
fn the_parser_agrees_with_buildkit() {
    let files: Vec<Asked> =
        corpus().into_iter().flat_map(|(name, text)| with_mutations(&name, &text)).collect();
    let seen = buildkit(&files);
    assert_eq!(files.len(), seen.len());
    let mut refused = 0;
    for (asked, seen) in files.iter().zip(&seen) {
        let text = &asked.text;
        match Dockerfile::read(text) {
            Err(error) => {
                assert!(
                    !seen.error.is_empty(),
                    "{}: BuildKit reads it, we say `{error}`:\n{text}",
                    asked.name
                );
                refused += 1;
            }
            Ok(file) => {
                assert!(
                    seen.error.is_empty(),
                    "{}: BuildKit says `{}`, we read it:\n{text}",
                    asked.name,
                    seen.error
                );
                let nodes: Vec<Node> = file.instructions().map(node).collect();
                for (ours, theirs) in nodes.iter().zip(&seen.nodes) {
                    assert_eq!(ours, theirs, "{}:\n{text}", asked.name);
                }
                assert_eq!(nodes.len(), seen.nodes.len(), "{}:\n{text}", asked.name);
                assert_eq!(file.to_string(), *text, "{}: printing changed it", asked.name);
                if seen.stage_error.is_empty() {
                    let ours: Vec<SeenStage> = stages(&file).iter().map(stage).collect();
                    assert_eq!(ours, seen.stages, "{}:\n{text}", asked.name);
                }
            }
        }
    }
    assert!(refused > 0 && refused < files.len() / 2, "{refused} of {} were refused", files.len());
}

/// `refused` reports exactly the instructions that BuildKit parses and then refuses.
#[test]
fn refusals_agree_with_buildkit() {
    let mutated = corpus().into_iter().flat_map(|(name, text)| with_mutations(&name, &text));
    let written = REFUSED.iter().chain(TAKEN).map(|text| Asked {
        name: (*text).to_owned(),
        text: (*text).to_owned(),
        lint: true,
    });
    let files: Vec<Asked> = written.chain(mutated).collect();
    let mut agreed = 0;
    for (asked, seen) in files.iter().zip(&buildkit(&files)) {
        let Ok(file) = Dockerfile::read(&asked.text) else { continue };
        let ours = refused(&file);
        let others = file.instructions().any(|one| matches!(one.keyword, Keyword::Unknown(_)));
        let first = file.instructions().find(|one| one.keyword != Keyword::Arg);
        let outside = first.is_none_or(|first| first.keyword != Keyword::From);
        let theirs = !seen.stage_error.is_empty() || seen.warnings.iter().any(|one| one.rule == "error");
        if !(others || outside) && (asked.lint || !seen.stage_error.is_empty()) {
            let said = format!("{} {:?}", seen.stage_error, seen.warnings);
            assert_eq!(
                !ours.is_empty(),
                theirs,
                "{}: {ours:?}, BuildKit says {said}:\n{}",
                asked.name,
                asked.text
            );
            agreed += usize::from(theirs);
        } else if !ours.is_empty() && !others && !outside {
            // BuildKit reports a stage's image and platform in its linter, which runs only for the files written by
            // hand.
            let late =
                |error: &ReadError| matches!(error.problem, Problem::BlankImage(_) | Problem::Platform(_));
            assert!(ours.iter().all(late), "{}: {ours:?}, BuildKit takes it:\n{}", asked.name, asked.text);
        }
    }
    assert!(agreed > REFUSED.len(), "{agreed}");
    for text in REFUSED {
        let file = Dockerfile::read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(refused(&file).len(), 1, "{text}");
    }
}

const REFUSED: &[&str] = &[
    "FROM\n",
    "FROM alpine foo\n",
    "FROM alpine AS\n",
    "FROM alpine AS 1x\n",
    "FROM alpine AS a/b\n",
    "FROM $X\n",
    "FROM ${X}\n",
    "FROM --platform alpine\n",
    "FROM --platform=linux/amd64/v1/x alpine\n",
    "FROM --platform=linux/am:d64 alpine\n",
    "FROM --platform=$X alpine\n",
    "FROM --foo=1 alpine\n",
    "FROM alpine\nCOPY x\n",
    "FROM alpine\nADD [\"x\"]\n",
    "FROM alpine\nCOPY --foo=1 a b\n",
    "FROM alpine\nCOPY --from a b\n",
    "FROM alpine\nCOPY --link=yes a b\n",
    "FROM alpine\nCOPY --chown=1 --chown=2 a b\n",
    "FROM alpine\nRUN --mout=type=cache,target=/x true\n",
    "FROM alpine\nWORKDIR\n",
    "FROM alpine\nUSER\n",
    "FROM alpine\nEXPOSE\n",
    "FROM alpine\nVOLUME [\"\"]\n",
    "FROM alpine\nSTOPSIGNAL\n",
    "FROM alpine\nARG\n",
    "FROM alpine\nARG =x\n",
    "FROM alpine\nENV\n",
    "FROM alpine\nLABEL =x\n",
    "FROM alpine\nSHELL /bin/bash -c\n",
    "FROM alpine\nSHELL []\n",
    "FROM alpine\nHEALTHCHECK\n",
    "FROM alpine\nHEALTHCHECK /check\n",
    "FROM alpine\nHEALTHCHECK CMD\n",
    "FROM alpine\nHEALTHCHECK NONE x\n",
    "FROM alpine\nHEALTHCHECK --retries=-1 CMD x\n",
    "FROM alpine\nHEALTHCHECK --interval=3 CMD x\n",
    "FROM alpine\nHEALTHCHECK --timeout=1us CMD x\n",
    "FROM alpine\nRUN --network=nowhere true\n",
    "FROM alpine\nONBUILD FROM x\n",
    "FROM alpine\nCMD --foo=1 x\n",
];

const TAKEN: &[&str] = &[
    "FROM alpine\n",
    "ARG X\nFROM ${X:-alpine} AS a-b_c.1\n",
    "FROM --platform=$BUILDPLATFORM alpine\n",
    "FROM --platform=linux/arm/v7 alpine\n",
    "FROM --platform= alpine\n",
    "FROM alpine\nCOPY --link --parents=false --exclude=a --exclude=b a b\n",
    "FROM alpine\nADD --keep-git-dir=true --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 https://x.example/a b\n",
    "FROM alpine\nRUN --mount=type=cache,target=/x --mount=type=tmpfs,target=/y --network=none true\n",
    "FROM alpine\nCOPY <<EOF /x\na\nEOF\n",
    "FROM alpine\nHEALTHCHECK --retries=3 --interval=1s CMD x\n",
    "FROM alpine\nHEALTHCHECK --interval=1m30.5s --timeout=0 --start-period=+2ms CMD x\n",
    "FROM alpine\nHEALTHCHECK NONE\n",
    "FROM alpine\nARG --x=1\n",
    "FROM alpine\nONBUILD RUN true\n",
    "FROM alpine\nCMD\n",
];

fn node(instruction: &Instruction) -> Node {
    Node {
        command: instruction.keyword.as_str().to_lowercase(),
        flags: instruction.flags.iter().map(flag).collect(),
        words: words(instruction),
        json: !matches!(instruction.arguments, Arguments::Trigger(_)) && instruction.arguments.is_exec(),
        start: instruction.lines.first,
        end: instruction.lines.last,
        heredocs: instruction
            .heredocs
            .iter()
            .map(|doc| SeenHeredoc {
                name: doc.name.clone(),
                expand: doc.expand,
                chomp: doc.chomp,
                content: doc.content.clone(),
            })
            .collect(),
    }
}

fn flag(flag: &Flag) -> String {
    let value = flag.value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
    format!("--{}{value}", flag.name)
}

/// Returns the arguments as BuildKit's tree lists them.
fn words(instruction: &Instruction) -> Vec<String> {
    match instruction.keyword {
        // BuildKit's tree has an empty word below an unknown instruction.
        Keyword::Unknown(_) => vec![String::new()],
        _ => argument_words(&instruction.arguments),
    }
}

fn argument_words(arguments: &Arguments) -> Vec<String> {
    match arguments {
        Arguments::Text(text) => vec![text.clone()],
        Arguments::Exec(words) | Arguments::Words(words) => words.clone(),
        Arguments::Pairs(pairs) => pairs
            .iter()
            .flat_map(|pair| {
                let separator = if pair.legacy { "" } else { "=" };
                [pair.name.clone(), pair.value.clone(), separator.to_owned()]
            })
            .collect(),
        Arguments::Kind(kind, rest) => std::iter::once(kind.clone()).chain(argument_words(rest)).collect(),
        Arguments::Trigger(trigger) => {
            let spelling = trigger.joined().split_whitespace().next().unwrap_or_default();
            let flags = trigger.flags.iter().map(flag);
            std::iter::once(spelling.to_owned()).chain(flags).chain(words(trigger)).collect()
        }
        _ => Vec::new(),
    }
}

fn stage(stage: &crossdock_dockerfile::read::Stage<'_>) -> SeenStage {
    SeenStage {
        name: stage.name.clone().unwrap_or_default(),
        base: stage.base.to_owned(),
        platform: stage.platform.unwrap_or_default().to_owned(),
    }
}

/// Returns the file and mutated copies of it, the same ones in every run.
fn with_mutations(name: &str, text: &str) -> Vec<Asked> {
    let mut random =
        Random(name.bytes().fold(7, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte))));
    let mut files = vec![Asked { name: name.to_owned(), text: text.to_owned(), lint: false }];
    for number in 0..MUTATIONS {
        let changes = 1 + random.below(3);
        let text = (0..changes).fold(text.to_owned(), |text, _| mutate(&text, &mut random));
        files.push(Asked { name: format!("{name}, mutation {number}"), text, lint: false });
    }
    files
}

/// Text that mutations insert.
const PIECES: &[&str] = &[
    "\\",
    "\\\n",
    "`",
    "\n",
    "\r\n",
    "#",
    "# escape=`\n",
    " ",
    "\t",
    "<<EOF",
    "<<-'X'",
    "EOF\n",
    "\nEOF\n",
    "\"",
    "'",
    "[",
    "]",
    "[\"a\"]",
    "[1]",
    "${",
    "}",
    "$",
    "=",
    "--",
    "--x=y ",
    "ONBUILD ",
    "RUN ",
    "ENV ",
    "ENV A\n",
    "COPY <<A <<B /\n",
    "A\n",
    "B\n",
    "ARG X=1\n",
    "FROM x AS y\n",
    "HEALTHCHECK CMD ",
    "\u{b}",
    "\\ ",
    "\\\\",
    "<",
    "2<<Z ",
    "Z\n",
    "${a:-b}",
    "$((1<<2))",
];

fn mutate(text: &str, random: &mut Random) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line = random.below(lines.len().max(1));
    match random.below(6) {
        0 => lines.iter().enumerate().filter(|(index, _)| *index != line).map(|(_, text)| *text).collect(),
        1 => lines
            .iter()
            .enumerate()
            .flat_map(|(index, text)| vec![*text; 1 + usize::from(index == line)])
            .collect(),
        2 => {
            let mut changed = lines.clone();
            let other = random.below(lines.len().max(1));
            if !changed.is_empty() {
                changed.swap(line, other);
            }
            changed.concat()
        }
        3 => {
            let position = boundary(text, random);
            let end =
                text[position..].chars().next().map_or(position, |character| position + character.len_utf8());
            format!("{}{}", &text[..position], &text[end..])
        }
        _ => {
            let position = boundary(text, random);
            let piece = PIECES[random.below(PIECES.len())];
            format!("{}{piece}{}", &text[..position], &text[position..])
        }
    }
}

fn boundary(text: &str, random: &mut Random) -> usize {
    let position = random.below(text.len() + 1);
    (0..=position).rev().find(|position| text.is_char_boundary(*position)).unwrap_or(0)
}

/// A linear congruential generator (Knuth's MMIX), so that every run tests the same files.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }
}
