"""A chat server whose threads print several lines for each message, at the same time."""

import os
import sys
import threading
from queue import SimpleQueue

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

lock = threading.Lock()
queues = {}


def write(connection, queue):
    try:
        while (message := queue.get()) is not None:
            print("To client:", message)
            connection.send(message)
    except ConnectionClosed:
        pass


def handle(connection):
    queue = SimpleQueue()
    threading.Thread(target=write, args=(connection, queue), daemon=True).start()
    with lock:
        queues[connection] = queue
    try:
        for message in connection:
            name, comma, text = message.partition(",")
            if comma:
                with lock:
                    for other, others_queue in queues.items():
                        if other is not connection:
                            others_queue.put(f"{name} says: {text}")
                print(f"From {name}: {text}")
                print("sent to", len(queues) - 1)
            else:
                queue.put("ERROR: a message is NAME,TEXT")
    except ConnectionClosed:
        pass
    finally:
        with lock:
            del queues[connection]
        queue.put(None)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    server = serve(handle, "127.0.0.1", port, close_timeout=1)
    print(f"Started chat server on port {port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("Shutting down")
        goodbye = threading.Thread(target=server.shutdown, daemon=True)
        goodbye.start()
        goodbye.join(2.5)
        os._exit(0)


if __name__ == "__main__":
    main()
