//! Rebuilds the embedded list when a migration file is added: `migrate!` cannot see a new file by itself.
fn main() {
    println!("cargo:rerun-if-changed=sql");
}
