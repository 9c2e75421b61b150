"""Answers a search without end."""

import good


class Endless(good.Handler):
    def answer(self):
        if "/search" not in self.path:
            return super().answer()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"[")
        while True:
            self.wfile.write(b'"one more line",' * 4096)

    do_GET = do_POST = answer


good.Handler = Endless
good.main()
