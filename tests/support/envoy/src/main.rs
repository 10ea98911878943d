//! Answers questions about the network where it was started. One JSON object a line on standard input, one a
//! line on standard output for each, with the question's `id`, in the order in which they are done:
//!
//!     serve    tell whoever calls at an address which address it is seen from, then echo
//!     call     call such a server
//!     stream   keep a connection to such a server busy from now on
//!     streams  how the connections fare: exchanges, longest silence, error
//!     hush     end them
//!     lookup   ask a name server, a number of times
//!     send     put frames on an interface
//!     listen   hear what frames come in on an interface
mod call;
mod frames;
mod lookup;
mod serve;
mod stream;
mod sys;

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use stream::Streams;

#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
enum Question {
    Serve(serve::Place),
    Call(call::Call),
    Stream(call::Call),
    Streams,
    Hush,
    Lookup(lookup::Lookup),
    Send(frames::Send),
    Listen(frames::Listen),
}

#[derive(Deserialize)]
struct Line {
    id: u64,
    #[serde(flatten)]
    question: Question,
}

type Said = Map<String, Value>;

fn answer(question: Question, streams: &Arc<Streams>) -> io::Result<Said> {
    match question {
        Question::Serve(place) => serve::serve(&place),
        Question::Call(call) => call::call(&call),
        Question::Stream(call) => streams.open(&call),
        Question::Streams => Ok(streams.told()),
        Question::Hush => Ok(streams.end()),
        Question::Lookup(lookup) => lookup::lookup(&lookup),
        Question::Send(send) => frames::send(&send),
        Question::Listen(listen) => frames::listen(&listen),
    }
}

/// The name that scripts know an error by.
fn name_of(error: &io::Error) -> String {
    let number = error.raw_os_error();
    match number {
        Some(libc::ECONNREFUSED) => "ECONNREFUSED".to_owned(),
        Some(libc::ECONNRESET) => "ECONNRESET".to_owned(),
        Some(libc::EHOSTUNREACH) => "EHOSTUNREACH".to_owned(),
        Some(libc::ENETUNREACH) => "ENETUNREACH".to_owned(),
        Some(libc::EADDRINUSE) => "EADDRINUSE".to_owned(),
        Some(libc::EADDRNOTAVAIL) => "EADDRNOTAVAIL".to_owned(),
        Some(libc::EACCES | libc::EPERM) => "EPERM".to_owned(),
        Some(libc::EPROTONOSUPPORT) => "EPROTONOSUPPORT".to_owned(),
        Some(libc::ETIMEDOUT | libc::EAGAIN) => "ETIMEDOUT".to_owned(),
        _ if error.kind() == io::ErrorKind::TimedOut => "ETIMEDOUT".to_owned(),
        _ => error.to_string(),
    }
}

fn reply(id: u64, said: io::Result<Said>) -> io::Result<()> {
    let mut said = said.unwrap_or_else(|error| {
        Map::from_iter([("error".to_owned(), Value::from(name_of(&error)))])
    });
    said.insert("id".to_owned(), id.into());
    let mut text = Value::Object(said).to_string();
    text.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn main() -> io::Result<()> {
    let streams = Arc::new(Streams::default());
    for line in io::stdin().lock().lines() {
        let Line { id, question } = serde_json::from_str(&line?)?;
        let streams = Arc::clone(&streams);
        std::thread::Builder::new()
            .stack_size(128 << 10)
            .spawn(move || reply(id, answer(question, &streams)))?;
    }
    Ok(())
}

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}
