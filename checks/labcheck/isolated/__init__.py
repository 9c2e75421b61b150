"""The grading of one submission in a process of its own, and who looks after that process.

Three processes, each started by the one before it:

- the *fork server* has everything imported, and does nothing but fork: a grading begins in a millisecond;
- the *supervisor* of one grading has its time, and tells what became of it when nothing of it lives any more;
- the *worker* reads what was handed in, runs its programs and judges them. Where the machine offers it,
  it is the first process in namespaces of its own.

The worker ends with its supervisor, and the supervisor ends it when whoever has asked for the grading is gone.
`graders` is what others call: it starts fork servers as they are needed.

May import: judging and what is below it.
"""
