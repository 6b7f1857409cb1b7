use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::Debian;

use super::*;
use crate::planner::request::testing::{go_module, image, request, stated};
use crossdock_project::config::{
    Base as ConfigBase, Config, ExtraFile, FileKind, ImageConfig, Libc, Linkage, PrivateConfig,
};
use crossdock_project::{
    CargoBinary, CargoCalls, CargoPackage, CargoSettings, CargoWorkspace, GoModule, GoModules, NativeCode,
    PackageMetadata, Sources, ToolchainFile, UserSetting, VariableSetting,
};

fn sources(inside: &[&str], outside: &[&str]) -> Sources {
    Sources {
        inside: inside.iter().map(ToString::to_string).collect(),
        outside: outside.iter().map(Utf8PathBuf::from).collect(),
    }
}

/// The server of the examples: one program in the module's root.
fn go() -> Project {
    Project::Go(GoModule {
        go_version: Some("1.26.0".to_owned()),
        modules: GoModules { directories: BTreeSet::from(["/p".into()]), ..GoModules::default() },
        sources: sources(&["*.go", "cmd"], &[]),
        ..go_module("server", &[("server", "/p"), ("worker", "/p/cmd/worker")])
    })
}

#[test]
fn a_workspace_that_the_user_turned_off_stays_off() {
    let with = |value: &str| {
        let Project::Go(mut module) = go() else { unreachable!("the project is Go's") };
        module.modules.workspace = (value != "off").then(|| "/p".into());
        let setting = UserSetting { value: value.to_owned(), place: "GOWORK".to_owned() };
        module.variables = vec![VariableSetting { name: "GOWORK".to_owned(), setting }];
        let mut server = image("server");
        server.binaries = Some(stated(vec!["server".to_owned()]));
        let request = request_for(server, Project::Go(module));
        (request.render().unwrap().dockerfile, request.left_out)
    };
    let (text, left_out) = with("off");
    assert!(text.contains("export GOWORK=off;") && !text.contains("go.work"), "{text}");
    assert_eq!(left_out, [""; 0]);
    for same in ["auto", "/p/go.work"] {
        let (text, left_out) = with(same);
        assert!(text.contains("go.work") && !text.contains("GOWORK"), "{text}");
        assert_eq!(left_out, [""; 0]);
    }
    let (text, left_out) = with("/q/go.work");
    assert!(!text.contains("GOWORK"), "{text}");
    insta::assert_snapshot!(left_out.join("\n"), @"the Dockerfile of image `server` leaves out the workspace `/q/go.work` of GOWORK: go reads only a go.work above the module in the build context");
}

fn rust() -> Project {
    let package = CargoPackage {
        name: "api".to_owned(),
        id: "api".to_owned(),
        version: "1.2.3".to_owned(),
        manifest: "/p/crates/api/Cargo.toml".into(),
        metadata: PackageMetadata { description: Some("An\n API.".to_owned()), ..PackageMetadata::default() },
        default_member: true,
        binaries: vec![CargoBinary {
            name: "api".to_owned(),
            required_features: Vec::new(),
            missing_features: Vec::new(),
        }],
        default_run: None,
        native_code: NativeCode::default(),
        inputs: None,
        calls: CargoCalls::default(),
    };
    Project::Rust(CargoWorkspace {
        directory: "/p".into(),
        root: "/p".into(),
        target_directory: "/p/target".into(),
        locked: true,
        lock_created: false,
        features: Box::default(),
        packages: vec![package],
        settings: CargoSettings::default(),
        toolchain_file: None,
        sources: sources(&["crates"], &[]),
    })
}

fn asked() -> Request {
    Request {
        tags: vec![stated("v1".to_owned())],
        repository: Some(stated("registry.example/api".to_owned())),
        source_date_epoch: Some(1_700_000_000),
        ..request()
    }
}

