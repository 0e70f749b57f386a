//! The binary: parse, call, exit code. Everything else lives in the library.

fn main() -> std::process::ExitCode {
    uproar::cli::main()
}
