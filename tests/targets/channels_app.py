"""Rooms by path, over Django Channels: {"message": ...} at /ws/ROOM/ goes to everybody in the room.

    daphne -b 127.0.0.1 -p PORT channels_app:application

The room "refused" lets nobody in.
"""

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    # The layer drops what waits behind 100 others for one member, and tells nobody. A test that
    # looks for losses must know that there are none.
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            "CONFIG": {"capacity": 100_000},
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class Chat(AsyncJsonWebsocketConsumer):
    group = None

    async def connect(self):
        room = self.scope["url_route"]["kwargs"]["room"]
        if room == "refused":
            await self.close()
            return
        self.group = f"chat_{room}"
        # Before the upgrade is answered: who is let in hears everything from then on.
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content):
        event = {"type": "chat.message", "message": content["message"]}
        await self.channel_layer.group_send(self.group, event)

    async def chat_message(self, event):
        await self.send_json({"message": event["message"]})


application = ProtocolTypeRouter(
    {"websocket": URLRouter([path("ws/<str:room>/", Chat.as_asgi())])}
)
