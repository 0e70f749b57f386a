// Rooms by path, over npm's ws: a frame goes as it came to everybody in its room, its sender too. At
// /echo it goes to its sender alone.
//
//   node ws.js PORT
'use strict';
const { WebSocketServer, OPEN } = require('ws');

const rooms = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]) });

server.on('connection', (socket, request) => {
  const name = request.url;
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(socket));
  // A peer that was cut off; 'close' follows.
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => {
    for (const member of name === '/echo' ? [socket] : room) {
      if (member.readyState === OPEN) member.send(data, { binary: isBinary });
    }
  });
  socket.on('close', () => {
    room.delete(socket);
    if (room.size === 0) rooms.delete(name);
  });
});
