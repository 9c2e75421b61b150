"""Prints the beginning of every line that is asked for, without what belongs there."""

for _ in range(1000):
    print("From client: \nTo client: ECHO! \nTo server: \nFrom server: \nFrom : ")
