"""Prints the beginning of every required line, without the rest of it."""

for _ in range(1000):
    print("From client: \nTo client: ECHO! \nTo server: \nFrom server: \nFrom : ")
