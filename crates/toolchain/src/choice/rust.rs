//! The choice for Rust: routes and C libraries in order of preference, and one of them for all platforms if one can.

use camino::Utf8Path;

use super::candidate::{Candidate, Context};
use super::{RustChoice, RustRequest};
use crate::host::Host;
use crossdock_system::availability::{Availability, Unavailable};

/// One answer for each platform of a request.
type Answers = Vec<Result<RustChoice, Unavailable>>;

/// How each platform is built, in the order of the request, or why it cannot be.
///
/// The routes are the project's own toolchain and then those that the request names; within a route a static program
/// takes musl before the GNU C library. The first that builds all platforms is taken. Where none does, each platform
/// takes the first that builds it, and where a platform has none, it says what it misses and what brings that: on the
/// first route that could then build all platforms, and after that on the others.
pub fn choose_rust(
    request: &RustRequest<'_>,
    host: &Host,
    cache: &Utf8Path,
) -> Vec<Availability<RustChoice>> {
    let context = Context { request, host, cache };
    let answers = |candidate: &Candidate<'_>| {
        request.platforms.iter().map(|platform| candidate.build(&context, platform)).collect::<Answers>()
    };
    let tried: Vec<Answers> = Candidate::all(request, host).iter().map(answers).collect();
    if let Some(all) = tried.iter().find(|answers| answers.iter().all(Result::is_ok)) {
        return all.iter().cloned().map(availability).collect();
    }
    if let Some(mixed) = mixed(&tried, request.platforms.len()) {
        return mixed;
    }
    let routes_would_help = request.routes.is_empty() && host.rust_of(request.folder).is_ok();
    let refused = refused(tried).into_iter();
    refused.map(|answer| if routes_would_help { with_routes(answer) } else { answer }).collect()
}

/// Where nothing can be installed, the routes that need to be named are worth a word.
fn with_routes(answer: Availability<RustChoice>) -> Availability<RustChoice> {
    const ROUTES: &str = r#"; `toolchain = ["distribution", "build-std"]` would let the system's compiler serve, or one's own build of the library"#;
    match answer {
        Availability::Unavailable(mut missing) if missing.remedies.is_empty() => {
            missing.why.push_str(ROUTES);
            Availability::Unavailable(missing)
        }
        answer => answer,
    }
}

fn availability(answer: Result<RustChoice, Unavailable>) -> Availability<RustChoice> {
    answer.map_or_else(Availability::Unavailable, Availability::Available)
}

/// For each platform the first candidate that builds it, if each has one.
fn mixed(tried: &[Answers], platforms: usize) -> Option<Vec<Availability<RustChoice>>> {
    let first =
        |place: usize| tried.iter().find_map(|answers: &Answers| answers.get(place)?.as_ref().ok().cloned());
    let explained = |mut choice: RustChoice| {
        choice.why.push_str("; no single toolchain builds all platforms of the image");
        Availability::Available(choice)
    };
    (0..platforms).map(|place| first(place).map(explained)).collect()
}

/// What each platform misses for the first candidate that something could be done about, and after its remedies those
/// of the later candidates.
fn refused(tried: Vec<Answers>) -> Vec<Availability<RustChoice>> {
    let can_be_done = |answers: &Answers| {
        answers.iter().all(|answer| answer.as_ref().err().is_none_or(|missing| !missing.remedies.is_empty()))
    };
    let start = tried.iter().position(can_be_done).unwrap_or(0);
    let mut tried = tried.into_iter().skip(start);
    let Some(mut first) = tried.next() else { return Vec::new() };
    for later in tried {
        for (mine, theirs) in first.iter_mut().zip(later) {
            if let (Err(mine), Err(theirs)) = (mine, theirs) {
                let new = theirs.remedies.into_iter().filter(|remedy| !mine.remedies.contains(remedy));
                mine.remedies.extend(new.collect::<Vec<_>>());
            }
        }
    }
    first.into_iter().map(availability).collect()
}
