"""Changes its own file, hoping that the next start runs the changed program."""

import os

import attack
import solution

if os.path.exists("changed"):
    attack.say("CHANGED")
else:
    with open("webserver.py", "a") as file:
        file.write("# changed\n")
    with open("attack.py", "a") as file:
        file.write("# changed\n")
    os.close(os.open("changed", os.O_CREAT))
solution.main()
