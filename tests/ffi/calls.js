// What callbacks may do, and what happens to what goes wrong: calls.js CASE PORT CERTIFICATES
'use strict';

const assert = require('node:assert');
const { Client, MqttError } = require('./aws_iot_mqtt.js');

const [, , name, port, directory] = process.argv;

function newClient(id) {
    const client = new Client(id);
    client.configureEndpoint('127.0.0.1', Number(port));
    client.configureCredentials({ ca: `${directory}/ca.pem`, certificate: `${directory}/client.pem`, key: `${directory}/client.key` });
    return client;
}

const cases = {
    async callbacks() {
        const client = newClient('calls');
        const offline = new Promise((resolve) => client.on('offline', resolve));
        await client.connect(30);
        // An operation inside a handler, 500 messages, and an exception in one handler, which ends nothing but is not swallowed.
        let count = 0;
        const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
        const all = new Promise((resolve) => {
            client.on('message', () => { if (++count === 501) resolve(); });
        });
        const granted = await client.subscribe('calls/#', ({ topic, payload }) => {
            if (topic === 'calls/0') client.publish('calls/inside', Buffer.from([0, 1, 2]), { qos: 0 });
            if (topic === 'calls/1') throw new Error('thrown by a handler');
            if (topic === 'calls/inside') assert.deepStrictEqual([...payload], [0, 1, 2]);
        });
        assert.strictEqual(granted.grantedQos, 1);
        await Promise.all(Array.from({ length: 500 }, (_, i) => client.publish(`calls/${i}`, `${i}`)));
        await all;
        assert.strictEqual((await thrown).message, 'thrown by a handler');
        await client.unsubscribe('calls/#');
        assert.strictEqual((await client.disconnect()).left, 0);
        assert.strictEqual((await offline).code, 'AWS_IOT_MQTT_ERR_CANCELLED');
        await client.close();
        await client.close();
    },

    async refusals() {
        const client = newClient('refusals');
        await assert.rejects(client.subscribe('a#', () => {}), { code: 'AWS_IOT_MQTT_ERR_INVALID_TOPIC' });
        await assert.rejects(client.publish('a\0b', ''), TypeError);
        assert.throws(() => client.configureCredentials({ ca: '/no/such/file' }), (error) => error instanceof MqttError && error.detail.includes('/no/such/file'));
        const empty = new Client('');
        await assert.rejects(empty.connect(), { code: 'AWS_IOT_MQTT_ERR_NOT_CONFIGURED' });
        await empty.close();
        await assert.rejects(empty.connect(), { code: 'AWS_IOT_MQTT_ERR_INVALID_ARGUMENT' });
        const pending = assert.rejects(client.publish('a', ''), { code: 'AWS_IOT_MQTT_ERR_CANCELLED' });
        await client.close();
        await pending;
    },

    // The process ends while messages come in.
    async exit() {
        const client = newClient('exit');
        await client.connect();
        await client.subscribe('exit', () => { client.publish('exit', ''); });
        for (let i = 0; i < 20; i++) client.publish('exit', '');
        let count = 0;
        client.on('message', () => { if (++count === 200) process.exit(0); });
    },
};

cases[name]();
