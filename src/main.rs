//! The binary: parse, call, exit code. Everything else lives in the library.

// `uproar codecs` says what a message allocates; see the module for what it costs a run.
#[global_allocator]
static ALLOCATOR: uproar::machine::alloc::Counting = uproar::machine::alloc::Counting;

fn main() -> std::process::ExitCode {
    uproar::cli::main()
}
