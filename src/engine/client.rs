//! The client: what the application calls.

use super::inner::Inner;
use super::scope;
use super::shared::Engine;
use super::state::Tag;
use super::sync::atomic::Ordering;
use super::waiter::outcome;
use super::{
    Accepted, Completion, ConnectFailedHandler, CredentialsProvider, EventLoop, MessageHandler,
    OfflineHandler, OnlineHandler, OperationId, OutcomeHandler, SocketFactory, Stats,
};
use crate::config::{Config, Credentials, QoS};
use crate::error::{Code, Error};
use crate::log::Log;
use crate::session::{State as SessionState, Wait};
use crate::transport::tls::TlsConfig;
use std::sync::Arc;
use zeroize::Zeroizing;

/// One MQTT client. All methods may be called on any thread, callbacks included.
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

impl Client {
    pub fn new(config: Config) -> Result<Arc<Client>, Error> {
        let engine = Engine::get()?;
        match Inner::new(config, Arc::clone(&engine)) {
            Ok(inner) => Ok(Arc::new(Client { inner })),
            Err(why) => {
                engine.let_go();
                Err(why)
            }
        }
    }

    /// One that the application drives, in this loop.
    pub fn new_in(event_loop: &EventLoop, config: Config) -> Result<Arc<Client>, Error> {
        let inner = Inner::new(config, event_loop.engine()?)?;
        Ok(Arc::new(Client { inner }))
    }

    /// Changes the configuration while no connection is wanted; `InvalidState` otherwise. On an error nothing has changed.
    pub fn configure(
        &self,
        change: impl FnOnce(&mut Config) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        if !state.session.is_idle() {
            return Err(Error::new(
                Code::InvalidState,
                "this can only be configured while no connection is wanted: before connect, or after disconnect",
            ));
        }
        state.change_config(change)
    }

    /// The same at any time; used from the next attempt on.
    pub fn configure_any_time(
        &self,
        change: impl FnOnce(&mut Config) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.inner.enter()?.change_config(change)
    }

