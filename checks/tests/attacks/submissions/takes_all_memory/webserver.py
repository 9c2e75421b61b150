"""Allocates memory without end."""

import attack
import solution

kept = []


def take():
    while len(kept) < attack.most(30, 5):
        kept.append(bytearray(b"x") * (100 * attack.MIB))
        attack.say(f"TOOK {len(kept) * 100}")


attack.at_first_post(take)
solution.main()
