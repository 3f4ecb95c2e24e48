//! Addresses of proxies, and where a request really came from.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::listener::Peer;
use super::premises::Premises;

/// An address, or all that begin alike: `192.0.2.7`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// It is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an address such as 192.0.2.7, or a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| NotANetwork)?,
            None => whole,
        };
        (prefix <= whole)
            .then_some(Self { address, prefix })
            .ok_or(NotANetwork)
    }
}

impl Network {
    /// Whether an address lies in it. An IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2) is the
    /// IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address.to_canonical() {
            IpAddr::V4(address) => (true, u128::from(address.to_bits()) << 96),
            IpAddr::V6(address) => (false, address.to_bits()),
        };
        let ((ours_v4, ours), (theirs_v4, theirs)) = (bits(self.address), bits(address));
        let differ = (ours ^ theirs)
            .checked_shr(128 - u32::from(self.prefix))
            .unwrap_or(0);
        ours_v4 == theirs_v4 && differ == 0
    }
}

/// Whom a request is from: the peer, or whoever the last proxy we do not know of spoke for.
/// `X-Forwarded-For` of anybody else is a rumour.
fn origin(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |address| proxies.iter().any(|proxy| proxy.contains(address));
    if !is_proxy(peer) {
        return peer;
    }
    let said: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut origin = peer;
    for address in said.into_iter().rev() {
        // What cannot be read ends the chain: nothing before it can be trusted.
        let Ok(address) = address.parse::<IpAddr>() else {
            break;
        };
        origin = address;
        if !is_proxy(address) {
            break;
        }
    }
    origin
}

/// Who an address is, wherever somebody is counted or slowed: a whole IPv4 address, or the network
/// that a holder of one IPv6 address has all of (RFC 4291 §2.5.4). The box itself, and a proxy that
/// is not named, speak for everybody: they are nobody.
pub(super) fn who(address: Option<IpAddr>) -> Option<IpAddr> {
    let address = address?.to_canonical();
    (!address.is_loopback()).then(|| neighbourhood(address))
}

/// Whoever has one IPv6 address has all that share its first 64 bits: they are one.
pub(super) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(
            address.to_bits() & !u128::from(u64::MAX),
        )),
        other => other,
    }
}

/// Where a request came from, if it came over a socket.
pub(super) struct From(pub(super) Option<IpAddr>);

impl FromRequestParts<Arc<Premises>> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        premises: &Arc<Premises>,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        Ok(From(peer.map(|ConnectInfo(Peer(peer))| {
            origin(
                peer.ip().to_canonical(),
                &parts.headers,
                &premises.settings.proxies,
            )
        })))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn networks_and_what_lies_in_them() {
        for (network, address, inside) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::1", "::1", true),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                inside,
                "{network:?} {address}"
            );
        }
        for wrong in [
            "",
            "proxy",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.1:80",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
    }

    #[test]
    fn only_named_proxies_are_believed() {
        let proxies: Vec<Network> = ["127.0.0.1", "10.0.0.0/8"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        for (peer, said, origin_is) in [
            // Nobody's word for it.
            ("203.0.113.5", Some("198.51.100.1"), "203.0.113.5"),
            ("127.0.0.1", None, "127.0.0.1"),
            ("127.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
            // What the visitor made up stands left of what the proxy saw.
            ("127.0.0.1", Some("1.2.3.4, 198.51.100.1"), "198.51.100.1"),
            ("127.0.0.1", Some("198.51.100.1, 10.0.0.9"), "198.51.100.1"),
            ("127.0.0.1", Some("1.2.3.4, unknown, 10.0.0.9"), "10.0.0.9"),
            ("127.0.0.1", Some("2001:db8::7"), "2001:db8::7"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert("x-forwarded-for", said.parse().unwrap());
            }
            let found = origin(peer.parse().unwrap(), &headers, &proxies);
            assert_eq!(found.to_string(), origin_is, "{peer} {said:?}");
        }
    }

    #[test]
    fn one_who_holds_a_network_is_one() {
        let is = |text: &str| who(Some(text.parse().unwrap()));
        assert_eq!(is("2001:db8:0:1::7"), is("2001:db8:0:1:ffff::9"));
        assert_ne!(is("2001:db8:0:1::7"), is("2001:db8:0:2::7"));
        assert_eq!(is("::ffff:192.0.2.7"), is("192.0.2.7"));
        assert_ne!(is("192.0.2.7"), is("192.0.2.8"));
        assert_eq!([is("127.0.0.1"), is("::1")], [None, None]);
    }
}
