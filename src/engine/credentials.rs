//! IAM credentials for one attempt: where they come from, and the request that is signed with them. On a dialer thread, because the
//! application's provider and the AWS IoT credentials provider block.

use super::clock;
use super::dial::{Dial, interleave};
use super::inner::Inner;
use crate::aws::clock::Offset;
use crate::aws::{credentials, endpoint, profile, region, role_alias, sigv4};
use crate::config::{Config, Credentials, IamCredentials, IotCredentialsProvider};
use crate::error::{Code, Error};
use crate::log::{Level, Log};
use crate::transport::Link;
use crate::transport::https::{self, Get};
use crate::transport::tcp;
use crate::transport::tls::TlsConfig;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// AWS's answer has some 2 KiB.
const LARGEST_ANSWER: usize = 64 << 10;
const LARGEST_FILE: u64 = 1 << 20;
/// How the sources are called in logs and errors.
const CONFIGURED: &str = "aws_iot_mqtt_client_configure_iam_credentials";
const PROVIDER: &str = "the credentials provider callback";
const IOT: &str = "the AWS IoT credentials provider";
const ENVIRONMENT: &str = "the environment";

/// What one client remembers from attempt to attempt, shared with its dialers.
#[derive(Default)]
pub(super) struct Signing {
    /// Seconds that the clock is late, as far as servers have said.
    offset: AtomicI64,
    /// By this clock the credentials of the last attempt had expired.
    seemed_expired: AtomicBool,
    fetched: Mutex<Option<Fetched>>,
}

/// From the AWS IoT credentials provider.
struct Fetched {
    credentials: Arc<IamCredentials>,
    refresh_at: u64,
    /// Whom we asked, and as whom. A key that was replaced must not stay for this.
    provider: Arc<IotCredentialsProvider>,
    identity: Weak<Credentials>,
}

impl Signing {
    /// The time to sign with, in seconds since 1970.
    fn now(&self) -> u64 {
        Offset(self.offset.load(Ordering::Acquire)).correct(wall_clock())
    }

    /// A server's `Date`: if it shows that the clock is wrong, the next signature is for the right time.
    fn learn(&self, date: Option<&str>, log: &Log) {
        let known = Offset(self.offset.load(Ordering::Acquire));
        let Some(offset) = date.and_then(|date| known.learn(wall_clock(), date)) else {
            return;
        };
        self.offset.store(offset.0, Ordering::Release);
        log.write(Level::Warning, || match offset.0 {
            0 => "this device's clock is right now: signing by it".to_owned(),
            late if late > 0 => {
                format!("this device's clock is {late} s late: signing for the server's time")
            }
            early => format!(
                "this device's clock is {} s early: signing for the server's time",
                early.unsigned_abs()
            ),
        });
    }

    /// The server has refused the signed request with this status and `Date`. The next attempt signs for the server's time, and with
    /// new credentials where they can be fetched: the old ones may be revoked.
    pub(super) fn refused(&self, status: u16, date: Option<&str>, log: &Log) {
        if matches!(status, 401 | 403) {
            self.learn(date, log);
            *self.fetched() = None;
        }
    }

