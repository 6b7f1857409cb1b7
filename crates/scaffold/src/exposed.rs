//! The ports that a Dockerfile written by hand names: what can be found out is not asked.

use camino::Utf8Path;
use crossdock_dockerfile::read::{Dockerfile, Keyword, stages};

use super::place::{Place, look};
use crate::header;
use crossdock_project::config::grammar;

/// The ports of the last stage of `Dockerfile`, as `8080` or `53/udp`; none without such a file, or of one that cannot be
/// read. What stands for several ports, or for one that only a build knows, is left out.
pub(super) fn ports(root: &Utf8Path) -> Vec<String> {
    let Ok(Place::File { text, .. }) = look(root, "Dockerfile".into()) else { return Vec::new() };
    if header::read(&text).is_some() {
        return Vec::new();
    }
    of_text(&text)
}

fn of_text(text: &str) -> Vec<String> {
    let Ok(file) = Dockerfile::read(text) else { return Vec::new() };
    let stages = stages(&file);
    let instructions = stages.last().into_iter().flat_map(|stage| &stage.instructions);
    let words = instructions
        .filter(|instruction| instruction.keyword == Keyword::Expose)
        .flat_map(|instruction| instruction.arguments.words());
    let mut ports: Vec<String> = Vec::new();
    for word in words.map(|word| word.to_ascii_lowercase()) {
        let port = word.strip_suffix("/tcp").unwrap_or(&word).to_owned();
        if grammar::port(&port).is_ok() && !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_counts() {
        let text = "FROM golang AS build\nEXPOSE 1\nFROM alpine\nexpose 2222/TCP 53/udp $PORT 8000-8010\nEXPOSE 2222\n";
        assert_eq!(of_text(text), ["2222", "53/udp"]);
        assert!(of_text("not a Dockerfile").is_empty());
        assert!(of_text("").is_empty());
    }
}
