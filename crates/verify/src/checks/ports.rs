//! May the user listen on the ports that the image exposes?

use crate::image::ImageFacts;
use crate::subject::Credentials;
use crate::{Finding, Target, codes};

pub(crate) fn check(image: &ImageFacts, target: &Target, user: &Credentials, findings: &mut Vec<Finding>) {
    if user.uid == 0 {
        return;
    }
    for port in &image.exposed_ports {
        let number = port.split('/').next().and_then(|number| number.parse::<u16>().ok());
        if number.is_some_and(|number| number < 1024) {
            let message = format!(
                "The image exposes port {port} and runs as user {}: on nodes that keep low ports for root the program fails with \
                 `bind: permission denied`.",
                user.uid
            );
            findings.push(
                Finding::new(codes::PRIVILEGED_PORT, target.name(), "", message)
                    .with_evidence("ExposedPorts", port),
            );
        }
    }
}
