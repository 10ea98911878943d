//! The program of the hello-world image: says what had to happen for it to be run.
use std::io::{self, Write};

const WORDS: &str = "\
Hello from rt!
That you can read this means that the whole chain of this machine works:

 1. The client found (or started) the daemon and asked it, over a Unix socket
    and in the words of the Docker Engine API, for a container of this image.
 2. The daemon did not have the image, so it asked a registry for the manifest
    that fits this processor, and fetched the layers that it names.
 3. Each layer was checked against its digest and laid out on disk while it was
    still arriving.
 4. A small monitor stacked the layers, gave them a writable top, and started
    this program there, in namespaces and a cgroup of its own.
 5. The program wrote these lines to a pipe. The monitor logged them and handed
    them on, and the client put them on your terminal.

Now try a shell:   rt run -it --rm busybox sh
";

fn main() -> io::Result<()> {
    io::stdout().write_all(WORDS.as_bytes())
}
