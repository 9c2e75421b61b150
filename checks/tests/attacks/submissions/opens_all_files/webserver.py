"""Opens files until the limit is reached."""

import os

import attack
import solution


def open_all():
    files = []
    try:
        while len(files) < 20_000:
            files.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    attack.say(f"OPENED {len(files)}")
    for file in files:
        os.close(file)


attack.at_first_post(open_all)
solution.main()
