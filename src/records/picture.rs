//! Reports as pictures: bars in SVG, drawn here, readable in black and white, and read aloud by
//! their title and description.

use std::fmt::Write;
use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::report::{Report, Row, spoken};

/// What the bars measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Texts in and out, side by side.
    Texts,
    /// The median wait for a first answer, and for any answer.
    Waits,
}

impl Measure {
    /// The word of the API and the command line.
    pub fn word(self) -> &'static str {
        match self {
            Measure::Texts => "texts",
            Measure::Waits => "waits",
        }
    }

    /// The measure this word means.
    pub fn from_word(word: &str) -> Option<Self> {
        [Measure::Texts, Measure::Waits]
            .into_iter()
            .find(|measure| measure.word() == word)
    }

    fn of(self, row: &Row) -> [u64; 2] {
        match self {
            Measure::Texts => [row.texts_in, row.texts_out],
            Measure::Waits => [
                row.wait_median_s.unwrap_or(0),
                row.answer_median_s.unwrap_or(0),
            ],
        }
    }

    fn legend(self) -> [&'static str; 2] {
        match self {
            Measure::Texts => ["texts in", "answers out"],
            Measure::Waits => ["median wait for a first answer", "for any answer"],
        }
    }

    fn value(self, value: u64) -> String {
        match self {
            Measure::Texts => value.to_string(),
            Measure::Waits => spoken(Duration::from_secs(value)),
        }
    }
}

/// Lines drawn at most; a longer report is a table's business.
const ROWS_MAX: usize = 62;
const LEFT: usize = 130;
const BARS: usize = 520;
const WIDTH: usize = LEFT + BARS + 90;
const HEAD: usize = 64;
const LINE: usize = 30;
const FILLS: [&str; 2] = ["#1c6650", "#c9a24a"];

/// Draws a report.
pub fn picture(report: &Report, measure: Measure, title: &str) -> String {
    let rows = report.rows.get(..ROWS_MAX).unwrap_or(&report.rows);
    let height = HEAD + rows.len() * LINE + 14;
    let most = rows
        .iter()
        .flat_map(|row| measure.of(row))
        .max()
        .unwrap_or(0)
        .max(1);
    let legend = measure.legend();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-labelledby=\"t d\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\" font-weight=\"bold\" fill=\"#20272b\">{}</text>\n",
        escaped(title),
        escaped(&described(rows, measure)),
        escaped(title),
    );
    for (n, (words, fill)) in legend.iter().zip(FILLS).enumerate() {
        let x = 12 + n * 240;
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{fill}\" stroke=\"#20272b\"/>\
             <text x=\"{}\" y=\"46\" fill=\"#20272b\">{words}</text>",
            x + 18
        );
    }
    for (n, row) in rows.iter().enumerate() {
        let y = HEAD + n * LINE;
        let key: String = row.key.chars().take(18).collect();
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#20272b\">{}</text>",
            LEFT - 8,
            y + 16,
            escaped(&key)
        );
        for (bar, (value, fill)) in measure.of(row).into_iter().zip(FILLS).enumerate() {
            let y = y + 2 + bar * 12;
            // At least a hair, where there is anything at all.
            let long = scaled(value, most).max(usize::from(value > 0));
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{long}\" height=\"11\" fill=\"{fill}\"/>\
                 <text x=\"{}\" y=\"{}\" font-size=\"10\" fill=\"#20272b\">{}</text>",
                LEFT + long + 4,
                y + 9,
                if value > 0 {
                    measure.value(value)
                } else {
                    String::new()
                }
            );
        }
    }
    svg += "</svg>\n";
    svg
}

fn scaled(value: u64, most: u64) -> usize {
    let long = u128::from(value) * BARS as u128 / u128::from(most.max(1));
    usize::try_from(long).unwrap_or(BARS).min(BARS)
}

/// The picture in words, for those who do not see it.
fn described(rows: &[Row], measure: Measure) -> String {
    let [first, second] = measure.legend();
    let lines = rows.iter().filter_map(|row| {
        let [one, other] = measure.of(row);
        (one > 0 || other > 0).then(|| {
            format!(
                "{}: {} {first}, {} {second}",
                row.key,
                measure.value(one),
                measure.value(other)
            )
        })
    });
    let lines: Vec<String> = lines.collect();
    match lines.is_empty() {
        true => "Nothing was counted.".into(),
        false => lines.join("; "),
    }
}

fn escaped(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Division;

    fn report(rows: Vec<Row>) -> Report {
        Report {
            by: Division::Queue,
            rows,
        }
    }

    fn row(key: &str, texts_in: u64, texts_out: u64) -> Row {
        Row {
            key: key.into(),
            texts_in,
            texts_out,
            ..Row::default()
        }
    }

    #[test]
    fn the_longest_bar_fills_the_picture() {
        for (value, most, long) in [
            (0, 10, 0),
            (5, 10, 260),
            (10, 10, 520),
            (u64::MAX, u64::MAX, 520),
        ] {
            assert_eq!(scaled(value, most), long, "{value} of {most}");
        }
    }

    #[test]
    fn a_picture_is_also_words_and_nobody_elses_markup() {
        let svg = picture(
            &report(vec![row("<desk> & co", 4, 2), row("kids", 0, 0)]),
            Measure::Texts,
            "Texts by queue",
        );
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(
            svg.contains("&lt;desk&gt; &amp; co: 4 texts in, 2 answers out</desc>"),
            "{svg}"
        );
        assert!(!svg.contains("<desk>"));
        assert!(svg.contains("width=\"520\" height=\"11\""));
        assert!(svg.contains("width=\"260\" height=\"11\""));
        assert!(picture(&report(vec![]), Measure::Waits, "").contains("Nothing was counted."));
    }

    #[test]
    fn a_long_report_is_cut() {
        let rows = (0..500).map(|n| row(&n.to_string(), 1, 1)).collect();
        let svg = picture(&report(rows), Measure::Texts, "t");
        assert_eq!(svg.matches("text-anchor").count(), ROWS_MAX);
    }
}
