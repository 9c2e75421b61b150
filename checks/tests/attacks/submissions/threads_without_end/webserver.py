"""Starts threads until the limit is reached."""

import threading
import time

import attack
import solution


def start():
    ended = threading.Event()
    threads = []
    try:
        while len(threads) < attack.most(2_000, 100):
            threads.append(threading.Thread(target=ended.wait))
            threads[-1].start()
    except RuntimeError:
        threads.pop()
    attack.say(f"STARTED {len(threads)}")
    time.sleep(0.2)
    ended.set()
    for thread in threads:
        thread.join()


attack.at_first_post(start)
solution.main()
