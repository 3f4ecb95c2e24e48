//! What is said on a line's port, written to a file while somebody wants to know.
//!
//! Every line has a [`Tracer`]; it costs a glance at a flag until it is started. The octets go
//! through a bounded channel to a thread that masks them and writes them down, so that neither a slow
//! disk nor a full one can hold up the modem: what finds no room is counted, and the transcript says
//! so.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::trace::{Direction, Header, MAGIC, Record, Said, Scribe};

/// What a file holds before it is put aside; the one put aside before it goes. Some weeks of an idle
/// line, an hour of a very busy one.
pub const TRACE_LIMIT: u64 = 8 * 1024 * 1024;

/// The least a file may be limited to: the head and a listing fit several times.
pub const TRACE_LIMIT_LEAST: u64 = 16 * 1024;

/// Reads and writes that may wait for the disk: four megabytes at most.
const WAITING_MAX: usize = 1024;

/// How long what was said may wait to be written while nothing more is said.
const IDLE: Duration = Duration::from_millis(200);

/// What to write, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracePlan {
    /// The file; one that is there is put aside as `FILE.1` if it is a transcript.
    pub file: PathBuf,
    /// Whether numbers and words are written as they are.
    pub unmasked: bool,
    /// Octets a file may hold; [`TRACE_LIMIT_LEAST`] at least.
    pub limit: u64,
}

impl TracePlan {
    /// A masked transcript of the usual size.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            unmasked: false,
            limit: TRACE_LIMIT,
        }
    }
}

