//! The street door.

fn main() -> std::process::ExitCode {
    callnumber::cli::main()
}
