//! The filter chain: which candidates answer, in which order, and why.
//!
//! One engine for DNS and balancer. A chain is a list of [`Filter`]s applied in order to the candidates of a pool; each
//! filter says what it removed ([`Step`]), which is what `holdfast explain` prints. Chance comes from the caller's seed.
//!
//! Not here: what serves (`hf-decide`), DNS (`hf-answer`), connections (`hf-balancer`).