    fn fetched(&self) -> std::sync::MutexGuard<'_, Option<Fetched>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Whether an attempt with this configuration signs its request: MQTT over WebSocket does, unless a custom authorizer decides, or it is for a broker that
/// nobody gave credentials for. `provider`: there is a provider callback.
pub(super) fn signs(config: &Config, provider: bool) -> bool {
    config.websocket
        && config.custom_authorizer.is_none()
        && (provider
            || config.iam_credentials.is_some()
            || config.iot_credentials_provider.is_some()
            || config.region.is_some()
            || endpoint::is_aws(&config.host))
}

/// The region to sign for. It is asked for at `connect`, so that what is missing shows there.
pub(super) fn region(config: &Config) -> Result<String, Error> {
    let configured = config.region.clone();
    configured
        .or_else(|| region::of_host(&config.host))
        .ok_or_else(|| {
            let detail = format!(
                "the AWS region cannot be told from the host name {}: call aws_iot_mqtt_client_configure_region",
                config.host
            );
            Error::new(Code::NotConfigured, detail)
        })
}

/// Credentials and who gave them.
type Found = (Arc<IamCredentials>, String);

impl Dial {
    /// Path and query of the request that opens MQTT over WebSocket, signed now. `host_header` exactly as it will be sent. A secret.
    pub(super) fn signed_path(
        &self,
        client: &Arc<Inner>,
        host_header: &str,
    ) -> Result<Zeroizing<String>, Error> {
        let region = region(&self.config)?;
        let (credentials, source) = self.credentials(client)?;
        credentials::check(&credentials, &source)?;
        let now = self.signing.now();
        if let Err(expired) = credentials::check_expiry(&credentials, now, &source) {
            // Or the clock is wrong, or is right again and was corrected before. Only a server tells, so every second attempt asks one.
            if !self
                .signing
                .seemed_expired
                .fetch_xor(true, Ordering::AcqRel)
            {
                return Err(expired);
            }
        }
        self.log.write(Level::Info, || {
            let key = credentials.key_hint();
            let temporary = match credentials.session_token {
                Some(_) => ", temporary",
                None => "",
            };
            format!("signing for {region} with credentials from {source}, key {key}{temporary}")
        });
        let request = sigv4::Request {
            host: host_header,
            region: &region,
            service: &self.config.signing_service,
            time: now,
            expires_secs: None,
        };
        Ok(sigv4::presigned_path(&credentials, &request))
    }

    /// The first source that has any. One that is there and fails ends the search: what another one has might be for something else.
    fn credentials(&self, client: &Arc<Inner>) -> Result<Found, Error> {
        if let Some(configured) = &self.config.iam_credentials {
            return Ok((Arc::clone(configured), CONFIGURED.to_owned()));
        }
        if self.provider.is_some() {
            return self.ask_the_application();
        }
        if let Some(provider) = &self.config.iot_credentials_provider {
            let credentials = self.fetch(client, provider)?;
            return Ok((credentials, IOT.to_owned()));
        }
        let lookup = |name: &str| std::env::var(name).ok();
        if let Some(found) = credentials::from_environment(lookup)? {
            return Ok((Arc::new(found), ENVIRONMENT.to_owned()));
        }
        from_file(lookup)
    }

    fn ask_the_application(&self) -> Result<Found, Error> {
        let Some(provider) = &self.provider else {
            return Err(Error::new(Code::Internal, "there is no provider"));
        };
        let given = provider(self.milliseconds_left())?;
        Ok((Arc::new(given), PROVIDER.to_owned()))
    }

    /// From the AWS IoT credentials provider, or what it gave before if that is good for long enough.
    fn fetch(
        &self,
        client: &Arc<Inner>,
        provider: &Arc<IotCredentialsProvider>,
    ) -> Result<Arc<IamCredentials>, Error> {
        let identity = self.config.credentials.as_ref();
        let Some(identity) = identity.filter(|identity| identity.identity.is_some()) else {
            let detail = format!(
                "{IOT} wants the device's certificate: call aws_iot_mqtt_client_configure_credentials"
            );
            return Err(Error::new(Code::NotConfigured, detail));
        };
        if let Some(fetched) = self.signing.fetched().as_ref().filter(|fetched| {
            Arc::ptr_eq(&fetched.provider, provider)
                && std::ptr::eq(fetched.identity.as_ptr(), Arc::as_ptr(identity))
                && self.signing.now() < fetched.refresh_at
        }) {
            return Ok(Arc::clone(&fetched.credentials));
        }
        let (host, port) = (&provider.host, provider.port);
        let answer = self.get(client, provider, identity).map_err(|why| {
            let detail = format!("{IOT} {host} port {port}: {}", why.detail);
            Error::new(why.code, detail)
        })?;
        // Before the first signature of a device whose clock is wrong, and without a refusal.
        self.signing.learn(answer.date.as_deref(), &self.log);
        let credentials = role_alias::credentials(provider, answer.status, &answer.body)?;
        let credentials = Arc::new(credentials);
        let now = self.signing.now();
        credentials::check_expiry(&credentials, now, IOT)?;
        *self.signing.fetched() = Some(Fetched {
            refresh_at: role_alias::refresh_at(&credentials, now),
            credentials: Arc::clone(&credentials),
            provider: Arc::clone(provider),
            identity: Arc::downgrade(identity),
        });
        Ok(credentials)
    }

