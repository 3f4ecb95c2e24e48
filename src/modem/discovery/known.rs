//! The USB modems that may be talked to, read from `udev/modems.txt`, which makes the udev rules too.

use std::sync::LazyLock;

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) vendor: u16,
    /// `None`: every product of that vendor that has no line of its own.
    product: Option<u16>,
    /// Interfaces that speak AT, the best first.
    at: Vec<u8>,
    /// Whether the other interfaces may be tried after those.
    others: bool,
    /// Interfaces never to talk to.
    never: Vec<u8>,
}

static LIST: LazyLock<Vec<Known>> = LazyLock::new(|| {
    include_str!("../../../udev/modems.txt")
        .lines()
        .filter_map(line)
        .collect()
});

/// Reads a line; `None` for a comment, an empty line, and one that makes no sense.
fn line(text: &str) -> Option<Known> {
    let text = text.split('#').next().unwrap_or_default();
    let [id, _make, at, never, _source] = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .try_into()
        .ok()?;
    let (vendor, product) = id.split_once(':')?;
    let interfaces = |list: &str| -> Option<Vec<u8>> {
        list.split(',')
            .filter(|one| !matches!(*one, "*" | "-"))
            .map(|one| u8::from_str_radix(one, 16).ok())
            .collect()
    };
    Some(Known {
        vendor: u16::from_str_radix(vendor, 16).ok()?,
        product: match product {
            "*" => None,
            product => Some(u16::from_str_radix(product, 16).ok()?),
        },
        at: interfaces(at)?,
        others: at.split(',').any(|one| one == "*"),
        never: interfaces(never)?,
    })
}

impl Known {
    /// Where an interface stands among those worth trying, the best first; `None`: never to be talked
    /// to.
    pub(super) fn rank(&self, interface: u8) -> Option<usize> {
        match self.at.iter().position(|at| *at == interface) {
            Some(rank) => Some(rank),
            None if self.others && !self.never.contains(&interface) => Some(self.at.len()),
            None => None,
        }
    }
}

/// What is known of a USB device; a product's own line comes before its vendor's.
pub(super) fn known(vendor: u16, product: u16) -> Option<&'static Known> {
    let of_vendor = || LIST.iter().filter(move |known| known.vendor == vendor);
    of_vendor()
        .find(|known| known.product == Some(product))
        .or_else(|| of_vendor().find(|known| known.product.is_none()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_of_the_list_is_read_and_no_device_has_two() {
        let text = include_str!("../../../udev/modems.txt");
        let lines = text
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let mut seen = BTreeSet::new();
        for written in lines {
            let read = line(written);
            assert!(read.is_some(), "{written}");
            let read = read.expect("as was just seen");
            assert!(read.others || !read.at.is_empty(), "{written}");
            assert!(
                !read.at.iter().any(|at| read.never.contains(at)),
                "{written}"
            );
            assert!(seen.insert((read.vendor, read.product)), "twice: {written}");
        }
        assert!(seen.len() > 220);
    }

    #[test]
    fn a_products_own_line_comes_before_its_vendors() {
        for (id, interface, rank) in [
            ((0x2c7c, 0x0125), 2, Some(0)), // EC25
            ((0x2c7c, 0x0125), 3, Some(1)),
            ((0x2c7c, 0x0125), 4, Some(2)),
            ((0x2c7c, 0x0125), 0, None),    // diagnostics
            ((0x2c7c, 0x6026), 3, Some(0)), // EC200T
            ((0x2c7c, 0x6026), 2, None),
            ((0x2c7c, 0x030b), 5, Some(0)), // EM060K
            ((0x1bc7, 0x1201), 4, Some(0)), // Telit LE910
            ((0x1bc7, 0x1201), 5, Some(1)),
            ((0x1bc7, 0x1201), 0, None), // nothing is listed for it
        ] {
            let known = known(id.0, id.1).expect("it is listed");
            assert_eq!(known.rank(interface), rank, "{id:04x?} {interface}");
        }
        assert_eq!(known(0x2341, 0x0043), None, "an Arduino");
    }
}
