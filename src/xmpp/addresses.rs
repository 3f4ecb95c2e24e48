//! Who is who on the component's domain: queues, patrons, and the domain itself.
//!
//! A queue is `desk@domain`. A patron is `~heron-42@domain/desk`: an opaque token, since addresses
//! end up in servers' logs and archives; or, where the library wants it so, `+15551230100@domain/desk`.
//! Queue names hold neither `~` nor `+`, so the three never meet.

use crate::routing::{GatewayKind, Patron};
use crate::spool::messengers::Naming;

/// Letters of a patron's name in an address that are looked at.
const NAME_MAX: usize = 256;

/// How patrons are named in addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PatronStyle {
    /// `~heron-42`: nobody's number leaves the box.
    #[default]
    Token,
    /// `+15551230100`, where it is a telephone number.
    Number,
}

/// What an address of our domain names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The domain itself.
    Domain,
    /// A queue, by name; whether there is one is another question.
    Queue(String),
    /// A patron.
    Patron(Naming),
    /// Not ours, or nothing at all.
    Nowhere,
}

/// The addresses of one domain.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    domain: String,
    style: PatronStyle,
}

impl Addresses {
    pub(super) fn new(domain: &str, style: PatronStyle) -> Self {
        Self {
            domain: domain.to_lowercase(),
            style,
        }
    }

    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    pub(super) fn queue(&self, name: &str) -> String {
        format!("{}@{}", escape(name), self.domain)
    }

    /// A patron's address always has a resource: some clients misaddress receipts for messages
    /// from a bare one. `veiled` for librarians of another queue who only help out: they never see
    /// a number.
    pub(super) fn patron(
        &self,
        patron: &Patron,
        kind: GatewayKind,
        queue: &str,
        veiled: bool,
    ) -> String {
        let number = patron
            .address
            .as_str()
            .strip_prefix('+')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        match (self.style, kind) {
            (PatronStyle::Number, GatewayKind::Sms) if number && !veiled => {
                format!("{}@{}/{queue}", patron.address, self.domain)
            }
            _ => format!("~{}@{}/{queue}", escape(&patron.name), self.domain),
        }
    }

    /// What an address names. Servers have normalised it; case is folded all the same.
    pub(super) fn place(&self, jid: &str) -> Place {
        let (bare, resource) = match jid.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (jid, None),
        };
        let bare = bare.to_lowercase();
        let Some((local, domain)) = bare.split_once('@') else {
            return if bare == self.domain {
                Place::Domain
            } else {
                Place::Nowhere
            };
        };
        if domain != self.domain || local.is_empty() || local.len() > NAME_MAX {
            return Place::Nowhere;
        }
        if let Some(name) = local.strip_prefix('~') {
            return Place::Patron(Naming::Name(unescape(name)));
        }
        if local.starts_with('+') {
            let queue = resource.map(|queue| queue.chars().take(NAME_MAX).collect());
            return Place::Patron(Naming::Number(local.to_owned(), queue));
        }
        Place::Queue(unescape(local))
    }
}

/// Whether an address is a patron's of another desk. Accounts of people do not begin so.
pub(super) fn is_relayed(address: &str) -> bool {
    address.starts_with('~')
}

/// What a localpart cannot hold, and how XEP-0106 §4.2 writes it.
const ESCAPES: [(char, &str); 10] = [
    (' ', "\\20"),
    ('"', "\\22"),
    ('&', "\\26"),
    ('\'', "\\27"),
    ('/', "\\2f"),
    (':', "\\3a"),
    ('<', "\\3c"),
    ('>', "\\3e"),
    ('@', "\\40"),
    ('\\', "\\5c"),
];

/// XEP-0106 §5.1. A backslash is escaped only where it would otherwise begin an escape.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let sequence = ESCAPES
            .iter()
            .find(|(from, _)| *from == c)
            .map(|(_, to)| *to);
        match sequence {
            Some(sequence) if c != '\\' => escaped.push_str(sequence),
            Some(sequence) => {
                let rest = text.get(at..).unwrap_or_default();
                if begins_escape(rest).is_some() {
                    escaped.push_str(sequence);
                } else {
                    escaped.push(c);
                }
            }
            None => escaped.push(c),
        }
    }
    escaped
}

/// XEP-0106 §5.2.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((character, length)) = begins_escape(rest) {
            plain.push(character);
            rest = rest.get(length..).unwrap_or_default();
        } else {
            plain.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    plain
}

fn begins_escape(text: &str) -> Option<(char, usize)> {
    ESCAPES.iter().find_map(|(character, sequence)| {
        let head = text.get(..sequence.len())?;
        head.eq_ignore_ascii_case(sequence)
            .then_some((*character, sequence.len()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_as_the_specification_shows_them() {
        for (plain, escaped) in [
            ("space cadet", "space\\20cadet"),
            ("call me \"ishmael\"", "call\\20me\\20\\22ishmael\\22"),
            ("at&t guy", "at\\26t\\20guy"),
            ("d'artagnan", "d\\27artagnan"),
            ("/.fanboy", "\\2f.fanboy"),
            ("::foo::", "\\3a\\3afoo\\3a\\3a"),
            ("<foo>", "\\3cfoo\\3e"),
            ("user@host", "user\\40host"),
            ("c:\\net", "c\\3a\\net"),
            ("c:\\5commas", "c\\3a\\5c5commas"),
            ("\\20", "\\5c20"),
        ] {
            assert_eq!(escape(plain), escaped, "{plain:?}");
            assert_eq!(unescape(escaped), plain, "{escaped:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in any::<String>()) {
            prop_assert_eq!(unescape(&escape(&name)), name);
        }

        #[test]
        fn no_address_panics(jid in any::<String>()) {
            Addresses::new("sms.example.org", PatronStyle::Token).place(&jid);
        }
    }

    #[test]
    fn addresses_name_places() {
        let addresses = Addresses::new("Sms.Example.org", PatronStyle::Token);
        for (jid, place) in [
            ("sms.example.org", Place::Domain),
            ("sms.example.org/x", Place::Domain),
            ("Desk@sms.example.org", Place::Queue("desk".into())),
            (
                "~Heron-42@sms.example.org/desk",
                Place::Patron(Naming::Name("heron-42".into())),
            ),
            (
                "+15551230100@sms.example.org/desk",
                Place::Patron(Naming::Number("+15551230100".into(), Some("desk".into()))),
            ),
            ("desk@example.org", Place::Nowhere),
            ("@sms.example.org", Place::Nowhere),
            ("", Place::Nowhere),
        ] {
            assert_eq!(addresses.place(jid), place, "{jid:?}");
        }
    }
}
