//! Everything that is set and asked, with any values.

use super::{Run, checked, pointer, witness};
use crate::ffi::authorizer::*;
use crate::ffi::configure::*;
use crate::ffi::credentials::*;
use crate::ffi::error::{aws_iot_mqtt_error_message, aws_iot_mqtt_error_name};
use crate::ffi::events::*;
use crate::ffi::iam::*;
use crate::ffi::keys::*;
use crate::ffi::limits::*;
use crate::ffi::network::*;
use crate::ffi::stats::*;
use crate::ffi::timing::*;
use crate::ffi::types::aws_iot_mqtt_stats;
use std::ffi::c_int;
use std::ptr::{null, null_mut};

impl Run<'_> {
    pub(super) fn configure(&mut self) {
        match self.input.below(5) {
            0 => self.configure_number(),
            1 => self.configure_texts(),
            2 => self.configure_bytes(),
            3 => self.on_event(),
            _ => self.ask(),
        }
    }

    fn configure_number(&mut self) {
        let client = self.client;
        let number = self.input.u64() >> self.input.pick(&[32, 0, 48, 56, 62]);
        // Longer ones would make a run long.
        let short = (number % 6) as u32;
        let error = match self.input.below(15) {
            0 => call!(aws_iot_mqtt_client_configure_offline_publish_queueing(
                client,
                number as i64,
                short as c_int
            )),
            1 => call!(aws_iot_mqtt_client_configure_draining_frequency(
                client,
                f64::from_bits(number)
            )),
            2 => call!(aws_iot_mqtt_client_configure_in_flight_window(
                client,
                number as u32
            )),
            3 => call!(aws_iot_mqtt_client_configure_memory_limit(
                client,
                number as usize
            )),
            4 => call!(aws_iot_mqtt_client_configure_max_packet_size(
                client,
                number as usize
            )),
            5 => call!(aws_iot_mqtt_client_configure_refused_by_close_limit(
                client,
                number as u32
            )),
            6 => call!(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(
                client,
                short,
                number as u32,
                short
            )),
            7 => call!(aws_iot_mqtt_client_configure_connect_disconnect_timeout(
                client,
                short * 4
            )),
            8 => call!(aws_iot_mqtt_client_configure_mqtt_operation_timeout(
                client, short
            )),
            9 => call!(aws_iot_mqtt_client_configure_retry_first_connect(
                client,
                short > 2
            )),
            10 => call!(aws_iot_mqtt_client_configure_retransmit_interval(
                client,
                number as u32
            )),
            11 => call!(aws_iot_mqtt_client_configure_ping_timeout(
                client,
                number as u32
            )),
            12 => call!(aws_iot_mqtt_client_configure_minimum_tls_version(
                client,
                short as c_int + 10
            )),
            13 => call!(aws_iot_mqtt_client_enable_metrics_collection(client)),
            _ => call!(aws_iot_mqtt_client_disable_metrics_collection(client)),
        };
        checked(error);
    }

    fn configure_texts(&mut self) {
        let client = self.client;
        let texts = [self.text(), self.text(), self.text(), self.text()];
        let [a, b, c, d] = texts.each_ref().map(pointer);
        let error = match self.input.below(9) {
            0 => call!(aws_iot_mqtt_client_configure_endpoint(
                client,
                a,
                self.input.u16()
            )),
            1 => call!(aws_iot_mqtt_client_configure_custom_authorizer(
                client, a, b, c, d
            )),
            2 => call!(aws_iot_mqtt_client_configure_iam_credentials(
                client, a, b, c
            )),
            3 => call!(aws_iot_mqtt_client_configure_iot_credentials_provider(
                client,
                a,
                self.input.u16(),
                b,
                c
            )),
            4 => call!(aws_iot_mqtt_client_configure_region(client, a)),
            5 => call!(aws_iot_mqtt_client_configure_signing_service(client, a)),
            6 => call!(aws_iot_mqtt_client_configure_proxy(client, a)),
            7 => call!(aws_iot_mqtt_client_configure_alpn(client, a)),
            _ => call!(aws_iot_mqtt_client_configure_tls(client, self.input.flag())),
        };
        checked(error);
    }

    fn configure_bytes(&mut self) {
        let (client, name) = (self.client, self.text());
        let (bytes, name) = (self.input.bytes(), pointer(&name));
        let (data, length) = match self.input.below(4) {
            0 => (null(), self.input.below(3)),
            _ => (bytes.as_ptr().cast(), bytes.len()),
        };
        let error = match self.input.below(5) {
            0 => call!(aws_iot_mqtt_client_configure_username_password(
                client, name, data, length
            )),
            1 => {
                let (qos, retain) = (c_int::from(self.input.byte()) - 1, self.input.flag());
                call!(aws_iot_mqtt_client_configure_last_will(
                    client, name, data, length, qos, retain
                ))
            }
            2 => call!(aws_iot_mqtt_client_clear_last_will(client)),
            3 => call!(aws_iot_mqtt_client_configure_credentials_pem(
                client, data, length, data, length, data, length, name
            )),
            _ => call!(aws_iot_mqtt_client_configure_private_key_passphrase(
                client, data, length
            )),
        };
        checked(error);
    }

    /// Registers, replaces and removes. Whether online and offline take turns is for those to see that are there from the beginning.
    fn on_event(&mut self) {
        let (client, kind, removes) = (self.client, self.input.below(4), self.input.below(4) == 1);
        let level = c_int::from(self.input.byte()) - 1;
        if removes {
            let none = null_mut();
            checked(match kind {
                0 => call!(aws_iot_mqtt_client_on_message(client, None, none, None)),
                1 => call!(aws_iot_mqtt_client_on_connect_failed(
                    client, None, none, None
                )),
                2 => call!(aws_iot_mqtt_client_on_outcome(client, None, none, None)),
                _ => call!(aws_iot_mqtt_client_on_log(client, level, None, none, None)),
            });
            return;
        }
        let free = Some(witness::freed as _);
        self.registered(|userdata| match kind {
            0 => call!(aws_iot_mqtt_client_on_message(
                client,
                Some(witness::message),
                userdata,
                free
            )),
            1 => call!(aws_iot_mqtt_client_on_connect_failed(
                client,
                Some(witness::connect_failed),
                userdata,
                free
            )),
            2 => call!(aws_iot_mqtt_client_on_outcome(
                client,
                Some(witness::outcome),
                userdata,
                free
            )),
            _ => call!(aws_iot_mqtt_client_on_log(
                client,
                level,
                Some(witness::log),
                userdata,
                free
            )),
        });
    }

    fn ask(&mut self) {
        let mut state: c_int = -7;
        let error = checked(call!(aws_iot_mqtt_client_state(
            self.client,
            &raw mut state
        )));
        assert!(super::accepted(error) && (0..=5).contains(&state));
        // Behind the size that was asked for nothing is written.
        let mut stats = [aws_iot_mqtt_stats::default(); 2];
        stats[1].queued = 77;
        let size = usize::from(self.input.byte()).min(size_of::<aws_iot_mqtt_stats>());
        let error = call!(aws_iot_mqtt_client_stats(
            self.client,
            stats.as_mut_ptr(),
            size
        ));
        assert_eq!(super::accepted(checked(error)), size > 0);
        assert_eq!(stats[1].queued, 77);
        let number = self.input.u64() as c_int % 700;
        assert!(!witness::text(aws_iot_mqtt_error_name(number)).is_empty());
        assert!(!witness::text(aws_iot_mqtt_error_message(number)).is_empty());
    }
}
