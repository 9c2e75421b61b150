async def publish_forever(client: ServerConnection) -> None:
    """Publish new prices of all symbols all the time, as soon as a publisher has come."""
    while True:
        for name, symbol in list(symbols.items()):
            symbol.publish(name, "0.00")
        await asyncio.sleep(0.001)


async def publish_and_more(client: ServerConnection) -> None:
    """Serve a publisher, and publish more."""
    task = asyncio.create_task(publish_forever(client))
    try:
        await publish_as_before(client)
    finally:
        task.cancel()


publish_as_before, publish = publish, publish_and_more
