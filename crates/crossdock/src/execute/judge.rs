use super::report_lines::Reporter;
use super::{ExecuteError, StepContext};
use crate::plan::ImagePlan;
impl StepContext<'_> {
    pub(super) fn verify(
        &self,
        _image: &ImagePlan,
        _reporter: &Reporter<'_>,
    ) -> Result<String, ExecuteError> {
        Ok(String::new())
    }
}
