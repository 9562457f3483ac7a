//! What a change of the configuration means to the session.

use super::driving::Driving;
use super::inner::Inner;
use super::shared::{Engine, lock};
use super::{State, clock};
use crate::config::{Config, QoS};
use crate::session::{Login, Wait};
use std::sync::Arc;

const SESSION_PRESENT: [u8; 4] = [0x20, 2, 1, 0];
const SUBACK: [u8; 5] = [0x90, 3, 0, 1, 1];
const SUBSCRIBE: u8 = 0x82;

/// What a client sends behind CONNECT where a broker says that it has a session, after a subscription elsewhere and `change`.
fn sent_after(change: impl FnOnce(&mut Config)) -> Vec<u8> {
    let engine = Arc::new(Engine::new(Some(Driving::new())).expect("an engine"));
    let inner = Inner::new(Config::default(), engine).expect("a client");
    let mut state = lock(&inner.state);
    let now = clock::now();
    let kept = state.change_config(|config| {
        config.session.clean_session = false;
        Ok(())
    });
    kept.expect("any change");
    let mut change = Some(change);
    loop {
        let session = &mut state.session;
        let accepted = session.connect(now, 0, Wait::Forever, |_| None);
        accepted.expect("accepted");
        session.opened(now, &Login::default());
        session.sent(now, session.outgoing().len());
        session.received(now, &SESSION_PRESENT);
        let Some(change) = change.take() else {
            return session.outgoing().to_vec();
        };
        let subscribed =
            session.subscribe(now, "f", QoS::AtLeastOnce, false, Wait::Forever, |_, _| {
                (None, None)
            });
        subscribed.expect("accepted");
        session.sent(now, session.outgoing().len());
        session.received(now, &SUBACK);
        session.disconnect(now, |_| None).expect("accepted");
        session.sent(now, session.outgoing().len());
        assert_eq!(session.state(), State::Idle);
        let changed = state.change_config(|config| {
            change(config);
            Ok(())
        });
        changed.expect("any change");
    }
}

#[test]
fn p4_another_endpoint_may_have_another_session() {
    let first = |bytes: Vec<u8>| bytes.first().copied();
    assert_eq!(
        first(sent_after(|config| config.host = "other".into())),
        Some(SUBSCRIBE)
    );
    assert_eq!(first(sent_after(|config| config.port = 1)), Some(SUBSCRIBE));
    let same = sent_after(|config| config.session.in_flight_window = 7);
    assert_eq!(first(same), None, "the broker that has acknowledged it");
}
