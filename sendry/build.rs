//! Embeds the built dashboard, or, where Node has not built it, a page that says how.

use std::path::Path;

fn main() {
    let dist = "../dashboard/dist";
    println!("cargo::rerun-if-changed={dist}");
    println!("cargo::rerun-if-changed=placeholder");
    let built = Path::new(dist).join("index.html").exists();
    memory_serve::load_directory(if built { dist } else { "placeholder" });
}
