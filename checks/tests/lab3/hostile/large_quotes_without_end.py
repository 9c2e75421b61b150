async def send_from(queue: asyncio.Queue[str], client: ServerConnection) -> None:
    """Send the first quote again and again, with a megabyte of spaces."""
    text = await queue.get() + " " * 1_000_000
    with suppress(ConnectionClosed):
        while True:
            await client.send(text)
