"""A chat client with websocket-client that starts a new line for each message and repeats the prompt."""

import sys
import threading

import websocket


class Chat:
    def __init__(self, connection):
        self.connection = connection
        self.leaving = False
        self.gone = threading.Event()

    def receive(self):
        while True:
            try:
                opcode, data = self.connection.recv_data()
            except (OSError, websocket.WebSocketException):
                break
            if opcode != websocket.ABNF.OPCODE_TEXT:
                break
            sys.stdout.write(f"\nFrom server: {data.decode()}\nYour Message: ")
            sys.stdout.flush()
        if not self.leaving:
            self.gone.set()
            print("\nThe server has gone. Your next line will be the last one.", file=sys.stderr)

    def run(self):
        """Send each typed line and return the exit status."""
        receiver = threading.Thread(target=self.receive, daemon=True)
        receiver.start()
        try:
            name = input("Enter Your Name: ")
            while True:
                text = input("Your Message: ")
                if self.gone.is_set():
                    return 1
                self.connection.send(f"{name},{text}")
        except EOFError:
            if self.gone.is_set():
                return 1
        except (OSError, websocket.WebSocketException):
            receiver.join(2)
            return 1
        self.leaving = True
        self.connection.send_close(websocket.STATUS_NORMAL)
        receiver.join(2)
        self.connection.shutdown()
        return 0


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    try:
        connection = websocket.create_connection(f"ws://localhost:{port}/")
    except (OSError, websocket.WebSocketException) as error:
        print(f"Port {port} is not reachable: {error}", file=sys.stderr)
        return 1
    return Chat(connection).run()


if __name__ == "__main__":
    sys.exit(main())
