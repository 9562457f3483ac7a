// libaws_iot_mqtt from Node.js by koffi: a client whose operations are promises and whose events are an EventEmitter's.
//
// The library makes its callbacks on threads of its own, and JavaScript has only one. koffi carries each callback over to it and lets the
// library's thread wait until the function has returned. From this follows all that is special here:
//  - What a callback is lent is valid while its function runs, and copied before it returns (an `await` would be too late).
//  - JavaScript must never wait inside the library for such a thread: both would wait for ever. So of the C functions only those are called
//    directly that do not block, the ..._async ones; aws_iot_mqtt_client_free() waits for callbacks and runs on a worker thread.
//  - aws_iot_mqtt_client_on_log() is not offered: its callback comes with locks of the library held, which a call in progress may want.
'use strict';

const { EventEmitter } = require('node:events');
const { promisify } = require('node:util');
const koffi = require('koffi');

// The soname: what the dynamic linker finds in an installation. The variable is for one that it does not find.
const file = process.env.AWS_IOT_MQTT_LIBRARY || 'libaws_iot_mqtt.so.0';
let library;
try {
    library = koffi.load(file);
} catch (error) {
    throw new Error(`${file}: ${error.message}; AWS_IOT_MQTT_LIBRARY may name the file`);
}

// The userdata is a number for us, as wide as a pointer; it finds the JavaScript function in `functions`.
koffi.opaque('aws_iot_mqtt_client');
koffi.struct('aws_iot_mqtt_completion', {
    operation: 'uint64_t', error: 'int', detail: 'const char *', packet_id: 'uint16_t', granted_qos: 'uint8_t', session_present: 'bool', left: 'size_t',
});
koffi.struct('aws_iot_mqtt_message', {
    topic: 'const char *', topic_len: 'size_t', payload: 'const void *', payload_len: 'size_t', qos: 'uint8_t', retain: 'bool', dup: 'bool',
    packet_id: 'uint16_t', acknowledgement: 'uint64_t',
});
koffi.proto('void completion_fn(const aws_iot_mqtt_completion *completion, uintptr_t userdata)');
koffi.proto('void message_fn(const aws_iot_mqtt_message *message, uintptr_t userdata)');
koffi.proto('void online_fn(bool session_present, uintptr_t userdata)');
koffi.proto('void offline_fn(int error, const char *detail, uintptr_t userdata)');
koffi.proto('void free_fn(uintptr_t userdata)');

