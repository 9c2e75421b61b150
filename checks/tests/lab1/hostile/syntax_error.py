"""Does not compile: a `return` that stands outside of any function."""

from http.server import HTTPServer, SimpleHTTPRequestHandler

server = HTTPServer(("127.0.0.1", 8001), SimpleHTTPRequestHandler)
server.serve_forever()
return 0  # noqa: F706
