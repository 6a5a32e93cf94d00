use super::*;

async fn check(bytes: &[u8]) -> Result<(Kind, Vec<u8>), String> {
    read(&mut &*bytes, Duration::from_secs(5)).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_frame_comes_back_as_it_was() {
    for kind in Kind::ALL {
        let bytes = encode(kind, b"payload").unwrap();
        assert_eq!(check(&bytes).await, Ok((kind, b"payload".to_vec())));
    }
}

#[tokio::test]
async fn any_flipped_bit_and_any_cut_is_an_error() {
    let good = encode(Kind::Table, b"payload").unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // The kind alone is not under the checksum; the payload's own decoder tells kinds apart.
            if let Ok((kind, payload)) = check(&bad).await {
                assert_eq!((at, payload.as_slice()), (4, &b"payload"[..]), "{kind:?}");
            }
        }
        assert!(check(&good[..at]).await.is_err(), "cut at {at}");
    }
}

#[tokio::test]
async fn a_frame_beyond_its_bound_is_refused_before_it_is_read() {
    assert_eq!(encode(Kind::Report, &vec![0; (1 << 20) + 1]), None);
    let mut bytes = encode(Kind::Report, b"").unwrap();
    bytes[5..9].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(
        check(&bytes).await.unwrap_err(),
        "a frame of 4294967295 bytes, Report may have 1048576 at most"
    );
}

#[tokio::test]
async fn another_protocol_and_another_version_are_named() {
    assert!(
        check(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap_err().contains("not the feed's protocol")
    );
    let mut newer = encode(Kind::Hello, b"").unwrap();
    newer[3] = 9;
    assert!(check(&newer).await.unwrap_err().contains("speaks version 9"));
}

#[tokio::test]
async fn a_frame_of_an_unknown_kind_is_passed_over() {
    let mut bytes = encode(Kind::Report, &vec![7; 3 * PIECE / 2]).unwrap();
    bytes[4] = 99;
    assert!(matches!(decode(&bytes), Err(FrameError::Kind(99))));
    bytes.extend(encode(Kind::Table, b"payload").unwrap());
    assert_eq!(check(&bytes).await, Ok((Kind::Table, b"payload".to_vec())));
    bytes[5..9].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(check(&bytes).await.unwrap_err().starts_with("a frame of unknown kind 99 and 4294967295 bytes"));
}
