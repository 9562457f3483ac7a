mod application_key;
mod credentials;
mod handshake;
mod peer;
mod refused;
mod stream;
