// Publishes and subscribes over mutual TLS: node pubsub.js HOST PORT CA CERTIFICATE KEY [TOPIC]
'use strict';

const { once } = require('node:events');
const { Client, MqttError } = require('./aws_iot_mqtt.js');

// What takes longer fails.
function within(seconds, what, promise) {
    let timer;
    const limit = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: not in ${seconds} seconds`)), seconds * 1000);
    });
    return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

async function talk(client, host, port, ca, certificate, key, topic) {
    client.configureEndpoint(host, Number(port));
    client.configureCredentials({ ca, certificate, key });
    let received = 0;
    const both = new Promise((resolve) => {
        client.on('message', () => { if (++received >= 2) resolve(); });
    });

    const online = once(client, 'online');
    await client.connect();
    await online;
    await client.subscribe(topic, (message) => console.log(`received on ${message.topic}: ${message.payload}`));
    // Waiting for a promise is as near to "synchronous" as Node.js comes; two at once need not wait for each other.
    await client.publish(topic, 'synchronous');
    const acknowledged = client.publish(topic, 'asynchronous').then(({ operation }) => console.log(`acknowledged ${operation}`));
    await within(30, 'the acknowledgement and both messages', Promise.all([acknowledged, both]));
    // A failing call rejects, and says what to mend.
    await client.publish(`${topic}/#`, '').catch((error) => {
        if (!(error instanceof MqttError)) throw error;
        console.log(`refused: ${error.message}`);
    });
    await client.disconnect();
}

async function main(host, port, ca, certificate, key, topic = 'ffi/node') {
    const client = new Client('ffi-node');
    try {
        await talk(client, host, port, ca, certificate, key, topic);
    } finally {
        await client.close(); // It keeps the process alive.
    }

    // An operation that was accepted and fails later is told once, too: here the client ends while its publish is queued.
    const offline = new Client('ffi-node-offline');
    const pending = offline.publish(topic, 'never sent');
    const ended = pending.catch((error) => console.log(`ended: ${error.message}`));
    await offline.close();
    await ended;
}

main(...process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
