//! What a file is, told from its first octets. A name proves nothing.

/// A kind of file that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) media: &'static str,
    /// What its name ends with.
    pub(super) endings: &'static [&'static str],
}

const fn kind(media: &'static str, endings: &'static [&'static str]) -> Kind {
    Kind { media, endings }
}

const TEXT: Kind = kind("text/plain", &["txt", "csv", "md"]);

/// First octets and what they mean.
const MAGIC: &[(&[u8], Kind)] = &[
    (b"\x89PNG\r\n\x1a\n", kind("image/png", &["png"])),
    (b"\xff\xd8\xff", kind("image/jpeg", &["jpg", "jpeg"])),
    (b"GIF87a", kind("image/gif", &["gif"])),
    (b"GIF89a", kind("image/gif", &["gif"])),
    (b"%PDF-", kind("application/pdf", &["pdf"])),
];

/// Documents that are archives inside: the first entry of an OpenDocument archive is its type
/// (OpenDocument 1.3, part 2 §3.3).
const OPEN_DOCUMENTS: &[(&[u8], Kind)] = &[
    (
        b"mimetypeapplication/vnd.oasis.opendocument.text",
        kind("application/vnd.oasis.opendocument.text", &["odt"]),
    ),
    (
        b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
        kind("application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    ),
    (
        b"mimetypeapplication/vnd.oasis.opendocument.presentation",
        kind("application/vnd.oasis.opendocument.presentation", &["odp"]),
    ),
];

/// Office documents name their parts in the archive's directory (ECMA-376 part 2): the main part
/// tells which they are. One that carries macros has a part of that name as well.
const OFFICE: &[(&[u8], Kind)] = &[
    (
        b"word/document.xml",
        kind(
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            &["docx"],
        ),
    ),
    (
        b"xl/workbook.xml",
        kind(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            &["xlsx"],
        ),
    ),
    (
        b"ppt/presentation.xml",
        kind(
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            &["pptx"],
        ),
    ),
];

/// Octets that tell what a file is, or that it is none of what is taken.
const HEAD: usize = 128;
/// What names a part of an archive, beside those of [`OFFICE`].
const CONTENT_TYPES: &[u8] = b"[Content_Types].xml";
const MACROS: &[u8] = b"vbaProject.bin";

/// Tells what a file is while it comes: a file is never in memory as a whole.
#[derive(Debug)]
pub(super) struct Sniffer {
    name: String,
    head: Vec<u8>,
    /// Nothing came yet that words do not hold.
    words: bool,
    /// A letter whose last octets are still to come.
    begun: Vec<u8>,
    /// The last octets of an archive: a part's name may begin there.
    tail: Vec<u8>,
    /// Parts that were named so far.
    parts: Vec<&'static [u8]>,
}

impl Sniffer {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_ascii_lowercase(),
            head: Vec::new(),
            words: true,
            begun: Vec::new(),
            tail: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Takes the next octets. `false`: whatever else comes, this is no kind that is taken.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        let room = HEAD.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend(piece.iter().take(room));
        self.words = self.words && self.goes_on_as_words(piece);
        if self.is_archive() {
            self.look_for_parts(piece);
        }
        self.head.len() < HEAD || self.words || self.is_archive() || self.by_magic().is_some()
    }

    /// What the file is; `None` for kinds that are not taken.
    pub(super) fn finish(self) -> Option<Kind> {
        if let Some(kind) = self.by_magic() {
            return Some(kind);
        }
        if self.is_archive() {
            return self.archive();
        }
        self.is_text().then_some(TEXT)
    }

    fn by_magic(&self) -> Option<Kind> {
        if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| self.head.starts_with(magic)) {
            return Some(*kind);
        }
        let webp = self.head.starts_with(b"RIFF") && self.head.get(8..12) == Some(b"WEBP");
        webp.then_some(kind("image/webp", &["webp"]))
    }

    fn is_archive(&self) -> bool {
        self.head.starts_with(b"PK\x03\x04")
    }

    fn look_for_parts(&mut self, piece: &[u8]) {
        let office = OFFICE.iter().map(|(part, _)| *part);
        let sought: Vec<&'static [u8]> = office.chain([CONTENT_TYPES, MACROS]).collect();
        let longest = sought.iter().map(|part| part.len()).max().unwrap_or(1);
        self.tail.extend_from_slice(piece);
        for part in sought {
            let named = || self.tail.windows(part.len()).any(|window| window == part);
            if !self.parts.contains(&part) && named() {
                self.parts.push(part);
            }
        }
        let over = self.tail.len().saturating_sub(longest - 1);
        self.tail.drain(..over);
    }

    fn archive(&self) -> Option<Kind> {
        // The name of the first entry stands behind its header of 30 octets.
        let first = self.head.get(30..)?;
        let open = OPEN_DOCUMENTS
            .iter()
            .find(|(start, _)| first.starts_with(start));
        if let Some((start, kind)) = open {
            // `…text-template`, `…text-master` are others.
            let more = first.get(start.len())?;
            return (!more.is_ascii_lowercase() && *more != b'-').then_some(*kind);
        }
        let named = |part: &[u8]| self.parts.contains(&part);
        if !named(CONTENT_TYPES) || named(MACROS) {
            return None;
        }
        OFFICE
            .iter()
            .find(|(part, _)| named(part))
            .map(|(_, kind)| *kind)
    }

    fn goes_on_as_words(&mut self, piece: &[u8]) -> bool {
        let mut octets = std::mem::take(&mut self.begun);
        octets.extend_from_slice(piece);
        let words = match std::str::from_utf8(&octets) {
            Ok(words) => words,
            // The letter goes on in the next piece.
            Err(error) if error.error_len().is_none() => {
                let (whole, begun) = octets.split_at(error.valid_up_to());
                self.begun = begun.to_vec();
                std::str::from_utf8(whole).unwrap_or_default()
            }
            Err(_) => return false,
        };
        words
            .chars()
            .all(|letter| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t' | '\u{c}'))
    }

    /// Words, and nothing a program would run by its name or its first line.
    fn is_text(&self) -> bool {
        let ends = self
            .name
            .rsplit_once('.')
            .is_none_or(|(_, ending)| TEXT.endings.contains(&ending));
        ends && self.words && self.begun.is_empty() && !self.head.starts_with(b"#!")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Told in pieces of this size.
    fn of(content: &[u8], name: &str, size: usize) -> Option<Kind> {
        let mut sniffer = Sniffer::new(name);
        let taken = content.chunks(size).all(|piece| sniffer.push(piece));
        let kind = sniffer.finish();
        assert!(
            taken || kind.is_none(),
            "{name} is refused on its way, and taken after it"
        );
        kind
    }

    fn zip(first_name: &[u8], first_content: &[u8], more: &[u8]) -> Vec<u8> {
        let mut archive = b"PK\x03\x04".to_vec();
        archive.extend([0; 26]);
        archive.extend(first_name);
        archive.extend(first_content);
        archive.extend(more);
        archive
    }

    #[test]
    fn files_are_what_their_octets_say() {
        let odt = zip(
            b"mimetype",
            b"application/vnd.oasis.opendocument.text",
            b"PK",
        );
        let template = zip(
            b"mimetype",
            b"application/vnd.oasis.opendocument.text-template",
            b"PK",
        );
        let docx = zip(b"[Content_Types].xml", b"", b"word/document.xml");
        let macros = zip(
            b"[Content_Types].xml",
            b"",
            b"word/document.xml word/vbaProject.bin",
        );
        let jar = zip(b"META-INF/MANIFEST.MF", b"", b"Main.class");
        for (content, name, media) in [
            (
                b"\x89PNG\r\n\x1a\nrest".as_slice(),
                "a.png",
                Some("image/png"),
            ),
            (b"\xff\xd8\xff\xe0", "photo", Some("image/jpeg")),
            (b"GIF89a", "cat.exe", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", "a", Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", "a", None),
            (b"%PDF-1.4", "a.pdf", Some("application/pdf")),
            (b"Dear library,\r\n", "letter.txt", Some("text/plain")),
            (b"a,b\n", "list.csv", Some("text/plain")),
            ("grüße".as_bytes(), "gruss", Some("text/plain")),
            (b"<script>alert(1)</script>", "page.html", None),
            (b"<svg xmlns='x'/>", "a.svg", None),
            (b"#!/bin/sh\n", "run.txt", None),
            (b"echo\n", "run.bat", None),
            (b"MZ\x90\0", "a.png", None),
            (b"\x7fELF", "a.pdf", None),
            (
                &odt,
                "a.odt",
                Some("application/vnd.oasis.opendocument.text"),
            ),
            (&template, "a.odt", None),
            (
                &docx,
                "a.docx",
                Some("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ),
            (&macros, "a.docx", None),
            (&jar, "a.docx", None),
            (b"PK\x03\x04", "a.docx", None),
        ] {
            for size in [1, 3, 7, 4096] {
                let kind = of(content, name, size).map(|kind| kind.media);
                assert_eq!(kind, media, "{name} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_is_nothing_we_take_is_known_early_and_nothing_is_collected() {
        let mut sniffer = Sniffer::new("a.pdf");
        let piece = [0_u8; 4096];
        assert!(!sniffer.push(&piece), "an image of a disk is no document");
        let mut sniffer = Sniffer::new("a.docx");
        assert!(sniffer.push(b"PK\x03\x04"));
        for _ in 0..100 {
            assert!(sniffer.push(&piece));
        }
        assert!(sniffer.tail.len() < 64 && sniffer.head.len() <= HEAD);
        let mut sniffer = Sniffer::new("a.txt");
        for _ in 0..100 {
            assert!(sniffer.push("grüße\n".repeat(99).as_bytes()));
        }
        assert!(sniffer.begun.len() < 4);
        assert_eq!(sniffer.finish().map(|kind| kind.media), Some("text/plain"));
    }
}