    fn get(
        &self,
        client: &Arc<Inner>,
        provider: &IotCredentialsProvider,
        identity: &Credentials,
    ) -> Result<https::Answer, Error> {
        let (host, port) = (provider.host.as_str(), provider.port);
        let left = || match client.is_freed() {
            true => Duration::ZERO,
            false => self.deadline.since(clock::now()),
        };
        let tls = TlsConfig::new(identity, self.config.minimum_tls_version, &[])?;
        let proxy = self.config.proxy.as_ref();
        let (hop, hop_port) = proxy.map_or((host, port), |proxy| (&proxy.host, proxy.port));
        let tcp = match &self.factory {
            Some(_) => self.ask_the_factory(hop, hop_port)?,
            None => tcp::resolve(hop, hop_port)
                .and_then(|addresses| https::connect(&Vec::from(interleave(addresses)), &left))
                .map_err(|why| self.config.blame_proxy(why))?,
        };
        let mut link: Box<dyn Link> = Box::new(tcp);
        if let Some(proxy) = proxy {
            link = https::through(proxy, link, host, port, &left)?;
        }
        let thing = provider.thing_name.as_deref();
        let thing = thing.map(|name| (role_alias::THING_NAME_HEADER, name));
        let request = Get {
            server_name: host,
            host: &endpoint::host_header(host, port, true),
            path: &role_alias::path(provider),
            headers: thing.as_slice(),
            largest_body: LARGEST_ANSWER,
        };
        let get = || https::get(link, &tls, &request, &left);
        match tls.asks_application() && !self.is_outside() {
            true => client.ask_application(self.attempt, get),
            false => get(),
        }
    }
}

/// The last source: the shared credentials file.
fn from_file(lookup: impl Fn(&str) -> Option<String>) -> Result<Found, Error> {
    let value = |name| lookup(name).filter(|value| !value.is_empty());
    let chosen_file = value(credentials::FILE_VARIABLE).map(PathBuf::from);
    let chosen_profile = value(credentials::PROFILE_VARIABLE);
    let path = chosen_file
        .clone()
        .or_else(|| Some(Path::new(&value("HOME")?).join(".aws/credentials")));
    let Some(path) = path else {
        return Err(nothing(
            "HOME is not set, so there is no ~/.aws/credentials",
        ));
    };
    let name = path.display().to_string();
    let text = match read(&path) {
        Ok(text) => text,
        Err(error) if chosen_file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Err(nothing(&format!("there is no file {name}")));
        }
        Err(error) => {
            let detail = format!("shared credentials file {name}: {error}");
            return Err(Error::new(Code::Credentials, detail));
        }
    };
    let profile = chosen_profile.as_deref().unwrap_or(profile::DEFAULT);
    match profile::credentials(&text, profile, &name)? {
        Some(found) => Ok((Arc::new(found), format!("profile {profile} of {name}"))),
        None if chosen_profile.is_none() => {
            Err(nothing(&format!("{name} has no profile [default]")))
        }
        None => Err(Error::new(
            Code::Credentials,
            format!("{name} has no profile [{profile}], which AWS_PROFILE names"),
        )),
    }
}

fn nothing(last: &str) -> Error {
    let detail = format!(
        "no IAM credentials to sign with: none are configured, the environment has no AWS_ACCESS_KEY_ID, and {last}"
    );
    Error::new(Code::Credentials, detail)
}

/// The whole file, in a buffer that never grows, because growing would leave pieces of secrets behind.
fn read(path: &Path) -> std::io::Result<Zeroizing<String>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let invalid = |why: &str| Err(std::io::Error::other(why));
    if length > LARGEST_FILE {
        return invalid("larger than 1 MiB, so it is no credentials file");
    }
    // One byte more, so that reading can see the end without room for more.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(length).read_to_end(&mut bytes)?;
    let text = std::mem::take(&mut *bytes);
    String::from_utf8(text)
        .map(Zeroizing::new)
        .or_else(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            invalid("not in UTF-8")
        })
}

#[cfg(test)]
#[path = "credentials/tests.rs"]
mod tests;
