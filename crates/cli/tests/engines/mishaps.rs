//! A daemon that breaks off, leaves out, lies and babbles: nothing is written that is not what was asked for, and what
//! was there stays.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

use barge_testkit::proxy::{Mishap, Proxy};

use crate::common::{Layout, Maker, Place, Server, entries, tar};

/// A store with the sample image, a server that answers the Engine API over it, and what stands before that.
struct Double {
    place: Place,
    _server: Server,
    proxy: Proxy,
}

impl Double {
    /// `rule` says what becomes of the archive, or of the list of images.
    fn new(rule: impl Fn(What) -> Mishap + Send + Sync + 'static) -> Self {
        let place = Place::hello();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = Server::with(&place, &["--host", &format!("tcp://{port}"), "--insecure-loopback"]);
        let proxy = Proxy::start(&port.to_string(), move |asked| {
            if asked.path.contains("/images/get") {
                rule(What::Archive)
            } else if asked.path.contains("/images/json") {
                rule(What::List)
            } else {
                Mishap::None
            }
        });
        Self { place, _server: server, proxy: proxy.unwrap() }
    }

    /// One whose archives are these bytes.
    fn sending(archive: Vec<u8>) -> Self {
        Self::new(move |what| match what {
            What::Archive => Mishap::Instead("200 OK", String::new(), archive.clone()),
            What::List => Mishap::None,
        })
    }

    fn line(&self, rest: &str) -> String {
        format!("save --from docker --host tcp://{} {rest}", self.proxy.address())
    }

    /// A save that has to fail, into a file that has to stay and into a pipe; what it says.
    #[track_caller]
    fn refuses(&self, rest: &str) -> String {
        fs::write(self.place.path("old.tar"), "a good archive").unwrap();
        let said = self.place.fails(&self.line(&format!("{rest} -o old.tar")));
        assert_eq!(self.place.read("old.tar"), b"a good archive");
        let left = fs::read_dir(self.place.path("")).unwrap();
        let left = left.filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("barge-tmp"));
        assert_eq!(left.count(), 0);
        let ran = self.place.run(&self.line(rest));
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        // What lists an archive is not written before everything is known to be right.
        assert!(!ran.stdout.windows(10).any(|w| w == b"oci-layout"), "it looks like an archive");
        said
    }
}

enum What {
    Archive,
    List,
}

fn archive() -> Vec<u8> {
    Place::hello().saved("hello-barge")
}

/// Where the content of the largest entry begins, and how long it is.
fn largest(archive: &[u8]) -> (usize, usize) {
    let all = entries(archive);
    let (_, content) = all.iter().max_by_key(|(_, content)| content.len()).unwrap();
    (archive.windows(content.len()).position(|window| window == content).unwrap(), content.len())
}

#[test]
fn a_sound_one() {
    let double = Double::new(|_| Mishap::None);
    double.place.ok(&double.line("hello-barge -o new.tar"));
    assert_eq!(double.place.read("new.tar"), double.place.saved("hello-barge"));
    assert_eq!(double.place.run(&double.line("hello-barge")).stdout, double.place.saved("hello-barge"));
}

#[test]
fn broken_off() {
    let archive = archive();
    let (at, _) = largest(&archive);
    for cut in [
        1,
        512,
        700,
        at + 100,
        archive.len() - 2000,
        archive.len() - 1024,
        archive.len() - 512,
        archive.len() - 1,
    ] {
        // By the connection, and by an end that looks as if all were well.
        let double = Double::new(move |what| match what {
            What::Archive => Mishap::Cut(cut as u64),
            What::List => Mishap::None,
        });
        double.refuses("hello-barge");
        Double::sending(archive[..cut].to_vec()).refuses("hello-barge");
    }
}

#[test]
fn an_error_in_the_archive() {
    let archive = archive();
    let (at, _) = largest(&archive);
    let words = b"{\"errorDetail\":{\"message\":\"the disk is gone\"},\"error\":\"the disk is gone\"}\r\n";
    for cut in [0, at + 100, at - 512, archive.len() - 1024, archive.len()] {
        let double = Double::sending([&archive[..cut], words].concat());
        let said = double.refuses("hello-barge");
        let expected = format!(
            "tcp://{}: the daemon failed in the middle of the archive: the disk is gone\n",
            double.proxy.address()
        );
        assert_eq!(said, expected, "{cut}");
    }
}

