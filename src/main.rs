//! Flags, logs, start, wait, drain, exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use footplate::app::{App, Signals};
use footplate::config::{self, Command, EXIT_USAGE, Refused};
use footplate::seams::Seams;
use footplate::telemetry::logs;

fn main() -> ExitCode {
    let command = match config::read(std::env::args_os()) {
        Ok(command) => command,
        Err(Refused::Usage(err)) => {
            // A closed pipe is nobody to tell. Help and the version are no faults.
            let _ = err.print();
            return if err.use_stderr() { EXIT_USAGE.into() } else { ExitCode::SUCCESS };
        }
        Err(Refused::Problems(problems)) => {
            problems.iter().for_each(|it| say(&format!("footplate: {it}")));
            return EXIT_USAGE.into();
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a process may have threads");
    let ended = runtime.block_on(run(command));
    // Whatever still reads a file must not hold up the end.
    runtime.shutdown_background();
    ended.unwrap_or_else(|err| {
        say(&format!("footplate: {err:#}"));
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let (config, demo) = match command {
        Command::Serve(config) => (config, None),
        Command::Demo(config, demo) => (config, Some(demo)),
    };
    logs::init(&config.log, config.log_format);
    let (mut signals, seams) = (Signals::listen()?, Seams::machine());
    let mut app = App::start(config, seams.clone()).await?;
    if let Some(demo) = demo {
        app.show(&demo, &seams)?;
    }
    // Only a service manager that asked to be told is: `Type=notify` of systemd.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    signals.next().await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tokio::select! {
        () = app.drain() => Ok(ExitCode::SUCCESS),
        // Whoever asks twice doesn't want to wait.
        () = signals.next() => Ok(ExitCode::FAILURE),
    }
}

fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