/// Why nothing can be written.
#[derive(Debug, thiserror::Error)]
pub enum TraceStartError {
    /// There is one already.
    #[error("this line is being traced to {} already: stop that first", .file.display())]
    Running {
        /// Its file.
        file: PathBuf,
    },
    /// Something else is at the path.
    #[error("{} is there and is no transcript: choose another file", .file.display())]
    NotOurs {
        /// The path.
        file: PathBuf,
    },
    /// It cannot be made.
    #[error("the transcript {} cannot be made: {source}; choose a folder that the daemon may write to", .file.display())]
    File {
        /// The path.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes down what is said on one line. Cheap to clone; all clones are the same tracer.
#[derive(Debug, Clone)]
pub struct Tracer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    line: String,
    clock: Clock,
    /// Whether there is a transcript: asked at every read and write.
    on: AtomicBool,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    file: PathBuf,
    began: Instant,
    heard: SyncSender<(Duration, Heard)>,
    /// What found no room since the last that did.
    lost: u64,
    writer: JoinHandle<()>,
}

#[derive(Debug)]
enum Heard {
    Octets(Direction, Vec<u8>),
    Note(String),
    Modem(String),
    Closed,
}

impl Tracer {
    /// A tracer that writes nothing yet, and dates its transcripts by `clock`.
    pub fn new(line: impl Into<String>, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                line: line.into(),
                clock,
                on: AtomicBool::new(false),
                running: Mutex::new(None),
            }),
        }
    }

    /// Starts a transcript. Makes its file, so it is for a thread that may wait.
    ///
    /// # Errors
    /// See [`TraceStartError`]; then nothing has changed.
    pub fn start(&self, plan: &TracePlan, modem: Option<String>) -> Result<(), TraceStartError> {
        let mut running = self.shared.running();
        if let Some(running) = running.as_ref() {
            let file = running.file.clone();
            return Err(TraceStartError::Running { file });
        }
        let header = Header {
            line: self.shared.line.clone(),
            modem,
            masked: !plan.unmasked,
            started: self
                .shared
                .clock
                .now()
                .round(jiff::Unit::Second)
                .map_or_else(|_| String::new(), |now| now.to_string()),
            version: concat!("callnumber ", env!("CARGO_PKG_VERSION")).into(),
        };
        let pages = Pages::open(plan, header)?;
        let scribe = if plan.unmasked {
            Scribe::unmasked()
        } else {
            Scribe::masking()
        };
        let (heard, told) = sync_channel(WAITING_MAX);
        let shared = Arc::downgrade(&self.shared);
        let writer = std::thread::Builder::new()
            .name("trace".into())
            .spawn(move || {
                if let Err(error) = write(&told, pages, scribe) {
                    give_up(&shared, &error);
                }
            })
            .map_err(|source| TraceStartError::File {
                file: plan.file.clone(),
                source,
            })?;
        *running = Some(Running {
            file: plan.file.clone(),
            began: now(),
            heard,
            lost: 0,
            writer,
        });
        self.shared.on.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the transcript, and answers its file once everything is in it; `None` when there was
    /// none. Waits for the disk, so it is for a thread that may.
    pub fn stop(&self) -> Option<PathBuf> {
        let running = self.shared.running().take()?;
        self.shared.on.store(false, Ordering::Relaxed);
        drop(running.heard);
        // A writer that panicked has written what it has written.
        let _ = running.writer.join();
        Some(running.file)
    }

    /// The file being written, while there is one.
    pub fn file(&self) -> Option<PathBuf> {
        let running = self.shared.running();
        running.as_ref().map(|running| running.file.clone())
    }

    /// What the modem says it is.
    pub(super) fn modem_is(&self, words: String) {
        self.hear(|| Heard::Modem(words));
    }

    pub(super) fn note(&self, words: impl FnOnce() -> String) {
        self.hear(|| Heard::Note(words()));
    }

    pub(super) fn octets(&self, direction: Direction, octets: &[u8]) {
        self.hear(|| Heard::Octets(direction, octets.to_vec()));
    }

    pub(super) fn closed(&self) {
        self.hear(|| Heard::Closed);
    }

    fn hear(&self, what: impl FnOnce() -> Heard) {
        if !self.shared.on.load(Ordering::Relaxed) {
            return;
        }
        let mut running = self.shared.running();
        let Some(running) = running.as_mut() else {
            return;
        };
        let at = now().saturating_duration_since(running.began);
        if running.lost > 0 {
            let words = format!(
                "{} pieces found no room here: the disk was too slow",
                running.lost
            );
            if running.heard.try_send((at, Heard::Note(words))).is_err() {
                running.lost += 1;
                return;
            }
            running.lost = 0;
        }
        if let Err(TrySendError::Full(_)) = running.heard.try_send((at, what())) {
            running.lost += 1;
        }
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        // Nothing is left half done under this lock.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The disk refused: the line goes on, its transcript does not.
fn give_up(shared: &Weak<Shared>, error: &io::Error) {
    tracing::warn!("the transcript ends here: {error}; make room, and start another");
    if let Some(shared) = shared.upgrade() {
        shared.on.store(false, Ordering::Relaxed);
        // Its thread is this one: it is not waited for.
        drop(shared.running().take());
    }
}

/// Writes until nobody can say anything more.
#[expect(clippy::disallowed_methods, reason = "a transcript's own thread")]
fn write(
    told: &Receiver<(Duration, Heard)>,
    mut pages: Pages,
    mut scribe: Scribe,
) -> io::Result<()> {
    let mut last = Duration::ZERO;
    loop {
        let (at, heard) = match told.recv_timeout(IDLE) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) => {
                pages.flush()?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        last = at;
        let records = match heard {
            Heard::Octets(direction, octets) => scribe.hear(direction, &octets, at),
            Heard::Note(words) => vec![note(at, words)],
            Heard::Modem(words) => {
                pages.header.modem = Some(words.clone());
                vec![note(at, format!("modem: {words}"))]
            }
            Heard::Closed => {
                let mut records = scribe.close(at);
                records.push(note(at, "closed".into()));
                records
            }
        };
        pages.add(&records)?;
    }
    let mut records = scribe.close(last);
    records.push(note(last, "the transcript ends".into()));
    pages.add(&records)?;
    pages.flush()
}

fn note(at: Duration, words: String) -> Record {
    Record {
        at,
        said: Said::Note(words),
    }
}

/// The file, and the one before it.
struct Pages {
    path: PathBuf,
    file: BufWriter<File>,
    header: Header,
    written: u64,
    limit: u64,
}

impl Pages {
    fn open(plan: &TracePlan, header: Header) -> Result<Self, TraceStartError> {
        let path = plan.file.clone();
        match is_ours(&path) {
            Ok(None) => {}
            Ok(Some(true)) => fs::rename(&path, aside(&path)).map_err(|source| {
                let file = path.clone();
                TraceStartError::File { file, source }
            })?,
            Ok(Some(false)) => return Err(TraceStartError::NotOurs { file: path }),
            Err(source) => return Err(TraceStartError::File { file: path, source }),
        }
        let file = create(&path).map_err(|source| {
            let file = path.clone();
            TraceStartError::File { file, source }
        })?;
        let mut pages = Self {
            path,
            file: BufWriter::new(file),
            header,
            written: 0,
            limit: plan.limit.max(TRACE_LIMIT_LEAST),
        };
        let begun = pages.begin().and_then(|()| pages.flush());
        begun.map_err(|source| TraceStartError::File {
            file: pages.path.clone(),
            source,
        })?;
        Ok(pages)
    }

    fn begin(&mut self) -> io::Result<()> {
        let head = self.header.to_string();
        self.written = head.len() as u64;
        self.file.write_all(head.as_bytes())
    }

    fn add(&mut self, records: &[Record]) -> io::Result<()> {
        for record in records {
            let line = format!("{record}\n");
            if self.written + line.len() as u64 > self.limit {
                self.turn(record.at)?;
            }
            self.file.write_all(line.as_bytes())?;
            self.written += line.len() as u64;
        }
        Ok(())
    }

    /// Begins a new file, and puts the full one aside.
    fn turn(&mut self, at: Duration) -> io::Result<()> {
        self.flush()?;
        fs::rename(&self.path, aside(&self.path))?;
        self.file = BufWriter::new(create(&self.path)?);
        self.begin()?;
        let words = format!("what was said before is in {}", aside(&self.path).display());
        let line = format!("{}\n", note(at, words));
        self.written += line.len() as u64;
        self.file.write_all(line.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Only its owner may read it: it holds what people wrote, masked or not.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// Whether what is at the path is a transcript; `None` when nothing is. A link is followed by
/// nobody: it is not ours.
fn is_ours(path: &Path) -> io::Result<Option<bool>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(there) if !there.is_file() => return Ok(Some(false)),
        Ok(_) => {}
    }
    let mut first = Vec::new();
    let file = BufReader::new(File::open(path)?);
    io::Read::take(file, MAGIC.len() as u64 + 2).read_until(b'\n', &mut first)?;
    Ok(Some(first.trim_ascii_end() == MAGIC.as_bytes()))
}

/// The line's clock, which tests may pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::trace::Trace;

    fn read(path: &Path) -> Trace {
        Trace::parse(&fs::read_to_string(path).unwrap()).unwrap()
    }

    fn lines(path: &Path) -> Vec<String> {
        let records = read(path).records;
        records
            .iter()
            .map(|record| record.to_string().trim_start()[9..].to_owned())
            .collect()
    }

    #[test]
    fn a_transcript_begins_and_ends_when_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line.trace");
        let tracer = Tracer::new("front-desk", Clock::system());
        tracer.octets(Direction::ToModem, b"AT+CPMS?\r"); // nobody wanted it
        assert_eq!(tracer.stop(), None);

        let plan = TracePlan::new(&path);
        tracer.start(&plan, Some("SIMCOM SIM7600".into())).unwrap();
        assert_eq!(tracer.file(), Some(path.clone()));
        assert!(matches!(
            tracer.start(&plan, None),
            Err(TraceStartError::Running { .. })
        ));
        tracer.octets(Direction::ToModem, b"AT\r");
        tracer.octets(Direction::FromModem, b"\r\nO");
        tracer.octets(Direction::FromModem, b"K\r\n");
        tracer.octets(
            Direction::FromModem,
            b"\r\n+CLIP: \"+15551230100\",145\r\n+CNUM: \"half",
        );
        tracer.closed();
        tracer.modem_is("SIMCOM SIM7600 LE20".into());
        assert_eq!(tracer.stop(), Some(path.clone()));
        tracer.octets(Direction::ToModem, b"AT+CSQ\r");

        assert_eq!(
            lines(&path),
            [
                "> AT\\r",
                "< \\r\\nOK\\r\\n",
                "< \\r\\n+CLIP: \"+55500000001\",145\\r\\n",
                "< xxxxxx xxxxx",
                "! closed",
                "! modem: SIMCOM SIM7600 LE20",
                "! the transcript ends",
            ]
            .map(|line| line.replace("xxxxxx xxxxx", "xxxxxxxxxxxx"))
        );
        let header = read(&path).header;
        assert!(header.masked);
        assert_eq!(header.line, "front-desk");
        assert_eq!(header.modem.as_deref(), Some("SIMCOM SIM7600"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_unmasked_one_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line.trace");
        let tracer = Tracer::new("front-desk", Clock::system());
        let mut plan = TracePlan::new(&path);
        plan.unmasked = true;
        tracer.start(&plan, None).unwrap();
        tracer.octets(Direction::FromModem, b"+CLIP: \"+15551230100\",145\r\n");
        tracer.stop();
        assert!(!read(&path).header.masked);
        assert_eq!(lines(&path)[0], "< +CLIP: \"+15551230100\",145\\r\\n");
    }

    #[test]
    fn a_full_file_is_put_aside_and_no_more_than_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line.trace");
        let tracer = Tracer::new("front-desk", Clock::system());
        let mut plan = TracePlan::new(&path);
        plan.limit = 0; // the least there is
        tracer.start(&plan, None).unwrap();
        // As many as may wait fill two files, whatever else finds no room.
        for number in 0..5_000 {
            tracer.octets(Direction::ToModem, format!("AT+CMGD={number}\r").as_bytes());
        }
        tracer.stop();
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(files.len(), 2);
        for file in files {
            let file = file.unwrap().path();
            assert!(fs::metadata(&file).unwrap().len() <= TRACE_LIMIT_LEAST + 200);
            assert!(lines(&file).len() > 10);
        }
        assert!(lines(&path)[0].starts_with("! what was said before is in "));
        assert_eq!(lines(&path).last().unwrap(), "! the transcript ends");
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let tracer = Tracer::new("front-desk", Clock::system());
        let (heard, told) = sync_channel(2);
        *tracer.shared.running() = Some(Running {
            file: "nowhere".into(),
            began: now(),
            heard,
            lost: 0,
            writer: std::thread::spawn(|| {}),
        });
        tracer.shared.on.store(true, Ordering::Relaxed);
        for _ in 0..5 {
            tracer.octets(Direction::ToModem, b"AT\r");
        }
        assert!(told.recv().is_ok() && told.recv().is_ok());
        tracer.octets(Direction::ToModem, b"AT\r");
        let Ok((_, Heard::Note(words))) = told.recv() else {
            panic!("the gap is told first");
        };
        assert!(words.starts_with("3 pieces"), "{words}");
        assert!(matches!(told.recv(), Ok((_, Heard::Octets(..)))));
    }

    #[test]
    fn no_file_but_a_transcript_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter");
        let tracer = Tracer::new("front-desk", Clock::system());
        fs::write(&path, "Dear Ana").unwrap();
        let error = tracer.start(&TracePlan::new(&path), None).unwrap_err();
        assert!(error.to_string().contains("no transcript"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"Dear Ana");

        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(tracer.start(&TracePlan::new(&link), None).is_err());

        let nowhere = folder.path().join("no/such/folder");
        let error = tracer.start(&TracePlan::new(&nowhere), None).unwrap_err();
        assert!(error.to_string().contains("choose a folder"), "{error}");
        assert_eq!(tracer.file(), None);

        let own = folder.path().join("line.trace");
        for _ in 0..2 {
            tracer.start(&TracePlan::new(&own), None).unwrap();
            tracer.octets(Direction::ToModem, b"AT\r");
            tracer.stop();
        }
        assert_eq!(lines(&own), lines(&aside(&own)));
    }

    #[test]
    fn a_full_disk_ends_the_transcript_and_nothing_else() {
        let tracer = Tracer::new("front-desk", Clock::system());
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line.trace");
        tracer.start(&TracePlan::new(&path), None).unwrap();
        let error = {
            let header = read_header();
            let mut pages = Pages {
                path,
                file: BufWriter::new(full),
                header,
                written: 0,
                limit: TRACE_LIMIT,
            };
            pages.begin().and_then(|()| pages.flush()).unwrap_err()
        };
        give_up(&Arc::downgrade(&tracer.shared), &error);
        assert_eq!(tracer.file(), None);
        tracer.octets(Direction::ToModem, b"AT\r");
    }

    fn read_header() -> Header {
        Header {
            line: "front-desk".into(),
            modem: None,
            masked: true,
            started: String::new(),
            version: String::new(),
        }
    }
}