#[test]
fn something_else() {
    for (what, body, expected) in [
        ("nothing", Vec::new(), "the file is empty"),
        ("a page", b"<html>log in first</html>".to_vec(), "unrecognized image format"),
        ("garbage behind it", [archive(), vec![7; 4096]].concat(), "does not end as archives end"),
    ] {
        let said = Double::sending(body).refuses("hello-barge");
        assert!(said.contains(expected), "{what}: {said}");
    }
}

#[test]
fn an_altered_byte() {
    let archive = archive();
    let (at, length) = largest(&archive);
    for place in [at, at + length / 2, at + length - 1] {
        let double = Double::new(move |what| match what {
            What::Archive => Mishap::Alter(place as u64),
            What::List => Mishap::None,
        });
        let said = double.refuses("hello-barge");
        assert!(said.contains("is not what its name says"), "{said}");
    }
}

#[test]
fn a_platform_that_is_left_out() {
    let sparse = Place::hello().saved("--platform linux/amd64 --keep-index hello-barge");
    let said = Double::sending(sparse).refuses("hello-barge");
    assert!(said.contains("is not in what came, or not all of it, though it was asked for"), "{said}");
}

/// What does not come is not taken from the store, where it may have been for years.
#[test]
fn a_layer_that_only_the_store_has() {
    let mut entries: Vec<_> =
        entries(&archive()).into_iter().filter(|(path, _)| !path.ends_with('/')).collect();
    let layer = entries.iter().position(|(_, content)| content.starts_with(&[0x1f, 0x8b])).unwrap();
    entries.remove(layer);
    entries.reverse();
    let said = Double::sending(tar(&entries)).refuses("hello-barge");
    assert!(said.contains("is not in what came") || said.contains("comes behind"), "{said}");
}

#[test]
fn another_order() {
    let sound = archive();
    let mut reversed: Vec<_> = entries(&sound).into_iter().filter(|(path, _)| !path.ends_with('/')).collect();
    reversed.reverse();
    let double = Double::sending(tar(&reversed));
    double.place.ok(&double.line("hello-barge -o new.tar"));
    assert_eq!(double.place.read("new.tar"), sound, "the order is ours");
    let said = double.place.run(&double.line("hello-barge")).stderr;
    assert!(said.ends_with("hint: into a file, `-o FILE`, it can be saved\n"), "{said}");
}

/// A daemon that has no room says so at once, while the archive is still on its way.
#[test]
fn a_refusal_in_the_middle_of_a_load() {
    let place = Place::new();
    let socket = place.path("daemon.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = std::thread::spawn(move || {
        loop {
            let (mut client, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let n = client.read(&mut head).unwrap();
            let (status, body) = match String::from_utf8_lossy(&head[..n]).contains("/images/load") {
                true => ("500 Internal Server Error", r#"{"message":"no room on the daemon's disk"}"#),
                false => ("200 OK", "OK"),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nApi-Version: 1.51\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            client.write_all(answer.as_bytes()).unwrap();
            if status.starts_with("500") {
                break;
            }
        }
    });
    // More than sockets and pipes hold.
    let mut big = Layout::default();
    let mut random = fastrand::Rng::with_seed(7);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(8 << 20).collect();
    let image = big.image(&Maker::new("linux/amd64").layer(noise));
    big.name(&image, "docker.io/library/big:1");
    fs::write(place.path("big.tar"), big.tar()).unwrap();
    let said = place.fails(&format!("load -q --to docker --host unix://{} -i big.tar", socket.display()));
    daemon.join().unwrap();
    assert_eq!(said, format!("unix://{}: no room on the daemon's disk\n", socket.display()));
}

#[test]
fn a_list_that_lies() {
    let place = Place::hello();
    let server = Server::start(&place);
    let list = server.call("GET /v1.51/images/json?manifests=1").text();
    let id = server.json("GET /v1.51/images/json")[0]["Id"].as_str().unwrap().to_owned();
    let other = format!("sha256:{}", "7".repeat(64));
    for (list, expected) in [
        (list.replace(&id, &other), "7777"),
        (list.replace("\"Size\"", "\"Size\":[],\"x\""), "its answer makes no sense"),
        ("{}".to_owned(), "its answer makes no sense"),
        ("[{\"Id\":\"../../etc\"}]".to_owned(), "its answer makes no sense"),
        ("[".repeat(100_000), "its answer makes no sense"),
    ] {
        let double = Double::new(move |what| match what {
            What::List => Mishap::Instead(
                "200 OK",
                "Content-Type: application/json\r\n".to_owned(),
                list.clone().into_bytes(),
            ),
            What::Archive => Mishap::None,
        });
        let said = double.refuses("hello-barge");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}