fn requests_for(
    image: ImageConfig,
    project: Project,
    request: &Request,
) -> Result<Vec<DockerfileRequest>, PlanError> {
    let mut config = Config::unconfigured("/p".into());
    config.images.push(image);
    let mut projects = Projects::default();
    projects.projects.insert("/p".into(), project);
    let values = images::template_values(&config, &projects, request)?;
    let config = config.rendered(&values).unwrap();
    dockerfile_requests(&config, &projects, request, &DockerfileSettings::default())
}

fn request_for(image: ImageConfig, project: Project) -> DockerfileRequest {
    let mut requests = requests_for(image, project, &asked()).unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn rejection(image: ImageConfig, project: Project) -> String {
    let made = requests_for(image, project, &asked()).and_then(|requests| Ok(requests[0].render()?));
    let error = made.unwrap_err();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// The case that crossdock was made for: an Apple M3 builds for nodes m5.large of EKS.
#[test]
fn the_origin_story_is_fixed_to_its_nodes_on_alpine() {
    let mut image = image("server");
    image.binaries = Some(stated(vec!["server".to_owned()]));
    image.dockerfile.mode = Some(stated(DockerfileMode::Fixed));
    image.dockerfile.base = Some(stated(Base::Alpine));
    image.expose = vec![stated(config::Port { number: 2222, protocol: "tcp".to_owned() })];
    let request = Request { nodes: vec![stated("m5.large".to_owned())], ..asked() };
    let requests = requests_for(image, go(), &request).unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].platforms, [Platform::LINUX_AMD64]);
    assert_eq!(requests[0].references, ["registry.example/api:v1"]);
    assert_eq!(requests[0].created, 1_700_000_000);
    insta::assert_snapshot!(requests[0].render().unwrap().dockerfile);
}

/// Nothing verifies a Dockerfile for the nodes of the call, so that one without a platform for them is rejected.
#[test]
fn a_file_that_builds_nothing_for_the_named_node_is_not_rendered() {
    let nodes = vec![stated("m5.large".to_owned())];
    let request = Request { nodes, platforms: vec![stated("linux/arm64".to_owned())], ..asked() };
    let mut server = image("server");
    server.binaries = Some(stated(vec!["server".to_owned()]));
    let error = requests_for(server, go(), &request).unwrap_err().to_string();
    assert!(error.contains("no program for m5.large") && error.contains("--platform"), "{error}");
}

#[test]
fn static_musl_of_cgo_is_refused_where_the_file_would_make_it_dynamic() {
    let mut server = image("server");
    server.binaries = Some(stated(vec!["server".to_owned()]));
    server.cgo = Some(stated(true));
    server.libc = Some(stated(Libc::Musl));
    assert_eq!(request_for(server.clone(), go()).file.linking, Linking::GoCgoMusl);
    server.linkage = stated(Linkage::Static);
    let error = rejection(server, go());
    assert!(error.contains("`libc = \"musl\"`") && error.contains("`linkage = \"static\"`"), "{error}");
}

/// `crossdock.toml` cannot ask for it, but a caller of the library can.
#[test]
fn an_image_without_programs_is_an_internal_error() {
    let mut server = image("server");
    server.binaries = Some(stated(Vec::new()));
    insta::assert_snapshot!(rejection(server, go()), @"internal error: image `server`: it has no programs; please report it");
}

#[test]
fn several_programs_of_a_module_with_everything_configured() {
    let mut image = image("both");
    image.binaries = Some(stated(vec!["worker".to_owned(), "server".to_owned()]));
    image.cmd = Some(stated(vec!["--verbose".to_owned()]));
    image.env = BTreeMap::from([("LEVEL".to_owned(), "info".to_owned())]);
    image.labels = BTreeMap::from([("team".to_owned(), "a b".to_owned())]);
    image.user = Some(stated("1000:1001".to_owned()));
    image.timezones = stated(true);
    image.ldflags = Some(stated("-X main.name=worker".to_owned()));
    let (from, to) = ("/p/web/static".into(), "/srv/static".to_owned());
    image.files = vec![stated(ExtraFile { from, to, mode: None, kind: FileKind::File, template: None })];
    image.dockerfile.private =
        PrivateConfig { ssh: vec!["git.example".to_owned()], ..PrivateConfig::default() };
    image.dockerfile.debian = Some(stated(Debian::Bookworm));
    let rendered = request_for(image, go()).render().unwrap();
    insta::assert_snapshot!(format!("{}\n--- .dockerignore\n{}", rendered.dockerfile, rendered.dockerignore));
}

