// What Artillery's scenarios here call: a clock for loops that end by time, and the handler that
// counts and times every message, which its WebSocket engine does not do by itself.

'use strict';

const SECONDS = Number(process.env.PEERS_SECONDS);
const ROOMS = Number(process.env.PEERS_ROOMS || 0);
const PAYLOAD = Number(process.env.PEERS_PAYLOAD);
const PERIOD_MS = Number(process.env.PEERS_PERIOD_MS || 0);

// A message says when it was sent, in whole microseconds of a clock that never steps back.
const STAMP = 15;
const FILL = 'x'.repeat(PAYLOAD - STAMP);

let ends;
let users = 0;

const micros = () => Math.round(performance.now() * 1000);
const stamped = () => String(micros()).padStart(STAMP, '0') + FILL;

function meet(context, _events, done) {
  const user = users++;
  context.vars.room = `r${user % ROOMS}`;
  context.vars.user = `u${user}`;
  return done();
}

// Called by the loop itself, which takes a callback as its second argument.
function inTime(_context, next) {
  ends = ends || performance.now() + SECONDS * 1000;
  return next(performance.now() < ends);
}

function stamp(context, _events, done) {
  context.vars.payload = stamped();
  return done();
}

function seen(events, sentMicros) {
  events.emit('counter', 'peers.received', 1);
  events.emit('histogram', 'peers.latency', (micros() - sentMicros) / 1000);
}

// Text or bytes, as the version of its WebSocket library has it.
const sentAt = (data) => Number(String(data.slice(0, STAMP)));

function listen(context, events, done) {
  // The engine sets `onmessage` at its own steps; this listener stands beside it.
  context.ws.on('message', (data) => {
    if (ROOMS > 0) {
      const message = JSON.parse(data);
      if (message.type === 'Message') {
        seen(events, Number(message.content.slice(0, STAMP)));
      }
    } else {
      seen(events, sentAt(data));
    }
  });
  return done();
}

// A closed loop that times each round trip: the engine's own wait for an answer does not.
function roundTrips(context, events, done) {
  const ws = context.ws;
  ends = ends || performance.now() + SECONDS * 1000;
  ws.on('message', (data) => {
    seen(events, sentAt(data));
    if (performance.now() < ends) {
      ws.send(stamped());
    } else {
      done();
    }
  });
  ws.send(stamped());
}

module.exports = { inTime, listen, meet, roundTrips, stamp };
