//! The library's picture, as clients show it beside a queue (XEP-0054, XEP-0153).

use sha1::{Digest, Sha1};
use tokio_xmpp::parsers::{vcard, vcard_update};

/// Bytes of a picture: it travels whole in a stanza, and XEP-0153 §4.2 wants less than 8 kB.
pub const PICTURE_MAX: usize = 64 * 1024;

/// What clients show, told by content.
const KINDS: [(&[u8], &str); 3] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
];

/// A picture, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    kind: &'static str,
    bytes: Vec<u8>,
    /// SHA-1 of its bytes: by this clients know it again.
    hash: [u8; 20],
}

impl Picture {
    /// Takes a picture's bytes.
    ///
    /// # Errors
    /// Why it is none that clients would show, in words.
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > PICTURE_MAX {
            return Err(format!(
                "it is larger than {} kB: make it smaller, 96 by 96 dots are enough",
                PICTURE_MAX / 1024
            ));
        }
        let kind = KINDS
            .iter()
            .find(|(begins, _)| bytes.starts_with(begins))
            .map(|(_, kind)| *kind)
            .ok_or("it is neither PNG nor JPEG nor GIF")?;
        Ok(Self {
            kind,
            bytes: bytes.to_vec(),
            hash: Sha1::digest(bytes).into(),
        })
    }

    /// `<PHOTO/>` of a vCard.
    pub(super) fn photo(&self) -> vcard::Photo {
        vcard::Photo {
            type_: vcard::Type {
                data: self.kind.to_owned(),
            },
            binval: vcard::Binval {
                data: self.bytes.clone(),
            },
        }
    }

    /// What presence says of it.
    pub(super) fn update(&self) -> vcard_update::VCardUpdate {
        let data = Some(self.hash);
        vcard_update::VCardUpdate {
            photo: Some(vcard_update::Photo { data }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio_xmpp::minidom::Element;

    use super::*;

    #[test]
    fn pictures_are_told_by_content_and_bounded() {
        let picture = Picture::new(b"\x89PNG\r\n\x1a\nrest").unwrap();
        assert_eq!(picture.kind, "image/png");
        let [photo, update] = [picture.photo().into(), picture.update().into()]
            .map(|element: Element| String::from(&element));
        assert!(photo.contains(">iVBORw0KGgpyZXN0</BINVAL>"), "{photo}");
        assert!(update.contains(">5539ad79"), "{update}");
        for (bytes, why) in [
            (b"<svg/>".to_vec(), "neither"),
            (Vec::new(), "neither"),
            (vec![0xff; PICTURE_MAX + 1], "larger than 64 kB"),
        ] {
            let refused = Picture::new(&bytes).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
