//! The names of Amazon's registries.

/// Returns whether a host is Amazon's ECR.
pub(crate) fn is_ecr(host: &str) -> bool {
    let host = host.split(':').next().unwrap_or(host);
    Private::of(host).is_some() || host == PUBLIC
}

const PUBLIC: &str = "public.ecr.aws";

/// A repository of ECR, as the program `aws` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EcrRepository {
    /// The private registry of an account in a region.
    Private {
        /// The account's twelve digits.
        account: String,
        /// The region, `eu-west-1`.
        region: String,
        /// The repository.
        name: String,
    },
    /// The public gallery, whose only region is us-east-1.
    Public {
        /// The repository, without the alias of its owner.
        name: String,
    },
}

struct Private<'a> {
    account: &'a str,
    region: &'a str,
}

impl<'a> Private<'a> {
    /// Reads `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, which may have `-fips` and the domain of another partition, and
    /// `ACCOUNT.dkr-ecr.REGION.on.aws` (Amazon ECR User Guide, Private registry authentication and Making requests over
    /// IPv6).
    fn of(host: &'a str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        let place = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."]
            .into_iter()
            .find_map(|prefix| rest.strip_prefix(prefix))?;
        let (region, domain) = place.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_region =
            region.contains('-') && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_amazon =
            ["amazonaws.com", "amazonaws.com.cn", "on.aws", "on.amazonwebservices.com.cn"].contains(&domain);
        (is_account && is_region && is_amazon).then_some(Self { account, region })
    }
}

impl EcrRepository {
    /// Returns the repository of a host; `None` if the host is not ECR.
    ///
    /// ```
    /// use crossdock_registry::EcrRepository;
    /// let found = EcrRepository::of("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "team/app").unwrap();
    /// assert_eq!(
    ///     found.command().join(" "),
    ///     "aws ecr create-repository --repository-name team/app --registry-id 123456789012 --region eu-west-1"
    /// );
    /// assert!(EcrRepository::of("ghcr.io", "team/app").is_none());
    /// ```
    pub fn of(host: &str, repository: &str) -> Option<Self> {
        let host = host.split(':').next().unwrap_or(host);
        if host == PUBLIC {
            let (_alias, name) = repository.split_once('/')?;
            return Some(Self::Public { name: name.to_owned() });
        }
        let Private { account, region } = Private::of(host)?;
        let name = repository.to_owned();
        Some(Self::Private { account: account.to_owned(), region: region.to_owned(), name })
    }

    /// Returns the command that creates the repository.
    pub fn command(&self) -> Vec<String> {
        let words: Vec<&str> = match self {
            Self::Private { account, region, name } => vec![
                "aws",
                "ecr",
                "create-repository",
                "--repository-name",
                name,
                "--registry-id",
                account,
                "--region",
                region,
            ],
            Self::Public { name } => {
                vec![
                    "aws",
                    "ecr-public",
                    "create-repository",
                    "--repository-name",
                    name,
                    "--region",
                    "us-east-1",
                ]
            }
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecr_is_known_by_its_names() {
        for (host, region) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
            ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com:443", "us-gov-west-1"),
            ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1"),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("123456789012.dkr-ecr.eu-central-1.on.aws", "eu-central-1"),
        ] {
            assert!(is_ecr(host), "{host}");
            let found = EcrRepository::of(host, "a/b");
            assert!(matches!(&found, Some(EcrRepository::Private { region: found, .. }) if found == region));
        }
        assert!(is_ecr("public.ecr.aws"));
        let public = EcrRepository::of("public.ecr.aws", "alias/team/app");
        assert_eq!(public, Some(EcrRepository::Public { name: "team/app".into() }));
        for host in [
            "registry.example",
            "amazonaws.com.example",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "evil.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.--profile.x.amazonaws.com",
            "lambda.on.aws",
        ] {
            assert!(!is_ecr(host), "{host}");
            assert!(EcrRepository::of(host, "a/b").is_none(), "{host}");
        }
    }
}
