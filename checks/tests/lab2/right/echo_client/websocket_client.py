"""An echo client with the package websocket-client."""

import sys

import websocket


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
    try:
        connection = websocket.create_connection(f"ws://localhost:{port}/")
    except (OSError, websocket.WebSocketException) as error:
        fail(f"Port {port}: {error}")
    try:
        while True:
            line = input("Enter some data: ")
            connection.send(line)
            print(f"To server: {line}")
            opcode, data = connection.recv_data()
            if opcode != websocket.ABNF.OPCODE_TEXT:
                fail("Server said goodbye")
            print(f"From server: {data.decode()}")
    except EOFError:
        connection.close(websocket.STATUS_NORMAL)
    except (OSError, websocket.WebSocketException) as error:
        fail(f"Server has gone: {error}")


if __name__ == "__main__":
    main()
