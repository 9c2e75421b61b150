"""The grading of one submission in a separate process.

There are three kinds of processes, each started by the one before it:

- The *fork server* has imported everything and only forks, so that a grading starts within a millisecond.
- The *supervisor* of one grading enforces its time limit. It sends the reply after all processes of the grading are
  gone.
- The *worker* unpacks the submission, runs its programs and checks them. If the machine offers namespaces, it is the
  first process in new ones.

The worker ends with its supervisor. The supervisor ends the worker if the process that requested the grading is gone.
Other rooms call `graders`, which starts fork servers on demand. Without protection, a student's own programs are
checked by processes that are forked by `side_by_side`.

May import: judging and the rooms below it.
"""
