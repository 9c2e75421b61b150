"""Puts markup, formulas and terminal commands into its responses, its output and its exceptions."""

import os

import attack
import solution

POISON = (
    "=cmd|' /C calc'!A0 <script>alert(1)</script> <img src=x onerror=alert(2)> \x1b]0;owned\x07\x1b[31m \x9b31m \x7f"
)


class Handler(solution.Handler):
    def send_page(self, title, *lines):
        page = f"{POISON} {title}".encode()
        self.send_response(200, POISON)
        self.send_header("Content-Type", "text/html; charset=utf-8; x=" + POISON)
        self.send_header("X-Poison", POISON)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
        if self.command == "POST":
            raise RuntimeError(POISON)


for stream in (1, 2):
    os.write(stream, f"{POISON}\n@SUM(A1)\n+1\n-1\n".encode())
attack.say("POISONED")
solution.Handler = Handler
solution.main()
