//! One crossdock at a time writes a layout; the others wait and say for whom.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crossdock_oci::{Layout, LayoutLock};

use super::image::about;
use super::observer::{Event, Observer};
use super::{ExecuteError, StepContext, create_ignored_folder};
use crate::plan::{Action, ImagePlan, Plan};
use crossdock_system::process::Cancel;

/// Locks every layout that the plan writes, in the order of their paths, so that two runs never wait for each other.
pub(super) fn take(
    plan: &Plan,
    observer: &mut dyn Observer,
    cancel: &Cancel,
) -> Result<BTreeMap<String, LayoutLock>, ExecuteError> {
    let mut written: Vec<&ImagePlan> = plan.images.iter().filter(|image| writes(plan, image)).collect();
    written.sort_by(|left, right| left.layout.cmp(&right.layout));
    written.into_iter().map(|image| Ok((image.name.clone(), wait(image, observer, cancel)?))).collect()
}

fn writes(plan: &Plan, image: &ImagePlan) -> bool {
    plan.steps.iter().any(|step| match &step.action {
        Action::Layers { image: name, .. } | Action::Import { image: name } | Action::Tag { image: name } => {
            *name == image.name
        }
        _ => false,
    })
}

fn wait(image: &ImagePlan, observer: &mut dyn Observer, cancel: &Cancel) -> Result<LayoutLock, ExecuteError> {
    if let Some(output) = image.layout.parent() {
        create_ignored_folder(output)?;
    }
    let layout = Layout::create(image.layout.as_std_path()).map_err(about(image))?;
    let mut said = false;
    loop {
        let holder = match layout.try_lock().map_err(about(image))? {
            Ok(lock) => return Ok(lock),
            Err(holder) => holder,
        };
        if !said {
            observer.event(Event::Warning(&format!("{} is held by {holder}; waiting for it", image.layout)));
            said = true;
        }
        if cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

impl StepContext<'_> {
    /// The lock of an image's layout, which the run took before its first step.
    pub(super) fn held(&self, image: &ImagePlan) -> Result<&LayoutLock, ExecuteError> {
        self.locks.get(&image.name).ok_or_else(|| ExecuteError::File {
            path: image.layout.clone(),
            source: std::io::Error::other(
                "the plan writes this layout in a step that did not ask for its lock",
            ),
        })
    }
}
