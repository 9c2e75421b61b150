"""A ticker with Tornado."""

import asyncio
import datetime
import json
import re
import sys

from tornado.locks import Condition
from tornado.queues import Queue, QueueFull
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

latest, conditions, feeds, everyone = {}, {}, {}, set()


class Answer(RequestHandler):
    def set_default_headers(self):
        self.set_header("Cache-Control", "no-store")

    def fail(self, status, text):
        self.set_status(status)
        self.finish({"error": text})


class Price(Answer):
    async def get(self, symbol):
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            return self.fail(404, "no WebSocket here")
        after = self.get_query_argument("after", None, strip=False)
        wait = self.get_query_argument("wait", "12", strip=False)
        if after is not None:
            if not re.fullmatch(r"[0-9]+", after) or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", wait) or float(wait) > 60:
                return self.fail(400, "after and wait are numbers")
            if latest.get(symbol, {"version": 0})["version"] <= int(after):
                condition = conditions.setdefault(symbol, Condition())
                if not await condition.wait(timeout=datetime.timedelta(seconds=float(wait))):
                    self.set_status(204)
                    return await self.finish()
        if symbol not in latest:
            return self.fail(404, f"{symbol} has no price")
        return await self.finish(latest[symbol])


class Nothing(Answer):
    def prepare(self):
        self.fail(404, "nothing is here")


class Socket(WebSocketHandler):
    def get_compression_options(self):
        return None

    async def get(self, *names):
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            self.set_status(404)
            return await self.finish({"error": "only WebSockets"})
        return await super().get(*names)

    def open(self, *names):
        everyone.add(self)

    def on_close(self):
        everyone.discard(self)


class Publish(Socket):
    def on_message(self, message):
        try:
            value = json.loads(message)
        except ValueError:
            return self.write_message({"error": "no JSON"})
        if not isinstance(value, dict) or {str} != {type(value.get("symbol")), type(value.get("price"))}:
            return self.write_message({"error": "no symbol, or no price"})
        symbol = value["symbol"]
        version = latest.get(symbol, {"version": 0})["version"] + 1
        latest[symbol] = {"symbol": symbol, "price": value["price"], "version": version}
        if symbol in conditions:
            conditions[symbol].notify_all()
        for feed in list(feeds.get(symbol, ())):
            feed.offer(latest[symbol])
        return self.write_message(latest[symbol])


class Feed(Socket):
    def open(self, symbol):
        super().open()
        self.symbol, self.queue = symbol, Queue(30)
        if symbol in latest:
            self.queue.put_nowait(latest[symbol])
        feeds.setdefault(symbol, set()).add(self)
        self.writer = asyncio.create_task(self.write_all())

    def offer(self, quote):
        try:
            self.queue.put_nowait(quote)
        except QueueFull:
            feeds[self.symbol].discard(self)
            self.ws_connection.stream.close()

    async def write_all(self):
        try:
            async for quote in self.queue:
                await self.write_message(quote)
        except WebSocketClosedError:
            pass

    def on_close(self):
        super().on_close()
        feeds[self.symbol].discard(self)
        self.writer.cancel()


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8003
    paths = [("/publish", Publish), ("/feed/([^/]+)", Feed), ("/price/([^/]+)", Price)]
    settings = {"default_handler_class": Nothing, "log_function": lambda handler: None}
    server = Application(paths, **settings).listen(port, "127.0.0.1")
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
        for each in list(everyone):
            each.close(1001)
        for _ in range(20):
            if everyone:
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("Ctrl+C")
