//! Findings about forms of images that AWS Lambda does not take.

use crossdock_oci::{ImageSource, SourceImage, SourcePlatform, media_type};
use crossdock_platform::ImageForms;
use crossdock_verify::{Finding, Target, codes};

/// The media types of layers that Lambda takes.
const LAYERS: [&str; 2] = [media_type::LAYER_GZIP, media_type::DOCKER_LAYER_GZIP];

/// Returns the findings about the form of an image, of which a node of `target` pulls `platform`.
pub(crate) fn lambda_findings(
    source: &ImageSource,
    image: &SourceImage,
    platform: &SourcePlatform,
    target: &Target,
) -> Vec<Finding> {
    // The tool that pushes an archive without manifests decides its form in a registry.
    if target.node().images != ImageForms::AwsLambda || source.is_docker_form() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    if media_type::is_index(&image.descriptor.media_type) {
        let message = format!(
            "{} is an index; AWS Lambda refuses it, and takes its manifest {}.",
            image.descriptor.digest, platform.descriptor.digest
        );
        findings.push(Finding::new(codes::LAMBDA_INDEX, target.name(), "", message));
    }
    let layers = &platform.manifest.value.layers;
    let others = layers.iter().filter(|layer| !LAYERS.contains(&layer.media_type.as_str()));
    let others: Vec<String> =
        others.map(|layer| format!("{} ({})", layer.digest, layer.media_type)).collect();
    if let Some(first) = others.first() {
        let more = match others.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let message =
            format!("AWS Lambda takes only layers that are compressed with gzip, and refuses {first}{more}.");
        findings.push(Finding::new(codes::LAMBDA_LAYER, target.name(), "", message));
    }
    findings
}
