async def answer_slowly(client: ServerConnection, request: Request) -> Response | None:
    """Answer a GET byte by byte, slowly."""
    response = await process_request_as_before(client, request)
    if response is not None:
        for byte in response.serialize():
            client.transport.write(bytes([byte]))
            await asyncio.sleep(0.5)
        client.transport.close()
    return response


process_request_as_before, process_request = process_request, answer_slowly
