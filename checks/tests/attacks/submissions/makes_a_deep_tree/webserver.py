"""Creates three thousand nested folders."""

import os

import attack
import solution


def make():
    here = os.getcwd()
    for _ in range(attack.most(3_000, 100)):
        os.mkdir("deep")
        os.chdir("deep")
    os.chdir(here)
    attack.say("MADE")


attack.at_first_post(make)
solution.main()
