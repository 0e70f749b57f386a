// Rooms by path, over SockJS: a message sent at /chat/ROOM/SERVER/SESSION/websocket goes to everybody
// in the room, its sender too. /chat/ROOM/websocket is the same without SockJS's framing.
//
//   node sockjs.js PORT
'use strict';
const { createServer } = require('node:http');
const sockjs = require('sockjs');

const rooms = new Map();
const chat = sockjs.createServer({ log: () => {} });

chat.on('connection', (connection) => {
  const name = connection.url.split('/')[2];
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(connection));
  connection.on('data', (message) => {
    for (const member of room) member.write(message);
  });
  connection.on('close', () => {
    room.delete(connection);
    if (room.size === 0) rooms.delete(name);
  });
});

const http = createServer();
// A prefix may be a pattern.
chat.installHandlers(http, { prefix: '/chat/[^/.]+' });
http.listen(Number(process.argv[2]), '127.0.0.1');
