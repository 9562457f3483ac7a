//! Which source is taken, and what the clock does.

use super::*;
use crate::config::{Identity, Key, Pem};

fn lookup<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    move |name| {
        let found = variables.iter().find(|(known, _)| *known == name)?;
        Some(found.1.to_owned())
    }
}

/// A home directory that is gone after the test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Home {
        let process = std::process::id();
        let path = std::env::temp_dir().join(format!("aws-iot-mqtt-home-{name}-{process}"));
        std::fs::create_dir_all(path.join(".aws")).unwrap();
        Home(path)
    }

    fn write(&self, name: &str, text: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const TEXT: &[u8] = b"[default]\naws_access_key_id=ID1\naws_secret_access_key=S1\n[work]\naws_access_key_id=ID2\naws_secret_access_key=S2\n[empty]\n";

#[test]
fn the_shared_file_is_found_by_its_variables() {
    let home = Home::new("found");
    let usual = home.write(".aws/credentials", TEXT);
    let other = home.write(
        "other",
        b"[default]\naws_access_key_id=ID3\naws_secret_access_key=S3\n",
    );
    for (more, id, source) in [
        (&[][..], "ID1", format!("profile default of {usual}")),
        (
            &[("AWS_PROFILE", "work")],
            "ID2",
            format!("profile work of {usual}"),
        ),
        (
            &[("AWS_PROFILE", ""), ("AWS_SHARED_CREDENTIALS_FILE", "")],
            "ID1",
            format!("profile default of {usual}"),
        ),
        (
            &[("AWS_SHARED_CREDENTIALS_FILE", &other)],
            "ID3",
            format!("profile default of {other}"),
        ),
    ] {
        let variables = [&[("HOME", home.path())], more].concat();
        let (found, from) = from_file(lookup(&variables)).unwrap();
        assert_eq!((found.access_key_id.as_str(), from), (id, source));
    }
}

#[test]
fn what_is_missing_is_named() {
    let home = Home::new("missing");
    let empty_home = Home::new("missing-empty");
    home.write(".aws/credentials", TEXT);
    let nothing = home.write("nothing", b"");
    let latin = home.write("latin", b"[default]\naws_secret_access_key=hush\xe9\n");
    for (variables, words) in [
        (vec![], "HOME is not set"),
        (vec![("HOME", empty_home.path())], "there is no file"),
        (
            vec![("HOME", home.path()), ("AWS_PROFILE", "play")],
            "no profile [play], which AWS_PROFILE names",
        ),
        (
            vec![("HOME", home.path()), ("AWS_PROFILE", "empty")],
            "[empty] has no aws_access_key_id",
        ),
        (
            vec![("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/x")],
            "/nonexistent/x: No such file",
        ),
        (vec![("AWS_SHARED_CREDENTIALS_FILE", "/")], "Is a directory"),
        (
            vec![("AWS_SHARED_CREDENTIALS_FILE", &nothing)],
            "has no profile [default]",
        ),
        (
            vec![("AWS_SHARED_CREDENTIALS_FILE", &latin)],
            "not in UTF-8",
        ),
    ] {
        let error = from_file(lookup(&variables)).unwrap_err();
        assert_eq!(error.code, Code::Credentials);
        assert!(error.detail.contains(words), "{words}: {error}");
        assert!(!error.detail.contains("hush"), "{error}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let home = Home::new("large");
    let large = home.write("large", &vec![b'#'; (1 << 20) + 1]);
    let error = from_file(lookup(&[("AWS_SHARED_CREDENTIALS_FILE", &large)])).unwrap_err();
    assert!(error.detail.contains("larger than 1 MiB"), "{error}");
    let largest = home.write("largest", &vec![b'#'; 1 << 20]);
    assert_eq!(read(Path::new(&largest)).unwrap().len(), 1 << 20);
}

#[test]
fn a_refusal_moves_the_clock_to_the_servers_and_forgets_what_was_fetched() {
    let signing = Signing::default();
    let pem = || Pem {
        name: String::new(),
        text: Zeroizing::default(),
    };
    let identity = Arc::new(Credentials {
        ca: None,
        identity: Some(Identity {
            certificate: pem(),
            key: Key::Pem(pem()),
        }),
        ciphers: None,
    });
    let fetched = || Fetched {
        credentials: Arc::new(IamCredentials {
            access_key_id: String::new(),
            secret_access_key: Zeroizing::default(),
            session_token: None,
            expires: None,
        }),
        refresh_at: u64::MAX,
        provider: Arc::new(IotCredentialsProvider {
            host: String::new(),
            port: 443,
            role_alias: String::new(),
            thing_name: None,
        }),
        identity: Arc::downgrade(&identity),
    };
    *signing.fetched() = Some(fetched());
    let in_an_hour = SystemTime::now() + Duration::from_secs(3_600);
    let date = httpdate::fmt_http_date(in_an_hour);
    let log = Log::none();

    signing.refused(500, Some(&date), &log);
    assert_eq!(
        signing.offset.load(Ordering::Acquire),
        0,
        "only a refusal of who we are counts"
    );
    assert!(signing.fetched().is_some());

    signing.refused(403, Some(&date), &log);
    assert!((3_500..3_700).contains(&signing.offset.load(Ordering::Acquire)));
    assert!(signing.now() > wall_clock() + 3_500);
    assert!(signing.fetched().is_none());

    let now = httpdate::fmt_http_date(SystemTime::now());
    signing.refused(403, Some("garbage"), &log);
    assert!(signing.now() > wall_clock() + 3_500);
    signing.refused(403, Some(&now), &log);
    assert_eq!(signing.offset.load(Ordering::Acquire), 0);
    signing.refused(403, None, &log);
}

#[test]
fn only_what_is_for_aws_is_signed() {
    let local = Config {
        host: "localhost".into(),
        websocket: true,
        ..Config::default()
    };
    assert!(!signs(&local, false));
    assert!(signs(&local, true));
    let named = Config {
        region: Some("eu-west-1".into()),
        ..local.clone()
    };
    assert!(signs(&named, false));
    let aws = Config {
        host: "a-ats.iot.eu-west-1.amazonaws.com".into(),
        ..local.clone()
    };
    assert!(signs(&aws, false));
    let without_websocket = Config {
        websocket: false,
        ..aws.clone()
    };
    assert!(!signs(&without_websocket, true));
    assert_eq!(region(&aws).unwrap(), "eu-west-1");
    assert_eq!(region(&named).unwrap(), "eu-west-1");
    let error = region(&local).unwrap_err();
    assert_eq!(error.code, Code::NotConfigured);
    assert!(error.detail.contains("configure_region"), "{error}");
}
