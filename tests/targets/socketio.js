// Rooms by events, over Socket.IO: join(room), msg(room, body), leave(room), each acknowledged. Members
// hear msg(body), and gone(id, reason) when one of them is away. The token "bad" is refused, the room
// "refused" too.
//
//   node socketio.js PORT       PING_INTERVAL_MS: how often the server pings; 25000 if unset
//                               RECOVERY: if set, keeps what clients miss while they are away
'use strict';
const { Server } = require('socket.io');
const { createServer } = require('node:http');

const http = createServer();
const io = new Server(http, {
  serveClient: false,
  pingInterval: Number(process.env.PING_INTERVAL_MS ?? 25000),
  ...(process.env.RECOVERY && { connectionStateRecovery: {} }),
});

io.use((socket, next) => {
  next(socket.handshake.auth.token === 'bad' ? new Error('unauthorized') : undefined);
});

io.on('connection', (socket) => {
  socket.on('join', (room, ack) => {
    if (room === 'refused') return ack({ ok: false, room });
    socket.join(room);
    return ack({ ok: true, room });
  });
  socket.on('msg', (room, body, ack) => {
    io.to(room).emit('msg', body);
    // Without an id there is nobody to tell.
    if (ack) ack('stored');
  });
  socket.on('leave', (room, ack) => {
    socket.leave(room);
    ack({ ok: true });
  });
  socket.on('disconnecting', (reason) => {
    for (const room of socket.rooms) socket.to(room).emit('gone', socket.id, reason);
  });
});

http.listen(Number(process.argv[2]), '127.0.0.1');
