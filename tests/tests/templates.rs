//! Templates in the values of an image: the same values in the plan, the image and the rendered Dockerfile.

use std::path::PathBuf;

use crossdock_tests::{Layout, Sandbox, fixture};
use serde_json::json;

const MAIN: &str = "package main\n\nimport \"fmt\"\n\nvar version, commit = \"none\", \"none\"\n\nfunc main() { fmt.Println(version, commit) }\n";

const CONFIG: &str = r#"
[image.hello]
ldflags = "-X main.version={{version}} -X main.commit={{ git.short }}"
entrypoint = ["/usr/local/bin/hello", "--release={{ version }}"]
cmd = ["{% raw %}{{.ID}}{% endraw %}", "$HOME", "{{ env.GREETING }}"]
tag-env = ["GREETING"]
labels = { "com.example.version" = "v{{version}}", "com.example.text" = "{# kept #}" }
annotations = { "com.example.date" = "{{ date('%Y-%m-%d') }}" }
files = [{ from = "notes-{{ version }}", to = "/srv/{{ version }}/" }]

[image.hello.env]
Z_HOME = "/opt/{{ version }}"
PATH = "$Z_HOME/bin:$PATH"
A_COPY = "${PATH}|${UNSET:-none}|$$PATH"
GREETING = "{{ env.GREETING }}"
"#;

