//! Rows, and the table they make.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

/// How many failure modes there are: fifty that are known of old, and those that people's own modems
/// added.
const MODES: u8 = 66;

/// One story of one failure mode.
pub struct Row {
    name: &'static str,
    tell: fn() -> Pin<Box<dyn Future<Output = ()>>>,
}

impl Row {
    pub fn new(name: &'static str, tell: fn() -> Pin<Box<dyn Future<Output = ()>>>) -> Self {
        Self { name, tell }
    }

    /// The mode's number, from the name.
    fn mode(&self) -> Option<u8> {
        let digits = self.name.strip_prefix("row_")?.get(..2)?;
        digits
            .parse()
            .ok()
            .filter(|mode| (1..=MODES).contains(mode))
    }

    fn words(&self) -> String {
        let words = self.name.get("row_NN_".len()..).unwrap_or_default();
        words.replace('_', " ")
    }

    /// On a runtime of its own, whose clock is paused.
    fn run(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on((self.tell)());
    }
}

/// `rows![storage_story, another]`: async functions named `row_NN_what_happens`.
#[macro_export]
macro_rules! rows {
    ($($story:ident),* $(,)?) => {
        vec![$($crate::registry::Row::new(stringify!($story), || Box::pin($story()))),*]
    };
}

/// Runs what the arguments ask for. A run of everything prints the table.
pub fn run(rows: Vec<Row>) -> ExitCode {
    let arguments = Arguments::from_args();
    let whole = arguments.filter.is_none() && arguments.skip.is_empty() && !arguments.list;
    let rows = Arc::new(rows);
    let passed: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let mut trials: Vec<Trial> = (0..rows.len())
        .map(|place| {
            let (rows, passed) = (Arc::clone(&rows), Arc::clone(&passed));
            Trial::test(rows[place].name, move || {
                rows[place].run();
                passed.lock().unwrap().push(rows[place].name);
                Ok(())
            })
        })
        .collect();
    let names: Vec<(&'static str, Option<u8>)> =
        rows.iter().map(|row| (row.name, row.mode())).collect();
    trials.push(Trial::test("each_of_them_has_a_story", move || {
        complete(&names).map_err(Failed::from)
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if whole {
        print_table(&rows, &passed.lock().unwrap());
    }
    conclusion.exit_code()
}

/// Every row has its number, no name stands twice, and no mode is without a story.
fn complete(names: &[(&'static str, Option<u8>)]) -> Result<(), String> {
    for (place, (name, mode)) in names.iter().enumerate() {
        if mode.is_none() {
            return Err(format!(
                "{name}: name it row_NN_what_happens, 01 to {MODES}"
            ));
        }
        if names[..place].iter().any(|(other, _)| other == name) {
            return Err(format!("{name} stands twice"));
        }
    }
    let told: Vec<u8> = names.iter().filter_map(|(_, mode)| *mode).collect();
    let missing: Vec<u8> = (1..=MODES).filter(|mode| !told.contains(mode)).collect();
    if !missing.is_empty() {
        return Err(format!("no story yet of {missing:?}"));
    }
    Ok(())
}

fn print_table(rows: &[Row], passed: &[&str]) {
    let mut modes: BTreeMap<u8, Vec<&Row>> = (1..=MODES).map(|mode| (mode, Vec::new())).collect();
    let all = modes.len();
    for row in rows {
        if let Some(mode) = row.mode() {
            modes.entry(mode).or_default().push(row);
        }
    }
    let mut good = 0;
    println!("\nThe failure modes of modems:");
    for (mode, rows) in &modes {
        let passes = |row: &&Row| passed.contains(&row.name);
        let verdict = if rows.is_empty() {
            "no story yet"
        } else if rows.iter().all(passes) {
            good += 1;
            "pass"
        } else {
            "FAIL"
        };
        println!("  {mode:>2}  {verdict}");
        for row in rows {
            let mark = if passes(row) { ' ' } else { '!' };
            println!("     {mark}  {}", row.words());
        }
    }
    println!("{good} of {all}");
}
