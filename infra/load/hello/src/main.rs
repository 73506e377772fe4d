//! The yardsticks of `infra/load`: a bare axum server on Portico's TLS stack, a plain server of one page, and the client
//! that drives all contenders alike. Not part of the product.

mod browse;
mod drive;
mod serve;
mod wire;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(about = "Yardsticks and the client of the load tests")]
enum Command {
    /// Serves the word hello over TLS: what the stack costs when nothing is done on it.
    Hello {
        #[arg(long)]
        listen: SocketAddr,
        /// Certificate chain, PEM.
        #[arg(long)]
        cert: PathBuf,
        /// Its private key, PEM.
        #[arg(long)]
        key: PathBuf,
    },
    /// Serves one file over plain HTTP: what stands behind a proxy under test.
    File {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        file: PathBuf,
    },
    /// Asks for one page over keep-alive TLS connections, each as fast as it is answered; prints a line of JSON.
    Drive(drive::Drive),
    /// Many sessions at once that ask at planned times; prints a line of JSON.
    Browse(browse::Browse),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Hello { listen, cert, key } => runtime(false)?.block_on(serve::hello(listen, &cert, &key)),
        Command::File { listen, file } => runtime(false)?.block_on(serve::file(listen, &file)),
        // One thread: the client must leave the cores to the contenders.
        Command::Drive(drive) => {
            let report = runtime(true)?.block_on(drive.run())?;
            writeln!(std::io::stdout(), "{report}")?;
            Ok(())
        }
        Command::Browse(browse) => {
            let report = runtime(true)?.block_on(browse.run())?;
            writeln!(std::io::stdout(), "{report}")?;
            Ok(())
        }
    }
}

fn runtime(one_thread: bool) -> std::io::Result<tokio::runtime::Runtime> {
    if one_thread {
        return tokio::runtime::Builder::new_current_thread().enable_all().build();
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
