"""A server that answers twice, then spoils the folder in which it is started, and ends.

`HOW` says what becomes of the folder.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOW = "link"
FOLDER = os.getcwd()
ELSEWHERE = f"{FOLDER}-elsewhere"


def link():
    """Put a link in its place that leads to it for the process that started this one, and nowhere for its children."""
    os.rename(FOLDER, ELSEWHERE)
    os.symlink(f"/proc/self/task/{os.getppid()}/root{ELSEWHERE}", FOLDER)


def loop():
    os.rename(FOLDER, ELSEWHERE)
    os.symlink(FOLDER, FOLDER)


def renamed():
    os.rename(FOLDER, ELSEWHERE)


def file():
    os.rename(FOLDER, ELSEWHERE)
    open(FOLDER, "w").close()


def locked():
    os.chmod(FOLDER, 0)


def pipe():
    """A program that reads this instead of the file waits without end."""
    os.remove("webserver.py")
    os.mkfifo("webserver.py")


def kernel_log():
    """Reading this file waits for the next message of the kernel."""
    os.remove("webserver.py")
    os.symlink("/proc/kmsg", "webserver.py")


class Handler(BaseHTTPRequestHandler):
    answered = 0

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()
        Handler.answered += 1
        if Handler.answered == 2:
            self.wfile.flush()
            globals()[HOW]()
            os._exit(1)

    do_HEAD = do_POST = do_GET


try:
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        print("Started HTTP server")
        server.serve_forever()
except KeyboardInterrupt:
    print("shutting down")
