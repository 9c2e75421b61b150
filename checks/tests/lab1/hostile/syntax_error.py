"""Does not compile: it has a `return` outside a function."""

from http.server import HTTPServer, SimpleHTTPRequestHandler

server = HTTPServer(("127.0.0.1", 8001), SimpleHTTPRequestHandler)
server.serve_forever()
return 0  # noqa: F706
