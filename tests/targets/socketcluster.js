// SocketCluster as it is: its channels are the rooms, and whoever is connected may publish.
//
//   node socketcluster.js PORT
'use strict';
const { createServer } = require('node:http');
const { attach } = require('socketcluster-server');

const http = createServer();
const server = attach(http);

// Failures and warnings are streams; what nobody reads of them would pile up.
(async () => { for await (const { error } of server.listener('error')) console.error(error); })();
(async () => { for await (const { warning } of server.listener('warning')) console.error(warning); })();

http.listen(Number(process.argv[2]), '127.0.0.1');
