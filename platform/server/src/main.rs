//! The only binary, `portico`; what it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    platform_server::main()
}
