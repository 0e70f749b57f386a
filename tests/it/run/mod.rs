//! The real binary, from its command line to its exit code, with nothing inside replaced.

mod addresses;
mod codecs;
mod commands;
mod compare;
mod faults;
mod hall;
mod hostile;
mod init;
mod limits;
mod logins;
mod metrics;
mod misbehaving;
mod output;
mod people;
mod protocols;
mod refused;
mod report;
mod secrets;
mod signals;
mod support;
mod tls;
mod truth;
mod try_it;
mod tutorial;
mod unreachable;
mod validity;
