// Rooms by subscription, over graphql-ws: subscription message(room), mutation send(room, body). The
// token "bad" is refused.
//
//   node graphql_ws.js PORT
'use strict';
const { WebSocketServer } = require('ws');
const { useServer } = require('graphql-ws/use/ws');
const { buildSchema } = require('graphql');
const { EventEmitter, on } = require('node:events');

const rooms = new EventEmitter();
// One listener a subscription: the warning is for leaks.
rooms.setMaxListeners(0);

const schema = buildSchema(`
  type Query { nothing: Boolean }
  type Mutation { send(room: String!, body: String!): Boolean }
  type Subscription { message(room: String!): String }
`);

// What the room says from now on, until the subscriber has enough.
function listen({ room }) {
  const events = on(rooms, room);
  return {
    [Symbol.asyncIterator]() { return this; },
    next: async () => {
      const { done, value } = await events.next();
      return { done, value: done ? undefined : { message: value[0] } };
    },
    return: () => events.return(),
  };
}

const roots = {
  mutation: { send: ({ room, body }) => rooms.emit(room, body) },
  subscription: { message: listen },
};

useServer(
  { schema, roots, onConnect: ({ connectionParams }) => connectionParams?.token !== 'bad' },
  new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), path: '/graphql' }),
);
