//! The container's log, if it has one: the plan's words for a `logfile::Writer`.

use logfile::{Format, Settings, Stream, Writer};
use rustix::io::Errno;
use sandbox::plan::{LogDriver, LogPlan};
use sandbox::{Context, StepError};

pub(crate) struct Log {
    writer: Option<Writer>,
}

impl Log {
    pub(crate) fn open(plan: Option<&LogPlan>) -> Result<Self, StepError> {
        let open = |plan: &LogPlan| {
            Writer::open(settings(plan))
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
                .step("open log", &plan.path)
        };
        let writer = plan.map(open).transpose()?;
        Ok(Self { writer })
    }

    pub(crate) fn take(&mut self, stream: Stream, bytes: &[u8]) {
        if let Some(writer) = &mut self.writer {
            writer.take(stream, bytes);
        }
    }

    /// Gives unused memory back. True if it has to be asked again soon.
    pub(crate) fn rest(&mut self) -> bool {
        self.writer.as_mut().is_some_and(Writer::rest)
    }

    /// After the end, when everybody is told.
    pub(crate) fn settle(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.settle();
        }
    }

    pub(crate) fn finish(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.finish();
        }
    }
}

fn settings(plan: &LogPlan) -> Settings {
    let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
    Settings {
        format: match plan.driver {
            LogDriver::JsonFile => Format::Json,
            LogDriver::Local => Format::Local,
        },
        path: plan.path.clone(),
        max_size: plan.max_size,
        max_file: plan.max_file,
        compress: plan.compress,
        queue: (!plan.blocking).then_some(size(plan.buffer_size)),
        attrs: plan.attrs.clone(),
    }
}
