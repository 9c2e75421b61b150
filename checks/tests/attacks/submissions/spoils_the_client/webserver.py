"""Sends responses that could make labcheck's client fail instead of the requirement."""

import ctypes
import os

import attack
import solution

TRICKS = {
    "charset that always fails": ("text/html; charset=undefined", "caf\xe9"),
    "charset with a NUL": ("text/html; charset=a\0b", "caf\xe9"),
    "number of 5,000 digits": ("text/html", f"<p>&#{'1' * 5000};</p>"),
}
content_type, body = TRICKS.get(attack.CONFIG["trick"], ("", ""))


class Handler(solution.Handler):
    def answer(self):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_HEAD = do_POST = answer


if content_type:
    solution.Handler = Handler
    solution.main()
elif attack.CONFIG["trick"] == "process name that is not text":
    attack.LIBC.prctl(15, ctypes.c_char_p(b"\xff\xfe"), 0, 0, 0)
    try:
        with solution.Server(("127.0.0.1", int(os.sys.argv[1])), Handler := solution.Handler) as server:
            print("Started HTTP server", flush=True)
            server.serve_forever()
    except KeyboardInterrupt:
        os._exit(3)
