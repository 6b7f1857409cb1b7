//! Packs programs as release archives with SHA256SUMS.

use std::io::Read;
use std::num::NonZeroUsize;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::{Compression, Content, Digest, LayerBuilder, Owner, Timestamp};
use crossdock_verify::{Program, Target, Verdict, Verification, verify_program};

use super::image::about;
use super::publish::replace;
use super::verify::expectation;
use super::{ExecuteError, StepContext, create_ignored_folder, lock};
use crate::plan::{ImagePlan, PlatformPlan, ProgramPlan, ReleaseArchive, ReleasePlan};

impl StepContext<'_> {
    pub(super) fn release(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let Some(release) = &image.release else { return Ok(String::new()) };
        if let Some(output) = release.folder.parent() {
            create_ignored_folder(output)?;
        }
        super::create_folder(&release.folder)?;
        image.others.iter().try_for_each(|plan| self.judge_alone(image, plan))?;
        let mut sums = String::new();
        for archive in &release.archives {
            let path = self.release_archive(image, release, archive)?;
            let file = std::fs::File::open(&path)
                .map_err(|source| ExecuteError::File { path: path.clone(), source })?;
            let (digest, _) = Digest::of_reader(file)
                .map_err(|source| ExecuteError::File { path: path.clone(), source })?;
            sums.push_str(&format!("{}  {}.tar.gz\n", digest.hex(), archive.name));
        }
        let path = release.folder.join("SHA256SUMS");
        crossdock_fs::write_atomically(&path, sums.as_bytes()).map_err(about(image))?;
        Ok(release.folder.to_string())
    }

    fn release_archive(
        &self,
        image: &ImagePlan,
        release: &ReleasePlan,
        archive: &ReleaseArchive,
    ) -> Result<Utf8PathBuf, ExecuteError> {
        let mut builder =
            LayerBuilder::new(Timestamp::from_unix(image.created.unsigned_abs()).map_err(about(image))?);
        let mut add = |from: &Utf8Path, mode: u32| {
            let path = format!("{}/{}", archive.name, from.file_name().unwrap_or("file"));
            builder.add_file(&path, mode, Owner::ROOT, Content::File(from.into())).map_err(about(image))
        };
        let platforms = image.platforms.iter().chain(&image.others);
        for plan in platforms.filter(|plan| plan.platform == archive.platform) {
            plan.programs.iter().try_for_each(|program| add(&self.made(program)?, 0o755))?;
        }
        release.documents.iter().try_for_each(|document| add(document, 0o644))?;
        let path = release.folder.join(format!("{}.tar.gz", archive.name));
        let threads = NonZeroUsize::new(self.jobs).unwrap_or(NonZeroUsize::MIN);
        replace(&path, |file| {
            builder.write(file, Compression::Gzip, threads).map(drop).map_err(about(image))
        })?;
        Ok(path)
    }

    /// Where a program lies that a step of this run compiled.
    pub(super) fn made(&self, program: &ProgramPlan) -> Result<Utf8PathBuf, ExecuteError> {
        let made = lock(&self.state).artifacts.get(&program.artifact).cloned();
        made.ok_or_else(|| ExecuteError::NotMade {
            program: program.artifact.0.clone(),
            command: "any command of the plan".to_owned(),
        })
    }

    /// Judges the programs of a platform that has no image.
    fn judge_alone(&self, image: &ImagePlan, plan: &PlatformPlan) -> Result<(), ExecuteError> {
        for program in &plan.programs {
            let path = self.made(program)?;
            let failed = |source| ExecuteError::File { path: path.clone(), source };
            let mut bytes = Vec::new();
            std::fs::File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(failed)?;
            let judged = Program::new(path.as_str(), &bytes);
            let target = Target::new(&plan.platform);
            let findings = verify_program(&judged, &target, Some(&expectation(plan, program)), None);
            let verdicts = Verification::new(path.as_str(), target.name(), findings);
            if verdicts.verdict() == Verdict::Fails {
                return Err(ExecuteError::WrongProgram {
                    image: image.name.clone(),
                    verdicts: Box::new(verdicts),
                });
            }
        }
        Ok(())
    }
}
