//! The messages of containerd's gRPC API, one service a file, and of each only what is used here.
//!
//! Field numbers are those of containerd's `.proto` files and never change. A field that is not named here is passed
//! over when a message is read, and has its default where one is written; messages of which nothing is used are
//! [`types::Empty`].

/// Says which methods of a service there are: what they are asked, and what answers.
macro_rules! calls {
    ($service:literal: $($method:ident($request:ty) -> $answer:ty;)+) => {
        $(
            impl super::Call for $request {
                const METHOD: &'static str = concat!("/", $service, "/", stringify!($method));
                type Answer = $answer;
            }
        )+
    };
}

pub(super) mod content;
pub(super) mod diff;
pub(super) mod images;
pub(super) mod leases;
pub(super) mod snapshots;
pub(super) mod system;
pub(super) mod types;

/// A message that is asked with; every method has one of its own.
pub(super) trait Call: prost::Message + Default + 'static {
    /// `/package.Service/Method`
    const METHOD: &'static str;
    /// What comes back, once or as a stream.
    type Answer: prost::Message + Default + 'static;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use prost::Message;

    use super::*;

    #[test]
    fn methods() {
        assert_eq!(content::InfoRequest::METHOD, "/containerd.services.content.v1.Content/Info");
        let plugins = "/containerd.services.introspection.v1.Introspection/Plugins";
        assert_eq!(system::PluginsRequest::METHOD, plugins);
    }

    #[test]
    fn bytes_on_the_wire() {
        let commit = content::WriteContentRequest {
            action: content::WriteContentRequest::COMMIT,
            reference: "r".to_owned(),
            total: 300,
            expected: "d".to_owned(),
            offset: 1,
            data: Bytes::from_static(b"xyz"),
            labels: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        };
        let expected = b"\x08\x02\x12\x01r\x18\xac\x02\x22\x01d\x28\x01\x32\x03xyz\x3a\x06\x0a\x01k\x12\x01v";
        assert_eq!(commit.encode_to_vec(), expected);
        let descriptor = types::Descriptor {
            media_type: "m".to_owned(),
            digest: "d".to_owned(),
            size: 1,
            ..Default::default()
        };
        let image = images::Image { name: "n".to_owned(), target: Some(descriptor) };
        let update = images::UpdateImageRequest {
            image: Some(image),
            update_mask: Some(types::FieldMask { paths: vec!["target".to_owned()] }),
        };
        let expected = b"\x0a\x0d\x0a\x01n\x1a\x08\x0a\x01m\x12\x01d\x18\x01\x12\x08\x0a\x06target";
        assert_eq!(update.encode_to_vec(), expected);
    }

    #[test]
    fn fields_that_are_not_named_are_passed_over() {
        // Time of creation and of change, then a label.
        let info = b"\x0a\x01d\x10\x07\x1a\x02\x08\x01\x22\x02\x08\x02\x2a\x06\x0a\x01k\x12\x01v";
        let info = content::Info::decode(&info[..]).unwrap();
        let labels = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        assert_eq!(info, content::Info { digest: "d".to_owned(), size: 7, labels });
    }
}
