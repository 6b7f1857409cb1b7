//! A client of container registries, after the [OCI distribution specification](https://github.com/opencontainers/distribution-spec).