const c = {};
for (const declaration of [
    'const char *error_name(int error)',
    'const char *last_error_detail()',
    'int client_new(const char *client_id, int protocol, bool use_websocket, bool clean_session, _Out_ aws_iot_mqtt_client **out)',
    'void client_free(aws_iot_mqtt_client *client)',
    'int client_configure_endpoint(aws_iot_mqtt_client *client, const char *host, uint16_t port)',
    'int client_configure_credentials(aws_iot_mqtt_client *client, const char *ca, const char *key, const char *certificate, const char *ciphers)',
    'int client_connect_async(aws_iot_mqtt_client *client, uint32_t keep_alive_secs, completion_fn *f, uintptr_t u, free_fn *g, uint64_t *operation)',
    'int client_disconnect_async(aws_iot_mqtt_client *client, completion_fn *f, uintptr_t u, free_fn *g, uint64_t *operation)',
    'int client_publish_async(aws_iot_mqtt_client *client, const char *topic, const void *payload, size_t payload_len, int qos, bool retain, '
        + 'completion_fn *f, uintptr_t u, free_fn *g, uint64_t *operation)',
    'int client_subscribe_async(aws_iot_mqtt_client *client, const char *filter, int qos, completion_fn *f, uintptr_t u, free_fn *g, '
        + 'message_fn *f2, uintptr_t u2, free_fn *g2, uint64_t *operation)',
    'int client_unsubscribe_async(aws_iot_mqtt_client *client, const char *filter, completion_fn *f, uintptr_t u, free_fn *g, uint64_t *operation)',
    'int client_on_online(aws_iot_mqtt_client *client, online_fn *f, uintptr_t u, free_fn *g)',
    'int client_on_offline(aws_iot_mqtt_client *client, offline_fn *f, uintptr_t u, free_fn *g)',
    'int client_on_message(aws_iot_mqtt_client *client, message_fn *f, uintptr_t u, free_fn *g)',
]) {
    const name = declaration.match(/(\w+)\(/)[1];
    c[name] = library.func(declaration.replace(name, `aws_iot_mqtt_${name}`));
}
const free = promisify(c.client_free.async);

// ---- Callbacks: koffi has a limited number of slots, so each kind has one for all, and a function lives until the library gives its number back.

const functions = new Map();
let lastNumber = 0;

// koffi swallows an exception in a callback; this makes it an 'uncaughtException', as in every other callback of Node.js.
function call(number, ...values) {
    try {
        functions.get(Number(number))(...values);
    } catch (error) {
        process.nextTick(() => { throw error; });
    }
}

const callbacks = {
    completion: koffi.register((lent, number) => call(number, koffi.decode(lent, 'aws_iot_mqtt_completion')), 'completion_fn *'),
    message: koffi.register((lent, number) => call(number, copyOf(lent)), 'message_fn *'),
    online: koffi.register((sessionPresent, number) => call(number, sessionPresent), 'online_fn *'),
    offline: koffi.register((error, detail, number) => call(number, new MqttError(error, detail)), 'offline_fn *'),
};
const giveBack = koffi.register((number) => { functions.delete(Number(number)); }, 'free_fn *');

function copyOf(lent) {
    const message = koffi.decode(lent, 'aws_iot_mqtt_message');
    const payload = message.payload_len ? Buffer.from(koffi.decode(message.payload, koffi.array('uint8_t', Number(message.payload_len), 'Typed'))) : Buffer.alloc(0);
    return { topic: message.topic, payload, qos: message.qos, retain: message.retain, dup: message.dup };
}

class MqttError extends Error {
    constructor(code, detail) {
        super(`${c.error_name(code)}: ${detail}`);
        this.name = 'MqttError';
        this.code = c.error_name(code);
        this.detail = detail;
    }
}

function text(value) {
    if (typeof value !== 'string' || value.includes('\0')) throw new TypeError(`not a text without NUL: ${JSON.stringify(value)}`);
    return value;
}

// Events: 'online' (sessionPresent), 'offline' (error), 'message' (every message). A live client keeps the process alive; close() it.
class Client extends EventEmitter {
    #handle;
    #alive;

    constructor(clientId, { protocol = 4, useWebsocket = false, cleanSession = true } = {}) {
        super();
        const out = [null];
        this.#check(c.client_new(text(clientId), protocol, useWebsocket, cleanSession, out));
        this.#handle = out[0];
        // A promise that waits does not hold Node.js, and what we wait for is in the library, where Node.js cannot see it.
        this.#alive = setInterval(() => {}, 2 ** 30);
        for (const name of ['online', 'offline', 'message']) {
            this.#call(c[`client_on_${name}`], [], name, (value) => this.emit(name, value));
        }
    }

    configureEndpoint(host, port) { this.#check(c.client_configure_endpoint(this.#handle, text(host), port)); }

    configureCredentials({ ca = null, key = null, certificate = null, ciphers = null }) {
        this.#check(c.client_configure_credentials(this.#handle, ...[ca, key, certificate, ciphers].map((value) => value && text(value))));
    }

    // Each of these promises is kept exactly once, through reconnections; with a MqttError where the operation was refused or has failed.

    async connect(keepAliveSecs = 600) { return this.#start(c.client_connect_async, [keepAliveSecs]); }

    async disconnect() { return this.#start(c.client_disconnect_async, []); }

    async publish(topic, payload, { qos = 1, retain = false } = {}) {
        const bytes = Buffer.from(payload);
        return this.#start(c.client_publish_async, [text(topic), bytes, bytes.length, qos, retain]);
    }

    // `handler` gets { topic, payload (a Buffer), qos, retain, dup }. Gives { grantedQos, ... }.
    async subscribe(filter, handler, { qos = 1 } = {}) { return this.#start(c.client_subscribe_async, [text(filter), qos], handler); }

    async unsubscribe(filter) { return this.#start(c.client_unsubscribe_async, [text(filter)]); }

    // Ends the client: what is pending is rejected with AWS_IOT_MQTT_ERR_CANCELLED. When the promise is kept, no callback runs any more.
    async close() {
        const handle = this.#handle;
        this.#handle = null; // from now on each call is refused
        if (handle === null) return;
        try {
            await free(handle);
        } finally {
            clearInterval(this.#alive);
        }
    }

    #check(error) {
        // On this thread, before anything else is called.
        if (error > 1) throw new MqttError(error, c.last_error_detail());
    }

    // Calls with a callback's triple at the end of the arguments; `more` stands behind it.
    #call(f, parameters, kind, callback, ...more) {
        const number = ++lastNumber;
        functions.set(number, callback);
        try {
            this.#check(f(this.#handle, ...parameters, callbacks[kind], number, giveBack, ...more));
        } catch (error) {
            functions.delete(number); // a call that failed took nothing
            throw error;
        }
        return number;
    }

    #start(f, parameters, handler) {
        return new Promise((resolve, reject) => {
            const done = ({ error, detail, operation, packet_id: packetId, granted_qos: grantedQos, session_present: sessionPresent, left }) => {
                if (error) reject(new MqttError(error, detail));
                else resolve({ operation, packetId, grantedQos, sessionPresent, left });
            };
            if (handler === undefined) {
                this.#call(f, parameters, 'completion', done, null);
                return;
            }
            const number = ++lastNumber;
            functions.set(number, handler);
            try {
                this.#call(f, parameters, 'completion', done, callbacks.message, number, giveBack, null);
            } catch (error) {
                functions.delete(number);
                throw error;
            }
        });
    }
}

module.exports = { Client, MqttError };
