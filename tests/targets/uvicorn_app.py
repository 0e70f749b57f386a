"""Rooms by path, over Starlette: a frame at /ROOM goes as it came to everybody there, its sender too.

    uvicorn --host 127.0.0.1 --port PORT uvicorn_app:application
"""

from collections import defaultdict

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

rooms: defaultdict[str, set[WebSocket]] = defaultdict(set)


async def chat(socket: WebSocket):
    room = rooms[socket.path_params["room"]]
    # Before the upgrade is answered: who is let in hears everything from then on.
    await socket.accept()
    room.add(socket)
    try:
        while True:
            frame = await socket.receive()
            if frame["type"] == "websocket.disconnect":
                break
            for member in list(room):
                if member.application_state != WebSocketState.CONNECTED:
                    continue
                try:
                    await member.send({**frame, "type": "websocket.send"})
                except (WebSocketDisconnect, RuntimeError):
                    # Gone meanwhile; its own task takes it out.
                    pass
    finally:
        room.discard(socket)


application = Starlette(routes=[WebSocketRoute("/{room}", chat)])
