//! The floor over all sources.
