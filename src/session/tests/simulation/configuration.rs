//! Random configurations and moods.

use super::broker::Mood;
use super::random::Random;
use crate::config::{Backoff, DropBehavior, Protocol, SessionConfig};
use std::time::Duration;

pub(super) fn draw(random: &mut Random) -> SessionConfig {
    let ms = Duration::from_millis;
    SessionConfig {
        client_id: "simulated".to_owned(),
        protocol: match random.below(5) {
            0 => Protocol::V3_1,
            _ => Protocol::V3_1_1,
        },
        clean_session: random.chance(35),
        operation_timeout: ms(random.pick(&[500, 5_000])),
        retransmit: ms(random.pick(&[0, 2_000, 10_000])),
        backoff: Backoff {
            base: ms(random.pick(&[1_000, 10, 0])),
            max: ms(random.pick(&[32_000, 1_000, 5])),
            stable: ms(random.pick(&[20_000, 1_000])),
        },
        retry_first_connect: random.chance(60),
        queue_size: random.pick(&[None, None, Some(0), Some(1), Some(4)]),
        drop_behavior: match random.below(2) {
            0 => DropBehavior::Oldest,
            _ => DropBehavior::Newest,
        },
        draining_interval: ms(random.pick(&[0, 20, 500])),
        in_flight_window: random.pick(&[1, 2, 3, 100]),
        send_ahead: random.pick(&[64 << 10, 100, 1]),
        memory_limit: random.pick(&[1_500, 1 << 20]),
        refused_by_close_limit: random.pick(&[0, 0, 2, 5]),
        ..SessionConfig::default()
    }
}

pub(super) fn mood(random: &mut Random) -> Mood {
    let mut percent = |most: usize| match random.below(3) {
        0 => random.below(most) as u64,
        _ => 0,
    };
    Mood {
        unreachable: percent(80),
        refuses_connect: percent(60),
        ignores_connect: percent(30),
        throttles: percent(40),
        forgets_to_acknowledge: percent(40),
        refuses_filters: percent(50),
        ignores_pings: percent(100),
        closes_on_poison: random.chance(50),
    }
}
