import os
import time


async def answer_with_process(client: ServerConnection, request: Request) -> Response | None:
    """Start a process for each request that waits, which stays when the request has its answer."""
    if "after=" in request.path and os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
    return await process_request_as_before(client, request)


process_request_as_before, process_request = process_request, answer_with_process
