//! (header to be written with the first code)
