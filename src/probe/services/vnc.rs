//! Which security types a VNC server offers (RFC 6143 §7.1.2). Type 1 is none: whoever connects sees the screen. The talk ends
//! before a type is chosen.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::talk::ask;
use crate::facts::{Access, Protocol};

/// Answers the server's version and reads the types; `None` if they did not come whole.
pub(super) async fn access<S>(mut stream: S, protocol: &Protocol, patience: Duration) -> Option<Access>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let old = protocol.protocol_version.as_deref() == Some("3.3");
    let version: &[u8] = if old { b"RFB 003.003\n" } else { b"RFB 003.008\n" };
    let whole = |bytes: &[u8]| security_types(bytes, old).is_some();
    let heard = ask(&mut stream, version, patience, whole).await;
    let types = security_types(&heard.bytes, old)?;
    // No type at all is a refusal with a reason.
    let open = types.contains(&1);
    (!types.is_empty()).then(|| Access { open, proof: format!("version → security types {types:?}") })
}

/// Version 3.3: one number of four bytes, 0 for a refusal. Later: a count, then so many bytes.
fn security_types(bytes: &[u8], old: bool) -> Option<Vec<u8>> {
    if old {
        let (number, _) = bytes.split_first_chunk::<4>()?;
        let number = u8::try_from(u32::from_be_bytes(*number)).ok()?;
        return Some(if number == 0 { Vec::new() } else { vec![number] });
    }
    let (count, rest) = bytes.split_first()?;
    rest.get(..usize::from(*count)).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types_are_read_in_both_forms() {
        assert_eq!(security_types(&[2, 1, 16], false), Some(vec![1, 16]));
        assert_eq!(security_types(&[2, 1], false), None);
        assert_eq!(security_types(&[0], false), Some(vec![]));
        assert_eq!(security_types(&[0, 0, 0, 2], true), Some(vec![2]));
        assert_eq!(security_types(&[0, 0, 0, 0], true), Some(vec![]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), old: bool) {
            security_types(&bytes, old);
        }
    }
}