#[test]
fn a_workspace_is_the_context_and_its_members_are_its_sources() {
    let mut image = image("api");
    image.features.names = vec!["tls".to_owned()];
    image.features.no_default = true;
    image.profile = stated("dist".to_owned());
    let request = request_for(image, rust());
    assert_eq!((request.context.as_str(), request.file.linking), ("/p", Linking::RustMusl));
    let rendered = request.render().unwrap();
    insta::assert_snapshot!(format!("{}\n--- .dockerignore\n{}", rendered.dockerfile, rendered.dockerignore));
}

#[test]
fn variables_and_the_toolchain_of_this_machine_are_carried_or_named() {
    let Project::Rust(mut workspace) = rust() else { unreachable!("the project is Rust's") };
    let variable = |(name, value, place): (&str, &str, &str)| VariableSetting {
        name: name.to_owned(),
        setting: UserSetting { value: value.to_owned(), place: format!("{place} (env.{name})") },
    };
    workspace.settings.env = [
        ("GREETING", "good day", "/.cargo/config.toml"),
        ("SENT", "x", "/p/.cargo/config.toml"),
        ("PROTOC", "/opt/protoc", "/h/config.toml"),
        ("RUSTFLAGS", "-Cx", "/h/config.toml"),
    ]
    .map(variable)
    .to_vec();
    let rustup = |toolchain: &str| {
        let setting = UserSetting { value: toolchain.to_owned(), place: "RUSTUP_TOOLCHAIN".to_owned() };
        vec![VariableSetting { name: "RUSTUP_TOOLCHAIN".to_owned(), setting }]
    };
    workspace.settings.cargo_variables = rustup("1.90.0-x86_64-unknown-linux-gnu");
    let request = request_for(image("api"), Project::Rust(workspace.clone()));
    let text = request.render().unwrap().dockerfile;
    assert!(text.contains("export GREETING='good day';"), "{text}");
    assert!(["SENT", "PROTOC", "RUSTFLAGS"].iter().all(|name| !text.contains(name)), "{text}");
    insta::assert_snapshot!(request.left_out.join("\n"), @r#"
    the Dockerfile of image `api` leaves out /h/config.toml (env.PROTOC): its value is a path of this machine
    the Dockerfile of image `api` leaves out /h/config.toml (env.RUSTFLAGS): in the builder's image it would change cargo itself
    the Dockerfile of image `api` leaves out the toolchain `1.90.0-x86_64-unknown-linux-gnu` of RUSTUP_TOOLCHAIN: its builder is rust:1; name a tag of the image `rust` as `toolchain = "1.90.0"` in [image.api.dockerfile]
    "#);

    let left_out = |toolchain: &str, change: fn(&mut ImageConfig)| {
        let mut workspace = workspace.clone();
        workspace.settings.env.clear();
        workspace.settings.cargo_variables = rustup(toolchain);
        let mut api = image("api");
        change(&mut api);
        request_for(api, Project::Rust(workspace)).left_out.len()
    };
    assert_eq!(left_out("nightly-2026-01-01", |_| {}), 1);
    assert_eq!(left_out("stable-x86_64-unknown-linux-gnu", |_| {}), 0);
    assert_eq!(left_out("1.89", |api| api.dockerfile.toolchain = Some(stated("1.90".to_owned()))), 0);
}

#[test]
fn jemalloc_supports_large_pages_unless_a_file_of_the_project_decides() {
    let project = |chain: &[&str], variables: &[(&str, &str)]| {
        let Project::Rust(mut workspace) = rust() else { unreachable!("the project is Rust's") };
        let chain = chain.iter().map(ToString::to_string).collect();
        workspace.packages[0].native_code = NativeCode::everywhere(vec![chain]);
        let variable = |(name, place): &(&str, &str)| VariableSetting {
            name: (*name).to_owned(),
            setting: UserSetting { value: "14".to_owned(), place: (*place).to_owned() },
        };
        workspace.settings.variables = variables.iter().map(variable).collect();
        Project::Rust(workspace)
    };
    let set_in = |project: Project| {
        let text = request_for(image("api"), project).render().unwrap().dockerfile;
        let lines = text.lines().filter(|line| line.contains("JEMALLOC_SYS_WITH_LG_PAGE=16"));
        lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let name = "JEMALLOC_SYS_WITH_LG_PAGE";
    let chain = ["api", "tikv-jemallocator", "tikv-jemalloc-sys", "cc"];
    assert_eq!(set_in(project(&chain, &[])), ["linux/arm64"]);
    assert_eq!(set_in(project(&["api", "jemalloc-sys", "cc"], &[])), ["linux/arm64"]);
    let text = request_for(image("api"), project(&chain, &[(name, name)])).render().unwrap().dockerfile;
    assert!(text.contains("export JEMALLOC_SYS_WITH_LG_PAGE=14;") && !text.contains("LG_PAGE=16"), "{text}");
    assert_eq!(set_in(project(&chain, &[(name, "/p/.cargo/config.toml (env.X)")])), [""; 0]);
    assert_eq!(set_in(project(&["api", "ring", "cc"], &[])), [""; 0]);
}

#[test]
fn linking_decides_the_base_unless_one_is_asked_for() {
    let with = |change: fn(&mut ImageConfig)| {
        let mut image = image("api");
        change(&mut image);
        let request = request_for(image, rust());
        (request.file.linking, request.file.base)
    };
    assert_eq!(with(|_| {}), (Linking::RustMusl, Base::Static));
    assert_eq!(
        with(|image| image.linkage = stated(Linkage::Dynamic)),
        (Linking::RustGlibc, Base::DistrolessCc)
    );
    assert_eq!(with(|image| image.libc = Some(stated(Libc::GNU))), (Linking::RustGlibcStatic, Base::Static));
    assert_eq!(with(|image| image.base = stated(ConfigBase::Scratch)), (Linking::RustMusl, Base::Scratch));
    let mut cgo = image("server");
    cgo.binaries = Some(stated(vec!["server".to_owned()]));
    cgo.cgo = Some(stated(true));
    let of = |image: &ImageConfig| {
        let request = request_for(image.clone(), go()).file;
        (request.linking, request.base)
    };
    assert_eq!(of(&cgo), (Linking::GoCgoStatic, Base::Static));
    cgo.linkage = stated(Linkage::Dynamic);
    assert_eq!(of(&cgo), (Linking::GoCgoGlibc, Base::DistrolessBase));
    cgo.dockerfile.base = Some(stated(Base::Alpine));
    assert_eq!(of(&cgo).0, Linking::GoCgoMusl);
}

#[test]
fn a_platform_without_musl_needs_a_decision() {
    let request = Request { platforms: vec![stated("linux/s390x".to_owned())], ..asked() };
    let dockerfile = |image: ImageConfig| {
        let requests = requests_for(image, rust(), &request).unwrap();
        Ok(requests[0].render()?.dockerfile)
    };
    let error: DockerfileError = dockerfile(image("api")).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    insta::assert_snapshot!(cause, @r#"linux/s390x cannot be cross-compiled in the builder's image: rustup has no standard library for s390x-unknown-linux-musl; link it to glibc (`libc = "gnu"`), or leave the platform out"#);
    let mut gnu = image("api");
    gnu.libc = Some(stated(Libc::GNU));
    assert!(dockerfile(gnu).unwrap().contains("s390x-unknown-linux-gnu"));
}

#[test]
fn compilers_come_from_the_project() {
    let go_with = |version: &str, toolchain: Option<&str>| {
        let Project::Go(module) = go() else { unreachable!("the project is Go's") };
        let toolchain = toolchain.map(str::to_owned);
        let mut image = image("server");
        image.binaries = Some(stated(vec!["server".to_owned()]));
        let module = GoModule { go_version: Some(version.to_owned()), toolchain, ..module };
        request_for(image, Project::Go(module)).file.toolchain
    };
    assert_eq!(go_with("1.26.0", None), "1.26");
    assert_eq!(go_with("1.26", Some("1.27.1")), "1.27");
    assert_eq!(go_with("1.27rc1", None), "1.27rc1");
    assert_eq!(go_with("1.16", None), "1.25", "so old a compiler has no image on a Debian that gets updates");
    let rust_with = |channel: &str| {
        let Project::Rust(workspace) = rust() else { unreachable!("the project is Rust's") };
        let toolchain_file = Some(ToolchainFile {
            path: "/p/rust-toolchain.toml".into(),
            channel: Some(channel.to_owned()),
            targets: Vec::new(),
            components: Vec::new(),
        });
        Project::Rust(CargoWorkspace { toolchain_file, ..workspace })
    };
    let version = |channel: &str| request_for(image("api"), rust_with(channel)).file.toolchain;
    assert_eq!(
        (version("1.89"), version("1.89.0-x86_64-unknown-linux-gnu")),
        ("1.89".into(), "1.89.0".into())
    );
    assert_eq!(version("stable"), "1");
    let old = request_for(image("api"), rust_with("1.82.0")).file;
    assert_eq!((old.debian, old.builder_debian), (Debian::Trixie, Some(Debian::Bookworm)));
    insta::assert_snapshot!(rejection(image("api"), rust_with("1.60")), @r#"image `api`: /p/rust-toolchain.toml selects the toolchain `1.60`, which has no image on Debian 12 or newer; name a tag of the image `rust` as `toolchain = "1.95"` in [image.api.dockerfile]"#);
    insta::assert_snapshot!(rejection(image("api"), rust_with("nightly-2026-01-01")), @r#"image `api`: /p/rust-toolchain.toml selects the toolchain `nightly-2026-01-01`, which has no image on Debian 12 or newer; name a tag of the image `rust` as `toolchain = "1.95"` in [image.api.dockerfile]"#);
}

#[test]
fn images_that_no_dockerfile_can_build_are_rejected() {
    let mut named = image("api");
    named.user = Some(stated("web".to_owned()));
    insta::assert_snapshot!(rejection(named, rust()), @r#"image `api`: the user `web` is a name, and `runAsNonRoot` can check only numbers; write `user = "65532:65532"`"#);
    let mut outside = image("api");
    let (from, to) = ("/q/conf".into(), "/etc/conf".to_owned());
    outside.files = vec![stated(ExtraFile { from, to, mode: None, kind: FileKind::File, template: None })];
    insta::assert_snapshot!(rejection(outside, rust()), @"image `api`: the image's file /q/conf is outside of the build context /p; move it there, or make a directory above both the project's root");
    let mut whole = image("api");
    let (from, to) = ("/p".into(), "/srv".to_owned());
    whole.files = vec![stated(ExtraFile { from, to, mode: None, kind: FileKind::Directory, template: None })];
    insta::assert_snapshot!(rejection(whole, rust()), @"image `api`: an entry of `files` is the whole build context /p, which a Dockerfile cannot copy as `dist` packs it; name the files and directories in it");
    let Project::Rust(workspace) = rust() else { unreachable!("the project is Rust's") };
    let project = Project::Rust(CargoWorkspace { sources: sources(&["src"], &["/q/lib"]), ..workspace });
    insta::assert_snapshot!(rejection(image("api"), project), @"image `api`: the project's own code in /q/lib is outside of the build context /p; move it there, or make a directory above both the project's root");
    let mut scratch = image("api");
    scratch.linkage = stated(Linkage::Dynamic);
    scratch.base = stated(ConfigBase::Scratch);
    insta::assert_snapshot!(rejection(scratch, rust()), @r#"image `api` has no Dockerfile: a rust-glibc program does not start on scratch: the base has no C library and no loader: `no such file or directory`; take the base distroless-cc, or keep scratch and link as rust-musl (`linkage = "static"`)"#);
}
