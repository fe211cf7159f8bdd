//! Signals, configuration, logs, start, wait, drain, exit code.

use std::io::{self, Write};
use std::ops::ControlFlow::{self, Break, Continue};
use std::process::ExitCode;

use footplate::app::{self, App, Asked, Signals};
use footplate::config::{self, Command, EXIT_USAGE, Refused};
use footplate::http::probe;
use footplate::seams::{Address, Seams};
use footplate::telemetry::logs;
use tokio::task;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a process may have threads");
    let ended = runtime.block_on(run());
    // Whatever still reads a file must not hold up the end.
    runtime.shutdown_background();
    ended.unwrap_or_else(|err| {
        say(&format!("footplate: {err:#}"));
        ExitCode::FAILURE
    })
}

async fn run() -> anyhow::Result<ExitCode> {
    // First of all: whoever changes their mind while it starts is heard.
    let mut signals = Signals::listen()?;
    let app = tokio::select! {
        () = signals.end() => return Ok(ExitCode::SUCCESS),
        started = start() => match started? {
            Continue(app) => app,
            Break(code) => return Ok(code),
        },
    };
    let code = loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Reload => app.reload(),
                Asked::End => break ExitCode::SUCCESS,
            },
            // Whoever watches over the process is to start another.
            () = app.broken() => break ExitCode::FAILURE,
        }
    };
    tokio::select! {
        () = app.drain() => Ok(code),
        // Whoever asks twice doesn't want to wait.
        () = signals.end() => Ok(ExitCode::FAILURE),
    }
}

/// A running relay; or there is to be none, and with what the program ends.
async fn start() -> anyhow::Result<ControlFlow<ExitCode, App>> {
    // The files that are read here may be slow.
    let command = match task::spawn_blocking(|| config::read(std::env::args_os())).await? {
        Ok(command) => command,
        Err(refused) => return Ok(Break(refuse(refused))),
    };
    let (config, demo) = match command {
        Command::Serve(config) => (config, None),
        Command::Demo(config, demo) => (config, Some(demo)),
        Command::Ready(at) => return Ok(Break(ready(&at).await)),
        Command::Certs(settings) => {
            app::certs(&settings, &Seams::machine())?;
            return Ok(Break(ExitCode::SUCCESS));
        }
        Command::Verify(settings) => {
            let right = task::spawn_blocking(move || app::verify(&settings)).await??;
            return Ok(Break(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }));
        }
        Command::Say(text) => {
            io::stdout().write_all(text.as_bytes())?;
            return Ok(Break(ExitCode::SUCCESS));
        }
    };
    logs::init(&config.log, config.log_format);
    let seams = Seams::machine();
    let mut app = App::start(config, seams.clone()).await?;
    if let Some(demo) = demo {
        app.show(&demo, &seams)?;
    }
    Ok(Continue(app))
}

fn refuse(refused: Refused) -> ExitCode {
    match refused {
        Refused::Usage(err) => {
            // A closed pipe is nobody to tell. Help and the version are no faults.
            let _ = err.print();
            if err.use_stderr() { EXIT_USAGE.into() } else { ExitCode::SUCCESS }
        }
        Refused::Problems(problems) => {
            problems.iter().for_each(|it| say(&format!("footplate: {it}")));
            EXIT_USAGE.into()
        }
    }
}

/// One line, on standard output if it is ready: health checks keep what is said.
async fn ready(at: &Address) -> ExitCode {
    match probe::ready(&*Seams::machine().network, at).await {
        Ok(()) => {
            // A closed pipe is nobody to tell.
            let _ = writeln!(io::stdout(), "footplate: {at}: ready");
            ExitCode::SUCCESS
        }
        Err(why) => {
            say(&format!("footplate: {at}: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
