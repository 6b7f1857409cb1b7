//! Which image of an index a host pulls, as containerd's `images.Manifest` chooses it.
//!
//! In each index on the way containerd takes one entry: of those whose platform the host runs the best, and otherwise the
//! first one without a platform, whose manifest must then have a fitting configuration. It never comes back to try
//! another entry.

use crossdock_oci::{IndexEntry, PlatformObject, SourcePlatform};
use crossdock_platform::Platform;
use crossdock_platform::matching::{Only, Specifier};

/// Returns the position of the platform that a host pulls, as containerd chooses it; `None` if it pulls none of them.
/// An unknown platform (`None` in the slice) is never pulled.
pub fn best_platform(host: &Platform, offered: &[Option<Platform>]) -> Option<usize> {
    let known: Vec<(usize, &Platform)> = offered
        .iter()
        .enumerate()
        .filter_map(|(place, platform)| Some((place, platform.as_ref()?)))
        .collect();
    let specifiers: Vec<Specifier> = known.iter().map(|(_, platform)| Specifier::from(*platform)).collect();
    let best = *Only::for_platform(host).select(&specifiers).accepted.first()?;
    known.get(best).map(|(place, _)| *place)
}

/// Returns the platform of an image in normal form; `None` if its name is unknown.
pub fn parse_platform(platform: &PlatformObject) -> Option<Platform> {
    Platform::parse(&platform.to_string()).ok().map(|platform| platform.normalized())
}

/// Returns the position of the image that a host pulls; `None` if it pulls none of them.
pub(crate) fn pulled(host: &Platform, images: &[SourcePlatform]) -> Option<usize> {
    let host = Only::for_platform(host);
    let mut candidates: Vec<usize> = (0..images.len()).collect();
    let mut depth = 0;
    while let Some(taken) = taken_entry(&host, images, &candidates, depth) {
        candidates
            .retain(|candidate| images[*candidate].way.get(depth).is_some_and(|at| at.position == taken));
        depth += 1;
    }
    let image =
        candidates.first().map(|candidate| &images[*candidate]).filter(|image| image.way.len() == depth)?;
    let configured = &image.config.value.platform;
    let fits = match image.way.last() {
        // The index decides, whatever the configuration says.
        Some(IndexEntry { platform: Some(_), .. }) => true,
        Some(_) => accepts(&host, configured),
        // A manifest without an index is pulled by every host, whatever its configuration says.
        None => image.descriptor.platform.as_ref().is_none_or(|platform| accepts(&host, platform)),
    };
    candidates.first().copied().filter(|_| fits)
}

/// Returns the position of the entry that the host takes in the index at this depth of the candidates' way.
fn taken_entry(host: &Only, images: &[SourcePlatform], candidates: &[usize], depth: usize) -> Option<usize> {
    let entries: Vec<&IndexEntry> =
        candidates.iter().filter_map(|candidate| images[*candidate].way.get(depth)).collect();
    let named: Vec<(usize, Specifier)> = entries
        .iter()
        .filter_map(|entry| Some((entry.position, specifier(entry.platform.as_ref()?)?)))
        .collect();
    let specifiers: Vec<Specifier> = named.iter().map(|(_, specifier)| specifier.clone()).collect();
    let best = host.select(&specifiers).accepted.first().map(|best| named[*best].0);
    best.or_else(|| entries.iter().find(|entry| entry.platform.is_none()).map(|entry| entry.position))
}

fn accepts(host: &Only, platform: &PlatformObject) -> bool {
    specifier(platform).is_some_and(|platform| host.accepts(&platform))
}

fn specifier(platform: &PlatformObject) -> Option<Specifier> {
    Some(Specifier::from(&parse_platform(platform)?))
}
