//! The hosts that are reached without a proxy: `NO_PROXY`, and the loopback interface.

use std::net::IpAddr;

/// The parsed `NO_PROXY`.
#[derive(Debug, Clone)]
pub(super) enum Bypass {
    /// `*`: every host.
    All,
    /// The entries of the list.
    Entries(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// An address and the number of its leading bits that count.
    Network(IpAddr, u32),
    /// An address, on one port if given.
    Address(IpAddr, Option<String>),
    /// A name, which begins with a dot, on one port if given.
    Domain { suffix: String, port: Option<String>, itself: bool },
}

impl Bypass {
    /// Reads a list that commas separate. Malformed entries are ignored, as in Go.
    pub(super) fn parse(list: &str) -> Self {
        let mut entries = Vec::new();
        for entry in
            list.split(',').map(|entry| entry.trim().to_lowercase()).filter(|entry| !entry.is_empty())
        {
            if entry == "*" {
                return Self::All;
            }
            entries.extend(Entry::parse(&entry));
        }
        Self::Entries(entries)
    }

    /// Returns whether a host is reached without a proxy.
    pub(super) fn matches(&self, host: &str, port: u16) -> bool {
        // Go compares `localhost` before it converts to lower case.
        if host == "localhost" {
            return true;
        }
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        if address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        match self {
            Self::All => true,
            Self::Entries(entries) => {
                let (host, port) = (host.trim().to_lowercase(), port.to_string());
                entries.iter().any(|entry| entry.matches(&host, address, &port))
            }
        }
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        if let Some((address, bits)) = parse_network(entry) {
            return Some(Self::Network(address, bits));
        }
        let (host, port) = split_host_port(entry).unwrap_or((entry, ""));
        let port = (!port.is_empty()).then(|| port.to_owned());
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical(), port));
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        match host {
            "" => None,
            host if host.starts_with('.') => {
                Some(Self::Domain { suffix: host.to_owned(), port, itself: false })
            }
            host => Some(Self::Domain { suffix: format!(".{host}"), port, itself: true }),
        }
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, port: &str) -> bool {
        let on = |wanted: &Option<String>| wanted.as_deref().is_none_or(|wanted| wanted == port);
        match (self, address) {
            (Self::Network(network, bits), Some(address)) => contains(*network, *bits, address),
            (Self::Address(wanted, wanted_port), Some(address)) => *wanted == address && on(wanted_port),
            // A name never matches an address: `.1` is not a network.
            (Self::Domain { .. }, Some(_)) | (Self::Network(..) | Self::Address(..), None) => false,
            (Self::Domain { suffix, port: wanted, itself }, None) => {
                (host.ends_with(suffix.as_str()) || *itself && host == &suffix[1..]) && on(wanted)
            }
        }
    }
}

/// Reads `ADDRESS/BITS`. An IPv4 address that is written as IPv6 stays IPv6 here, since its bits count from the front.
fn parse_network(entry: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = entry.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let digits = bits.bytes().all(|byte| byte.is_ascii_digit()) && !bits.is_empty();
    let bits = bits.parse().ok().filter(|bits| digits && *bits <= most)?;
    Some((address, bits))
}

/// Returns whether the leading bits of two addresses of one family are equal.
fn contains(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            same_bits(network.to_bits().into(), address.to_bits().into(), 32, bits)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            same_bits(network.to_bits(), address.to_bits(), 128, bits)
        }
        // Go's IPNet.Contains: the host is IPv4, and the network is IPv4 only if its mask covers the mapped prefix.
        (IpAddr::V6(network), IpAddr::V4(address)) => match network.to_ipv4_mapped() {
            Some(mapped) if bits >= 96 => {
                same_bits(mapped.to_bits().into(), address.to_bits().into(), 32, bits - 96)
            }
            _ => false,
        },
        (IpAddr::V4(_), IpAddr::V6(_)) => false,
    }
}

fn same_bits(left: u128, right: u128, width: u32, bits: u32) -> bool {
    // A shift by the whole width overflows.
    (left ^ right).checked_shr(width - bits).unwrap_or(0) == 0
}

/// Splits `HOST:PORT` or `[IPV6]:PORT` as Go's `net.SplitHostPort`; `None` without a port, or brackets or colons are
/// misplaced.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!host.contains(['[', ']']) && !port.contains(['[', ']'])).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_width_of_an_address_may_count_or_none() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(contains(address("10.0.0.1"), 32, address("10.0.0.1")));
        assert!(!contains(address("10.0.0.1"), 32, address("10.0.0.2")));
        assert!(contains(address("10.0.0.1"), 0, address("192.168.0.1")));
        assert!(contains(address("::1"), 0, address("fd00::1")));
        assert!(!contains(address("fd00::1"), 128, address("fd00::2")));
    }
}
