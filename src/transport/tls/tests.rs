mod application_key;
mod credentials;
mod encrypted;
mod handshake;
mod peer;
mod refused;
mod stream;
