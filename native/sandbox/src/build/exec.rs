//! Decides: what a further process of a running container does before it is the program.

use super::invalid;
use crate::error::StepError;
use crate::op::Op;
use crate::plan::ExecPlan;
use crate::protocol::ExecRequest;

/// The request for the container's monitor. On v1 the monitor sees to the cgroups meanwhile.
pub fn build_exec(plan: &ExecPlan) -> Result<ExecRequest, StepError> {
    let process = &plan.process;
    if process.argv.is_empty() {
        return Err(invalid("exec", "", "exec: no command was given"));
    }
    let mut ops = vec![Op::DieWithMonitor, Op::Undumpable, Op::AwaitJoined];
    // By the host's procfs, which is out of reach afterwards.
    ops.extend(super::app_armor(process, false));
    ops.extend([
        Op::Enter {
            oom_score_adj: process.oom_score_adj,
        },
        Op::NewKeyring,
        Op::NewSession,
    ]);
    ops.extend(process.tty.then_some(Op::Console {
        rows: process.rows,
        cols: process.cols,
        main: false,
    }));
    ops.push(Op::FindUser {
        user: process.user.clone(),
        groups: process.groups.clone(),
    });
    ops.push(Op::OwnStdio);
    let cwd = if process.cwd.is_empty() {
        "/"
    } else {
        &process.cwd
    };
    ops.push(Op::ChangeDirectory(cwd.to_owned()));
    super::limits(process, &mut ops);
    super::become_program(process, false, &mut ops)?;
    Ok(ExecRequest {
        id: plan.id.clone(),
        tty: process.tty,
        open_stdin: process.open_stdin,
        ops,
    })
}
