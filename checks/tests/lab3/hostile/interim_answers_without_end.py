async def answer_later(client: ServerConnection, request: Request) -> Response | None:
    """Tell a client that waits that it is still waiting, again and again, and never answer."""
    if "after=" not in request.path:
        return await process_request_as_before(client, request)
    while not client.transport.is_closing():
        client.transport.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await asyncio.sleep(0.05)
    return None


process_request_as_before, process_request = process_request, answer_later
