"""A clock that answers questions over TCP: python clock.py [PORT]."""

import socketserver
import sys
import time


class Clock(socketserver.StreamRequestHandler):
    """The conversation with one client."""

    def handle(self) -> None:
        """Answer each line of a client."""
        for line in self.rfile:
            text = line.decode().rstrip("\r\n")
            answer = time.strftime("%H:%M:%S") if text == "TIME" else f"? {text}"
            self.wfile.write(f"{answer}\n".encode())


socketserver.ThreadingTCPServer.allow_reuse_address = True
with socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8101), Clock) as server:
    server.serve_forever()
