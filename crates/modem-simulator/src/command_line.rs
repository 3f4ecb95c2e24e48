//! A V.250 command line taken apart, one command at a time (V.250 §5.2 to §5.4).

/// One command of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its name in capitals: `E`, `&F`, `S3`, `+CMGF`, `^CURC`.
    pub(crate) name: String,
    /// What is asked of it.
    pub(crate) form: Form,
}

/// What is asked of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// `AT+X`, or a basic command without number.
    Action,
    /// `AT+X?`
    Read,
    /// `AT+X=?`
    Test,
    /// `AT+X=…`, or a basic command's number.
    Set(Vec<Argument>),
}

/// One value after `=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    /// Nothing between two commas.
    Omitted,
    /// Decimal digits.
    Number(u64),
    /// A quoted string, each octet as the character of the same code.
    Text(String),
    /// Anything else that was not quoted.
    Word(String),
}

impl Argument {
    /// The number, if it is one.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Omitted | Self::Text(_) | Self::Word(_) => None,
        }
    }

    /// What a quoted string or a bare word holds; digits count as a word too.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Omitted => None,
        }
    }
}

/// The line breaks the grammar here: nothing after this is carried out, what went before has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The commands of a line still to be read. What stands after `AT`, without the terminator.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    rest: Vec<u8>,
    at: usize,
}

