//! The images with which the stages begin.

use serde::Serialize;

use super::super::combination::{Base, Linking};
use super::super::request::{Engine, Mode, Request};

/// A rule of hadolint that does not apply, with the reason that the file states.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Ignore {
    pub(super) rule: &'static str,
    pub(super) reason: &'static str,
}

/// A global build argument with its default.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: String,
}

/// The `FROM` lines of both stages.
pub(super) struct Images {
    pub(super) arguments: Vec<Assignment>,
    /// The text after the builder's `FROM`.
    pub(super) builder: String,
    pub(super) builder_name: String,
    pub(super) builder_ignores: Vec<Ignore>,
    /// The text after the last `FROM`.
    pub(super) runtime: String,
    pub(super) runtime_ignores: Vec<Ignore>,
}

const PINNED: Ignore = Ignore {
    rule: "DL3029",
    reason: "One deploy target is pinned on purpose; pass the same --platform to the engine.",
};

impl Images {
    pub(super) fn new(request: &Request) -> Self {
        let shared = shared_release(request);
        let (builder, runtime) = (builder(request, shared), runtime(request, shared));
        let (build_platform, builder_name) = builder_platform(request);
        let runtime_platform = match &request.mode {
            Mode::Cross(_) => None,
            Mode::Fixed(platform) => Some(platform.normalized()),
        };
        let mut runtime_ignores = Vec::new();
        runtime_ignores.extend(runtime_platform.as_ref().map(|_| PINNED));
        let constant = !build_platform.starts_with('$');
        // BuildKit's check FromPlatformFlagConstDisallowed accepts a constant platform only in a stage named after it.
        let runtime = match runtime_platform {
            Some(platform) => {
                format!("--platform={platform} {runtime} AS {}", platform.to_string().replace('/', "-"))
            }
            None => runtime,
        };
        Self {
            arguments: shared
                .into_iter()
                .map(|(name, value)| Assignment { name: name.to_owned(), value: value.to_owned() })
                .collect(),
            builder: format!("--platform={build_platform} {builder}"),
            builder_name,
            builder_ignores: constant.then_some(PINNED).into_iter().collect(),
            runtime,
            runtime_ignores,
        }
    }
}

/// Returns the builder's platform and stage name: the build machine's platform, unless only a native compiler serves.
fn builder_platform(request: &Request) -> (String, String) {
    // Alpine has no cross compilers, and the classic builder does not set BUILDPLATFORM.
    let native = request.linking == Linking::GoCgoMusl || matches!(request.engine, Engine::Classic(_));
    match &request.mode {
        Mode::Fixed(platform) if native => {
            let platform = platform.normalized();
            (platform.to_string(), format!("build-{}", platform.architecture()))
        }
        _ => ("$BUILDPLATFORM".to_owned(), "build".to_owned()),
    }
}

/// Returns the argument that sets the release of both stages. `None` if a digest pins one of them, or if their
/// distributions differ.
fn shared_release(request: &Request) -> Option<(&'static str, &str)> {
    let same = request.builder_debian.is_none_or(|builder| builder == request.debian);
    if !request.digests.is_empty() {
        return None;
    }
    match request.base {
        Base::Alpine if request.linking.builds_on_alpine(Base::Alpine) => Some(("ALPINE", &request.alpine)),
        Base::DebianSlim if same => Some(("DEBIAN", request.debian.codename())),
        _ => None,
    }
}

fn builder(request: &Request, shared: Option<(&str, &str)>) -> String {
    let language = if request.linking.is_go() { "golang" } else { "rust" };
    let on_alpine = request.linking.builds_on_alpine(request.base);
    let release = match shared {
        Some((name, _)) if on_alpine => format!("alpine${{{name}}}"),
        Some((name, _)) => format!("${{{name}}}"),
        None if on_alpine => format!("alpine{}", request.alpine),
        None => request.builder_debian.unwrap_or(request.debian).codename().to_owned(),
    };
    pinned(request, format!("{language}:{}-{release}", request.toolchain))
}

fn runtime(request: &Request, shared: Option<(&str, &str)>) -> String {
    let (number, codename) = (request.debian.number(), request.debian.codename());
    let variable = shared.map(|(name, _)| format!("${{{name}}}"));
    if let Some(reference) = &request.base_reference {
        return pinned(request, reference.clone());
    }
    let image = match request.base {
        Base::Scratch | Base::Static => return "scratch".to_owned(),
        Base::DistrolessStatic => format!("gcr.io/distroless/static-debian{number}:nonroot"),
        Base::DistrolessBase => format!("gcr.io/distroless/base-debian{number}:nonroot"),
        Base::DistrolessCc => format!("gcr.io/distroless/cc-debian{number}:nonroot"),
        Base::Alpine => format!("alpine:{}", variable.as_deref().unwrap_or(&request.alpine)),
        Base::DebianSlim => format!("debian:{}-slim", variable.as_deref().unwrap_or(codename)),
    };
    pinned(request, image)
}

/// Appends the digest of the lock file, if it has one for the image.
fn pinned(request: &Request, image: String) -> String {
    match request.digests.get(&image) {
        Some(digest) => format!("{image}@{digest}"),
        None => image,
    }
}