/// Creates a Go project at the tag v1.2.3.
fn project(sandbox: &Sandbox, config: &str) -> PathBuf {
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("main.go"), MAIN);
    fixture::write(project.join("notes-1.2.3/a.txt"), "a");
    fixture::write(project.join("crossdock.toml"), config);
    fixture::write(project.join(".gitignore"), "/out/\n");
    fixture::commit(sandbox, &project);
    sandbox.tool(&project, "git", &["tag", "v1.2.3"]).success();
    project
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[test]
fn values_are_the_same_in_plan_image_and_dockerfile() {
    let mut sandbox = Sandbox::new();
    sandbox.set("GREETING", "5 $ & ${x} \\ it's");
    let project = project(&sandbox, CONFIG);
    let commit = fixture::short_commit(&sandbox, &project);
    let options = ["--platform", "linux/amd64", "--output", "out"];

    let plan = sandbox.crossdock(&project, &[&["plan", "--json"], &options[..]].concat()).success().json();
    let container = &plan["images"][0]["container"];
    let path = format!("/opt/1.2.3/bin:{PATH}");
    let greeting = "5 $ & ${x} \\ it's";
    assert_eq!(
        container["env"],
        json!({
            "A_COPY": format!("{path}|none|$PATH"),
            "GREETING": greeting,
            "PATH": path,
            "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
            "Z_HOME": "/opt/1.2.3",
        })
    );
    assert_eq!(container["entrypoint"], json!(["/usr/local/bin/hello", "--release=1.2.3"]));
    assert_eq!(container["cmd"], json!(["{{.ID}}", "$HOME", greeting]));
    assert_eq!(container["labels"]["com.example.version"], "v1.2.3");
    let text = sandbox.crossdock(&project, &[&["plan"], &options[..]].concat()).success();
    let text = text.says(&format!("-X main.version=1.2.3 -X main.commit={commit}"));
    text.says("env: Z_HOME=/opt/1.2.3")
        .says("label: com.example.version=v1.2.3")
        .says("file: /srv/1.2.3/notes-1.2.3");

    sandbox.crossdock(&project, &[&["dist"], &options[..]].concat()).success();
    let layout = Layout::open(project.join("out/hello"));
    let config = layout.config("linux/amd64");
    let env: Vec<String> = container["env"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
        .collect();
    assert_eq!(config["config"]["Env"], json!(env));
    assert_eq!(config["config"]["Cmd"], container["cmd"]);
    assert_eq!(
        config["config"]["Labels"],
        json!({ "com.example.text": "{# kept #}", "com.example.version": "v1.2.3" })
    );
    assert_eq!(layout.index()["annotations"]["com.example.date"], "2025-06-15");
    let root = sandbox.work().join("root");
    let program = layout.program("linux/amd64", &root);
    assert_eq!(
        sandbox.tool(&project, program.to_str().unwrap(), &[]).success().stdout,
        format!("1.2.3 {commit}\n")
    );
    assert_eq!(std::fs::read_to_string(root.join("srv/1.2.3/notes-1.2.3/a.txt")).unwrap(), "a");

    let rendered =
        sandbox.crossdock(&project, &["render", "dockerfile", "--platform", "linux/amd64"]).success();
    for line in [
        format!("-X main.version=1.2.3 -X main.commit={commit}"),
        r#"COPY ["notes-1.2.3", "/srv/1.2.3/notes-1.2.3"]"#.to_owned(),
        "com.example.version=v1.2.3".to_owned(),
        "Z_HOME=/opt/1.2.3".to_owned(),
        format!("PATH={path}"),
        format!("A_COPY='{path}|none|$PATH'"),
        r#"GREETING="5 \$ & \${x} \\ it's""#.to_owned(),
        r#"CMD ["{{.ID}}", "$HOME", "5 $ & ${x} \\ it's"]"#.to_owned(),
        r#"ENTRYPOINT ["/usr/local/bin/hello", "--release=1.2.3"]"#.to_owned(),
    ] {
        assert!(rendered.stdout.contains(&line), "{line}: {rendered}");
    }
    // An image that is built already needs no values.
    sandbox.unset("GREETING");
    for command in ["verify", "tag"] {
        sandbox.crossdock(&project, &[&[command], &options[..]].concat()).success();
    }
    sandbox.crossdock(&project, &[&["dist"], &options[..]].concat()).ends_with(2).complains("`env.GREETING`");
    rendered.complains("only for this commit").complains("`git.short` in `ldflags`");
}

/// The values follow from the commit; nothing else of the machine is in them.
#[test]
fn a_value_without_a_variable_is_an_error_at_its_place() {
    let sandbox = Sandbox::new();
    let project = project(
        &sandbox,
        "[image.hello]\nlabels = { v = \"{{ version }}\", t = \"{{ git.tag }}\" }\ncmd = [\"a\", \"{{version}}\"]\n",
    );
    sandbox.crossdock(&project, &["plan"]).success();
    sandbox.tool(&project, "git", &["tag", "--delete", "v1.2.3"]).success();
    for command in ["plan", "dist"] {
        let refused = sandbox.crossdock(&project, &[command]).ends_with(2);
        let refused =
            refused.complains("crossdock.toml:2:16: image `hello`: `labels.v`: `version` has no value");
        let refused =
            refused.complains("crossdock.toml:2:37: image `hello`: `labels.t`: `git.tag` has no value");
        refused.complains("crossdock.toml:3:13: image `hello`: `cmd[1]`: ").complains("| default(");
    }
    // Another image needs no values of this one.
    let both = "[image.hello]\nlabels = { v = \"{{ version }}\" }\n[image.other]\n";
    fixture::write(project.join("crossdock.toml"), both);
    sandbox.crossdock(&project, &["plan", "--image", "other"]).success();
    fixture::write(
        project.join("crossdock.toml"),
        "[image.hello]\nfiles = [{ from = \"go.{{ 'mod' }}\", to = \"etc/x\" }]\n",
    );
    sandbox
        .crossdock(&project, &["plan"])
        .ends_with(2)
        .complains("crossdock.toml:2:42: image `hello`: `files[0].to`: `etc/x` is relative");
    fixture::write(
        project.join("crossdock.toml"),
        "[image.hello]\nfiles = [{ from = \"{{ '../..' }}\", to = \"/x\" }]\n",
    );
    sandbox
        .crossdock(&project, &["plan"])
        .ends_with(2)
        .complains("crossdock.toml:2:19")
        .complains("outside of the project's directory");
}

#[test]
fn a_mistake_in_an_included_file_names_that_file() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("crossdock.toml"), "include = [\"svc\"]\n");
    for (text, at) in [
        ("env = { A = \"$B\" }", "svc/crossdock.toml:4:14: `env.A`: `B` has no value"),
        (
            "cmd = [\n  'a',\n  'é {{ verison }}',\n]",
            "svc/crossdock.toml:6:9: `cmd[1]`: the template uses `verison`",
        ),
        (
            "ldflags = \"-X main.version={{versio}}\"",
            "svc/crossdock.toml:4:30: `ldflags`: the template uses `versio`",
        ),
        (
            "labels = {foo = \"git.nope {{ git.nope }}\"}",
            "svc/crossdock.toml:4:30: `labels.foo`: the template uses `git.nope`",
        ),
        ("labels = { a = \"{{ version\" }", "svc/crossdock.toml:4:"),
        (
            "labels = { \"{{ version }}\" = \"a\" }",
            "svc/crossdock.toml:4:13: a name in `labels` cannot be a template",
        ),
        ("workdir = \"/srv/{{ version }}\"", "svc/crossdock.toml:4:17: `workdir` cannot be a template"),
    ] {
        fixture::write(project.join("svc/crossdock.toml"), format!("[image.svc]\npath = \"..\"\n\n{text}\n"));
        for command in [&["config", "check"][..], &["plan"]] {
            sandbox.crossdock(&project, command).ends_with(2).complains(at);
        }
    }
    fixture::write(
        project.join("svc/crossdock.toml"),
        "[image.svc]\npath = \"..\"\n\nldflags = \"-X main.v={{ version }}\"\n",
    );
    sandbox.crossdock(&project, &["config", "check"]).success();
    sandbox
        .crossdock(&project, &["plan"])
        .ends_with(2)
        .complains("svc/crossdock.toml:4:11: image `svc`: `ldflags`");
}

/// A checked-in Dockerfile with the commit in it is wrong after the next commit.
#[test]
fn init_writes_no_dockerfile_that_only_one_commit_may_use() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "[image.hello]\nldflags = \"-X main.version={{ version }}\"\n");
    let planned = sandbox.crossdock(&project, &["init", "--dry-run"]).success();
    planned.complains("no Dockerfile for hello").complains("`version` in `ldflags`");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nenv = { PATH = \"/x:$PATH\" }\n");
    let diff = sandbox.crossdock(&project, &["init", "--dry-run", "--diff"]).success();
    diff.says(&format!("+ENV PATH=/x:{PATH}"));
}
