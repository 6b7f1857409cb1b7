// A Go module in a directory of its own, and a context in that directory. The examples in the documentation of this
// crate include this expression, so that they really run.
(|| -> Result<(tempfile::TempDir, crossdock::Context), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let files = [
        ("go.mod", "module example.com/hello\n\ngo 1.22\n"),
        ("main.go", "package main\n\nfunc main() { println(\"hello\") }\n"),
        ("crossdock.toml", "[image.hello]\npath = \".\"\nbase = \"scratch\"\ntags = [\"1.0\"]\n"),
    ];
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text)?;
    }
    let mut environment = crossdock::Environment::from_process()?;
    environment.directory = directory.path().to_str().ok_or("the path is not UTF-8")?.into();
    Ok((directory, crossdock::Context::builder(environment).finish()?))
})()
