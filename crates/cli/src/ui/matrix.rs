//! The jobs of a pipeline in the form that its service reads.

use crossdock::plan::MatrixJob;
use serde::Serialize;

/// Returns the value of GitHub's `strategy.matrix` as one line of JSON, which an output of a step can hold.
pub(crate) fn github(jobs: &[MatrixJob]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Matrix<'a> {
        include: &'a [MatrixJob],
    }
    Ok(serde_json::to_string(&Matrix { include: jobs })? + "\n")
}

/// Returns a child pipeline for GitLab, whose jobs extend `.crossdock-build` of another file that the pipeline includes. A
/// matrix cannot come from a variable there.
pub(crate) fn gitlab(jobs: &[MatrixJob]) -> String {
    let job = |job: &MatrixJob| {
        let MatrixJob { platform, artifact, images, runner, .. } = job;
        // Names of platforms, images and runners need no escapes in quotes.
        format!(
            "      - {{ PLATFORM: \"{platform}\", ARTIFACT: \"{artifact}\", IMAGES: \"{images}\", RUNNER: \"{runner}\" }}\n"
        )
    };
    let jobs: String = jobs.iter().map(job).collect();
    format!("build:\n  extends: .crossdock-build\n  tags: [\"$RUNNER\"]\n  parallel:\n    matrix:\n{jobs}")
}
