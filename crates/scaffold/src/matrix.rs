//! The jobs of a pipeline that builds each platform on a hosted runner of its architecture.

use crossdock_platform::Platform;
use crossdock_runner::platform_slug;
use serde::Serialize;

/// A service that runs pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitHub Actions.
    Github,
    /// GitLab.
    Gitlab,
}

/// A job that builds one platform of the images that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MatrixJob {
    /// The platform, as `--platform` takes it.
    pub platform: String,
    /// The platform as part of a file or artifact name.
    pub artifact: String,
    /// The images that have the platform, as `--image` takes them: separated by commas.
    pub images: String,
    /// The label of the runner.
    pub runner: &'static str,
    /// Whether the runner executes programs of the platform. Others are cross-compiled.
    pub native: bool,
}

impl Forge {
    /// Returns the labels of the hosted runners for amd64 and arm64.
    fn runners(self) -> (&'static str, &'static str) {
        match self {
            // https://docs.github.com/actions/reference/runners/github-hosted-runners
            Self::Github => ("ubuntu-24.04", "ubuntu-24.04-arm"),
            // https://docs.gitlab.com/ci/runners/hosted_runners/linux/
            Self::Gitlab => ("saas-linux-small-amd64", "saas-linux-small-arm64"),
        }
    }

    /// Assigns a platform to a runner. A platform without a runner of its architecture is cross-compiled on amd64.
    fn job(self, platform: &Platform, images: &[&str]) -> MatrixJob {
        let (amd64, arm64) = self.runners();
        let (runner, native) = match platform.architecture().as_str() {
            "amd64" | "386" => (amd64, true),
            "arm64" => (arm64, true),
            _ => (amd64, false),
        };
        MatrixJob {
            platform: platform.to_string(),
            artifact: platform_slug(platform),
            images: images.join(","),
            runner,
            native,
        }
    }
}

/// Returns one job for each platform, in the order in which they first occur. `images` are the names of images, each with one
/// of its platforms.
pub fn matrix_jobs<'a>(
    images: impl IntoIterator<Item = (&'a str, &'a Platform)>,
    forge: Forge,
) -> Vec<MatrixJob> {
    let mut legs: Vec<(&Platform, Vec<&str>)> = Vec::new();
    for (image, platform) in images {
        match legs.iter_mut().find(|(known, _)| *known == platform) {
            Some((_, names)) => names.push(image),
            None => legs.push((platform, vec![image])),
        }
    }
    legs.into_iter().map(|(platform, names)| forge.job(platform, &names)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_one_job_on_a_runner_of_its_architecture() {
        let images = [
            ("a", "linux/amd64"),
            ("a", "linux/arm64"),
            ("b", "linux/amd64"),
            ("b", "linux/s390x"),
            ("b", "linux/386"),
        ]
        .map(|(image, platform)| (image, Platform::parse(platform).unwrap()));
        let jobs = |forge| -> Vec<String> {
            let jobs = matrix_jobs(images.iter().map(|(image, platform)| (*image, platform)), forge);
            let line = |job: &MatrixJob| {
                let MatrixJob { platform, artifact, images, runner, native } = job;
                format!("{platform} {artifact} {images} {runner} {native}")
            };
            jobs.iter().map(line).collect()
        };
        assert_eq!(
            jobs(Forge::Github),
            [
                "linux/amd64 linux-amd64 a,b ubuntu-24.04 true",
                "linux/arm64 linux-arm64 a ubuntu-24.04-arm true",
                "linux/s390x linux-s390x b ubuntu-24.04 false",
                "linux/386 linux-386 b ubuntu-24.04 true",
            ]
        );
        assert_eq!(jobs(Forge::Gitlab)[1], "linux/arm64 linux-arm64 a saas-linux-small-arm64 true");
    }
}
