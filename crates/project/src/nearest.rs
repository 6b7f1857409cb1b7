//! "Did you mean": the known name that a mistyped one resembles.

/// The candidate that is closest to `name`, when it is close enough that a slip of the hand explains the difference:
/// at most one edit for every three characters (Damerau-Levenshtein, case folded), and none in a shorter name.
///
/// ```
/// use crossdock_project::nearest::nearest;
/// assert_eq!(nearest("repositry", ["path", "repository"]), Some("repository"));
/// assert_eq!(nearest("colour", ["path", "repository"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let allowed = name.chars().count() / 3;
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A list for a message, as `` `a`, `b` and `c` ``; `nothing` when there is none.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.pop() {
        None => "nothing".to_owned(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_a_slip_explains_and_nothing_else() {
        let known = ["amd64", "arm64", "images", "expose"];
        assert_eq!(nearest("amd46", known), Some("amd64"));
        assert_eq!(nearest("EXPOSE", known), Some("expose"));
        assert_eq!(nearest("imges", known), Some("images"));
        assert_eq!(nearest("windows", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("c", ["a"]), None);
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(listed([]), "nothing");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
