//! What the application does with a client.

use super::{Run, accepted, checked, pointer, witness};
use crate::ffi::connection::*;
use crate::ffi::error::aws_iot_mqtt_error::{self, *};
use crate::ffi::operations::*;
use crate::ffi::subscriptions::*;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::Ordering::SeqCst;

/// An output that was not written.
const UNWRITTEN: u64 = u64::MAX;

impl Run<'_> {
    pub(super) fn operate(&mut self) {
        match self.input.below(16) {
            0 | 1 => self.connect(),
            2..5 => self.publish(),
            5..7 => self.subscribe(),
            7 => self.unsubscribe(),
            8 => self.disconnect(),
            9..12 => self.book.wait(),
            12 => self.cancel(),
            13 => self.acknowledge(),
            14 => {
                checked(call!(aws_iot_mqtt_client_reconnect(self.client)));
            }
            _ => self.topic_matches(),
        }
    }

    /// An asynchronous call with a completion or without.
    fn asynchronous(
        &mut self,
        call: impl FnOnce(
            crate::ffi::callback::aws_iot_mqtt_completion_fn,
            *mut c_void,
            *mut u64,
        ) -> aws_iot_mqtt_error,
    ) {
        let (completes, wants_id) = (self.input.below(4) > 0, self.input.below(4) > 0);
        let mut operation = UNWRITTEN;
        let output = if wants_id {
            &raw mut operation
        } else {
            null_mut()
        };
        let witness = self.witness();
        let callback = if completes {
            Some(witness::completion as _)
        } else {
            None
        };
        let error = checked(call(callback, witness.userdata(), output));
        let taken = accepted(error);
        assert_eq!(operation != UNWRITTEN, taken && wants_id);
        // What the completion tells is compared with the id, if there is one.
        witness.taken.store(taken && completes, SeqCst);
        if operation != UNWRITTEN {
            let completed = if completes { operation } else { 0 };
            witness.operation.store(completed, SeqCst);
            self.operations.push(operation);
        }
    }

    fn connect(&mut self) {
        let client = self.client;
        let keep_alive_secs = u32::from(self.input.u16()) << self.input.pick(&[0, 4]);
        if self.input.below(4) == 1 {
            checked(call!(aws_iot_mqtt_client_connect(client, keep_alive_secs)));
        } else {
            self.asynchronous(|callback, userdata, operation| {
                call!(aws_iot_mqtt_client_connect_async(
                    client,
                    keep_alive_secs,
                    callback,
                    userdata,
                    Some(witness::freed),
                    operation
                ))
            });
        }
    }

    fn publish(&mut self) {
        let (client, topic, payload) = (self.client, self.text(), self.input.bytes());
        let (qos, retain) = (self.qos(), self.input.flag());
        let (topic, data, length) = (pointer(&topic), payload.as_ptr().cast(), payload.len());
        if self.input.below(4) == 1 {
            checked(call!(aws_iot_mqtt_client_publish(
                client, topic, data, length, qos, retain
            )));
        } else {
            self.asynchronous(|callback, userdata, operation| {
                call!(aws_iot_mqtt_client_publish_async(
                    client,
                    topic,
                    data,
                    length,
                    qos,
                    retain,
                    callback,
                    userdata,
                    Some(witness::freed),
                    operation
                ))
            });
        }
    }

    fn qos(&mut self) -> c_int {
        self.input.pick(&[1, 0, 1, 0, 2, -1])
    }

    fn subscribe(&mut self) {
        let (client, filter, qos) = (self.client, self.text(), self.qos());
        let (filter, manual) = (pointer(&filter), self.input.flag());
        let free = Some(witness::freed as _);
        let handler = self.witness();
        handler.client.store(client, SeqCst);
        let (handler_data, at) = (handler.userdata(), self.witnesses.len() - 1);
        if self.input.below(4) == 1 {
            let mut granted = 77;
            let function = if manual {
                aws_iot_mqtt_client_subscribe_manual_acknowledge
            } else {
                aws_iot_mqtt_client_subscribe
            };
            let error = checked(call!(function(
                client,
                filter,
                qos,
                Some(witness::message),
                handler_data,
                free,
                &raw mut granted
            )));
            // These were accepted and have ended (rule 2).
            let ended = matches!(
                error,
                AWS_IOT_MQTT_ERR_TIMEOUT
                    | AWS_IOT_MQTT_ERR_CANCELLED
                    | AWS_IOT_MQTT_ERR_DROPPED
                    | AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE
                    | AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED
            );
            self.witnesses[at]
                .taken
                .store(accepted(error) || ended, SeqCst);
            return;
        }
        let mut taken = false;
        self.asynchronous(|callback, userdata, operation| {
            let function = if manual {
                aws_iot_mqtt_client_subscribe_manual_acknowledge_async
            } else {
                aws_iot_mqtt_client_subscribe_async
            };
            let error = call!(function(
                client,
                filter,
                qos,
                callback,
                userdata,
                free,
                Some(witness::message),
                handler_data,
                free,
                operation
            ));
            taken = accepted(error);
            error
        });
        self.witnesses[at].taken.store(taken, SeqCst);
    }

    fn unsubscribe(&mut self) {
        let (client, filter) = (self.client, self.text());
        let filter = pointer(&filter);
        if self.input.below(4) == 1 {
            checked(call!(aws_iot_mqtt_client_unsubscribe(client, filter)));
        } else {
            self.asynchronous(|callback, userdata, operation| {
                call!(aws_iot_mqtt_client_unsubscribe_async(
                    client,
                    filter,
                    callback,
                    userdata,
                    Some(witness::freed),
                    operation
                ))
            });
        }
    }

    fn disconnect(&mut self) {
        let client = self.client;
        if self.input.below(4) == 1 {
            let mut left = usize::MAX;
            let left = if self.input.flag() {
                &raw mut left
            } else {
                null_mut()
            };
            checked(call!(aws_iot_mqtt_client_disconnect(client, left)));
        } else {
            self.asynchronous(|callback, userdata, operation| {
                call!(aws_iot_mqtt_client_disconnect_async(
                    client,
                    callback,
                    userdata,
                    Some(witness::freed),
                    operation
                ))
            });
        }
    }

    fn cancel(&mut self) {
        let operation = match self.operations.len() {
            0 => self.input.u64(),
            known => self.operations[self.input.below(known)],
        };
        checked(call!(aws_iot_mqtt_client_cancel(self.client, operation)));
    }

    fn acknowledge(&mut self) {
        let acknowledgement = match self.input.below(2) {
            0 => self.book.last_acknowledgement.load(SeqCst),
            _ => self.input.u64(),
        };
        checked(call!(aws_iot_mqtt_client_acknowledge(
            self.client,
            acknowledgement
        )));
    }

    fn topic_matches(&mut self) {
        let (filter, topic) = (self.text(), self.text());
        let mut matches = false;
        let output = if self.input.below(4) == 1 {
            null_mut()
        } else {
            &raw mut matches
        };
        checked(call!(aws_iot_mqtt_topic_matches(
            pointer(&filter),
            pointer(&topic),
            output
        )));
    }
}
