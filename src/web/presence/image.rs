//! Presence as a picture, for pages that can hold nothing but an `<img>`.

use axum::body::Bytes;

/// How the picture looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    /// A lamp and words: `Chat is online`.
    Badge,
    /// The lamp alone.
    Dot,
    /// A speech bubble, filled while somebody is there.
    Bubble,
}

/// Themes by name, for the table of them in the documentation.
const THEMES: &[(&str, Theme)] = &[
    ("badge", Theme::Badge),
    ("dot", Theme::Dot),
    ("bubble", Theme::Bubble),
];

macro_rules! svg {
    ($width:literal, $title:literal, $body:literal) => {
        concat!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"",
            $width,
            "\" height=\"28\" viewBox=\"0 0 ",
            $width,
            " 28\"><title>",
            $title,
            "</title>",
            $body,
            "</svg>"
        )
    };
}

const BADGE_ON: &str = svg!(
    "136",
    "Chat is online",
    "<rect width=\"136\" height=\"28\" rx=\"14\" fill=\"#1c6650\"/><circle cx=\"17\" cy=\"14\" r=\"5\" fill=\"#9df0cf\"/><text x=\"30\" y=\"18.5\" font-family=\"system-ui,sans-serif\" font-size=\"13\" font-weight=\"600\" fill=\"#fff\">Chat is online</text>"
);
const BADGE_OFF: &str = svg!(
    "136",
    "Chat is offline",
    "<rect x=\".5\" y=\".5\" width=\"135\" height=\"27\" rx=\"13.5\" fill=\"#f4f1ea\" stroke=\"#8b9196\"/><circle cx=\"17\" cy=\"14\" r=\"4.5\" fill=\"none\" stroke=\"#5d666b\" stroke-width=\"2\"/><text x=\"30\" y=\"18.5\" font-family=\"system-ui,sans-serif\" font-size=\"13\" font-weight=\"600\" fill=\"#4a5257\">Chat is offline</text>"
);
const DOT_ON: &str = svg!(
    "28",
    "Chat is online",
    "<circle cx=\"14\" cy=\"14\" r=\"9\" fill=\"#1c6650\"/><circle cx=\"14\" cy=\"14\" r=\"4\" fill=\"#9df0cf\"/>"
);
const DOT_OFF: &str = svg!(
    "28",
    "Chat is offline",
    "<circle cx=\"14\" cy=\"14\" r=\"8\" fill=\"none\" stroke=\"#6b7479\" stroke-width=\"3\"/>"
);
const BUBBLE_ON: &str = svg!(
    "34",
    "Chat is online",
    "<path d=\"M6 2h22a5 5 0 0 1 5 5v10a5 5 0 0 1-5 5H14l-7 5v-5H6a5 5 0 0 1-5-5V7a5 5 0 0 1 5-5z\" fill=\"#1c6650\"/><g fill=\"#fff\"><circle cx=\"11\" cy=\"12\" r=\"2\"/><circle cx=\"17\" cy=\"12\" r=\"2\"/><circle cx=\"23\" cy=\"12\" r=\"2\"/></g>"
);
const BUBBLE_OFF: &str = svg!(
    "34",
    "Chat is offline",
    "<path d=\"M6 2h22a5 5 0 0 1 5 5v10a5 5 0 0 1-5 5H14l-7 5v-5H6a5 5 0 0 1-5-5V7a5 5 0 0 1 5-5z\" fill=\"none\" stroke=\"#6b7479\" stroke-width=\"2\"/><path d=\"M12 17 22 7\" stroke=\"#6b7479\" stroke-width=\"2\" stroke-linecap=\"round\"/>"
);

impl Theme {
    /// The theme of this name; a name nobody knows gets the badge, as a page of fifteen years ago
    /// may ask for any.
    pub(super) fn named(name: &str) -> Self {
        THEMES
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(Theme::Badge, |(_, theme)| *theme)
    }

    /// The picture, an SVG.
    pub(super) fn draw(self, available: bool) -> Bytes {
        let text = match (self, available) {
            (Theme::Badge, true) => BADGE_ON,
            (Theme::Badge, false) => BADGE_OFF,
            (Theme::Dot, true) => DOT_ON,
            (Theme::Dot, false) => DOT_OFF,
            (Theme::Bubble, true) => BUBBLE_ON,
            (Theme::Bubble, false) => BUBBLE_OFF,
        };
        Bytes::from_static(text.as_bytes())
    }
}
