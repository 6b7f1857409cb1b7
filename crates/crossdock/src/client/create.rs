//! Repositories that are created before a push.

use std::fmt;
use std::time::Duration;

use crossdock_registry::{CreateError, EcrRepository, Host, RepositoryCreator};
use crossdock_system::process::{Command, ProcessError};

use crate::context::Context;
use crate::error::{Error, ErrorKind};

/// A repository that is created if the registry does not have it. Amazon ECR is the registry that needs this; the program
/// `aws` does it, with its own credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewRepository {
    /// Whether tags of images cannot be moved.
    pub immutable_tags: bool,
    /// The tags of AWS that the repository gets, each `KEY=VALUE`.
    pub tags: Vec<String>,
}

/// The time that `aws` has.
const LIMIT: Duration = Duration::from_secs(120);

/// Creates repositories of ECR by `aws`.
pub(super) struct Aws {
    context: Context,
    immutable_tags: bool,
    tags: Vec<(String, String)>,
}

impl Aws {
    /// # Errors
    /// A tag is not `KEY=VALUE`.
    pub(super) fn new(context: &Context, wanted: &NewRepository) -> Result<Self, Error> {
        let pair = |tag: &String| match tag.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(Error::from_message(
                ErrorKind::Usage,
                format!("`{tag}` is not a tag of a repository, e.g. `team=web`"),
            )),
        };
        let tags = wanted.tags.iter().map(pair).collect::<Result<_, _>>()?;
        Ok(Self { context: context.clone(), immutable_tags: wanted.immutable_tags, tags })
    }

    /// Returns the arguments of `aws`.
    fn arguments(&self, repository: &EcrRepository) -> Result<Vec<String>, CreateError> {
        let mut arguments = repository.command();
        // The program's name.
        arguments.remove(0);
        if self.immutable_tags {
            if matches!(repository, EcrRepository::Public { .. }) {
                return Err(CreateError::new(
                    "public.ecr.aws has no immutable tags; leave out `--immutable-tags`",
                ));
            }
            arguments.extend(["--image-tag-mutability", "IMMUTABLE"].map(str::to_owned));
        }
        if !self.tags.is_empty() {
            // As JSON: the short form of `aws` has no commas in values.
            let tags = self.tags.iter().map(|(key, value)| serde_json::json!({ "Key": key, "Value": value }));
            arguments.extend(["--tags".to_owned(), serde_json::Value::from_iter(tags).to_string()]);
        }
        Ok(arguments)
    }
}

impl RepositoryCreator for Aws {
    fn create(&self, host: &Host, repository: &str) -> Result<(), CreateError> {
        let Some(found) = EcrRepository::of(&host.to_string(), repository) else {
            return Err(CreateError::new(
                "only repositories of Amazon ECR are created; create it in the registry",
            ));
        };
        let arguments = self.arguments(&found)?;
        let command = Command::new("aws", self.context.directory().to_owned()).args(&arguments);
        let shown = format!("aws {}", arguments.iter().take(2).cloned().collect::<Vec<_>>().join(" "));
        self.context.note(&format!("creating the repository `{repository}` on `{host}` with `{shown}`"));
        let output = self.context.processes().answer(&command, b"", LIMIT).map_err(|error| match error {
            error if error.is_not_installed() => CreateError::missing(
                "`aws` is not installed or not on the PATH; install the AWS CLI or create the repository otherwise",
            ),
            ProcessError::TimedOut { limit, .. } => {
                CreateError::new(format!("`{shown}` did not end within {limit:?}"))
            }
            error => CreateError::new(format!("`{shown}` failed: {error}")),
        })?;
        let words = String::from_utf8_lossy(&output.stderr);
        // Another run was faster.
        if output.status.success() || words.contains("RepositoryAlreadyExistsException") {
            return Ok(());
        }
        let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let words: String = words.chars().filter(|char| !char.is_control()).take(400).collect();
        Err(CreateError::new(format!("`{shown}` failed ({}): {words}", output.status)))
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aws")
    }
}
