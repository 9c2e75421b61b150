"""A chat server on websockets.sync: two threads for each client; one reads, one writes from a queue."""

import os
import sys
import threading
from queue import SimpleQueue

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

lock = threading.Lock()
queues = {}


def say(line):
    sys.stdout.write(line + "\n")  # in one piece; print() with many threads would write several
    sys.stdout.flush()


def write(connection, queue):
    try:
        while (message := queue.get()) is not None:
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
                say(f"From {name}: {text}")
                with lock:
                    for other, others_queue in queues.items():
                        if other is not connection:
                            others_queue.put(f"{name} says: {text}")
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
    say(f"Started chat server on port {port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("Shutting down")
        goodbye = threading.Thread(target=server.shutdown, daemon=True)
        goodbye.start()
        goodbye.join(2.5)
        os._exit(0)  # a client that does not read keeps a thread waiting


if __name__ == "__main__":
    main()
