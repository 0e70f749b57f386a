//! Real servers, none of them ours. What uproar says of a server it doesn't know is held here.
//!
//! Each file starts its server by `tests/targets/start.sh`, which needs `scripts/targets.sh` to have
//! run. The first test in each drives the server by hand and holds that it does what the protocol
//! file of its name takes for granted, so that a failed run can be put down to uproar.

mod load;
mod mqtt;
mod peer;
mod target;

mod actioncable;
mod channels;
mod graphql_ws;
mod mosquitto;
mod nats;
mod nchan;
mod rabbitmq;
mod socketcluster;
mod socketio;
mod sockjs;
mod uvicorn;
mod ws;