impl CommandLine {
    /// A line's body.
    pub(crate) fn new(body: &[u8]) -> Self {
        Self {
            rest: body.to_vec(),
            at: 0,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.get(self.at).copied()
    }

    fn next_octet(&mut self) -> Option<u8> {
        let octet = self.peek()?;
        self.at += 1;
        Some(octet)
    }

    fn skip_blanks(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn digits(&mut self) -> Result<Option<u64>, Malformed> {
        let mut number = None;
        self.skip_blanks();
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            self.at += 1;
            number = Some(
                number
                    .unwrap_or(0u64)
                    .checked_mul(10)
                    .and_then(|tens| tens.checked_add(u64::from(digit - b'0')))
                    .ok_or(Malformed)?,
            );
        }
        Ok(number)
    }

    /// V.250 §5.3.1: a letter, or `&` and a letter, and perhaps a number; `S` and a number name a
    /// register; `D` takes the rest of the line.
    fn basic(&mut self, first: u8) -> Result<Command, Malformed> {
        let mut name = String::new();
        let letter = if first == b'&' || first == b'\\' {
            name.push(char::from(first));
            self.next_octet().ok_or(Malformed)?
        } else {
            first
        };
        if !letter.is_ascii_alphabetic() {
            return Err(Malformed);
        }
        let letter = letter.to_ascii_uppercase();
        name.push(char::from(letter));
        if name == "D" {
            let number: String = std::iter::from_fn(|| self.next_octet())
                .map(char::from)
                .collect();
            return Ok(Command {
                name,
                form: Form::Set(vec![Argument::Text(number)]),
            });
        }
        let number = self.digits()?;
        if name != "S" {
            return Ok(Command {
                name,
                form: number.map_or(Form::Action, |n| Form::Set(vec![Argument::Number(n)])),
            });
        }
        let name = format!("S{}", number.ok_or(Malformed)?);
        self.skip_blanks();
        let form = match self.peek() {
            Some(b'?') => {
                self.at += 1;
                Form::Read
            }
            Some(b'=') => {
                self.at += 1;
                Form::Set(vec![Argument::Number(self.digits()?.unwrap_or(0))])
            }
            _ => Form::Action,
        };
        Ok(Command { name, form })
    }

    /// V.250 §5.4: `+` and vendors' own prefixes; ends at `;` or the end of the line.
    fn extended(&mut self, prefix: u8) -> Result<Command, Malformed> {
        let mut name = String::from(char::from(prefix));
        while let Some(octet) = self.peek() {
            if octet.is_ascii_alphanumeric()
                || matches!(octet, b'!' | b'%' | b'-' | b'.' | b'/' | b':' | b'_')
            {
                name.push(char::from(octet.to_ascii_uppercase()));
                self.at += 1;
            } else {
                break;
            }
        }
        if name.len() == 1 {
            return Err(Malformed);
        }
        self.skip_blanks();
        let form = match self.peek() {
            None | Some(b';') => Form::Action,
            Some(b'?') => {
                self.at += 1;
                Form::Read
            }
            Some(b'=') => {
                self.at += 1;
                self.skip_blanks();
                if self.peek() == Some(b'?') {
                    self.at += 1;
                    Form::Test
                } else {
                    Form::Set(self.arguments()?)
                }
            }
            Some(_) => return Err(Malformed),
        };
        self.skip_blanks();
        match self.next_octet() {
            None | Some(b';') => Ok(Command { name, form }),
            Some(_) => Err(Malformed),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Malformed> {
        let mut arguments = Vec::new();
        loop {
            self.skip_blanks();
            arguments.push(self.argument()?);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                None | Some(b';') => return Ok(arguments),
                Some(_) => return Err(Malformed),
            }
        }
    }

    fn argument(&mut self) -> Result<Argument, Malformed> {
        match self.peek() {
            None | Some(b',' | b';') => Ok(Argument::Omitted),
            Some(b'"') => {
                self.at += 1;
                let mut text = String::new();
                loop {
                    match self.next_octet().ok_or(Malformed)? {
                        b'"' => return Ok(Argument::Text(text)),
                        b'\\' => text.push(char::from(self.escaped()?)),
                        octet => text.push(char::from(octet)),
                    }
                }
            }
            Some(_) => {
                let mut word = String::new();
                while let Some(octet) = self.peek() {
                    if matches!(octet, b',' | b';' | b'"') {
                        break;
                    }
                    word.push(char::from(octet));
                    self.at += 1;
                }
                let word = word.trim_end().to_owned();
                if word.bytes().all(|octet| octet.is_ascii_digit()) {
                    return word.parse().map(Argument::Number).map_err(|_| Malformed);
                }
                Ok(Argument::Word(word))
            }
        }
    }

    /// V.250 §5.4.2.2: a backslash and two hexadecimal digits stand for one octet.
    fn escaped(&mut self) -> Result<u8, Malformed> {
        let mut octet = 0;
        for _ in 0..2 {
            let nibble = self
                .next_octet()
                .and_then(|digit| char::from(digit).to_digit(16))
                .and_then(|nibble| u8::try_from(nibble).ok())
                .ok_or(Malformed)?;
            octet = octet << 4 | nibble;
        }
        Ok(octet)
    }
}

impl Iterator for CommandLine {
    type Item = Result<Command, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while matches!(self.peek(), Some(b' ' | b';')) {
            self.at += 1;
        }
        let first = self.next_octet()?;
        let command = match first {
            b'+' | b'^' | b'$' | b'*' | b'#' | b'%' => self.extended(first),
            _ => self.basic(first),
        };
        if command.is_err() {
            self.at = self.rest.len();
        }
        Some(command)
    }
}

/// A line's commands as they were written, parted at the semicolons outside strings (V.250 §5.2.1);
/// basic commands that stand without one between them stay together.
pub(super) fn commands(line: &str) -> Vec<String> {
    let mut quoted = false;
    let parts = line.split(|character| {
        quoted ^= character == '"';
        character == ';' && !quoted
    });
    parts.map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn set(name: &str, arguments: &[Argument]) -> Command {
        Command {
            name: name.to_owned(),
            form: Form::Set(arguments.to_vec()),
        }
    }

    fn plain(name: &str, form: Form) -> Command {
        Command {
            name: name.to_owned(),
            form,
        }
    }

    fn text(value: &str) -> Argument {
        Argument::Text(value.to_owned())
    }

    #[test]
    fn lines_come_apart_into_commands() {
        use Argument::{Number, Omitted, Word};
        for (line, commands) in [
            ("", vec![]),
            ("E0", vec![set("E", &[Number(0)])]),
            ("e", vec![plain("E", Form::Action)]),
            (
                "E0V1&F&D2",
                vec![
                    set("E", &[Number(0)]),
                    set("V", &[Number(1)]),
                    plain("&F", Form::Action),
                    set("&D", &[Number(2)]),
                ],
            ),
            ("S3?", vec![plain("S3", Form::Read)]),
            ("S4=10", vec![set("S4", &[Number(10)])]),
            (
                "+CMGF=0;+CNMI=2,1,,2",
                vec![
                    set("+CMGF", &[Number(0)]),
                    set("+CNMI", &[Number(2), Number(1), Omitted, Number(2)]),
                ],
            ),
            (
                "E0+CMGF=1;V1",
                vec![
                    set("E", &[Number(0)]),
                    set("+CMGF", &[Number(1)]),
                    set("V", &[Number(1)]),
                ],
            ),
            ("+CPMS=?", vec![plain("+CPMS", Form::Test)]),
            (
                "+CPMS?;+CSQ",
                vec![plain("+CPMS", Form::Read), plain("+CSQ", Form::Action)],
            ),
            (
                "+CPMS=\"SM\",\"SM\"",
                vec![set("+CPMS", &[text("SM"), text("SM")])],
            ),
            ("+X=\"a;b,c\\22\"", vec![set("+X", &[text("a;b,c\"")])]),
            ("+CMGD=1,", vec![set("+CMGD", &[Number(1), Omitted])]),
            (" + ", vec![]),
            ("+CSCS=GSM", vec![set("+CSCS", &[Word("GSM".into())])]),
            ("^CURC=0;", vec![set("^CURC", &[Number(0)])]),
            ("D+15551230100;", vec![set("D", &[text("+15551230100;")])]),
        ] {
            let read: Vec<Command> = CommandLine::new(line.as_bytes())
                .filter_map(Result::ok)
                .collect();
            assert_eq!(read, commands, "{line:?}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_ends_the_line() {
        for line in [
            "+",
            "+=1",
            "+CMGF=\"1",
            "+CMGF 1",
            "=",
            "S?",
            "+X=\"\\4\"",
            "E99999999999999999999999",
        ] {
            let read: Vec<_> = CommandLine::new(line.as_bytes()).collect();
            assert_eq!(read.last(), Some(&Err(Malformed)), "{line:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_can_upset_the_reader(line in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let commands = CommandLine::new(&line).count();
            proptest::prop_assert!(commands <= line.len());
        }
    }
}
