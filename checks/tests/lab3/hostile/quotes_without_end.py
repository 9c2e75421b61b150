async def send_from(queue: asyncio.Queue[str], client: ServerConnection) -> None:
    """Send the first quote again and again."""
    text = await queue.get()
    with suppress(ConnectionClosed):
        while True:
            await client.send(text)
