//! Whether the time between attempts grows, and how: judged by the spacing of CONNECTs, as Device Advisor sees it.

use super::verdict::{Settings, Verdict};
use super::virtual_time::{self, Answer, Seen};
use crate::support::broker::Listener;
use crate::support::packets::connack;
use aws_iot_mqtt::config::SessionConfig;
use std::time::{Duration, Instant};

/// The time that Device Advisor gives a test unless told otherwise.
const EXECUTION_TIMEOUT: Duration = Duration::from_secs(300);
/// Each test is played so often in virtual time; the worst verdict counts.
const RUNS: u64 = 1000;
/// For the cuts of RECONNECTION_ATTEMPTS.
pub const ATTEMPTS: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    Constant,
    Linear,
    /// Each time the same factor.
    Exponential,
    BackoffWithJitter,
    /// None of these.
    Irregular,
}

/// How much the spacing must grow from its first quarter to its last one to be a back-off. Where each attempt waits for an answer
/// first, that wait is in the spacing.
pub const CUT: f64 = 1.5;
pub const SILENT: f64 = 1.2;

pub fn growth(spacing: &[Duration], least: f64) -> Growth {
    let seconds: Vec<f64> = spacing.iter().map(Duration::as_secs_f64).collect();
    let count = seconds.len();
    if count < 4 {
        return Growth::Irregular;
    }
    let close = |values: &[f64], within: f64| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values
            .iter()
            .all(|value| (value - mean).abs() <= within * mean.abs())
    };
    let steps: Vec<f64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let factors: Vec<f64> = seconds.windows(2).map(|pair| pair[1] / pair[0]).collect();
    let quarter = count.div_ceil(4);
    let first: f64 = seconds[..quarter].iter().sum();
    let last: f64 = seconds[count - quarter..].iter().sum();
    if close(&seconds, 0.05) {
        Growth::Constant
    } else if close(&steps, 0.05) {
        Growth::Linear
    } else if close(&factors, 0.02) {
        Growth::Exponential
    } else if last >= least * first {
        Growth::BackoffWithJitter
    } else {
        Growth::Irregular
    }
}

/// `exact`: the test asks for jitter, and an exponential without any passes with warnings.
fn judge(growth: Growth, exact: bool) -> Verdict {
    match growth {
        Growth::BackoffWithJitter => Verdict::Pass,
        Growth::Exponential if exact => Verdict::Warnings("strictly exponential"),
        Growth::Exponential => Verdict::Pass,
        Growth::Constant => Verdict::Fail("the time between attempts is constant"),
        Growth::Linear => Verdict::Fail("the time between attempts grows linearly"),
        Growth::Irregular => Verdict::Fail("the time between attempts does not grow"),
    }
}

/// What comes before the CONNECT of each new attempt.
pub fn spacing(connects: &[Duration]) -> Vec<Duration> {
    connects.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts
        .max_by_key(|verdict| match verdict {
            Verdict::Pass => 0,
            Verdict::Warnings(_) => 1,
            Verdict::Fail(_) => 2,
            Verdict::Broken(_) => 3,
        })
        .unwrap_or(Verdict::Fail("nothing was played"))
}

fn many(
    settings: Settings,
    wanted: usize,
    exact: bool,
    least: f64,
    answer: impl Fn(usize) -> Answer,
) -> Verdict {
    worst((0..RUNS).map(|seed| {
        let seen = virtual_time::play(
            virtual_time::config(settings),
            seed,
            EXECUTION_TIMEOUT,
            |attempt, _| answer(attempt),
            |seen| seen.connects.len() >= wanted,
        );
        judge_seen(&seen, wanted, exact, least)
    }))
}

pub fn judge_seen(seen: &Seen, wanted: usize, exact: bool, least: f64) -> Verdict {
    if seen.gave_up {
        return Verdict::Fail("the first connect reports its failure and is not tried again");
    }
    if seen.connects.len() < wanted {
        return Verdict::Fail("not so many attempts fit into 300 s");
    }
    let spacing = spacing(&seen.connects);
    // Each longer than the one before, until the maximum is reached.
    if !exact && spacing[..4].windows(2).any(|pair| pair[1] < pair[0]) {
        return Verdict::Fail("the time between attempts does not grow each time");
    }
    judge(growth(&spacing, least), exact)
}

/// Five CONNECTs have no answer and the sixth has; its connection is cut, and the same again.
fn five_silent(attempt: usize) -> Answer {
    match attempt % 6 {
        0 => Answer::Welcome(Some(Duration::from_secs(1))),
        _ => Answer::Silent,
    }
}

pub fn without_connack(settings: Settings, attempts: usize, exact: bool) -> Verdict {
    many(settings, attempts, exact, SILENT, five_silent)
}

