//! One pool or record.
