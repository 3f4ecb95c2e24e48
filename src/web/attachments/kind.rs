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

/// What a file is; `None` for kinds that are not taken.
pub(super) fn of(content: &[u8], name: &str) -> Option<Kind> {
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| content.starts_with(magic)) {
        return Some(*kind);
    }
    if content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP") {
        return Some(kind("image/webp", &["webp"]));
    }
    if content.starts_with(b"PK\x03\x04") {
        return archive(content);
    }
    is_text(content, name).then_some(TEXT)
}

fn archive(content: &[u8]) -> Option<Kind> {
    // The name of the first entry stands behind its header of 30 octets.
    let first = content.get(30..)?;
    let open = OPEN_DOCUMENTS
        .iter()
        .find(|(start, _)| first.starts_with(start));
    if let Some((start, kind)) = open {
        // `…text-template`, `…text-master` are others.
        let more = first.get(start.len())?;
        return (!more.is_ascii_lowercase() && *more != b'-').then_some(*kind);
    }
    let names = |part: &[u8]| content.windows(part.len()).any(|window| window == part);
    if !names(b"[Content_Types].xml") || names(b"vbaProject.bin") {
        return None;
    }
    OFFICE
        .iter()
        .find(|(part, _)| names(part))
        .map(|(_, kind)| *kind)
}

/// Words, and nothing a program would run by its name or its first line.
fn is_text(content: &[u8], name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = name
        .rsplit_once('.')
        .is_none_or(|(_, ending)| TEXT.endings.contains(&ending));
    let Ok(text) = std::str::from_utf8(content) else {
        return false;
    };
    let plain = text
        .chars()
        .all(|letter| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t' | '\u{c}'));
    ends && plain && !text.starts_with("#!")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(of(content, name).map(|kind| kind.media), media, "{name}");
        }
    }
}
