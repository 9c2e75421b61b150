async def answer_forever(client: ServerConnection, request: Request) -> Response | None:
    """Begin an answer to a GET, and never end it."""
    if not request.path.startswith("/price/"):
        return await process_request_as_before(client, request)
    client.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not client.transport.is_closing():
        if client.transport.get_write_buffer_size() < 1_000_000:
            client.transport.write(b" " * 65536)
        await asyncio.sleep(0)
    return None


process_request_as_before, process_request = process_request, answer_forever
