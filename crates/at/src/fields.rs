//! The comma-separated values of a response line (V.250 §5.4.2, §5.7.3).

use std::str::FromStr;

/// One value: a number, a quoted string, a bracketed list, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a>(&'a str);

impl<'a> Field<'a> {
    /// Whether it stands in quotes.
    pub fn is_quoted(self) -> bool {
        self.0.starts_with('"')
    }

    /// Whether it stands in brackets.
    pub fn is_bracketed(self) -> bool {
        self.0.starts_with('(')
    }

    /// Without its quotes.
    pub fn text(self) -> &'a str {
        let text = self.0.strip_prefix('"').unwrap_or(self.0);
        text.strip_suffix('"').unwrap_or(text).trim()
    }

    /// As a number, quoted or not.
    pub fn number<T: FromStr>(self) -> Option<T> {
        self.text().trim().parse().ok()
    }

    /// The members of a bracketed list, `("SM","ME")`; a bare value is a list of itself.
    pub fn members(self) -> Vec<Field<'a>> {
        let inner = self.0.strip_prefix('(').unwrap_or(self.0);
        fields(inner.strip_suffix(')').unwrap_or(inner))
    }

    /// The numbers of a bracketed list with ranges, `(0-2,4)`, in the order given.
    pub fn numbers(self) -> Vec<u8> {
        let mut numbers = Vec::new();
        for member in self.members() {
            let text = member.text();
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            if let (Ok(first), Ok(last)) = (first.trim().parse::<u8>(), last.trim().parse::<u8>()) {
                numbers.extend(first..=last);
            }
        }
        numbers.truncate(256);
        numbers
    }
}

/// Splits at commas outside quotes and brackets. An empty text has no fields.
pub fn fields(text: &str) -> Vec<Field<'_>> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    let (mut quoted, mut depth) = (false, 0_usize);
    text.split(|character| {
        match character {
            '"' => quoted = !quoted,
            '(' if !quoted => depth = depth.saturating_add(1),
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && !quoted && depth == 0
    })
    .map(|field| Field(field.trim()))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let texts = |text| fields(text).iter().map(|f| f.text()).collect::<Vec<_>>();
        assert_eq!(texts(r#""a,b",1,,"c""#), ["a,b", "1", "", "c"]);
        assert_eq!(
            texts(r#"("SM","ME"),("SM")"#),
            [r#"("SM","ME")"#, r#"("SM")"#]
        );
        assert_eq!(texts(""), [""; 0]);
        assert_eq!(texts(",-1"), ["", "-1"]);
        assert_eq!(texts(r#"0,"unclosed,7"#), ["0", "unclosed,7"]);
    }

    #[test]
    fn lists_and_ranges_unfold() {
        let listed = fields("(0-3),(0,1),2,(0-2,5),()");
        let numbers: Vec<Vec<u8>> = listed.iter().map(|field| field.numbers()).collect();
        assert_eq!(
            numbers,
            [
                vec![0, 1, 2, 3],
                vec![0, 1],
                vec![2],
                vec![0, 1, 2, 5],
                vec![]
            ]
        );
    }
}
