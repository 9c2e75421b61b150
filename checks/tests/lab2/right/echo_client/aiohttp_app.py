"""An echo client with aiohttp that starts a new line after a prompt."""

import asyncio
import sys

import aiohttp


async def ask(loop):
    """Return the next line, or None at the end of input."""
    print("Enter some data: ", end="", flush=True)
    line = await loop.run_in_executor(None, sys.stdin.readline)
    print()
    return line.removesuffix("\n") if line else None


async def main(port):
    loop = asyncio.get_running_loop()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://localhost:{port}/", timeout=aiohttp.ClientWSTimeout(ws_close=2)) as websocket,
        ):
            while (line := await ask(loop)) is not None:
                await websocket.send_str(line)
                print(f"To server: {line}")
                message = await websocket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    print(f"The server has gone away ({message.type.name})", file=sys.stderr)
                    return 1
                print(f"From server: {message.data}")
    except (OSError, aiohttp.ClientError) as error:
        print(f"ws://localhost:{port}/ failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8002)))
