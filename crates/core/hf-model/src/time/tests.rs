use super::*;

#[test]
fn lengths_of_time_read_and_write_alike() {
    for text in ["250ms", "5s", "1h30m", "3d", "1d2h3m4s5ms", "0s"] {
        assert_eq!(format_duration(parse_duration(text).unwrap()), text);
    }
    for bad in ["", "5", "s", "5 s", "1m1h", "-1s", "1.5s", "99999999999999999999d", "5x"] {
        assert!(parse_duration(bad).is_err(), "{bad:?} was taken");
    }
}
