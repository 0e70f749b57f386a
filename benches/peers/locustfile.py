"""What each of Locust's users does: websocket-client in a greenlet, one to send and one to receive,
each message timed and counted as a request. The harness says which work in the environment."""

import itertools
import json
import os
import random
import time

import gevent
import websocket
from locust import User, constant, task

WORK = os.environ["PEERS_WORK"]
PAYLOAD_BYTES = int(os.environ["PEERS_PAYLOAD"])
PER_SECOND = float(os.environ["PEERS_PER_SECOND"])
ROOMS = int(os.environ["PEERS_ROOMS"])

STAMP = 20
FILL = "x" * (PAYLOAD_BYTES - STAMP)
NUMBERS = itertools.count()


def stamped():
    return f"{time.perf_counter():020.9f}{FILL}"


class Client(User):
    abstract = True

    def on_start(self):
        # No answer in time is a failure of the run, not of this user.
        self.ws = websocket.create_connection(self.host, timeout=60, skip_utf8_validation=True)

    def on_stop(self):
        self.ws.close(timeout=0)

    def seen(self, stamp, size):
        self.environment.events.request.fire(
            request_type="WS", name=WORK, response_length=size, exception=None, context={},
            response_time=(time.perf_counter() - float(stamp)) * 1000,
        )


if WORK == "echo":

    class ClosedLoop(Client):
        wait_time = constant(0)

        @task
        def round_trip(self):
            self.ws.send(stamped())
            answer = self.ws.recv()
            self.seen(answer[:STAMP], len(answer))

elif PER_SECOND > 0:

    class OpenLoop(Client):
        """Sends at its pace whether or not answers come; a second greenlet takes them."""

        def wait_time(self):
            # `constant_pacing` counts from the user's making, which falls together for all that
            # are started in one second: they would all send together.
            self.due += 1 / PER_SECOND
            return max(0.0, self.due - time.perf_counter())

        def on_start(self):
            super().on_start()
            number = next(NUMBERS)
            self.room = f"r{number % ROOMS}" if ROOMS else None
            if self.room:
                self.say({"type": "Join", "room": self.room, "username": f"u{number}"})
            self.receiver = gevent.spawn(self.receive)
            wait_s = random.random() / PER_SECOND
            self.due = time.perf_counter() + wait_s
            gevent.sleep(wait_s)

        def on_stop(self):
            self.receiver.kill()
            super().on_stop()

        def say(self, message):
            self.ws.send(json.dumps(message))

        def receive(self):
            while True:
                answer = self.ws.recv()
                if self.room:
                    message = json.loads(answer)
                    if message["type"] == "Message":
                        self.seen(message["content"][:STAMP], len(answer))
                else:
                    self.seen(answer[:STAMP], len(answer))

        @task
        def publish(self):
            if self.room:
                self.say({"type": "Message", "room": self.room, "content": stamped()})
            else:
                self.ws.send(stamped())

else:

    class Idle(Client):
        wait_time = constant(3600)

        @task
        def stay(self):
            pass
