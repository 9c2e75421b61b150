"""Creates 100,000 empty files, a FIFO with the name of a program, a socket, and a folder that no user may enter."""

import os
import socket

import attack
import solution


def make():
    os.mkfifo("webserver2.py")
    socket.socket(socket.AF_UNIX).bind("chat.sock")
    made = 0
    os.mkdir("many")
    try:
        for number in range(attack.most(100_000, 1_000)):
            os.close(os.open(f"many/{number}", os.O_CREAT))
            made += 1
    except OSError:
        pass
    os.chmod("many", 0)
    attack.say(f"MADE {made}")


attack.at_first_post(make)
solution.main()
