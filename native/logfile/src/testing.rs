//! A directory for one test.