pub fn twelve_connects(device: (SessionConfig, u16), seed: u64) -> Seen {
    virtual_time::play(
        device,
        seed,
        EXECUTION_TIMEOUT,
        |attempt, _| five_silent(attempt),
        |seen| seen.connects.len() >= 12,
    )
}

/// A connection is cut, and each attempt after it, before CONNACK.
pub fn server_disconnects(settings: Settings) -> Verdict {
    many(settings, ATTEMPTS, true, CUT, |attempt| match attempt {
        1 => Answer::Welcome(Some(Duration::from_secs(1))),
        _ => Answer::Close,
    })
}

/// Each attempt is answered, and its connection cut right after CONNACK.
pub fn unstable(settings: Settings) -> Verdict {
    many(settings, ATTEMPTS, true, CUT, |_| {
        Answer::Welcome(Some(Duration::from_millis(100)))
    })
}

/// Refused for two hours; then the device must come back, within its longest wait.
pub fn refused_for_hours(settings: Settings) -> Verdict {
    const HOURS: Duration = Duration::from_secs(2 * 60 * 60);
    let (config, keep_alive) = virtual_time::config(settings);
    let longest = config.backoff.max;
    worst((0..20).map(|seed| {
        let seen = virtual_time::play(
            (config.clone(), keep_alive),
            seed,
            HOURS * 2,
            |attempt, elapsed| match attempt {
                1 => Answer::Welcome(Some(Duration::from_secs(5))),
                _ if elapsed < HOURS => Answer::Refuse,
                _ => Answer::Welcome(None),
            },
            |seen| seen.connects.len() >= 2,
        );
        match seen.connects.get(1) {
            Some(back) if *back <= HOURS + longest => Verdict::Pass,
            Some(_) => Verdict::Fail("it comes back late"),
            None => Verdict::Fail("it gives up"),
        }
    }))
}

/// Connections that are cut after random times: each time the device is back within its longest wait.
pub fn intermittent(settings: Settings) -> Verdict {
    let (config, keep_alive) = virtual_time::config(settings);
    let longest = config.backoff.max;
    let cuts = [1, 50, 3, 400, 2, 2, 2, 90, 21, 5, 1000, 7];
    worst((0..100).map(|seed| {
        let seen = virtual_time::play(
            (config.clone(), keep_alive),
            seed,
            Duration::from_secs(3 * 60 * 60),
            |attempt, _| Answer::Welcome(Some(Duration::from_secs(cuts[attempt % cuts.len()]))),
            |seen| seen.connects.len() > 2 * cuts.len(),
        );
        let back = seen
            .ends
            .iter()
            .zip(&seen.connects[1..])
            .all(|((end, _), connect)| *connect - *end <= longest);
        if back && seen.connects.len() > 2 * cuts.len() {
            Verdict::Pass
        } else {
            Verdict::Fail("it does not come back in time")
        }
    }))
}

/// Connected, and nothing has an answer any more: the device must end the connection itself.
pub fn no_pingresp(settings: Settings) -> Verdict {
    let (config, keep_alive) = virtual_time::config(settings);
    let seen = virtual_time::play(
        (config, keep_alive),
        1,
        EXECUTION_TIMEOUT,
        |_, _| Answer::Welcome(None),
        |seen| !seen.ends.is_empty(),
    );
    let Some((end, true)) = seen.ends.first() else {
        return Verdict::Fail(
            "with a keep alive of 600 s an idle device asks too late (at most 230 s is advised); one with an operation under way asks after 10 s",
        );
    };
    let half_more = Duration::from_millis(1500 * u64::from(keep_alive));
    if *end <= half_more + Duration::from_secs(10) {
        Verdict::Pass
    } else {
        Verdict::Fail("it ends the connection too late")
    }
}

/// The real library, at a twentieth of the times: CONNECTs come, `answer` says what each gets. Gives the times at which they came.
pub fn real_connects(
    listener: &mut Listener,
    wanted: usize,
    answer: impl Fn(usize) -> Answer,
) -> Vec<Duration> {
    let begin = Instant::now();
    let mut connects = Vec::new();
    while connects.len() < wanted {
        let mut connection = listener.accept();
        // An attempt whose time was up before it could say CONNECT is none.
        if connection.try_read_packet().is_none() {
            continue;
        }
        connects.push(begin.elapsed());
        match answer(connects.len()) {
            Answer::Silent => connection.silence(),
            Answer::Welcome(_) => {
                let _ = connection.try_send(&connack(false, 0));
                connection.close();
            }
            Answer::Refuse | Answer::Close => connection.close(),
        }
    }
    connects
}

/// A busy machine delays attempts, so a smaller growth is enough than in virtual time.
pub fn judge_real(connects: &[Duration], least: f64) -> Verdict {
    judge(growth(&spacing(connects), 0.8 * least + 0.2), true)
}