    /// The same for the credentials. `checked` is the TLS configuration made of them, which the first attempt finds again. `take` is
    /// called when they are accepted.
    pub fn configure_credentials(
        &self,
        credentials: Credentials,
        checked: TlsConfig,
        take: impl FnOnce(),
    ) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        let before = state.config.credentials.clone();
        state.change_config(|config| {
            config.credentials = Some(Arc::new(credentials));
            take();
            Ok(())
        })?;
        // Keys of the application are given back when nothing of ours holds them any more.
        let replaced = state.tls.replace(checked);
        state.keep_key();
        drop((before, replaced));
        self.inner.hand_over(state);
        Ok(())
    }

    /// The passphrase for keys that are configured now.
    pub fn private_key_passphrase(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        Ok(self.inner.enter()?.config.private_key_passphrase.clone())
    }

    pub fn configure_socket_factory(
        &self,
        make: impl FnOnce() -> Option<SocketFactory>,
    ) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        if !state.session.is_idle() {
            return Err(Error::new(
                Code::InvalidState,
                "the socket factory can only be configured while no connection is wanted",
            ));
        }
        let replaced = std::mem::replace(&mut state.socket_factory, make());
        drop(state);
        drop(replaced);
        Ok(())
    }

    /// At any time; asked from the next attempt on.
    pub fn configure_credentials_provider(
        &self,
        make: impl FnOnce() -> Option<CredentialsProvider>,
    ) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        let replaced = std::mem::replace(&mut state.credentials_provider, make());
        drop(state);
        drop(replaced);
        Ok(())
    }

    // Handlers: `make` is called only if the call succeeds, so on an error nothing was taken. What is replaced is dropped outside
    // of all locks, because that runs code of the application.

    pub fn on_online(&self, make: impl FnOnce() -> Option<OnlineHandler>) -> Result<(), Error> {
        self.inner.replace(|handlers| &mut handlers.online, make)
    }

    pub fn on_offline(&self, make: impl FnOnce() -> Option<OfflineHandler>) -> Result<(), Error> {
        self.inner.replace(|handlers| &mut handlers.offline, make)
    }

    pub fn on_message(&self, make: impl FnOnce() -> Option<MessageHandler>) -> Result<(), Error> {
        self.inner.replace(|handlers| &mut handlers.message, make)
    }

    pub fn on_connect_failed(
        &self,
        make: impl FnOnce() -> Option<ConnectFailedHandler>,
    ) -> Result<(), Error> {
        self.inner
            .replace(|handlers| &mut handlers.connect_failed, make)
    }

    pub fn on_outcome(&self, make: impl FnOnce() -> Option<OutcomeHandler>) -> Result<(), Error> {
        self.inner.replace(|handlers| &mut handlers.outcome, make)
    }

    pub fn on_log(&self, make: impl FnOnce() -> Log) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        let log = make();
        let replaced = (
            state.session.set_log(log.clone()),
            std::mem::replace(&mut state.log, log),
        );
        drop(state);
        replaced.0.revoke();
        replaced.1.revoke();
        Ok(())
    }

    /// Waits for CONNACK or the failure. Keep alive in seconds, 0 = none.
    pub fn connect(&self, keep_alive_secs: u16) -> Result<(), Error> {
        let completed = self.inner.wait_for(|state, now, waiter| {
            state.check_connectable()?;
            let timeout = state.config.session.connect_disconnect_timeout;
            state
                .session
                .connect(now, keep_alive_secs, Wait::Bounded, |_| Some(waiter))
                .map(|_| (Accepted::Now, now + timeout))
        })?;
        completed.map_or(Ok(()), |completed| completed.result)
    }

    /// `make` is called only if the operation is accepted, before any callback of it can run: the place to hand out the id and to
    /// take the userdata.
    pub fn connect_async(
        &self,
        keep_alive_secs: u16,
        make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        self.inner.start(|state, now| {
            state.check_connectable()?;
            let tag = |id| make(id).map(Tag::Completion);
            state
                .session
                .connect(now, keep_alive_secs, Wait::Forever, tag)?;
            Ok(Accepted::Now)
        })
    }

    /// Gives how many operations are kept for the next connection.
    pub fn disconnect(&self) -> Result<usize, Error> {
        let completed = self.inner.wait_for(|state, now, waiter| {
            let timeout = state.config.session.connect_disconnect_timeout;
            let started = state.session.disconnect(now, |_| Some(waiter));
            started.map(|_| (Accepted::Now, now + timeout))
        })?;
        completed.map_or(Ok(0), |completed| completed.result.map(|()| completed.left))
    }

    pub fn disconnect_async(
        &self,
        make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        self.inner.start(|state, now| {
            state
                .session
                .disconnect(now, |id| make(id).map(Tag::Completion))?;
            Ok(Accepted::Now)
        })
    }

    #[inline]
    pub fn publish(
        &self,
        topic: &[u8],
        payload: &[u8],
        qos: QoS,
        retain: bool,
    ) -> Result<Accepted, Error> {
        if qos == QoS::AtMostOnce {
            return self.inner.start_publish(|state, now| {
                let nobody = |_, _| None;
                let published = state.session.publish(
                    now,
                    topic,
                    payload,
                    qos,
                    retain,
                    Wait::Bounded,
                    nobody,
                )?;
                Ok(published.1)
            });
        }
        let completed = self.inner.wait_for(|state, now, waiter| {
            let tag = |_, accepted| (accepted == Accepted::Now).then_some(waiter);
            let (_, accepted) =
                state
                    .session
                    .publish(now, topic, payload, qos, retain, Wait::Bounded, tag)?;
            Ok((accepted, now + state.config.session.operation_timeout))
        })?;
        outcome(completed).map(|completed| completed.0)
    }

    #[inline]
    pub fn publish_async(
        &self,
        topic: &[u8],
        payload: &[u8],
        qos: QoS,
        retain: bool,
        make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        self.inner.start_publish(|state, now| {
            let tag = |id, _| make(id).map(Tag::Completion);
            let published =
                state
                    .session
                    .publish(now, topic, payload, qos, retain, Wait::Forever, tag)?;
            Ok(published.1)
        })
    }

    /// `make` gives the message handler (`None`: only `on_message` sees the messages). `manual`: QoS 1 messages of this subscription
    /// are acknowledged by `acknowledge`. Gives the granted QoS where the outcome is known.
    pub fn subscribe(
        &self,
        filter: &str,
        qos: QoS,
        manual: bool,
        make: impl FnOnce() -> Option<MessageHandler>,
    ) -> Result<(Accepted, Option<QoS>), Error> {
        let completed = self.inner.wait_for(|state, now, waiter| {
            let prepare = |_, accepted| ((accepted == Accepted::Now).then_some(waiter), make());
            let (_, accepted) =
                state
                    .session
                    .subscribe(now, filter, qos, manual, Wait::Bounded, prepare)?;
            Ok((accepted, now + state.config.session.operation_timeout))
        })?;
        outcome(completed)
    }

    pub fn subscribe_async(
        &self,
        filter: &str,
        qos: QoS,
        manual: bool,
        make: impl FnOnce(OperationId) -> (Option<Completion>, Option<MessageHandler>),
    ) -> Result<Accepted, Error> {
        self.inner.start(|state, now| {
            let prepare = |id, _| {
                let (completion, handler) = make(id);
                (completion.map(Tag::Completion), handler)
            };
            let (_, accepted) =
                state
                    .session
                    .subscribe(now, filter, qos, manual, Wait::Forever, prepare)?;
            Ok(accepted)
        })
    }

    pub fn unsubscribe(&self, filter: &str) -> Result<Accepted, Error> {
        let completed = self.inner.wait_for(|state, now, waiter| {
            let tag = |_, accepted| (accepted == Accepted::Now).then_some(waiter);
            let (_, accepted) = state.session.unsubscribe(now, filter, Wait::Bounded, tag)?;
            Ok((accepted, now + state.config.session.operation_timeout))
        })?;
        outcome(completed).map(|completed| completed.0)
    }

    pub fn unsubscribe_async(
        &self,
        filter: &str,
        make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        self.inner.start(|state, now| {
            let tag = |id, _| make(id).map(Tag::Completion);
            let (_, accepted) = state.session.unsubscribe(now, filter, Wait::Forever, tag)?;
            Ok(accepted)
        })
    }

    pub fn acknowledge(&self, acknowledgement: u64) -> Result<(), Error> {
        self.inner.start(|state, now| {
            state.session.acknowledge(now, acknowledgement)?;
            Ok(())
        })
    }

    pub fn cancel(&self, operation: OperationId) -> Result<(), Error> {
        self.inner
            .start(|state, now| state.session.cancel(now, operation))
    }

    pub fn reconnect(&self) -> Result<(), Error> {
        self.inner.start(|state, now| {
            state.session.reconnect(now)?;
            // The network may be another.
            state.asks_anew = true;
            Ok(())
        })
    }

    pub fn state(&self) -> Result<SessionState, Error> {
        Ok(self.inner.enter()?.session.state())
    }

    pub fn stats(&self) -> Result<Stats, Error> {
        Ok(Stats::of(&self.inner.enter()?.session))
    }

    /// Ends the client. Inside a callback it returns at once; outside when all callbacks have run and all handlers are dropped.
    pub fn free(&self) {
        // In a forked child the threads that would help are gone, and the socket is the parent's.
        if self.inner.is_forked() {
            return;
        }
        // Under one lock: a worker that sees a freed client without callbacks takes it for one that is done, and would retire it
        // before the pending operations have ended.
        self.inner.guarded(|inner, state, now| {
            if !state.freed {
                state.freed = true;
                inner.freed.store(true, Ordering::Release);
                inner.notice();
                state.session.shut_down(now);
            }
        });
        if scope::in_callback() {
            return;
        }
        self.inner.wait_for_end();
        self.inner.engine.core.after_free();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Who has freed it has waited for its end, or must not, being in a callback. This may be another thread at the end of a call that
        // was under way, for which that callback may wait.
        if !self.inner.is_freed() {
            self.free();
        }
        if self.inner.is_forked() {
            // The parent's engine: what ends it would wake the parent's threads and wait for threads that this process has not.
            std::mem::forget(Arc::clone(&self.inner.engine));
        }
    }
}
